"""Accounts: who is let in, who may change what, and what two administrators racing can do."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from authenticator import Authenticator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import PARTY, Person, entries, first, joined
from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parent.parent / "record"))
from postgres_cluster import cluster, why_not

from countenance.core import CountenanceError, InputError
from countenance.desk.account_tables import (
    ACCOUNT_MOVES,
    PASSKEY_MOVES,
    Account,
    AccountRole,
    AccountState,
    Passkey,
    SessionRow,
    administrators,
    check_roles,
    guard,
    moved,
    roles_of,
)
from countenance.desk.accounts import (
    change_roles,
    close,
    list_accounts,
    own_account,
    restore,
    revoke_own_passkey,
    revoke_passkey,
    suspend,
)
from countenance.desk.ceremonies import SignInError
from countenance.desk.errors import NotAllowedError, StateError, StoodDownError
from countenance.desk.events import Recorder
from countenance.desk.invitations import (
    CodeRefusedError,
    Invitation,
    begin_join,
    bootstrap,
    finish_join,
    invite,
    withdraw_invitation,
)
from countenance.desk.kinds import KINDS
from countenance.desk.own_passkeys import MOST_PASSKEYS, begin_own_passkey, finish_own_passkey
from countenance.desk.roles import EXCLUSIVE, Role
from countenance.desk.service import Desk, Standing
from countenance.desk.sessions import authenticate
from countenance.desk.store import Store
from countenance.desk.two_person import (
    ask_closing,
    ask_invitation,
    ask_replacement,
    ask_roles,
    confirm,
    open_requests,
    refuse,
)
from countenance.record import FolderStorage, Log, SQLiteVault
from countenance.record.note import Ed25519Signer

WHY = "because of the inquiry of today"
A = frozenset({Role.ADMINISTRATOR})


@pytest.fixture
def ada(desk: Desk) -> Person:
    return first(desk)


@pytest.fixture
def three(ada: Person) -> tuple[Person, Person, Person]:
    """Three administrators: the second invited by the first alone, the third by two."""
    bea = joined(ada, "Bea", Role.ADMINISTRATOR)
    return ada, bea, third(ada, bea, "Cy")


def third(ada: Person, bea: Person, name: str) -> Person:
    request = ask_invitation(ada.desk, ada.to("account.invite"), name=name, grounds=WHY)
    code = confirm(bea.desk, bea.to("account.confirm"), request)
    assert code is not None
    return Person(ada.desk, name).join(code).sign_in()


def outcomes(*works: Callable[[], object]) -> list[str]:
    """What came of doing these at the same time: ``done`` or the error's code, sorted."""
    barrier, found = threading.Barrier(len(works)), []

    def one(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
            found.append("done")
        except CountenanceError as error:
            found.append(error.code)

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


# joining


def test_the_first_administrator_comes_by_the_operator_once(desk: Desk) -> None:
    early = bootstrap(desk, "Ada")
    code = bootstrap(desk, "Ada")
    with pytest.raises(CodeRefusedError):
        Person(desk, "Ada").join(early)
    Person(desk, "Ada").join(code)
    with pytest.raises(StateError):
        bootstrap(desk, "Eve")
    with pytest.raises(CodeRefusedError):
        Person(desk, "Ada").join(code)


def test_a_code_is_kept_only_as_a_hash_and_shown_to_nobody_twice(desk: Desk, log: Log) -> None:
    code = bootstrap(desk, "Ada")
    with desk.store.reading() as db:
        row = db.scalars(select(Invitation)).one()
    secret = code.replace("-", "")[8:]
    assert secret not in repr(vars(row))
    assert code[-4:] not in row.code_hash
    assert secret.encode() not in log.entry(0)


def test_a_code_is_typed_as_people_type(desk: Desk) -> None:
    code = bootstrap(desk, "Ada").lower().replace("-", " ").replace("0", "o").replace("1", "l")
    Person(desk, "Ada").join(code).sign_in()


def test_a_code_is_good_for_fifteen_minutes(desk: Desk, clock: Any, log: Log) -> None:
    code = bootstrap(desk, "Ada")
    clock.move(minutes=15, seconds=1)
    with pytest.raises(CodeRefusedError):
        begin_join(desk, PARTY, code)
    clock.move(minutes=-10)
    with pytest.raises(CodeRefusedError):  # it stays closed when the clock goes back
        begin_join(desk, PARTY, code)
    assert [entry.public["why"] for entry in entries(log, "invitation-closed")] == ["expired"]


def test_a_code_from_the_future_is_not_believed(desk: Desk, clock: Any) -> None:
    code = bootstrap(desk, "Ada")
    clock.move(minutes=-1)
    with pytest.raises(CodeRefusedError):
        begin_join(desk, PARTY, code)


def test_a_code_is_closed_after_five_guesses(desk: Desk, log: Log) -> None:
    code = bootstrap(desk, "Ada")
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    for _ in range(5):
        with pytest.raises(CodeRefusedError):
            begin_join(desk, PARTY, wrong)
    with pytest.raises(CodeRefusedError):
        begin_join(desk, PARTY, code)
    assert [entry.public["why"] for entry in entries(log, "invitation-closed")] == ["guessed-at"]


def test_every_wrong_code_reads_the_same(desk: Desk) -> None:
    code = bootstrap(desk, "Ada")
    said = set()
    for wrong in ("", "0" * 24, code[:-1], code + "0", "\x00é" * 40, "\ud800" * 24):
        with pytest.raises(CodeRefusedError) as error:
            begin_join(desk, PARTY, wrong)
        said.add(str(error.value))
    assert len(said) == 1


def test_a_code_raced_by_two_browsers_makes_one_account(desk: Desk) -> None:
    code = bootstrap(desk, "Ada")
    works = []
    for _ in range(2):
        ceremony = begin_join(desk, PARTY, code)
        answer = Authenticator().create(ceremony.options)
        works.append(lambda c=ceremony.id, a=answer: finish_join(desk, PARTY, c, a))
    assert outcomes(*works) == ["desk-code-refused", "done"]
    with desk.store.reading() as db:
        assert len(db.scalars(select(Account)).all()) == 1


def test_somebody_elses_passkey_cannot_be_registered_again(ada: Person) -> None:
    desk = ada.desk
    code = invite(desk, ada.to("account.invite"), name="Rob", roles=frozenset({Role.REQUESTER}))
    ceremony = begin_join(desk, PARTY, code)
    known = next(iter(ada.device.keys))
    with pytest.raises(CodeRefusedError):
        finish_join(
            desk, PARTY, ceremony.id, Authenticator().create(ceremony.options, credential=known)
        )


def test_an_invitation_can_be_withdrawn_and_there_is_one_a_name(ada: Person) -> None:
    desk, roles = ada.desk, frozenset({Role.REQUESTER})
    code = invite(desk, ada.to("account.invite"), name="Rob", roles=roles)
    with pytest.raises(StateError):
        invite(desk, ada.to("account.invite"), name="ROB ", roles=roles)
    with desk.store.reading() as db:
        number = db.scalars(select(Invitation.id).where(Invitation.name == "Rob")).one()
    withdraw_invitation(desk, ada.to("account.invite"), number)
    with pytest.raises(CodeRefusedError):
        begin_join(desk, PARTY, code)
    with pytest.raises(StateError):
        withdraw_invitation(desk, ada.to("account.invite"), number)
    with pytest.raises(StateError):
        invite(desk, ada.to("account.invite"), name="ada first", roles=roles)


def test_nobody_joins_while_the_desk_is_suspended(desk: Desk) -> None:
    code = bootstrap(desk, "Ada")
    ceremony = begin_join(desk, PARTY, code)
    device = Authenticator()
    desk.store.write(lambda db: setattr(db.get(Standing, 1), "down_since", desk.clock()))
    with pytest.raises(StoodDownError):
        finish_join(desk, PARTY, ceremony.id, device.create(ceremony.options))


@pytest.mark.parametrize("name", ["", " ", "A", "a" * 121, "A\x1b[31mda", "A‮da"])
def test_what_is_no_name_is_refused(ada: Person, name: str) -> None:
    with pytest.raises(InputError):
        invite(ada.desk, ada.to("account.invite"), name=name, roles=frozenset({Role.REQUESTER}))


@pytest.mark.parametrize(
    "grounds", ["", "too short", "a" * 2001, "a\x00bcdefghijk", "\ud800" * 12]
)
def test_what_is_no_reason_is_refused(ada: Person, grounds: str) -> None:
    with pytest.raises(InputError):
        suspend(ada.desk, ada.to("account.suspend"), account=ada.account, grounds=grounds)


# roles


@given(st.frozensets(st.sampled_from(list(Role))))
def test_nobody_administers_or_audits_and_does_anything_else(roles: frozenset[Role]) -> None:
    alone = len(roles) == 1 or not roles & EXCLUSIVE
    lawful = bool(roles) and alone and not roles >= {Role.APPROVER, Role.EXAMINER}
    with contextlib.nullcontext() if lawful else pytest.raises(InputError):
        check_roles(roles)


def test_only_moves_of_the_table_are_made() -> None:
    for moves in (ACCOUNT_MOVES, PASSKEY_MOVES):
        for state in moves:
            for to in moves:
                with contextlib.nullcontext() if to in moves[state] else pytest.raises(StateError):
                    moved(state, to, moves)  # type: ignore[type-var]


def test_roles_change_from_what_was_seen_and_the_sessions_end(ada: Person) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    had, roles = frozenset({Role.REQUESTER}), frozenset({Role.REQUESTER, Role.EXAMINER})
    change_roles(desk, ada.to("account.roles"), account=rob.account, had=had, roles=roles)
    with pytest.raises(SignInError):
        authenticate(desk, rob.token)
    assert authenticate(desk, rob.sign_in().token).roles == roles
    with pytest.raises(StateError):
        change_roles(desk, ada.to("account.roles"), account=rob.account, had=had, roles=roles)


def test_nobody_changes_their_own_account(ada: Person) -> None:
    desk = ada.desk
    attempts: list[tuple[str, Callable[..., object], dict[str, Any]]] = [
        ("account.roles", change_roles, {"had": A, "roles": frozenset({Role.REQUESTER})}),
        ("account.suspend", suspend, {"grounds": WHY}),
        ("account.suspend", restore, {"grounds": WHY}),
        ("account.close", close, {"grounds": WHY}),
        ("account.roles", ask_roles, {"roles": frozenset({Role.REQUESTER}), "grounds": WHY}),
        ("account.close", ask_closing, {"grounds": WHY}),
        ("account.replace-passkey", ask_replacement, {"grounds": WHY}),
    ]
    for action, attempt, more in attempts:
        with pytest.raises(NotAllowedError):
            attempt(desk, ada.to(action), account=ada.account, **more)


def test_nobody_but_an_administrator_keeps_accounts(ada: Person) -> None:
    rob = joined(ada, "Rob", Role.REQUESTER, Role.APPROVER)
    desk, actor = ada.desk, authenticate(ada.desk, rob.token)
    for attempt in (
        lambda: invite(desk, actor, name="Eve", roles=frozenset({Role.REQUESTER})),
        lambda: suspend(desk, actor, account=ada.account, grounds=WHY),
        lambda: list_accounts(desk, actor),
        lambda: ask_closing(desk, actor, account=ada.account, grounds=WHY),
        lambda: confirm(desk, actor, "0" * 32),
    ):
        with pytest.raises(NotAllowedError):
            attempt()


def test_an_actor_made_before_the_account_was_suspended_does_nothing(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, _ = three
    actor = bea.to("account.invite")
    suspend(ada.desk, ada.to("account.suspend"), account=bea.account, grounds=WHY)
    with pytest.raises(NotAllowedError):
        invite(ada.desk, actor, name="Eve", roles=frozenset({Role.REQUESTER}))


def test_the_guard_stops_everything_of_a_suspended_account(ada: Person) -> None:
    """Parts of the desk that know nothing of accounts, too; and looking."""
    rob = joined(ada, "Rob", Role.REQUESTER)
    guarded = Desk(ada.desk.store, ada.desk.recorder, clock=ada.desk.clock, guard=guard)
    actor = rob.to("gallery.list")
    assert guarded.look(actor, "gallery.list", lambda _: "shown") == "shown"
    suspend(ada.desk, ada.to("account.suspend"), account=rob.account, grounds=WHY)
    done: list[str] = []
    with pytest.raises(NotAllowedError):
        guarded.look(actor, "gallery.list", lambda _: done.append("shown"))
    with pytest.raises(NotAllowedError):
        guarded.act(actor, "request.withdraw", lambda _: done.append("done"))
    assert not done


def test_an_actor_made_before_a_role_was_withdrawn_does_nothing(ada: Person) -> None:
    """Even in a session that nobody ended."""
    actor = ada.to("account.invite")
    ada.desk.store.write(lambda db: db.execute(update(AccountRole).values(role="auditor")))
    with pytest.raises(NotAllowedError):
        invite(ada.desk, actor, name="Eve", roles=frozenset({Role.REQUESTER}))


def test_states_of_an_account(ada: Person, log: Log) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    suspend(desk, ada.to("account.suspend"), account=rob.account, grounds=WHY)
    with pytest.raises(StateError):
        suspend(desk, ada.to("account.suspend"), account=rob.account, grounds=WHY)
    restore(desk, ada.to("account.suspend"), account=rob.account, grounds=WHY)
    rob.sign_in()
    close(desk, ada.to("account.close"), account=rob.account, grounds=WHY)
    for action, attempt in (
        ("account.suspend", restore), ("account.suspend", suspend), ("account.close", close),
    ):  # fmt: skip
        with pytest.raises(StateError):
            attempt(desk, ada.to(action), account=rob.account, grounds=WHY)
    changes = [entry.public["change"] for entry in entries(log, "account-changed")]
    assert changes == ["suspended", "restored", "closed"]
    assert joined(ada, "Rob", Role.REQUESTER).account != rob.account


# two administrators


def test_a_second_administrator_is_invited_alone_and_a_third_is_not(ada: Person) -> None:
    desk = ada.desk
    codes = [invite(desk, ada.to("account.invite"), name=name, roles=A) for name in ("Bea", "Eve")]
    bea = Person(desk, "Bea").join(codes[0]).sign_in()
    with pytest.raises(CodeRefusedError):
        Person(desk, "Eve").join(codes[1])  # made while it was lawful, and no longer is
    with pytest.raises(NotAllowedError):
        invite(desk, ada.to("account.invite"), name="Cy", roles=A)
    suspend(desk, ada.to("account.suspend"), account=bea.account, grounds=WHY)
    with pytest.raises(NotAllowedError):  # a suspended one still counts
        invite(desk, ada.to("account.invite"), name="Cy", roles=A)


def test_an_administrator_is_not_made_or_unmade_by_one(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, _ = three
    rob = joined(ada, "Rob", Role.REQUESTER)
    requester = frozenset({Role.REQUESTER})
    for account, had, roles in ((bea.account, A, requester), (rob.account, requester, A)):
        with pytest.raises(NotAllowedError):
            change_roles(ada.desk, ada.to("account.roles"), account=account, had=had, roles=roles)
    with pytest.raises(NotAllowedError):
        close(ada.desk, ada.to("account.close"), account=bea.account, grounds=WHY)


def test_the_log_says_what_one_administrator_gave_alone(
    three: tuple[Person, Person, Person], log: Log
) -> None:
    ada, bea, _ = three

    def told() -> list[tuple[list[str], int]]:
        found = (each.public for each in entries(log, "trusted-alone"))
        return [(list(each["roles"]), each["administrators"]) for each in found]

    assert told() == [(["administrator"], 1)]  # the second; the third was invited by two
    rob = joined(ada, "Rob", Role.REQUESTER)
    joined(bea, "Eve", Role.EXAMINER)
    assert len(told()) == 1
    joined(ada, "Ulf", Role.AUDITOR)
    change_roles(ada.desk, ada.to("account.roles"), account=rob.account,
                 had=frozenset({Role.REQUESTER}),
                 roles=frozenset({Role.REQUESTER, Role.APPROVER}))  # fmt: skip
    assert told()[1:] == [(["auditor"], 3), (["approver"], 3)]
    change_roles(ada.desk, ada.to("account.roles"), account=rob.account,
                 had=frozenset({Role.REQUESTER, Role.APPROVER}),
                 roles=frozenset({Role.APPROVER}))  # fmt: skip
    assert len(told()) == 3  # what they had already is no gift


def test_two_administrators_change_a_third(three: tuple[Person, Person, Person]) -> None:
    ada, bea, cy = three
    desk, auditor = ada.desk, frozenset({Role.AUDITOR})
    request = ask_roles(
        desk, ada.to("account.roles"), account=cy.account, roles=auditor, grounds=WHY
    )
    assert [asked.id for asked in open_requests(desk, authenticate(desk, bea.token))] == [request]
    for person in (ada, cy):  # who asked, and whom it concerns
        with pytest.raises(NotAllowedError):
            confirm(desk, person.to("account.confirm"), request)
    assert confirm(desk, bea.to("account.confirm"), request) is None
    with pytest.raises(SignInError):
        authenticate(desk, cy.token)
    assert authenticate(desk, cy.sign_in().token).roles == auditor
    with pytest.raises(StateError):
        confirm(desk, bea.to("account.confirm"), request)


def test_a_lost_device_is_replaced_by_two_and_the_old_one_is_dead(
    three: tuple[Person, Person, Person], log: Log
) -> None:
    ada, bea, _ = three
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_replacement(
        desk, ada.to("account.replace-passkey"), account=rob.account, grounds=WHY
    )
    code = confirm(desk, bea.to("account.confirm"), request)
    assert code is not None
    with pytest.raises(SignInError):
        authenticate(desk, rob.token)
    with pytest.raises(SignInError):
        rob.sign_in()
    again = Person(desk, "Rob", device=Authenticator()).join(code).sign_in()
    assert again.account == rob.account
    assert authenticate(desk, again.token).roles == {Role.REQUESTER}
    told = [dict(entry.public) for entry in entries(log, "two-administrators")]
    assert told[-2:] == [
        {"what": "replace-passkey", "state": "open"},
        {"what": "replace-passkey", "state": "confirmed"},
    ]


def test_a_code_for_a_new_device_adds_one_device(three: tuple[Person, Person, Person]) -> None:
    ada, bea, _ = three
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_replacement(
        desk, ada.to("account.replace-passkey"), account=rob.account, grounds=WHY
    )
    code = confirm(desk, bea.to("account.confirm"), request)
    assert code is not None
    ceremonies = [begin_join(desk, PARTY, code) for _ in range(2)]
    answers = [Authenticator().create(ceremony.options) for ceremony in ceremonies]
    finish_join(desk, PARTY, ceremonies[0].id, answers[0])
    with pytest.raises(CodeRefusedError):
        finish_join(desk, PARTY, ceremonies[1].id, answers[1])
    with pytest.raises(CodeRefusedError):
        begin_join(desk, PARTY, code)


def test_a_request_is_refused_withdrawn_or_too_old(
    three: tuple[Person, Person, Person], clock: Any
) -> None:
    ada, bea, cy = three
    desk = ada.desk

    def asked() -> str:
        return ask_closing(desk, ada.to("account.close"), account=cy.account, grounds=WHY)

    request = asked()
    with pytest.raises(NotAllowedError):
        refuse(desk, cy.to("account.confirm"), request)  # whom it concerns keeps out of it
    for person in (ada, bea):
        request = asked()
        refuse(desk, person.to("account.confirm"), request)
        with pytest.raises(StateError):
            confirm(desk, bea.to("account.confirm"), request)
    request = asked()
    clock.move(hours=24, seconds=1)
    bea.sign_in()
    assert open_requests(desk, authenticate(desk, bea.token)) == []
    with pytest.raises(StateError):
        confirm(desk, bea.to("account.confirm"), request)


def test_a_request_falls_when_who_asked_or_the_account_has_changed(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, cy = three
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_roles(desk, ada.to("account.roles"), account=rob.account, roles=A, grounds=WHY)
    change_roles(
        desk, cy.to("account.roles"), account=rob.account, had=frozenset({Role.REQUESTER}),
        roles=frozenset({Role.EXAMINER}),
    )  # fmt: skip
    with pytest.raises(StateError):
        confirm(desk, bea.to("account.confirm"), request)
    request = ask_closing(desk, ada.to("account.close"), account=rob.account, grounds=WHY)
    suspend(desk, cy.to("account.suspend"), account=ada.account, grounds=WHY)
    with pytest.raises(StateError):
        confirm(desk, bea.to("account.confirm"), request)


def test_a_desk_of_two_administrators_cannot_be_taken_over_by_one(ada: Person) -> None:
    desk, bea = ada.desk, joined(ada, "Bea", Role.ADMINISTRATOR)
    request = ask_closing(desk, ada.to("account.close"), account=bea.account, grounds=WHY)
    for person in (ada, bea):
        with pytest.raises(NotAllowedError):
            confirm(desk, person.to("account.confirm"), request)
    with desk.store.reading() as db:
        assert administrators(db) == 2


# races


def test_two_administrators_suspending_each_other_have_one_outcome(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, _ = three
    one, other = ada.to("account.suspend"), bea.to("account.suspend")
    assert outcomes(
        lambda: suspend(ada.desk, one, account=bea.account, grounds=WHY),
        lambda: suspend(ada.desk, other, account=ada.account, grounds=WHY),
    ) == ["desk-not-allowed", "done"]


def test_two_administrators_changing_one_account_have_one_outcome(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, _ = three
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    one, other = ada.to("account.roles"), bea.to("account.roles")
    had = frozenset({Role.REQUESTER})
    assert outcomes(
        lambda: change_roles(
            desk, one, account=rob.account, had=had, roles=frozenset({Role.APPROVER})
        ),
        lambda: change_roles(
            desk, other, account=rob.account, had=had, roles=frozenset({Role.AUDITOR})
        ),
    ) == ["desk-state", "done"]
    with desk.store.reading() as db:
        assert len(roles_of(db, rob.account)) == 1


def test_two_confirming_one_request_have_one_outcome(
    three: tuple[Person, Person, Person],
) -> None:
    ada, bea, cy = three
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    request = ask_replacement(
        desk, ada.to("account.replace-passkey"), account=rob.account, grounds=WHY
    )
    one, other = bea.to("account.confirm"), cy.to("account.confirm")
    assert outcomes(
        lambda: confirm(desk, one, request), lambda: confirm(desk, other, request)
    ) == ["desk-state", "done"]


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.xdist_group("postgres")
def test_on_postgresql_too_races_have_one_outcome(tmp_path: Path, clock: Any) -> None:
    with cluster() as dsn:
        host = dsn.split()[0].removeprefix("host=")
        url = f"postgresql+psycopg://tests@/postgres?host={host}"
        with opened(tmp_path, clock, url) as desk:
            ada = first(desk)
            code = invite(desk, ada.to("account.invite"), name="Bea", roles=A)
            people, works = [Person(desk, "Bea") for _ in range(2)], []
            for person in people:
                ceremony = begin_join(desk, PARTY, code)
                answer = person.device.create(ceremony.options)
                works.append(lambda c=ceremony.id, a=answer: finish_join(desk, PARTY, c, a))
            assert outcomes(*works) == ["desk-code-refused", "done"]
            with desk.store.reading() as db:
                made = db.scalars(
                    select(Passkey).join(Account, Account.id == Passkey.account)
                    .where(Account.name == "Bea")
                ).one()  # fmt: skip
            bea = next(each for each in people if made.credential in each.device.keys)
            bea.account = made.account
            bea.sign_in()
            cy = third(ada, bea, "Cy")
            test_two_confirming_one_request_have_one_outcome((ada, bea, cy))
            test_two_administrators_suspending_each_other_have_one_outcome((ada, bea, cy))


# passkeys of one's own


def test_a_second_device_takes_the_first_and_works_alone(ada: Person) -> None:
    desk = ada.desk
    with pytest.raises(NotAllowedError):
        begin_own_passkey(desk, PARTY, authenticate(desk, ada.token))
    ceremony = begin_own_passkey(desk, PARTY, ada.to("account.own-passkey"))
    spare = Authenticator()
    made = finish_own_passkey(desk, PARTY, ada.token, ceremony.id, spare.create(ceremony.options))
    assert len(own_account(desk, authenticate(desk, ada.token)).passkeys) == 2
    old = next(each.id for each in own_account(desk, authenticate(desk, ada.token)).passkeys
               if each.id != made)  # fmt: skip
    first_device, ada.device = ada.device, spare
    ada.sign_in()
    revoke_own_passkey(desk, ada.to("account.own-passkey"), passkey=old, grounds=WHY)
    ada.device = first_device
    with pytest.raises(SignInError):
        ada.sign_in()


def test_no_more_devices_than_there_may_be_however_many_were_begun(ada: Person) -> None:
    desk = ada.desk
    begun = [
        begin_own_passkey(desk, PARTY, ada.to("account.own-passkey")) for _ in range(MOST_PASSKEYS)
    ]
    for n, ceremony in enumerate(begun, 2):
        answer = Authenticator().create(ceremony.options)
        if n <= MOST_PASSKEYS:
            finish_own_passkey(desk, PARTY, ada.token, ceremony.id, answer)
        else:
            with pytest.raises(StateError):
                finish_own_passkey(desk, PARTY, ada.token, ceremony.id, answer)
    assert len(own_account(desk, authenticate(desk, ada.token)).passkeys) == MOST_PASSKEYS


def test_a_second_device_is_added_in_the_session_that_asked(ada: Person) -> None:
    desk, rob = ada.desk, joined(ada, "Rob", Role.REQUESTER)
    ceremony = begin_own_passkey(desk, PARTY, ada.to("account.own-passkey"))
    with pytest.raises(CodeRefusedError):
        finish_own_passkey(
            desk, PARTY, rob.token, ceremony.id, Authenticator().create(ceremony.options)
        )


def test_a_registration_for_a_session_makes_no_account(ada: Person) -> None:
    ceremony = begin_own_passkey(ada.desk, PARTY, ada.to("account.own-passkey"))
    with pytest.raises(CodeRefusedError):
        finish_join(ada.desk, PARTY, ceremony.id, Authenticator().create(ceremony.options))


def test_nobody_revokes_anothers_passkey_as_their_own(ada: Person) -> None:
    rob = joined(ada, "Rob", Role.REQUESTER)
    with pytest.raises(StateError):
        revoke_own_passkey(
            ada.desk, rob.to("account.own-passkey"), passkey=ada.passkey(), grounds=WHY
        )
    revoke_passkey(ada.desk, ada.to("account.revoke-passkey"), passkey=rob.passkey(), grounds=WHY)
    with pytest.raises(StateError):
        revoke_passkey(
            ada.desk, ada.to("account.revoke-passkey"), passkey=rob.passkey(), grounds=WHY
        )


# whatever is done, in whatever order


def holds(desk: Desk) -> None:
    """What must be true of the tables at every moment."""
    with desk.store.reading() as db:
        for account in db.scalars(select(Account)):
            check_roles(roles_of(db, account.id))
            live = select(SessionRow).where(
                SessionRow.account == account.id, SessionRow.ended_at.is_(None)
            )
            for session in db.scalars(live):
                assert account.state == AccountState.ACTIVE
                assert db.get_one(Passkey, session.passkey).state == "active"
        assert administrators(db) >= 1


_DEEDS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=7
)


@settings(
    max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(_DEEDS)
def test_no_order_of_deeds_breaks_what_must_hold(
    tmp_path_factory: pytest.TempPathFactory, clock: Any, deeds: list[tuple[int, int, int]]
) -> None:
    with opened(tmp_path_factory.mktemp("desk"), clock) as desk:
        ada = first(desk)
        bea = joined(ada, "Bea", Role.ADMINISTRATOR)
        people = [ada, bea, third(ada, bea, "Cy"), joined(ada, "Rob", Role.REQUESTER)]
        asked: list[str] = []
        for deed, by, on in deeds:
            with contextlib.suppress(CountenanceError):
                do(people[by], people[on], deed, asked)
            holds(desk)


def do(by: Person, on: Person, deed: int, asked: list[str]) -> None:
    desk, about = by.desk, {"account": on.account}
    if deed == 0:
        suspend(desk, by.to("account.suspend"), grounds=WHY, **about)
    elif deed == 1:
        restore(desk, by.to("account.suspend"), grounds=WHY, **about)
    elif deed == 2:
        asked.append(ask_closing(desk, by.to("account.close"), grounds=WHY, **about))
    elif deed == 3:
        roles = frozenset({Role.AUDITOR})
        asked.append(ask_roles(desk, by.to("account.roles"), roles=roles, grounds=WHY, **about))
    elif deed == 4:
        confirm(desk, by.to("account.confirm"), asked[-1] if asked else "")
    elif deed == 5:
        revoke_passkey(desk, by.to("account.revoke-passkey"), passkey=on.passkey(), grounds=WHY)
    else:
        on.sign_in()


@contextlib.contextmanager
def opened(folder: Path, clock: Any, url: str = "") -> Iterator[Desk]:
    store = Store.open(url or f"sqlite:///{folder / 'desk.db'}")
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signer = Ed25519Signer.from_private_key("desk.example/log", key)
    vault = SQLiteVault(folder / "vault.db", clock=lambda: int(clock().timestamp()))
    with Log.open(FolderStorage(folder / "log"), signer) as log:
        yield Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)
    store.close()
