"""Making a search: claimed, run, sealed, published, and only then open.

Each step is its own transaction that expects the state before it, so that a process may die
between any two of them: a search that was running is claimed again once its lease is over and
gives the same list, one that was sealed is published, and nothing is shown on the way (invariant
2, log before reveal). The comparison itself runs outside any transaction.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from countenance.core import CountenanceError, IntegrityError, sha256_bytes
from countenance.desk import incidents
from countenance.desk.base import new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.events import Outgoing
from countenance.desk.publishing import Publisher
from countenance.desk.reviewing import begin_review
from countenance.desk.searches import (
    Clearance,
    Found,
    Gate,
    Order,
    Search,
    Searcher,
    SearchState,
    list_bytes,
    refuse_unless_cleared,
)  # fmt: skip
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing

LEASE_S = 300


@dataclass(frozen=True, slots=True)
class Means:
    """What a search is made with."""

    keys: Secrets
    gate: Gate
    searcher: Searcher
    publisher: Publisher
    lease_s: int = LEASE_S


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search as its requester sees it: that there is a list, never what is in it.

    `candidates` is None until the list is open.
    """

    id: str
    state: SearchState
    candidates: int | None
    checkpoint: int | None


@dataclass(frozen=True, slots=True)
class _Claim:
    search: str
    attempt: int
    clearance: Clearance


def run_search(desk: Desk, actor: Actor, request: str, *, means: Means) -> SearchView:
    """Make the search of an approved request, or go on with one that was interrupted.

    Called again, it does what is left to do, and nothing where the list is open.

    Raises
    ------
    NotAllowedError
        It is not the actor's request, or something it needs does not stand: the decision, the
        approval, the audit, the settings; or an incident suspends the engine or gallery.
    StateError
        It is being searched right now, another process finished it meanwhile, or it expired.
    RecordError
        It is sealed, but too few witnesses cosigned: nothing is shown; call again.
    """
    state = desk.look(actor, "search.read", lambda db: _state(db, actor, request))
    if state is SearchState.EXPIRED:
        raise StateError("this search was not finished while its approval was good",
                         do="ask for it anew")  # fmt: skip
    if state is None or state is SearchState.RUNNING:
        claim = desk.act(actor, "search.run", lambda doing: _claim(doing, request, means))
        found = _search(desk, actor, claim, means)
        desk.act(actor, "search.seal", lambda doing: _seal(doing, claim, found, means.keys))
        state = SearchState.SEALED
    if state is SearchState.SEALED:
        identity, entry = desk.look(actor, "search.read", lambda db: _entry(db, actor, request))
        size = means.publisher.cover(entry)
        try:
            desk.act(actor, "search.open", lambda doing: _open(doing, identity, entry, size))
        except StateError:  # another process was first, and there is nothing left to do
            if view_search(desk, actor, request).state is not SearchState.OPEN:
                raise
    return view_search(desk, actor, request)


def finish_sealed(desk: Desk, *, means: Means, most: int = 50) -> int:
    """Publish and open lists that a crash left sealed; how many. Nobody needs to be there.

    What is left of such a search decides nothing: the comparison was made and its list is in the
    record. A search without a list is not made again here: that takes whoever asked for it, with
    their passkey (`run_search`).

    Raises
    ------
    RecordError
        Too few witnesses cosigned; what was opened before that stays open.
    """
    with desk.store.reading() as db:
        sealed = list(
            db.scalars(
                select(Search.id).where(Search.state == SearchState.SEALED)
                .order_by(Search.sealed_at, Search.id).limit(most)
            )
        )  # fmt: skip
    opened = 0
    for identity in sealed:
        desk.recorder.flush()  # its entry is in the log before its place there is asked for
        with desk.store.reading() as db:
            number = db.get_one(Search, identity).entry
            entry = db.scalar(select(Outgoing.place).where(Outgoing.number == number))
        size = means.publisher.cover(entry)
        with contextlib.suppress(StateError):  # somebody else opened it
            desk.itself("search.finish", functools.partial(_open, search=identity, entry=entry,
                                                           size=size))  # fmt: skip
            opened += 1
    return opened


def view_search(desk: Desk, actor: Actor, request: str) -> SearchView:
    """Where the actor's own search stands."""

    def work(db: Session) -> SearchView:
        row = own_search(db, actor, request)
        opened = row.state == SearchState.OPEN
        return SearchView(row.id, SearchState(row.state), row.candidates if opened else None,
                          row.checkpoint)  # fmt: skip

    return desk.look(actor, "search.read", work)


def unfinished(desk: Desk, actor: Actor) -> list[str]:
    """Requests of the actor whose search was begun and whose list is yet to be opened."""

    def work(db: Session) -> list[str]:
        found = select(Search.request).where(
            Search.requester == actor.account,
            Search.state.in_((SearchState.RUNNING, SearchState.SEALED)),
        )
        return list(db.scalars(found.order_by(Search.started_at)))

    return desk.look(actor, "search.read", work)


def own_search(db: Session, actor: Actor, request: str) -> Search:
    """The search of the actor's own request. NotAllowedError, whether or not there is one."""
    row = db.scalar(select(Search).where(Search.request == request))
    if row is None or row.requester != actor.account:
        raise NotAllowedError("there is no such search for you")
    return row


