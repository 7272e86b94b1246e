"""Subject requests: the public form and its status; for administrators the queue and the answer.

What the public is answered is the same whoever asks and whoever is in a gallery: neither page
reads one.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError, sha256_bytes
from countenance.desk.doors import TooManyError
from countenance.desk.subjectanswers import answer, read_answer
from countenance.desk.subjects import (
    ANSWER_DAYS,
    Asked,
    RefusedFor,
    Shown,
    SubjectState,
    ask,
    check_identity,
    enter,
    list_subject_requests,
    refuse,
    status,
)
from countenance.desk.subjectviews import read_subject_request
from countenance.web.access import needs, open_to_all
from countenance.web.at import At
from countenance.web.callers import source_of
from countenance.web.fields import Fields
from countenance.web.ids import Id
from countenance.web.rendering import notice

router = APIRouter()
Public = Annotated[At, open_to_all()]
MOST_PICTURE_BYTES = 32 * 2**20
_CHECKED = notice(
    "subject-checked", "It is recorded how the person showed who they are. Another administrator "
    "makes the answer.",
)  # fmt: skip
_REFUSED = notice(
    "subject-refused", "The request is closed without an answer. Tell the person why."
)
_ANSWERED = notice("subject-answered", "The answer is made and kept. Hand it to the person.")
_SHOWN = (
    (Shown.DOCUMENT_IN_PERSON, "A document, in person"),
    (Shown.DOCUMENT_BY_POST, "A copy of a document, by post"),
    (Shown.REPRESENTATIVE, "A representative with a written authority"),
    (Shown.COURT, "A court"),
)
_WHY = (
    (RefusedFor.NOT_SHOWN, "They did not show who they are"),
    (RefusedFor.RESTRICTED, "A law restricts the answer; name it below"),
    (RefusedFor.WITHDRAWN, "They withdrew the request"),
    (RefusedFor.OTHER, "Something else"),
)
SAYS = {
    SubjectState.RECEIVED: "Your request is here. Somebody gets in touch with you to see who you "
                           "are.",
    SubjectState.BEING_CHECKED: "You showed who you are. The answer is being made from the "
                                "records.",
    SubjectState.ANSWERED: "Your request is answered. The answer is handed to you on paper, and "
                           "stands on no page.",
    SubjectState.REFUSED: "Your request was closed without an answer. You are told why on paper.",
}  # fmt: skip


@router.get("/subject-requests/ask")
def ask_page(at: Public) -> Response:
    """The form with which anybody asks what is held of them."""
    return _ask_page(at)


@router.post("/subject-requests/ask")
def send(at: Public) -> Response:
    """Take the request, and show its reference once."""

    def work() -> Response:
        asked = asked_of(at.fields)
        try:
            reference = ask(at.desk, asked, keys=at.deployment.keys, source=source_of(at))
        except TooManyError as error:
            at.problem = error
            answer = _ask_page(at)
            answer.status_code = 429
            answer.headers["retry-after"] = str(error.retry_s)
            return answer
        return at.page("subjects/asked.html.j2", status=201, reference=reference,
                       days=ANSWER_DAYS, counter=False)  # fmt: skip

    return at.attempt(work, _ask_page)


@router.get("/subject-requests/status")
def status_page(at: Public) -> Response:
    """Ask for a reference."""
    return _status_page(at)


@router.post("/subject-requests/status")
def status_of(at: Public) -> Response:
    """Say where the request of a reference stands: by post, so that it stands in no address."""
    reference = "".join(at.fields.typed("reference").split()).lower()
    found = status(at.desk, reference)
    if found is None:
        at.problem = InputError("there is no request with this reference", where="reference",
                                expected="32 letters and digits")  # fmt: skip
        answer = _status_page(at)
        answer.status_code = 422
        return answer
    return _status_page(at, SAYS[found])


@router.get("/subject-requests")
def queue(at: Annotated[At, needs("subject.list")]) -> Response:
    """Requests, what is due first; those that are closed too, with ``?all=yes``."""
    everything = at.request.query_params.get("all") == "yes"
    found = list_subject_requests(at.desk, at.looker(), open_only=not everything)
    return at.page("subjects/queue.html.j2", requests=found, everything=everything,
                   now=at.desk.now())  # fmt: skip


@router.get("/subject-requests/enter")
def enter_page(at: Annotated[At, needs("subject.enter")]) -> Response:
    """The form for what was asked at the counter."""
    return at.page("subjects/enter.html.j2")


@router.post("/subject-requests/enter")
def entered(at: Annotated[At, needs("subject.enter")]) -> Response:
    """Enter what was asked at the counter; the reference is for the person."""

    def work() -> Response:
        asked = asked_of(at.fields)
        _, reference = enter(at.desk, at.actor(), asked, keys=at.deployment.keys)
        return at.page("subjects/asked.html.j2", status=201, reference=reference,
                       days=ANSWER_DAYS, counter=True)  # fmt: skip

    return at.attempt(work, lambda at: at.page("subjects/enter.html.j2"))


@router.get("/subject-requests/{request}")
def show(at: Annotated[At, needs("subject.read")], request: Id) -> Response:
    """One request, and what comes next."""
    return _show(at, request)


@router.post("/subject-requests/{request}/check")
def check(at: Annotated[At, needs("subject.check")], request: Id) -> Response:
    """Record how the person showed who they are."""

    def work() -> Response:
        shown, how = at.fields.choice("shown", Shown), at.fields.lines("how", most=2000)
        check_identity(at.desk, at.actor(), request, shown=shown, how=how, keys=at.deployment.keys)
        return at.see(f"/subject-requests/{request}", done=_CHECKED)

    return at.attempt(work, lambda at: _show(at, request))


@router.post("/subject-requests/{request}/refuse")
def close(at: Annotated[At, needs("subject.refuse")], request: Id) -> Response:
    """Give no answer, and say why."""

    def work() -> Response:
        reason = at.fields.choice("reason", RefusedFor)
        grounds = at.fields.lines("grounds", most=2000)
        refuse(
            at.desk, at.actor(), request, reason=reason, grounds=grounds, keys=at.deployment.keys
        )
        return at.see(f"/subject-requests/{request}", done=_REFUSED)

    return at.attempt(work, lambda at: _show(at, request))


@router.post("/subject-requests/{request}/answer")
def make(at: Annotated[At, needs("subject.answer")], request: Id) -> Response:
    """Look the person up in the records, and keep the answer."""

    def work() -> Response:
        subjects = _each(at.fields.lines("subjects", needed=False))
        pictures: tuple[str, ...] = ()
        if at.fields.has_file("picture"):
            data = at.fields.file("picture", most_bytes=MOST_PICTURE_BYTES)
            pictures = (sha256_bytes(data),)
        answer(at.desk, at.actor(), request, subjects=subjects, pictures=pictures,
               keys=at.deployment.keys)  # fmt: skip
        return at.see(f"/subject-requests/{request}/answer", done=_ANSWERED)

    return at.attempt(work, lambda at: _show(at, request))


@router.get("/subject-requests/{request}/answer")
def paper(at: Annotated[At, needs("subject.read")], request: Id) -> Response:
    """The answer as it is handed over: to be printed."""
    found = read_answer(at.desk, at.looker(), request, keys=at.deployment.keys)
    return at.page("subjects/answer.html.j2", answer=found, request=request,
                   contact=at.deployment.contact)  # fmt: skip


def asked_of(fields: Fields) -> Asked:
    """What a person wrote. Raises InputError where something is missing or too long."""
    return Asked(
        fields.line("name"), fields.line("contact"),
        _each(fields.lines("known_as", most=1200, needed=False)),
        fields.lines("words", most=2000, needed=False),
    )  # fmt: skip


def _each(text: str) -> tuple[str, ...]:
    """The lines of a field, each once."""
    return tuple(dict.fromkeys(each.strip() for each in text.splitlines() if each.strip()))


def _ask_page(at: At) -> Response:
    return at.page("subjects/ask.html.j2", days=ANSWER_DAYS, contact=at.deployment.contact)


def _status_page(at: At, says: str = "") -> Response:
    return at.page("subjects/status.html.j2", says=says, contact=at.deployment.contact)


def _show(at: At, request: str) -> Response:
    found = read_subject_request(at.desk, at.looker(), request, keys=at.deployment.keys)
    return at.page("subjects/show.html.j2", asked=found, shown_by=_SHOWN, why=_WHY)
