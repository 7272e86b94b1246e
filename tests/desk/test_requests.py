"""Requests: nothing is searched for without a case, facts, a second person and a decision."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from casework import (
    ANNA,
    BEN,
    DETAILS,
    KEYS,
    NOW,
    OTHER_NARRATIVE,
    ULF,
    FakeEngine,
    approved,
    audited,
    base,
    case,
    form,
    house,
    judge,
    key_of,
    person,
    picture,
    probe,
    set_up,
    submitted,
)  # fmt: skip
from clockkit import MovingClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk.approvals import Fallen, approve, waiting_requests
from countenance.desk.assembling import RequestForm, form_of
from countenance.desk.audits import WithdrawnFor, withdraw_audit
from countenance.desk.cases import CaseState, amend_case, move_case, read_timeline
from countenance.desk.decisions import RequestGate, begin, final_decision
from countenance.desk.edits import Edit, Operation
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.facts import (
    BY_CONSTRUCTION,
    DESK,
    HOUSE,
    OF_OTHER_ACTS,
    REQUESTER,
    owner,
)  # fmt: skip
from countenance.desk.kinds import KINDS
from countenance.desk.probe_steps import add_edit
from countenance.desk.probes import Probe
from countenance.desk.requests import (
    MOVES,
    RequestState,
    SearchRequest,
    preview,
    read_request,
    submit,
    withdraw,
)  # fmt: skip
from countenance.desk.roles import Role
from countenance.desk.searches import ReadyRequest
from countenance.desk.service import Desk
from countenance.law import Decision, Outcome, bundled_vocabulary
from countenance.record import Log, parse_entry

ENGINE = FakeEngine()


def state(desk: Desk, request_id: str) -> RequestState:
    with desk.store.reading() as db:
        return RequestState(db.get_one(SearchRequest, request_id).state)


def kinds(log: Log) -> list[str]:
    return [parse_entry(log.entry(i), kinds=KINDS).kind for i in range(log.size)]


def last(log: Log, kind: str) -> dict[str, Any]:
    entries = [parse_entry(log.entry(i), kinds=KINDS) for i in range(log.size)]
    return dict(next(e for e in reversed(entries) if e.kind == kind).public)


# ---- whose facts are whose ---------------------------------------------------------------------
def test_every_fact_has_exactly_one_owner() -> None:
    for name in bundled_vocabulary():
        others = name.startswith(OF_OTHER_ACTS)
        owners = [name in REQUESTER, name in HOUSE, name in DESK, others]
        assert sum(owners) == 1, name
        assert (owner(name) is None) == others
    assert bundled_vocabulary().keys() >= (REQUESTER | HOUSE | DESK)
    assert BY_CONSTRUCTION.keys() <= DESK


@pytest.mark.parametrize("name", sorted(DESK | HOUSE))
def test_what_the_records_know_cannot_be_typed(name: str) -> None:
    with pytest.raises(InputError, match="not for you"):
        RequestForm("c", stated={name: base().get(name, True)})


def test_a_form_is_read_back_as_it_was() -> None:
    made = form("c" * 32, "p" * 32, elsewhere=("State police, 3 May: nobody",))
    assert form_of(made.to_json()) == made
    empty = RequestForm("c" * 32)
    assert form_of(empty.to_json()) == empty


# ---- the way -----------------------------------------------------------------------------------
def test_the_whole_way_is_in_the_log(desk: Desk, log: Log) -> None:
    made = submitted(desk, of := house())
    assert made.state is RequestState.PENDING
    assert waiting_requests(desk, BEN) == [made.id]
    assert approved(desk, of, made) == NOW + datetime.timedelta(hours=24)
    ready = begin(desk, ANNA, made.id, house=of)
    assert isinstance(ready, ReadyRequest)
    assert (ready.digest, ready.requester, ready.approver) == (made.digest, "anna", "ben")
    assert ready.list_length == 20
    assert state(desk, made.id) is RequestState.TAKEN_UP
    assert kinds(log)[-4:] == [
        "search-requested", "request-moved", "search-decided", "request-moved",
    ]  # fmt: skip
    assert last(log, "search-decided")["decision"] == "permitted"
    with desk.store.reading() as db:
        clearance = RequestGate(of).clearance(db, made.id, NOW)
    assert clearance.permits
    assert clearance.approved == made.digest
    assert clearance.audit
    assert clearance.settings_approved
    assert clearance.request == ready
    moments = read_timeline(desk, ANNA, ready.case)
    assert [m.kind for m in moments] == [
        "case-changed", "probe-received", "probe-judged", "search-requested", "request-moved",
        "search-decided", "request-moved",
    ]  # fmt: skip


def test_nothing_about_the_case_is_readable_in_the_log(desk: Desk, log: Log) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    everything = b"".join(log.entry(i) for i in range(log.size))
    for word in (b"24-1234", b"Mack Avenue", b"anna", b"ben", b"W-77", b"frame 1204", b"MCL"):
        assert word not in everything


def test_f1_no_case_no_search(desk: Desk) -> None:
    audited(desk)
    set_up(desk)
    with pytest.raises(NotAllowedError):
        submit(desk, ANNA, house=house(), form=form("0" * 32, "0" * 32))
    case_id = case(desk)
    made = probe(desk, house(), case_id)
    with pytest.raises(InputError, match="not stated"):
        submit(desk, ANNA, house=house(), form=form(case_id, ""))
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="solved")
    with pytest.raises(StateError):
        submit(desk, ANNA, house=house(), form=form(case_id, made))


def test_f1_no_authority_no_search_and_the_refusal_is_logged(desk: Desk, log: Log) -> None:
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    made = form(case_id, probe(desk, house(), case_id), documents=())
    out = submit(desk, ANNA, house=house(), form=made)
    assert out.state is RequestState.REFUSED
    assert not out.decision.permitted
    assert last(log, "search-decided")["decision"] == "refused"
    with pytest.raises(StateError, match="nothing has changed"):
        submit(desk, ANNA, house=house(), form=made)
    again = submit(desk, ANNA, house=house(), form=form(case_id, made.probe_id))
    assert again.state is RequestState.PENDING  # the facts have changed
    with pytest.raises(StateError, match="waiting"):
        submit(desk, ANNA, house=house(), form=form(case_id, made.probe_id))


def test_an_unknown_fact_is_a_denial_that_names_it(desk: Desk) -> None:
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    seen = preview(desk, ANNA, house=house(), form=RequestForm(case_id))
    assert not seen.may_be_submitted
    assert seen.decision.outcome is not Outcome.PERMIT
    made = form(case_id, probe(desk, house(), case_id), elsewhere=None)
    seen = preview(desk, ANNA, house=house(), form=made)
    assert [need.fact for need in seen.beyond_approval.needs] == ["case.earlier-searches-listed"]


def test_a_preview_says_that_only_the_approval_is_missing(desk: Desk, log: Log) -> None:
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    made = form(case_id, probe(desk, house(), case_id))
    before = log.size
    seen = preview(desk, ANNA, house=house(), form=made)
    assert seen.needs_approval
    assert not seen.decision.permitted
    assert log.size == before


def test_a_preview_tells_nothing_of_what_is_another_s(desk: Desk) -> None:
    case_id = case(desk)
    other = person("olga", Role.REQUESTER)
    said = set()
    for target in (case_id, "0" * 32):
        with pytest.raises(NotAllowedError) as caught:
            preview(desk, other, house=house(), form=RequestForm(target))
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("missing", ["audit", "setting"])
def test_f23_f24_without_audit_or_setting_no_search(desk: Desk, log: Log, missing: str) -> None:
    if missing == "setting":
        audited(desk)
    case_id = case(desk)
    made = form(case_id, probe(desk, house(), case_id))
    out = submit(desk, ANNA, house=house(), form=made)
    assert out.state is RequestState.REFUSED
    assert last(log, "search-decided")["decision"] == "refused"
    assert ("audit" in last(log, "search-requested")) == (missing == "setting")


def test_f17_training_that_ran_out_before_the_search(desk: Desk) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    lapsed = dataclasses.replace(of, training=lambda *_: {})
    out = begin(desk, ANNA, made.id, house=lapsed)
    assert isinstance(out, Decision)
    assert not out.permitted
    assert state(desk, made.id) is RequestState.REFUSED
    with pytest.raises(StateError):
        begin(desk, ANNA, made.id, house=of)
    with desk.store.reading() as db:
        view = db.get_one(SearchRequest, made.id)
        again = form_of(read_request(desk, ANNA, view.id, house=of).frozen["standing"]["form"])
    assert submit(desk, ANNA, house=of, form=again).state is RequestState.PENDING


def test_f23_an_audit_withdrawn_after_the_approval_stops_the_search(desk: Desk) -> None:
    from countenance.desk.audits import AcceptedAudit

    made = submitted(desk, of := house())
    approved(desk, of, made)
    with desk.store.reading() as db:
        (row,) = db.scalars(select(AcceptedAudit.id)).all()
    withdraw_audit(desk, ULF, row, reason=WithdrawnFor.ERROR_FOUND, grounds="labels were mixed up")
    out = begin(desk, ANNA, made.id, house=of)
    assert isinstance(out, Decision)
    assert {reason.rule for reason in out.reasons} >= {"model#audit-current"}


# ---- changed afterwards, it is void ------------------------------------------------------------
def edited(desk: Desk, of: Any, made: Any) -> None:
    with desk.store.reading() as db:
        row = db.scalars(select(Probe)).one()
    edit = Edit(Operation.CONTRAST, {"percent": 120}, "tool", "1", "to see the chin")
    add_edit(desk, ANNA, row.id, house=of, engine=ENGINE, before=row.image, data=picture(130),
             edit=edit)  # fmt: skip
    judge(desk, row.id)


def amended(desk: Desk, of: Any, made: Any) -> None:
    with desk.store.reading() as db:
        case_id = db.get_one(SearchRequest, made.id).case_id
    other = dataclasses.replace(DETAILS, offence_section="MCL 750.530")
    amend_case(desk, ANNA, case_id, keys=KEYS, details=other, version=1)


def set_anew(desk: Desk, of: Any, made: Any) -> None:
    set_up(desk, "0.3")


@pytest.mark.parametrize(
    ("change", "what"), [(edited, "probe"), (amended, "case"), (set_anew, "setting")]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_changed_afterwards_it_is_void(
    desk: Desk, log: Log, change: Callable[..., None], what: str, when: str
) -> None:
    made = submitted(desk, of := house())
    if when == "after":
        approved(desk, of, made)
    change(desk, of, made)
    out = begin(desk, ANNA, made.id, house=of) if when == "after" else approved(desk, of, made)
    assert out == Fallen(RequestState.VOID, (what,))
    assert state(desk, made.id) is RequestState.VOID
    assert last(log, "request-moved")["change"] == "voided"
    with pytest.raises(StateError):
        begin(desk, ANNA, made.id, house=of)


def test_a_case_closed_meanwhile_is_not_searched_in(desk: Desk) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    with desk.store.reading() as db:
        case_id = db.get_one(SearchRequest, made.id).case_id
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="solved")
    assert begin(desk, ANNA, made.id, house=of) == Fallen(RequestState.VOID, ("case",))


def test_what_waited_too_long_can_be_asked_for_again(desk: Desk, clock: MovingClock) -> None:
    made = submitted(desk, of := house())
    again = form_of(read_request(desk, ANNA, made.id, house=of).frozen["standing"]["form"])
    clock.move(hours=71)
    anna = person("anna", Role.REQUESTER, at=clock.now)
    with pytest.raises(StateError, match="waiting"):
        submit(desk, anna, house=of, form=again)
    clock.move(hours=1)
    anna = person("anna", Role.REQUESTER, at=clock.now)
    assert submit(desk, anna, house=of, form=again).state is RequestState.PENDING
    assert state(desk, made.id) is RequestState.LAPSED


@pytest.mark.parametrize("field", ["jurisdictions", "policy"])
def test_another_law_is_another_request(desk: Desk, field: str) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    other = {"jurisdictions": ("us/va",), "policy": ("model",)}[field]
    out = begin(desk, ANNA, made.id, house=dataclasses.replace(of, **{field: other}))
    assert out == Fallen(RequestState.VOID, (field,))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, part in value.items() for leaf in leaves(part, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for i, part in enumerate(value) for leaf in leaves(part, (*path, i))]
    return [path]


def test_the_digest_covers_every_field(desk: Desk) -> None:
    import copy

    from countenance.core import digest_json

    made = submitted(desk, of := house())
    frozen = dict(read_request(desk, ANNA, made.id, house=of).frozen)
    assert digest_json(frozen) == made.digest
    paths = leaves(frozen)
    names = {path[:3] for path in paths}
    assert ("standing", "probe", "image") in names
    assert ("standing", "setting", "threshold") in names
    assert {path[2] for path in paths if path[:2] == ("law", "facts")} > {"gallery.size"}
    for path in paths:
        other = copy.deepcopy(frozen)
        inner = other
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = "another"
        assert digest_json(other) != made.digest, path


def test_a_row_changed_behind_the_desk_s_back_is_found_out(desk: Desk) -> None:
    first = submitted(desk, of := house())
    approved(desk, of, first)

    def forge(db: Any) -> None:
        row = db.get(SearchRequest, first.id)
        frozen = of.keys.open(db, f"case:{row.case_id}", row.frozen, purpose=f"request {row.id}")
        other = frozen.replace(b'"list-length": 20', b'"list-length": 50')
        assert other != frozen
        row.frozen = of.keys.seal(db, f"case:{row.case_id}", other, purpose=f"request {row.id}",
                                  now=NOW)  # fmt: skip

    desk.store.write(forge)
    with pytest.raises(StateError, match="not the one"):
        begin(desk, ANNA, first.id, house=of)


def test_an_approval_moved_by_hand_to_another_digest_counts_for_nothing(desk: Desk) -> None:
    from countenance.desk.approvals import Approval

    made = submitted(desk, of := house())
    approved(desk, of, made)

    def forge(db: Any) -> None:
        db.get(Approval, made.id).signature = key_of("ben").sign(b"something else")

    desk.store.write(forge)
    with desk.store.reading() as db:
        assert not final_decision(db, of, made.id, now=NOW).permitted
    out = begin(desk, ANNA, made.id, house=of)
    assert isinstance(out, Decision)
    assert not out.permitted


def test_the_gate_stays_shut_until_a_search_was_begun(desk: Desk) -> None:
    made = submitted(desk, of := house())
    with desk.store.reading() as db:
        gate = RequestGate(of)
        with pytest.raises(NotAllowedError):
            gate.clearance(db, "0" * 32, NOW)
        with pytest.raises(StateError):
            gate.clearance(db, made.id, NOW)
    approved(desk, of, made)
    with desk.store.reading() as db, pytest.raises(StateError):
        gate.clearance(db, made.id, NOW)
    begin(desk, ANNA, made.id, house=of)
    set_up(desk, "0.3")
    with desk.store.reading() as db:
        shut = gate.clearance(db, made.id, NOW)
        late = gate.clearance(db, made.id, NOW + datetime.timedelta(hours=25))
    assert not shut.settings_approved
    assert (shut.approved, shut.permits) == ("", False)
    assert (late.approved, late.permits) == ("", False)


# ---- states ------------------------------------------------------------------------------------
def test_two_requesters_windows_racing_begin_one_search(desk: Desk) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    seen: Counter[str] = Counter()

    def run() -> None:
        try:
            seen[type(begin(desk, ANNA, made.id, house=of)).__name__] += 1
        except StateError:
            seen["late"] += 1

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"ReadyRequest": 1, "late": 3}


@settings(deadline=None, max_examples=15,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(steps=st.lists(st.sampled_from(["approve", "decline", "withdraw", "begin", "wait"]),
                      max_size=5))  # fmt: skip
def test_whatever_is_tried_only_the_table_s_moves_happen(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    from countenance.desk.approvals import Declined, decline

    desk, clock, close = fresh(tmp_path_factory)
    try:
        made = submitted(desk, of := house())
        for step in steps:
            before = state(desk, made.id)
            at = clock.now
            by = {name: person(name, role, at=at) for name, role in
                  (("anna", Role.REQUESTER), ("ben", Role.APPROVER))}  # fmt: skip
            try:
                if step == "approve":
                    approved(desk, of, made, by["ben"])
                elif step == "decline":
                    decline(
                        desk, by["ben"], made.id, reason=Declined.OTHER, grounds="no need " * 5
                    )
                elif step == "withdraw":
                    withdraw(desk, by["anna"], made.id)
                elif step == "begin":
                    begin(desk, by["anna"], made.id, house=of)
                else:
                    clock.move(hours=40)
            except StateError:
                assert state(desk, made.id) is before
                continue
            after = state(desk, made.id)
            assert after is before or after in MOVES[before]
            if after is RequestState.TAKEN_UP is not before:
                assert before is RequestState.APPROVED
    finally:
        close()


def fresh(paths: pytest.TempPathFactory) -> tuple[Desk, Any, Callable[[], None]]:
    """A desk of its own, for one example of many."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from countenance.desk.events import Recorder
    from countenance.desk.service import Standing
    from countenance.desk.store import Store
    from countenance.record import FolderStorage, SQLiteVault
    from countenance.record.note import Ed25519Signer

    path = paths.mktemp("desk")
    clock = MovingClock()
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    store = Store.open(f"sqlite:///{path / 'desk.db'}")
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    log = Log.open(FolderStorage(path / "log"), Ed25519Signer.from_private_key("d/log", key))
    log.__enter__()
    vault = SQLiteVault(path / "vault.db", clock=lambda: int(clock().timestamp()))

    def close() -> None:
        log.__exit__(None, None, None)
        store.close()

    return Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock), clock, close


