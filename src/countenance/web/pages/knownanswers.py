"""Known answers, for auditors: lists with a known truth, and what examiners made of them.

Nothing here shows which review was of which list: that would tell examiners which lists are known.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.knownanswers import KnownCase, Result, register, retire
from countenance.desk.knownfigures import known_figures
from countenance.desk.listings import list_known_answers
from countenance.desk.quality import MOST_BYTES, read_upload
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.rendering import notice

router = APIRouter()
Reader = Annotated[At, needs("known-answer.results")]
Registering = Annotated[At, needs("known-answer.register")]
PLACES = range(1, 21)
"""Candidates that the form has room for."""
_REGISTERED = notice(
    "known-registered", "The list is registered. It is mixed in among the others by chance."
)
_RETIRED = notice("known-retired", "The list is handed out no more. Who has it already goes on.")


@router.get("/known-answers")
def known(at: Reader) -> Response:
    """The lists, and the results of examiners."""
    return _list(at)


@router.get("/known-answers/new")
def new(at: Registering) -> Response:
    """Ask for a list and its truth."""
    return _new(at)


@router.post("/known-answers/new")
def registered(at: Registering) -> Response:
    """Register a list."""

    def work() -> Response:
        places = [n for n in PLACES if at.fields.has_file(f"picture-{n}")]
        probe = _picture(at, "probe")
        pictures = tuple(_picture(at, f"picture-{n}") for n in places or (1,))
        answer = at.fields.one_of("answer", ("none", *(str(n) for n in places)))
        consent = at.fields.line("consent")
        case = KnownCase(
            probe, pictures, None if answer == "none" else places.index(int(answer)), consent
        )
        register(at.desk, at.actor(), case, keys=at.deployment.keys)
        return at.see("/known-answers", done=_REGISTERED)

    return at.attempt(work, _new)


@router.post("/known-answers/{known}/retire")
def retired(at: Registering, known: Id) -> Response:
    """Hand a list out no more."""

    def work() -> Response:
        retire(at.desk, at.actor(), known)
        return at.see("/known-answers", done=_RETIRED)

    return at.attempt(work, _list)


def _list(at: At) -> Response:
    return at.page(
        "knownanswers/list.html.j2", lists=list_known_answers(at.desk, at.looker()),
        figures=known_figures(at.desk, at.looker()), results=tuple(Result),
    )  # fmt: skip


def _new(at: At) -> Response:
    return at.page("knownanswers/new.html.j2", places=PLACES)


def _picture(at: At, name: str) -> bytes:
    """A picture that examiners will be able to see."""
    data = at.fields.file(name, most_bytes=MOST_BYTES)
    try:
        read_upload(data)
    except InputError as problem:
        raise InputError(problem.what, where=name, expected=problem.expected) from None
    return data
