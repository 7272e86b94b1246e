"""The record, as auditors and administrators read it: events, and a proof of each to keep.

The log itself, for everybody, is at ``/log`` in the layout of C2SP ``tlog-tiles``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from countenance.desk.errors import StateError
from countenance.desk.listings import EventLine, page_events
from countenance.desk.unsealing import Basis, open_field
from countenance.record.explorer import LogView, Pages
from countenance.record.explorer.serve import respond
from countenance.web.access import needs
from countenance.web.api.base import CodeText, In, Line, Most, Out
from countenance.web.api.routing import FILE, Router
from countenance.web.at import At

router = Router("record")
Reader = Annotated[At, needs("record.read")]
Index = Annotated[int, Path(ge=0, lt=2**53)]


class LogEvent(Out):
    """One entry of the log; `sealed` are the names of what only an opening shows."""

    index: int
    kind: str
    time: str
    public: Mapping[str, Any]
    sealed: tuple[str, ...]
    leaf: str


class FieldToOpen(In):
    """Which sealed field, to whom it is opened, and on what basis."""

    field: CodeText
    basis: Basis
    reader: Annotated[str, Line(200)]


class OpenedField(Out):
    """Salt (hex) and value of a field: whoever has the log can check them against the entry."""

    field: str
    salt: str
    value: Any


@router.get("/record/events", response_model=list[LogEvent])
def list_events(
    at: Reader, before: Annotated[int | None, Query(ge=0, lt=2**53)] = None, most: Most = 50
) -> Sequence[EventLine]:
    """Entries of the log, the newest first; the next page is `before` the last index."""
    return page_events(at.desk, at.looker(), at.deployment.log, before=before, most=most)


@router.get("/record/events/{index}", response_model=LogEvent)
def show_event(at: Reader, index: Index) -> EventLine:
    """One entry of the log."""
    return _event(at, index)


@router.get("/record/events/{index}/entry", response_class=Response, responses=FILE)
def show_event_entry(at: Reader, index: Index) -> Response:
    """The very bytes of an entry, which a proof is of."""
    return _published(at, index, "json")


@router.get("/record/events/{index}/proof", response_class=Response, responses=FILE)
def show_event_proof(at: Reader, index: Index) -> Response:
    """An offline proof (``tlog-proof``) that an entry is in the log that witnesses saw."""
    return _published(at, index, "tlog-proof")


@router.post("/record/events/{index}/open", response_model=OpenedField)
def open_event_field(
    at: Annotated[At, needs("record.open-field")], index: Index, sent: FieldToOpen
) -> OpenedField:
    """Open one sealed field; that it was opened, and on what basis, is in the log."""
    deployment = at.deployment
    found = open_field(
        at.desk, at.actor(), index, sent.field, basis=sent.basis, reader=sent.reader,
        log=deployment.log, publisher=deployment.means.publisher,
    )  # fmt: skip
    return OpenedField(field=sent.field, salt=found.salt.hex(), value=found.value)


def _event(at: At, index: int) -> EventLine:
    """The entry, for whoever may read the record. Raises StateError where there is none yet."""
    found = page_events(at.desk, at.looker(), at.deployment.log, before=index + 1, most=1)
    if not found or found[0].index != index:
        raise StateError("the log has no such entry yet", do="look at its newest ones")
    return found[0]


def _published(at: At, index: int, kind: str) -> Response:
    _event(at, index)
    view = LogView(at.deployment.log.read)
    found = respond(view, Pages(view), f"entry/{index}.{kind}")
    if found.status is not HTTPStatus.OK:
        raise StateError("no published checkpoint holds this entry yet", do="ask again later")
    name = f"entry-{index}.{kind}"
    return Response(
        found.body, media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