def test_a_request_is_withdrawn_by_its_requester_only(desk: Desk) -> None:
    made = submitted(desk, house())
    with pytest.raises(NotAllowedError):
        withdraw(desk, person("olga", Role.REQUESTER), made.id)
    withdraw(desk, ANNA, made.id)
    with pytest.raises(StateError):
        withdraw(desk, ANNA, made.id)


def test_who_may_read_a_request(desk: Desk) -> None:
    made = submitted(desk, of := house())
    for who in (ANNA, BEN, ULF):
        assert read_request(desk, who, made.id, house=of).digest == made.digest
    said = set()
    for target in (made.id, "0" * 32):
        for who in (person("olga", Role.REQUESTER), person("emma", Role.EXAMINER)):
            with pytest.raises(NotAllowedError) as caught:
                read_request(desk, who, target, house=of)
            said.add(str(caught.value))
    assert len(said) == 1


def test_another_s_gallery_or_probe_is_not_there(desk: Desk) -> None:
    audited(desk)
    set_up(desk)
    mine = case(desk)
    theirs = case(desk, "24-9", dataclasses.replace(DETAILS, narrative=OTHER_NARRATIVE))
    other = probe(desk, house(), theirs)
    with pytest.raises(NotAllowedError):
        submit(desk, ANNA, house=house(), form=form(mine, other))
    good = probe(desk, house(), mine)
    with pytest.raises(NotAllowedError):
        submit(desk, ANNA, house=house(), form=form(mine, good, gallery="elsewhere"))


def test_approve_again(desk: Desk) -> None:
    made = submitted(desk, of := house())
    approved(desk, of, made)
    with pytest.raises(StateError):
        approve(desk, BEN, made.id, house=of, digest=made.digest, assertion=b"")
