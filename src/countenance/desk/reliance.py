"""What may be done because of a lead: the law is asked again, with facts that the desk computes.

Nobody can type that there is independent evidence, or that two people examined the candidates:
these facts come from the evidence entered and from the review, and whatever a request said of them
is put aside. What only a person can know (does the affidavit say that face recognition was used?)
is stated, and unknown where it is not, which is a denial.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from countenance.desk.evidence import EvidenceKind, Item, independent
from countenance.desk.searches import Search
from countenance.law import Decision, Effect, Request

Judge = Callable[[Request], Decision]
"""`law.decide` with the deployment's library and policy."""

_OURS = ("reliance.", "review.", "record.", "result.")

NO_SOLE_BASIS = (
    "This is a lead to examine and nothing more: it says that a computer found two pictures alike "
    "and that two examiners, each alone, could not set this candidate aside. It is no "
    "identification of anybody. Nothing may be done to a person on its strength alone; look for "
    "evidence that was obtained without it."
)


class Step(StrEnum):
    """What somebody may want to do because of a lead; words of the law's vocabulary."""

    CONTACT = "contact-person"
    LINE_UP = "line-up"
    SEARCH_WARRANT = "search-warrant"
    ARREST_WARRANT = "arrest-warrant"
    ARREST = "arrest"
    CHARGE = "charge"
    PRELIMINARY_HEARING = "preliminary-hearing"
    TRIAL_EVIDENCE = "trial-evidence"


@dataclass(frozen=True, slots=True)
class Stated:
    """What only a person can say of a step. None: not stated, so unknown.

    Attributes
    ----------
    in_affidavit
        The affidavit or report says that face recognition was used, and how.
    rests_on_result
        The affidavit uses the result to show probable cause.
    """

    in_affidavit: bool | None = None
    rests_on_result: bool | None = None


class Facts(Protocol):
    """The facts of a request, as it was submitted."""

    def request(self, db: Session, search: Search) -> Request:
        """The law room's request behind a search."""


def reliance_request(
    base: Request, *, purpose: str, items: Iterable[Item], checked: bool, supervised: bool,
    trained: bool, now: datetime.datetime, stated: Stated | None = None,
) -> Request:  # fmt: skip
    """The request to rely on a lead, for ``reliance.for`` = `purpose`.

    `checked` says that the exculpatory checklist is answered; the rest of a lead's facts hold of
    every lead there is, since there is none without a sealed list and two examiners who agreed.
    """
    given = tuple(items)
    free = independent(given)
    said = stated or Stated()
    facts: dict[str, object] = {
        "act": "rely",
        "reliance.for": purpose,
        "reliance.sole-basis": not free,
        "reliance.independent-evidence": bool(free),
        "reliance.line-up-from-result": any(i.kind is EvidenceKind.LINE_UP for i in given),
        "reliance.contradictions-checked": checked,
        "reliance.score-as-probability": False,
        "review.examiners": 2,
        "review.blind": True,
        "review.agree": True,
        "review.supervisor": supervised,
        "review.meaningful-human": True,
        "record.search-logged": True,
        "record.requests-kept": True,
        "record.list-sealed": True,
        "result.unsolicited": False,
        "result.source-recorded": True,
        "result.from-prohibited-system": True,  # it is face recognition, whatever it is called
        "result.obtained-lawfully": True,  # there is no list without a decision that permits it
        "person.trained": trained,
        "reliance.stated-in-affidavit": said.in_affidavit,
        "reliance.affidavit-rests-on-result": said.rests_on_result,
    }
    return at(_without_ours(base), now).knowing(
        {name: value for name, value in facts.items() if value is not None}
    )


def at(request: Request, now: datetime.datetime) -> Request:
    """The same request now, in its own zone: its law is that of the day there."""
    zone = now.tzinfo if request.at is None else request.at.tzinfo
    return replace(request, at=now.astimezone(zone))


def why_not_alone(base: Request, judge: Judge, now: datetime.datetime) -> tuple[str, ...]:
    """Sentences, each with its citation, of why an arrest on a candidate alone is refused here.

    Asked of the law itself, so that the text of a lead cites what is in force where it is used.
    """
    request = reliance_request(
        base, purpose=Step.ARREST, items=(), checked=True, supervised=True, trained=True, now=now,
        stated=Stated(in_affidavit=True, rests_on_result=False),
    )  # fmt: skip
    refusing = {Effect.LACKS, Effect.PROHIBITS}
    return tuple(each.sentence for each in judge(request).reasons if each.effect in refusing)


def _without_ours(base: Request) -> Request:
    ours = [name for name in base.facts if name.startswith(_OURS)]
    return base.without(*ours)
