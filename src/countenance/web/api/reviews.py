"""Reviews: each examiner alone, the probe first, candidates without rank or score or story."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from countenance.desk.features import (
    Agreement,
    Comparison,
    Component,
    Conclusion,
    ProbeNotes,
    Visible,
)
from countenance.desk.leadviews import Settled, read_settled
from countenance.desk.reviewing import (
    Task,
    conclude,
    my_tasks,
    note_probe,
    see_candidate,
    see_candidates,
    see_probe,
    take,
)
from countenance.desk.reviews import ExaminationState
from countenance.web.access import needs
from countenance.web.api.base import In, Lines, Nothing, Out
from countenance.web.api.routing import PICTURE, Router
from countenance.web.api.settled import SettledReview
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.pictures import picture_answer

router = Router("reviews")
Reader = Annotated[At, needs("review.read")]
Label = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]


class Examination(Out):
    """One's own examination. Its id says nothing of the case."""

    id: str
    state: ExaminationState


class Taken(Out):
    """The examination that was taken; null where none is free."""

    task: str | None


class Notes(In):
    """What is seen in the probe alone: every component, and words on its limits."""

    visible: dict[Component, Visible]
    words: Annotated[str, Lines(2000)]


class CandidateFinding(In):
    """What was found of one candidate: every component, a conclusion and its grounds."""

    features: dict[Component, Agreement]
    conclusion: Conclusion
    grounds: Annotated[str, Lines(2000)]


class Findings(In):
    """A finding for each candidate, by the label under which it is shown."""

    findings: dict[Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")], CandidateFinding] = Field(
        max_length=1000
    )


@router.post("/reviews/take", response_model=Taken)
def take_review(at: Annotated[At, needs("review.take")], _: Nothing) -> Taken:
    """Take the next examination that is free for this examiner."""
    return Taken(task=take(at.desk, at.actor()))


@router.get("/reviews", response_model=list[Examination])
def list_reviews(at: Reader) -> list[Task]:
    """One's own examinations."""
    return my_tasks(at.desk, at.looker())


@router.get("/reviews/{task}/probe", response_class=Response, responses=PICTURE)
def show_review_probe(at: Reader, task: Id) -> Response:
    """The probe, before any candidate."""
    deployment = at.deployment
    return picture_answer(
        see_probe(at.desk, at.looker(), task, keys=deployment.keys, pictures=deployment.pictures)
    )


@router.post("/reviews/{task}/notes", status_code=204)
def note_review_probe(
    at: Annotated[At, needs("review.note-probe")], task: Id, sent: Notes
) -> None:
    """Note what can be seen in the probe; then the candidates are shown."""
    notes = ProbeNotes(sent.visible, sent.words)
    note_probe(at.desk, at.actor(), task, notes, keys=at.deployment.keys)


@router.get("/reviews/{task}/candidates", response_model=list[str])
def list_review_candidates(at: Reader, task: Id) -> list[str]:
    """Labels of the candidates, in an order that says nothing of rank or score."""
    return see_candidates(at.desk, at.looker(), task, keys=at.deployment.keys)


@router.get("/reviews/{task}/candidates/{label}", response_class=Response, responses=PICTURE)
def show_review_candidate(at: Reader, task: Id, label: Label) -> Response:
    """The picture of one candidate."""
    deployment = at.deployment
    return picture_answer(
        see_candidate(at.desk, at.looker(), task, label, keys=deployment.keys,
                      pictures=deployment.pictures)
    )  # fmt: skip


@router.post("/reviews/{task}/conclude", status_code=204)
def conclude_review(at: Annotated[At, needs("review.conclude")], task: Id, sent: Findings) -> None:
    """Conclude one's examination, of all candidates at once and for good."""
    found = {
        label: Comparison(each.features, each.conclusion, each.grounds)
        for label, each in sent.findings.items()
    }
    conclude(at.desk, at.actor(), task, found, keys=at.deployment.keys)


@router.get("/searches/{search}/settled", response_model=SettledReview)
def show_settled_review(at: Annotated[At, needs("review.result")], search: Id) -> Settled:
    """The whole list once both examiners have concluded, and what such scores mean."""
    return read_settled(at.desk, at.looker(), search, sources=at.deployment.sources)
