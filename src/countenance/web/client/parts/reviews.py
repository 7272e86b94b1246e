"""Calls of the API about reviews.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

from typing import Literal

from countenance.web.client.calling import Call, Part, Shape, Value
from countenance.web.client.parts.values import FalseCandidates, ListEntry, ReviewState

Agreement = Literal["agree", "differ", "not-visible"]
"""How a component of the candidate compares with the probe's."""


Component = Literal[
    "hairline",
    "forehead",
    "brows",
    "eyes",
    "ears",
    "cheeks",
    "nose",
    "mouth",
    "facial-hair",
    "chin-and-jaw",
    "neck",
    "outline",
    "proportions",
    "skin",
    "lines",
    "scars-and-marks",
    "alterations",
]
"""Parts of a face, from top to bottom, then what belongs to all of it."""


Conclusion = Literal[
    "features-support-different-people",
    "features-somewhat-support-different-people",
    "inconclusive",
    "features-somewhat-support-one-person",
    "features-support-one-person",
]
"""The scale, in rising order. None of its steps is an identification."""


class CandidateFinding(Value, frozen=True, kw_only=True):
    """What was found of one candidate: every component, a conclusion and its grounds."""

    features: dict[Component, Agreement]
    conclusion: Conclusion
    grounds: str


ExaminationState = Literal["taken", "noted", "concluded", "lapsed"]
"""Where one examiner stands."""


class Examination(Value, frozen=True, kw_only=True):
    """One's own examination. Its id says nothing of the case."""

    id: str
    state: ExaminationState


class Findings(Value, frozen=True, kw_only=True):
    """A finding for each candidate, by the label under which it is shown."""

    findings: dict[str, CandidateFinding]


Visible = Literal["clear", "partly", "not-visible"]
"""How well a component can be seen in the probe."""


class Notes(Value, frozen=True, kw_only=True):
    """What is seen in the probe alone: every component, and words on its limits."""

    visible: dict[Component, Visible]
    words: str


class SettledReview(Value, frozen=True, kw_only=True):
    """A settled review with its whole list: rank one never comes without the others."""

    state: ReviewState
    entries: tuple[ListEntry, ...]
    compared: int
    false_candidates: tuple[FalseCandidates, ...]


class Taken(Value, frozen=True, kw_only=True):
    """The examination that was taken; null where none is free."""

    task: str | None


class ReviewsCalls(Part):
    """Calls of the API about reviews."""

    def take_review(self) -> Taken:
        """Take the next examination that is free for this examiner."""
        return self._call(
            Call("take_review", "POST", "/api/v1/reviews/take"), Shape[Taken](Taken), body={}
        )

    def list_reviews(self) -> tuple[Examination, ...]:
        """One's own examinations."""
        return self._call(
            Call("list_reviews", "GET", "/api/v1/reviews"),
            Shape[tuple[Examination, ...]](tuple[Examination, ...]),
        )

    def show_review_probe(self, task: str) -> bytes:
        """The probe, before any candidate."""
        return self._call(
            Call("show_review_probe", "GET", "/api/v1/reviews/{task}/probe"),
            bytes,
            path={"task": task},
        )

    def note_review_probe(self, task: str, sent: Notes) -> None:
        """Note what can be seen in the probe; then the candidates are shown."""
        self._call(
            Call("note_review_probe", "POST", "/api/v1/reviews/{task}/notes"),
            None,
            path={"task": task},
            body=sent,
        )

    def list_review_candidates(self, task: str) -> tuple[str, ...]:
        """Labels of the candidates, in an order that says nothing of rank or score."""
        return self._call(
            Call("list_review_candidates", "GET", "/api/v1/reviews/{task}/candidates"),
            Shape[tuple[str, ...]](tuple[str, ...]),
            path={"task": task},
        )

    def show_review_candidate(self, task: str, label: str) -> bytes:
        """The picture of one candidate."""
        return self._call(
            Call("show_review_candidate", "GET", "/api/v1/reviews/{task}/candidates/{label}"),
            bytes,
            path={"task": task, "label": label},
        )

    def conclude_review(self, task: str, sent: Findings) -> None:
        """Conclude one's examination, of all candidates at once and for good."""
        self._call(
            Call(
                "conclude_review",
                "POST",
                "/api/v1/reviews/{task}/conclude",
                confirms="review.conclude",
            ),
            None,
            path={"task": task},
            body=sent,
        )

    def show_settled_review(self, search: str) -> SettledReview:
        """The whole list once both examiners have concluded, and what such scores mean."""
        return self._call(
            Call("show_settled_review", "GET", "/api/v1/searches/{search}/settled"),
            Shape[SettledReview](SettledReview),
            path={"search": search},
        )
