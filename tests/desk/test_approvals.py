"""Approvals: a second person's signature over exactly the request, once, in time."""

from __future__ import annotations

import dataclasses
import datetime
import threading

import pytest
from casework import (
    ANNA,
    BEN,
    NOW,
    FakeApprovals,
    approved,
    house,
    key_of,
    person,
    submitted,
)  # fmt: skip
from clockkit import MovingClock
from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.core import InputError
from countenance.desk.approvals import (
    Approval,
    Declined,
    Fallen,
    approve,
    decline,
    waiting_requests,
)  # fmt: skip
from countenance.desk.decisions import begin
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.kinds import KINDS
from countenance.desk.proofs import ApprovalProof
from countenance.desk.requests import RequestState, SearchRequest
from countenance.desk.roles import Role
from countenance.desk.service import Actor, Desk
from countenance.record import Log, parse_entry

CARL = person("carl", Role.APPROVER)


def count(desk: Desk) -> int:
    with desk.store.reading() as db:
        return len(db.scalars(select(Approval)).all())


def test_nobody_approves_their_own_request(desk: Desk) -> None:
    made = submitted(desk, of := house())
    both = person("anna", Role.REQUESTER, Role.APPROVER)
    assert waiting_requests(desk, both) == []
    with pytest.raises(NotAllowedError):
        approved(desk, of, made, both)
    with pytest.raises(NotAllowedError):
        decline(desk, both, made.id, reason=Declined.OTHER, grounds="I would rather not do this")
    assert count(desk) == 0


def test_a_signature_over_anything_else_is_none(desk: Desk) -> None:
    made = submitted(desk, of := house())
    right = key_of("ben").sign(bytes.fromhex(made.digest))
    for wrong in (b"", bytes(64), right[:-1], key_of("ben").sign(made.digest.encode()),
                  key_of("anna").sign(bytes.fromhex(made.digest))):  # fmt: skip
        with pytest.raises(NotAllowedError):
            approve(desk, BEN, made.id, house=of, digest=made.digest, assertion=wrong)
    with pytest.raises(StateError):
        approve(desk, BEN, made.id, house=of, digest="0" * 64,
                assertion=key_of("ben").sign(bytes(32)))  # fmt: skip
    assert count(desk) == 0
    assert approved(desk, of, made) == NOW + datetime.timedelta(hours=24)


def test_two_approvers_racing_have_one_outcome(desk: Desk) -> None:
    made = submitted(desk, of := house())
    out: list[str] = []

    def yes(name: str) -> None:
        try:
            approved(desk, of, made, person(name, Role.APPROVER))
            out.append(name)
        except StateError:
            out.append("late")

    def no() -> None:
        try:
            decline(desk, CARL, made.id, reason=Declined.OTHER, grounds="not proportionate here")
            out.append("no")
        except StateError:
            out.append("late")

    threads = [threading.Thread(target=yes, args=(f"ben{n}",)) for n in range(3)]
    threads.append(threading.Thread(target=no))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out.count("late") == 3
    assert count(desk) == (0 if "no" in out else 1)


def test_a_request_that_waited_too_long_lapses(desk: Desk, log: Log, clock: MovingClock) -> None:
    made = submitted(desk, of := house())
    clock.move(hours=72)
    late = person("ben", Role.APPROVER, at=clock.now)
    assert waiting_requests(desk, late) == []
    assert approved(desk, of, made, late) == Fallen(RequestState.LAPSED)
    entry = parse_entry(log.entry(log.size - 1), kinds=KINDS)
    assert entry.public["change"] == "lapsed"
    with pytest.raises(StateError):
        approved(desk, of, made, late)


def test_an_approval_that_waited_too_long_is_none(desk: Desk, clock: MovingClock) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    clock.move(hours=24)
    out = begin(desk, person("anna", Role.REQUESTER, at=clock.now), made.id, house=of)
    assert out == Fallen(RequestState.LAPSED)


def test_one_second_before_it_is_one(desk: Desk, clock: MovingClock) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    clock.move(hours=24, seconds=-1)
    out = begin(desk, person("anna", Role.REQUESTER, at=clock.now), made.id, house=of)
    assert not isinstance(out, Fallen)


def test_a_refusal_has_a_reason(desk: Desk, log: Log) -> None:
    made = submitted(desk, of := house())
    with pytest.raises(InputError):
        decline(desk, BEN, made.id, reason=Declined.WEAK_GROUNDS, grounds="no")
    decline(
        desk, BEN, made.id, reason=Declined.WEAK_GROUNDS, grounds="the clerk was not asked yet"
    )
    entry = parse_entry(log.entry(log.size - 1), kinds=KINDS)
    assert (entry.public["change"], entry.public["reason"]) == ("declined", "weak-grounds")
    with pytest.raises(StateError):
        approved(desk, of, made)
    with pytest.raises(StateError):
        begin(desk, ANNA, made.id, house=of)


def test_an_old_step_up_approves_nothing(desk: Desk) -> None:
    made = submitted(desk, of := house())
    stale = dataclasses.replace(BEN, stepped_up_at=NOW - datetime.timedelta(seconds=121))
    with pytest.raises(NotAllowedError):
        approved(desk, of, made, stale)
    with pytest.raises(NotAllowedError):
        approved(desk, of, made, dataclasses.replace(BEN, training={}))


def test_no_such_request_and_not_yours_are_said_alike(desk: Desk) -> None:
    submitted(desk, of := house())
    with pytest.raises(NotAllowedError) as caught:
        approve(desk, BEN, "0" * 32, house=of, digest="0" * 64, assertion=b"")
    assert "no such request for you" in str(caught.value)
    with desk.store.reading() as db:
        assert db.scalars(select(SearchRequest.state)).one() == RequestState.PENDING


def test_a_verifier_that_was_satisfied_too_easily_is_not_believed(desk: Desk) -> None:
    class Easy(FakeApprovals):
        def verify(
            self, db: Session, actor: Actor, *, digest: str, assertion: object
        ) -> ApprovalProof:
            del db, actor, digest, assertion
            key = key_of("ben")
            return ApprovalProof(key.public_key().public_bytes_raw(), b"", b"", key.sign(b"x"))

    made = submitted(desk, of := house(approvals=Easy()))
    with pytest.raises(NotAllowedError):
        approved(desk, of, made)
    assert count(desk) == 0


def test_what_is_not_approved_yet_cannot_be_begun_and_stays_as_it_is(desk: Desk) -> None:
    made = submitted(desk, of := house())
    with pytest.raises(StateError):
        begin(desk, ANNA, made.id, house=of)
    with pytest.raises(NotAllowedError):
        begin(desk, person("olga", Role.REQUESTER), made.id, house=of)
    with desk.store.reading() as db:
        assert db.scalars(select(SearchRequest.state)).one() == RequestState.PENDING
