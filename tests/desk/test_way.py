"""The way from a case to a search that may begin: with real passkeys, and on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from casework import (
    ANNA,
    BEN,
    DETAILS,
    KEYS,
    POLICY,
    PROVENANCE,
    ULF,
    FakeEngine,
    FakeGalleries,
    approved,
    audit,
    base,
    form,
    house,
    person,
    picture,
    submitted,
)  # fmt: skip
from clockkit import MovingClock
from databases import server, url
from people import PARTY, Person, first, joined, trained
from sqlalchemy import select

from countenance.core import sha256_bytes
from countenance.desk.approval_signatures import PasskeyApprovals, begin_approval, finish_approval
from countenance.desk.approvals import Approval, approve, waiting_requests
from countenance.desk.audits import accept_audit
from countenance.desk.cases import list_cases, open_case, read_timeline
from countenance.desk.decisions import RequestGate, begin
from countenance.desk.errors import DeskError, NotAllowedError, StateError
from countenance.desk.events import Recorder
from countenance.desk.facts import HOUSE
from countenance.desk.house import House
from countenance.desk.kinds import KINDS
from countenance.desk.probe_steps import (
    judge_probe,
    picture_to_judge,
    upload_probe,
    waiting_probes,
)
from countenance.desk.probes import Judgement
from countenance.desk.proofs import check_approval
from countenance.desk.requests import RequestState, SearchRequest, preview, read_request, submit
from countenance.desk.roles import Role
from countenance.desk.searches import ReadyRequest, refuse_unless_cleared
from countenance.desk.service import Desk, Standing
from countenance.desk.sessions import authenticate
from countenance.desk.settings import approve_setting, propose_setting, read_settings
from countenance.desk.store import Store
from countenance.record import Log, SQLiteVault

__all__ = ["server", "url"]


@pytest.fixture
def both(url: str, log: Log, clock: MovingClock, tmp_path: Path) -> Iterator[Desk]:
    """A desk on either database."""
    store = Store.open(url)
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    vault = SQLiteVault(tmp_path / "both-vault.db", clock=lambda: int(clock().timestamp()))
    yield Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)
    store.close()


def test_the_way_on_both_databases(both: Desk) -> None:
    made = submitted(both, of := house())
    assert list_cases(both, BEN)
    assert waiting_requests(both, BEN) == [made.id]
    assert preview(both, ANNA, house=of, form=form(list_cases(both, ANNA)[0][0], ""))
    approved(both, of, made)
    ready = begin(both, ANNA, made.id, house=of)
    assert isinstance(ready, ReadyRequest)
    with both.store.reading() as db:
        refuse_unless_cleared(RequestGate(of).clearance(db, made.id, both.clock()))
    assert len(read_timeline(both, ULF, ready.case)) == 7


def test_approvers_and_starters_racing_on_both_databases(both: Desk) -> None:
    made = submitted(both, of := house())
    out: Counter[str] = Counter()

    def run(name: str) -> None:
        try:
            approved(both, of, made, person(name, Role.APPROVER))
            out["approved"] += 1
        except StateError:
            out["late"] += 1
        except DeskError:
            out["busy"] += 1  # after a dozen tries; nothing was changed

    def start() -> None:
        try:
            out[type(begin(both, ANNA, made.id, house=of)).__name__] += 1
        except DeskError:
            out["late"] += 1

    for work in ([lambda n=n: run(f"ben{n}") for n in range(4)], [start] * 4):
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (out["approved"], out["ReadyRequest"]) == (1, 1)
    with both.store.reading() as db:
        assert len(db.scalars(select(Approval)).all()) == 1
        assert db.scalars(select(SearchRequest.state)).one() == RequestState.TAKEN_UP


def test_the_way_with_passkeys_and_training_of_record(desk: Desk) -> None:
    mia = first(desk, "Mia")
    anna, ben, emma, ulf = (
        joined(mia, name, role) for name, role in (
            ("Anna", Role.REQUESTER), ("Ben", Role.APPROVER), ("Emma", Role.EXAMINER),
            ("Ulf", Role.AUDITOR),
        )
    )  # fmt: skip
    approvals = PasskeyApprovals(PARTY, desk.clock)
    of = House(
        keys=KEYS, jurisdictions=("us/mi/detroit",), galleries=FakeGalleries(),
        approvals=approvals, audit_policy=POLICY, managed_devices=True,
        facts={name: value for name, value in base().items() if name in HOUSE},
    )  # fmt: skip
    with pytest.raises(NotAllowedError, match="training"):
        open_case(desk, anna.to("case.open"), keys=KEYS, number="24-1", details=DETAILS)
    for who, kind in ((anna, "requester"), (ben, "approver"), (emma, "examiner")):
        trained(mia, who, kind)
    accept_audit(desk, ulf.to("audit.accept"), data=audit().to_json().encode(), policy=POLICY,
                 operational=True)  # fmt: skip
    engine = FakeEngine.card.identity
    setting = propose_setting(desk, mia.to("setting.propose"), keys=KEYS, engine=engine,
                              threshold="0.363", list_length=20,
                              reason="as the engine's documentation has it")  # fmt: skip
    (view,) = read_settings(desk, ulf.to("setting.read"), keys=KEYS, engine=engine)
    approve_setting(desk, ben.to("setting.approve"), setting, digest=view.digest)
    case_id = open_case(desk, anna.to("case.open"), keys=KEYS, number="24-1", details=DETAILS)
    probe = upload_probe(desk, anna.to("probe.upload"), case_id, house=of, engine=FakeEngine(),
                         data=picture(), sort="cctv-frame", provenance=PROVENANCE)  # fmt: skip
    assert isinstance(probe, str)
    assert waiting_probes(desk, emma.to("probe.view")) == [(probe, sha256_bytes(picture()))]
    picture_to_judge(desk, emma.to("probe.view"), probe, house=of)
    judge_probe(desk, emma.to("probe.judge"), probe, image=sha256_bytes(picture()), suitable=True,
                reason=Judgement.CLEAR_ENOUGH)  # fmt: skip
    made = submit(desk, anna.to("request.submit"), house=of, form=form(case_id, probe))
    assert made.state is RequestState.PENDING
    seen = read_request(desk, ben.to("case.read"), made.id, house=of)
    with pytest.raises(NotAllowedError, match="passkey"):  # a step-up for it is no signature of it
        approve(desk, ben.to("request.approve"), made.id, house=of, digest=seen.digest,
                assertion=None)  # fmt: skip
    sign(ben, seen.digest)
    by = authenticate(desk, ben.token, action="request.approve")
    approve(desk, by, made.id, house=of, digest=seen.digest, assertion=None)
    ready = begin(desk, anna.to("search.run"), made.id, house=of)
    assert isinstance(ready, ReadyRequest)
    assert ready.approver == ben.account
    with desk.store.reading() as db:
        kept = db.scalars(select(Approval)).one().proof
    check_approval(kept.public_key, made.digest, kept.authenticator_data, kept.client_data_json,
                   kept.signature, rp_id=PARTY.id, origins=PARTY.origins)  # fmt: skip


def sign(who: Person, digest: str) -> None:
    ceremony = begin_approval(who.desk, PARTY, who.token, action="request.approve", digest=digest)
    answer = who.device.get(ceremony.options)
    who.token = finish_approval(who.desk, PARTY, who.token, ceremony.id, answer).token
