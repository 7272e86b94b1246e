"""Requests: filled in with the decision beside it, looked at once more, submitted, and read.

The form never asks for the passkey; the page after it does, and shows exactly what is sent.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.assembling import RequestForm
from countenance.desk.casefile import NO_REQUESTS, Part, read_case_file
from countenance.desk.errors import NotAllowedError
from countenance.desk.probes import ProbeState
from countenance.desk.requests import (
    Preview,
    RequestState,
    preview,
    read_request,
    submit,
    withdraw,
)
from countenance.desk.worklists import searchable_galleries
from countenance.law import bundled_vocabulary
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.fields import Fields
from countenance.web.frozen import answers, decision_of, frozen_words
from countenance.web.ids import Id
from countenance.web.pages.cases import is_owner, own_case_view, said_words
from countenance.web.rendering import notice
from countenance.web.requestform import (
    NONE,
    Unread,
    label_of,
    questions,
    read_form,
    read_so_far,
    rows_of,
    typed_pairs,
)
from countenance.web.statuses import status_of

router = APIRouter()
_SUBMITTED = notice("request-submitted", "The request is frozen and waits for a second person.")
_REFUSED = notice("request-refused", "The request was refused. That, too, is in the log.")
_WITHDRAWN = notice("request-withdrawn", "The request is withdrawn.")


@router.get("/cases/{case}/requests/new")
def form_page(at: Annotated[At, needs("request.preview")], case: Id) -> Response:
    """The form, with what the law of this place asks of an empty one."""
    return _form(at, case)


@router.post("/cases/{case}/requests/new")
def show_decision(at: Annotated[At, needs("request.preview")], case: Id) -> Response:
    """The form again, with what would be decided of it as it is."""

    def work() -> Response:
        _judged(at, case)  # what cannot be read or may not be used is said at its field
        return _form(at, case)

    return at.attempt(work, lambda at: _form(at, case))


@router.post("/cases/{case}/requests/decision")
def decision_so_far(at: Annotated[At, needs("request.preview")], case: Id) -> Response:
    """Only the part of the form's page with the decision, for the script that keeps it current."""
    found = own_case_view(at, case)
    values = _so_far(at, case)
    status = status_of(at.problem) if at.problem else 200
    return at.page("requests/decision.html.j2", status=status, case=found, **values)


@router.post("/cases/{case}/requests/review")
def review(at: Annotated[At, needs("request.preview")], case: Id) -> Response:
    """What would be sent, in words, to be submitted or changed."""

    def work() -> Response:
        form, judged = _judged(at, case)
        for name in ("probe", "gallery"):
            if not at.fields.typed(name):
                raise InputError("choose one", where=name)
        file = read_case_file(at.desk, at.looker(), case, house=at.deployment.house,
                          part=NO_REQUESTS)  # fmt: skip
        return at.page(
            "requests/review.html.j2", case=file.case, form=form, judged=judged,
            probe=next(one for one in file.probes if one.id == form.probe_id),
            stated=answers(form.stated, form.stated), pairs=list(typed_pairs(at.fields)),
        )  # fmt: skip

    return at.attempt(work, lambda at: _form(at, case))


@router.post("/cases/{case}/requests/submit")
def submit_request(at: Annotated[At, needs("request.submit")], case: Id) -> Response:
    """Freeze the request and judge it; a refusal is an outcome like any other."""

    def work() -> Response:
        form = _read(at, case)
        for name, value in (("probe", form.probe_id), ("gallery", form.gallery)):
            if not value:
                raise InputError("choose one", where=name)
        made = submit(at.desk, at.actor(), house=at.deployment.house, form=form)
        done = _REFUSED if made.state is RequestState.REFUSED else _SUBMITTED
        return at.see(f"/requests/{made.id}", done=done)

    return at.attempt(work, lambda at: _form(at, case))


@router.get("/requests/{request}")
def request_page(at: Annotated[At, needs("case.read")], request: Id) -> Response:
    """A request as it was frozen, and where it stands."""
    return show_request(at, request)


@router.post("/requests/{request}/withdraw")
def withdraw_request(at: Annotated[At, needs("request.withdraw")], request: Id) -> Response:
    """Take one's own request back."""

    def work() -> Response:
        withdraw(at.desk, at.actor(), request)
        return at.see(f"/requests/{request}", done=_WITHDRAWN)

    return at.attempt(work, lambda at: show_request(at, request))


def show_request(at: At, request: str) -> Response:
    """The page of a request."""
    view = read_request(at.desk, at.looker(), request, house=at.deployment.house)
    file = read_case_file(at.desk, at.looker(), view.case_id, house=at.deployment.house,
                          part=Part(request=request))  # fmt: skip
    return at.page(
        "requests/show.html.j2", request=view, case=file.case, people=file.people,
        item=next(one for one in file.requests if one.id == request),
        search=next((one for one in file.searches if one.request == request), None),
        frozen=frozen_words(view.frozen, at.deployment.engine.card),
        decision=decision_of(view.decision), mine=is_owner(at, file.case),
    )  # fmt: skip


def _read(at: At, case: str) -> RequestForm:
    return read_form(at.fields, case=case, engine=at.deployment.engine.card.identity)


def _judged(at: At, case: str) -> tuple[RequestForm, Preview]:
    form = _read(at, case)
    return form, preview(at.desk, at.looker(), house=at.deployment.house, form=form)


def _so_far(at: At, case: str) -> dict[str, Any]:
    """What would be decided of what can be read of the form, and what is still missing in it."""
    engine = at.deployment.engine.card.identity
    try:
        form, unread = read_so_far(at.fields, case=case, engine=engine)
        seen = preview(at.desk, at.looker(), house=at.deployment.house, form=form)
    except (InputError, NotAllowedError) as problem:  # the fields as they are, no decision
        at.problem = at.problem or problem
        return {"judged": None, "questions": questions(at.fields, ()), "gaps": [], "go_on": False}
    needed = [need.fact for need in seen.beyond_approval.needs]
    chosen = {"probe": form.probe_id, "gallery": form.gallery}
    named = {one.name for one in unread}
    gaps = [Unread(name, label_of(name), "") for name, value in chosen.items()
            if not value and name not in named]  # fmt: skip
    return {
        "judged": seen, "questions": questions(at.fields, needed), "gaps": [*gaps, *unread],
        "go_on": all(chosen.values()) and not unread,
    }  # fmt: skip


def _form(at: At, case: str) -> Response:
    own_case_view(at, case)
    file = read_case_file(at.desk, at.looker(), case, house=at.deployment.house,
                          part=NO_REQUESTS)  # fmt: skip
    words = bundled_vocabulary()
    picked = at.request.query_params.get("probe", "")
    if not len(at.fields) and picked in {one.id for one in file.probes}:
        at.fields = Fields([("probe", picked)])
    return at.page(
        "requests/form.html.j2", case=file.case, no_word=NONE, label_of=label_of,
        probes=[(one.id, f"Probe {n}, {one.sort.replace('-', ' ')}: {one.state.value}"
                 + ("" if one.state is ProbeState.SUITABLE else " (not found suitable)"))
                for n, one in enumerate(file.probes, 1)],
        galleries=[(code, f"{code}: {purpose}") for code, purpose in searchable_galleries(
            at.desk, at.looker(), engine=at.deployment.engine.card.identity)],
        rows=rows_of(at.fields), kinds=said_words(words["authority.given"].words),
        **_so_far(at, case),
    )  # fmt: skip
