"""Erasing a known-answer case: an auditor asks, an administrator confirms or refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.desk.administration import names_of
from countenance.desk.erasure_tables import ASKED_FOR, ErasureState
from countenance.desk.knownerasing import (
    KnownBasis,
    ask_known_erasure,
    confirm_known_erasure,
    known_erasures,
    refuse_known_erasure,
    withdraw_known_erasure,
)
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.ids import Id
from countenance.web.reasons import read_grounds
from countenance.web.rendering import notice

router = APIRouter()
Lists = Annotated[At, needs("known-answer.erasures")]
Asks = Annotated[At, needs("known-answer.ask-erasure")]

BASES: Mapping[KnownBasis, str] = {
    KnownBasis.CONSENT_WITHDRAWN: "somebody who is shown agrees no longer",
    KnownBasis.RETENTION_OVER: "the time for which it is kept is over",
    KnownBasis.REGISTERED_IN_ERROR: "it was registered in error",
}
_PAGE = "/known-answers/erasures"
_ASKED = notice("known-erasure-asked", "You asked for it. An administrator confirms or refuses. "
                "Until then it is not mixed in again.")  # fmt: skip
_DONE = notice("known-erasure-done", "The list is erased. Results of it stay counted.")
_REFUSED = notice("known-erasure-refused", "It is refused; nothing was erased.")
_WITHDRAWN = notice("known-erasure-withdrawn", "It is withdrawn; nothing was erased.")


@router.get("/known-answers/erasures")
def erasures_page(at: Lists) -> Response:
    """What waits for an administrator, and how the others ended."""
    looker = at.looker()
    found = known_erasures(at.desk, looker, keys=at.deployment.keys)
    people = {one.asked_by for one in found} | {one.by or "" for one in found}
    late = at.desk.now() - ASKED_FOR
    return at.page(
        "knownanswers/erasures.html.j2", bases=BASES, me=looker.account,
        waiting=[one for one in found
                 if one.state is ErasureState.ASKED and one.asked_at > late],
        ended=[one for one in found if one.state is not ErasureState.ASKED],
        names=names_of(at.desk, looker, "known-answer.erasures", people),
    )  # fmt: skip


@router.get("/known-answers/{known}/erase")
def ask_page(at: Asks, known: Id) -> Response:
    """Ask why a list is to be erased."""
    return at.page("knownanswers/erase.html.j2", known=known,
                   bases=[(each.value, says) for each, says in BASES.items()])  # fmt: skip


@router.post("/known-answers/{known}/erase")
def ask_for_it(at: Asks, known: Id) -> Response:
    """Ask an administrator for it."""

    def work() -> Response:
        basis, grounds = at.fields.choice("basis", KnownBasis), read_grounds(at.fields)
        ask_known_erasure(at.desk, at.actor(), known, basis=basis, grounds=grounds,
                          keys=at.deployment.keys)  # fmt: skip
        return at.see(_PAGE, done=_ASKED)

    return at.attempt(work, lambda at: ask_page(at, known))


@router.post("/known-answers/erasures/{erasure}/confirm")
def confirm_it(at: Annotated[At, needs("known-answer.confirm-erasure")], erasure: Id) -> Response:
    """Erase it. Nothing brings it back; what is left in the files the keeper clears."""

    def work() -> Response:
        confirm_known_erasure(at.desk, at.actor(), erasure, keys=at.deployment.keys)
        return at.see(_PAGE, done=_DONE)

    return at.attempt(work, erasures_page)


@router.post("/known-answers/erasures/{erasure}/refuse")
def refuse_it(at: Annotated[At, needs("known-answer.refuse-erasure")], erasure: Id) -> Response:
    """Refuse it, with a reason."""

    def work() -> Response:
        refuse_known_erasure(at.desk, at.actor(), erasure, grounds=read_grounds(at.fields))
        return at.see(_PAGE, done=_REFUSED)

    return at.attempt(work, erasures_page)


@router.post("/known-answers/erasures/{erasure}/withdraw")
def withdraw_it(
    at: Annotated[At, needs("known-answer.withdraw-erasure")], erasure: Id
) -> Response:
    """Take one's own request back."""

    def work() -> Response:
        withdraw_known_erasure(at.desk, at.actor(), erasure)
        return at.see(_PAGE, done=_WITHDRAWN)

    return at.attempt(work, erasures_page)
