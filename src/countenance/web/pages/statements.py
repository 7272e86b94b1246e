"""What only a person can say of a gallery: stated with a reason and an end, and taken back.

The questions are the law's own. What nobody stated is unknown, and unknown is a denial wherever a
law asks.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.administration import names_of
from countenance.desk.errors import NotAllowedError
from countenance.desk.gallerystatements import (
    MOST_DAYS,
    Question,
    StatementView,
    list_statements,
    state,
    withdraw,
)
from countenance.law import bundled_vocabulary
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Code, Id
from countenance.web.reasons import at_field
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("gallery.list")]
States = Annotated[At, needs("gallery.state")]

LEAST_REASON, MOST_REASON = 20, 2000
_STATED = notice("gallery-stated", "This is stated, and requests are judged with it from now on.")
_WITHDRAWN = notice("statement-withdrawn", "The statement is taken back; it no longer counts.")


@router.get("/galleries/{code}/statements")
def statements_page(at: Lists, code: Code) -> Response:
    """What counts now of each question, and all that was ever stated."""
    looker = at.looker()
    found = list_statements(at.desk, looker, code, keys=at.deployment.keys)
    return at.page(
        "galleries/statements.html.j2", code=code, asks=_asks(), statements=found,
        counts={each.question: each for each in found if each.counts}, now=at.desk.now(),
        names=names_of(at.desk, looker, "gallery.list", {each.by for each in found}),
    )  # fmt: skip


@router.get("/galleries/{code}/statements/new")
def state_page(at: States, code: Code) -> Response:
    """Ask what is stated, why, and until when."""
    list_statements(at.desk, at.looker(), code, keys=at.deployment.keys)  # there is such a gallery
    return at.page("galleries/state.html.j2", code=code, asks=list(_asks().items()),
                   longest=MOST_DAYS)  # fmt: skip


@router.post("/galleries/{code}/statements/new")
def state_something(at: States, code: Code) -> Response:
    """State it."""

    def work() -> Response:
        question = at.fields.choice("question", Question)
        holds = at.fields.one_of("holds", ("yes", "no")) == "yes"
        last, reason = at.fields.date("until"), _reason(at)
        zone = at.deployment.house.zone
        until = datetime.datetime.combine(last, datetime.time(23, 59, 59), zone)
        with at_field("until"):
            state(at.desk, at.actor(), code, question, holds=holds, until=until, reason=reason,
                  keys=at.deployment.keys)  # fmt: skip
        return at.see(f"/galleries/{code}/statements", done=_STATED)

    return at.attempt(work, lambda at: state_page(at, code))


@router.get("/galleries/{code}/statements/{statement}/withdraw")
def withdraw_page(at: States, code: Code, statement: Id) -> Response:
    """Ask why a statement is taken back."""
    return at.page("galleries/unstate.html.j2", code=code, asks=_asks(),
                   statement=_find(at, code, statement))  # fmt: skip


@router.post("/galleries/{code}/statements/{statement}/withdraw")
def withdraw_statement(at: States, code: Code, statement: Id) -> Response:
    """Take it back."""

    def work() -> Response:
        _find(at, code, statement)
        reason = _reason(at)
        withdraw(at.desk, at.actor(), statement, reason=reason)
        return at.see(f"/galleries/{code}/statements", done=_WITHDRAWN)

    return at.attempt(work, lambda at: withdraw_page(at, code, statement))


def _asks() -> Mapping[Question, str]:
    words = bundled_vocabulary()
    return {each: words[f"gallery.{each.value}"].ask for each in Question}


def _find(at: At, code: str, statement: str) -> StatementView:
    for found in list_statements(at.desk, at.looker(), code, keys=at.deployment.keys):
        if found.id == statement:
            return found
    raise NotAllowedError("there is no such statement for you")


def _reason(at: At) -> str:
    reason = at.fields.lines("reason", most=MOST_REASON)
    if len(reason) < LEAST_REASON:
        raise InputError("the reason says too little", where="reason",
                         expected=f"{LEAST_REASON} to {MOST_REASON:,} characters")  # fmt: skip
    return reason
