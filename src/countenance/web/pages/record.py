"""The record, for auditors and administrators: its events, their proofs, and opening a field.

A proof is of the checkpoint that is published now, so that `countenance verify` takes it offline.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from countenance.core import InputError, pretty_json
from countenance.desk.errors import StateError
from countenance.desk.kinds import KINDS
from countenance.desk.listings import page_events, published_size
from countenance.desk.unsealing import Basis, open_field, read_event
from countenance.record.explorer import LogView, Pages
from countenance.web.access import needs
from countenance.web.at import At

router = APIRouter()
ROWS = 50
Reader = Annotated[At, needs("record.read")]
Index = Annotated[int, Path(ge=0, lt=10**18)]
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_BASES = (
    (Basis.COURT_ORDER, "An order of a court"),
    (Basis.DISCLOSURE, "Disclosure to a party of a case"),
    (Basis.OVERSIGHT, "Oversight from outside"),
    (Basis.INTERNAL_REVIEW, "An internal review"),
    (Basis.SUBJECT_REQUEST, "A person asked about themselves"),
)


@router.get("/record")
def events(at: Reader) -> Response:
    """The entries of the log, the newest first."""
    before = at.request.query_params.get("before", "")
    if before and not _NUMBER.fullmatch(before):
        raise InputError("not the number of an entry", where="before")
    log = at.deployment.log
    found = page_events(
        at.desk, at.looker(), log, before=int(before) if before else None, most=ROWS
    )
    last = found[-1].index if found else 0
    return at.page(
        "record/events.html.j2", events=found, size=log.size, published=published_size(log),
        says=_SAYS, newest=not before, more=f"/record?before={last}" if last else "",
    )  # fmt: skip


@router.get("/record/{index}")
def show(at: Reader, index: Index) -> Response:
    """One entry: what of it is public, what is sealed, and its leaf in the log."""
    return _show(at, index)


@router.get("/record/{index}/proof")
def proof(at: Reader, index: Index) -> Response:
    """The entry with its proof: one file, checked by `countenance verify` without a network."""
    read_event(at.desk, at.looker(), index, log=at.deployment.log)
    view = LogView(at.deployment.log.read)
    snapshot = view.snapshot()
    if snapshot is None or index >= snapshot.checkpoint.size:
        raise StateError("this entry is in no published checkpoint yet",
                         do="try again when the next one is published")  # fmt: skip
    return Response(
        Pages(view).proof_file(snapshot, index), media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{index}.tlog-proof"'},
    )  # fmt: skip


@router.post("/record/{index}/open")
def unseal(at: Annotated[At, needs("record.open-field")], index: Index) -> Response:
    """Open one sealed field to a reader; the log has it first."""

    def work() -> Response:
        field = at.fields.line("field", most=64)
        basis, reader = at.fields.choice("basis", Basis), at.fields.line("reader")
        opening = open_field(
            at.desk, at.actor(), index, field, basis=basis, reader=reader,
            log=at.deployment.log, publisher=at.deployment.means.publisher,
        )  # fmt: skip
        return at.page(
            "record/opened.html.j2", index=index, field=field, basis=basis, reader=reader,
            value=pretty_json(opening.value),
            file=base64.b64encode(opening.to_bytes()).decode(),
        )  # fmt: skip

    return at.attempt(work, lambda at: _show(at, index))


def _show(at: At, index: int) -> Response:
    found = read_event(at.desk, at.looker(), index, log=at.deployment.log)
    log = at.deployment.log
    return at.page(
        "record/event.html.j2", event=found, published=published_size(log), says=_SAYS,
        bases=_BASES, newer=index + 1 if index + 1 < log.size else None,
    )  # fmt: skip


_SAYS = {name: versions[-1].says for name, versions in KINDS.items()}
