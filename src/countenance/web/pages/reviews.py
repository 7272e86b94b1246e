"""Examining: alone, the probe before the candidates; and what two examiners came to, afterwards.

An examiner is shown the number of a task and pictures, and no case, request, search, rank or
score. Candidates are looked at one by one beside the probe; what is typed of each travels in the
form (`web.findings`) until all is concluded at once.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.examinations import OwnExamination, own_examination
from countenance.desk.features import SAYS, STANDARD, Component, Conclusion, ProbeNotes, Visible
from countenance.desk.leadviews import read_settled
from countenance.desk.reviewing import (
    conclude,
    my_tasks,
    note_probe,
    see_candidate,
    see_candidates,
    see_probe,
    take,
)
from countenance.desk.reviews import ExaminationState
from countenance.web import findings
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.findings import Drafts
from countenance.web.ids import Id
from countenance.web.pictures import picture_answer
from countenance.web.rendering import notice

router = APIRouter()
Reader = Annotated[At, needs("review.read")]
Label = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]
ALL = "all"
_NONE = notice("no-review-waits", "No list waits for you now. Look again later.")
_NOTED = notice("probe-noted", "Your notes on the probe are kept. Now the candidates.")
_CONCLUDED = notice(
    "examination-concluded",
    "Your examination is concluded and kept. You are not told what the other examiner finds.",
)


@router.get("/reviews")
def tasks(at: Reader) -> Response:
    """One's own examinations that are not concluded."""
    return at.page("reviews/tasks.html.j2", tasks=my_tasks(at.desk, at.looker()))


@router.post("/reviews/take")
def take_next(at: Annotated[At, needs("review.take")]) -> Response:
    """Be handed the next list; it cannot be chosen."""

    def work() -> Response:
        task = take(at.desk, at.actor())
        return at.see("/reviews", done=_NONE) if task is None else at.see(f"/reviews/{task}")

    return at.attempt(work, lambda at: at.page(
        "reviews/tasks.html.j2", tasks=my_tasks(at.desk, at.looker())
    ))  # fmt: skip


@router.get("/reviews/{task}")
def show(at: Reader, task: Id) -> Response:
    """What comes next in an examination: the probe, then the candidates."""
    return _next(at, task)


@router.get("/reviews/{task}/notes")
@router.get("/reviews/{task}/compare")
@router.get("/reviews/{task}/conclude")
def back(at: Reader, task: Id) -> Response:
    """The address of a form that was sent, opened again: where the examination stands."""
    return at.see(f"/reviews/{_own(at, task).id}")


@router.get("/reviews/{task}/probe")
def probe(at: Reader, task: Id) -> Response:
    """The probe's picture."""
    return picture_answer(see_probe(
        at.desk, at.looker(), task, keys=at.deployment.keys, pictures=at.deployment.pictures
    ))  # fmt: skip


@router.get("/reviews/{task}/candidates/{label}")
def candidate(at: Reader, task: Id, label: Label) -> Response:
    """A candidate's picture."""
    return picture_answer(see_candidate(
        at.desk, at.looker(), task, label, keys=at.deployment.keys,
        pictures=at.deployment.pictures,
    ))  # fmt: skip


@router.post("/reviews/{task}/notes")
def note(at: Annotated[At, needs("review.note-probe")], task: Id) -> Response:
    """Keep what is seen in the probe."""

    def work() -> Response:
        visible = {
            each: at.fields.choice(each.value, Visible) for each in Component
        }  # fmt: skip
        words = at.fields.lines("words", most=2000)
        try:
            notes = ProbeNotes(visible, words)
        except InputError as problem:
            raise InputError(problem.what, where="words", expected=problem.expected) from None
        note_probe(at.desk, at.actor(), task, notes, keys=at.deployment.keys)
        return at.see(f"/reviews/{task}", done=_NOTED)

    return at.attempt(work, lambda at: _next(at, task))


@router.post("/reviews/{task}/compare")
def compare(at: Reader, task: Id) -> Response:
    """Go from one candidate to another, with what was typed so far; nothing is kept here."""
    return _next(at, task, to=at.fields.typed("go"))


@router.post("/reviews/{task}/conclude")
def conclude_all(at: Annotated[At, needs("review.conclude")], task: Id) -> Response:
    """Conclude all candidates at once."""

    def work() -> Response:
        own = _own(at, task)
        if own.notes is None:
            return _next(at, task)
        labels = _labels(at, task)
        drafts = _drafts(at, numbers := _numbers(labels))
        found = {
            label: findings.comparison(drafts.get(number, {}), number, own.notes)
            for number, label in zip(numbers, labels, strict=True)
        }
        conclude(at.desk, at.actor(), task, found, keys=at.deployment.keys)
        return at.see("/reviews", done=_CONCLUDED)

    def again(at: At) -> Response:
        where = (at.problem and at.problem.where) or ""
        return _next(at, task, to=where.rpartition("-")[2] or ALL)

    return at.attempt(work, again)


@router.get("/reviews/settled/{search}")
def settled(at: Annotated[At, needs("review.result")], search: Id) -> Response:
    """The whole list once both examiners have concluded, with what its scores mean."""
    found = read_settled(at.desk, at.looker(), search, sources=at.deployment.sources)
    return at.page("reviews/settled.html.j2", settled=found)


def _own(at: At, task: str) -> OwnExamination:
    return own_examination(at.desk, at.looker(), task, keys=at.deployment.keys)


def _labels(at: At, task: str) -> list[str]:
    return see_candidates(at.desk, at.looker(), task, keys=at.deployment.keys)


def _numbers(labels: list[str]) -> list[str]:
    """What the form calls the candidates: their places in this examiner's own order."""
    return [str(n) for n in range(1, len(labels) + 1)]


def _drafts(at: At, numbers: list[str]) -> Drafts:
    """What the form carried, and over it what was typed of the candidate that it was of."""
    drafts = findings.carried(at.fields.typed("drafts"), numbers)
    here = at.fields.typed("candidate")
    if here in numbers:
        drafts[here] = findings.typed(at.fields, here)
    return drafts


def _next(at: At, task: str, *, to: str = "") -> Response:
    """The page that an examination is at; `to` is a candidate's number, or `ALL` of them."""
    own = _own(at, task)
    if own.state is ExaminationState.CONCLUDED:
        return at.page("reviews/concluded.html.j2")
    if own.notes is None:
        return at.page("reviews/probe.html.j2", task=task, says=SAYS, standard=STANDARD)
    labels = _labels(at, task)
    numbers = _numbers(labels)
    drafts = _drafts(at, numbers)
    given: dict[str, Any] = {
        "task": task, "numbers": numbers, "drafts": drafts, "carried": findings.carry(drafts),
    }  # fmt: skip
    if to == ALL:
        left = {each: findings.open_parts(drafts.get(each, {}), own.notes) for each in numbers}
        return at.page("reviews/all.html.j2", left=left, **given)
    number = to if to in numbers else numbers[0]
    comparable = findings.comparable(own.notes)
    return at.page(
        "reviews/candidate.html.j2", number=number, label=labels[int(number) - 1], says=SAYS,
        comparable=comparable, hidden=[each for each in SAYS if each not in comparable],
        words=own.notes.words, standard=STANDARD, scale=tuple(Conclusion), **given,
    )  # fmt: skip