def _state(db: Session, actor: Actor, request: str) -> SearchState | None:
    row = db.scalar(select(Search).where(Search.request == request))
    return None if row is None else SearchState(own_search(db, actor, request).state)


def _claim(doing: Doing, request: str, means: Means) -> _Claim:
    clearance = means.gate.clearance(doing.db, request, doing.now)
    ready = clearance.request
    if ready.id != request or ready.requester != doing.actor.account:
        raise NotAllowedError("there is no such request for you")
    refuse_unless_cleared(clearance)
    if incidents.suspended(doing.db, engine=ready.engine, gallery=ready.gallery):
        raise NotAllowedError("an open incident suspends this engine or gallery",
                              do="wait until an approver has closed the incident")  # fmt: skip
    row = doing.db.scalar(select(Search).where(Search.request == request).with_for_update())
    if row is None:
        row = Search(
            id=new_id(), request=request, case_id=ready.case, handle=ready.handle,
            requester=ready.requester, gallery=ready.gallery, engine=ready.engine, attempt=0,
            state=SearchState.RUNNING, started_at=doing.now, place=ready.place,
        )  # fmt: skip
        doing.db.add(row)
    elif row.state != SearchState.RUNNING:
        raise StateError("this was searched meanwhile")
    elif row.lease_until > doing.now:
        raise StateError("this is being searched right now", do="wait, then look again")
    row.attempt += 1
    row.lease_until = doing.now + datetime.timedelta(seconds=means.lease_s)
    row.request_digest, row.approver = ready.digest, ready.approver
    row.audit, row.decision = clearance.audit, clearance.decision
    doing.record.add(
        doing.db, "search-started", about=row.handle,
        public={"request": ready.digest, "decision": clearance.decision,
                "audit": clearance.audit, "attempt": row.attempt},
        private={"case": ready.case, "requester": ready.requester},
    )  # fmt: skip
    return _Claim(row.id, row.attempt, clearance)


def _search(desk: Desk, actor: Actor, claim: _Claim, means: Means) -> Found:
    """Outside any transaction. What fails is told, and can be begun again at once."""
    now = int(desk.now().timestamp())
    order = Order(claim.clearance.request, claim.clearance.decision, now, now + means.lease_s)
    try:
        return means.searcher.search(order)
    except CountenanceError as error:
        code = error.code

        def work(doing: Doing) -> None:
            row = _running(doing.db, claim)
            row.lease_until = doing.now
            doing.record.add(
                doing.db, "search-interrupted", about=row.handle,
                public={"request": row.request_digest, "attempt": row.attempt, "reason": code},
                private={"case": row.case_id},
            )  # fmt: skip

        desk.act(actor, "search.seal", work)
        raise


def _running(db: Session, claim: _Claim) -> Search:
    row = db.get(Search, claim.search, with_for_update=True)
    if row is None or row.state != SearchState.RUNNING or row.attempt != claim.attempt:
        raise StateError("another process took this search over")
    return row


def _seal(doing: Doing, claim: _Claim, found: Found, keys: Secrets) -> None:
    row = _running(doing.db, claim)
    clear = list_bytes(claim.clearance.request, found)
    row.box = keys.seal(doing.db, row.handle, clear, purpose=f"list {row.id}", now=doing.now)
    row.digest, row.candidates = sha256_bytes(clear), len(found.candidates)
    row.state, row.sealed_at = SearchState.SEALED, doing.now
    doing.db.flush()
    doing.record.add(
        doing.db, "search-returned", about=row.handle,
        public={
            "request": row.request_digest, "jurisdiction": row.place, "engine": row.engine,
            "audit": row.audit, "gallery": row.gallery, "gallery_size": found.compared,
            "candidates": row.candidates,
        },
        private={"case": row.case_id, "list": {"sha256": row.digest}},
    )  # fmt: skip
    (event,) = (each for each in doing.db.new if isinstance(each, Outgoing))
    doing.db.flush()
    row.entry = event.number


def _entry(db: Session, actor: Actor, request: str) -> tuple[str, int | None]:
    """The search, and its entry's index in the log; None where the outbox has forgotten it.

    `look` shows only what is in the log, so an entry that the outbox no longer has is there.
    """
    row = own_search(db, actor, request)
    return row.id, db.scalar(select(Outgoing.place).where(Outgoing.number == row.entry))


def _open(doing: Doing, search: str, entry: int | None, size: int) -> None:
    if entry is not None and size <= entry:
        raise IntegrityError("the published checkpoint does not hold the list's entry")
    moved = doing.db.execute(
        update(Search)
        .where(Search.id == search, Search.state == SearchState.SEALED)
        .values(state=SearchState.OPEN, opened_at=doing.now, checkpoint=size)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise StateError("another process opened this list")
    row = doing.db.get_one(Search, search, populate_existing=True)
    doing.record.add(
        doing.db, "search-opened", about=row.handle,
        public={"request": row.request_digest, "checkpoint": size,
                "candidates": row.candidates or 0},
        private={"case": row.case_id},
    )  # fmt: skip
    if row.candidates:
        begin_review(doing, row)
