"""Signing in, stepping up, and the end of sessions: everything a thief or a copy would try."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from authenticator import BE, BS, MANAGED, UP, UV, Authenticator, Maker
from casework import ANNA, house, submitted
from people import PARTY, Person, altered, entries, first, joined, trained
from sqlalchemy import select, update

from countenance.core import IntegrityError
from countenance.desk.account_tables import Account, Passkey, PasskeyState, SessionRow
from countenance.desk.accounts import (
    change_roles,
    close,
    list_accounts,
    revoke_passkey,
    suspend,
)
from countenance.desk.approval_signatures import (
    PasskeyApprovals,
    begin_approval,
    finish_approval,
    verify_approval,
)
from countenance.desk.approvals import approve
from countenance.desk.ceremonies import Challenge, Refused, SignInError, tell_refusals
from countenance.desk.decisions import begin
from countenance.desk.errors import NotAllowedError
from countenance.desk.invitations import invite
from countenance.desk.proofs import ApprovalProof, check_approval
from countenance.desk.roles import Role
from countenance.desk.service import Desk, allow
from countenance.desk.sessions import (
    authenticate,
    begin_sign_in,
    begin_step_up,
    finish_sign_in,
    finish_step_up,
    sign_out,
)
from countenance.law import Decision
from countenance.record import Log

DIGEST = "ab" * 32


def refused(desk: Desk) -> list[str]:
    with desk.store.reading() as db:
        return sorted(db.scalars(select(Refused.reason)))


def test_signing_in_makes_an_actor_from_the_database_and_is_in_the_log(
    desk: Desk, log: Log
) -> None:
    ada = first(desk)
    actor = authenticate(desk, ada.token)
    assert (actor.account, actor.roles) == (ada.account, {Role.ADMINISTRATOR})
    assert actor.stepped_up_at is None
    kinds = [entry.kind for entry in entries(log)]
    assert kinds == [
        "account-invited", "account-joined", "access-changed", "passkey-changed", "signed-in",
    ]  # fmt: skip
    raw = b"".join(log.entry(index) for index in range(log.size))
    assert b"Ada" not in raw
    assert ada.account.encode() not in raw


def test_the_token_is_nowhere_in_the_database(desk: Desk) -> None:
    ada = first(desk)
    with desk.store.reading() as db:
        row = db.scalars(select(SessionRow)).one()
    assert ada.token not in repr(vars(row))
    assert ada.token not in repr(finish_sign_in_again(ada))


def finish_sign_in_again(person: Person) -> object:
    ceremony = begin_sign_in(person.desk, person.party)
    return finish_sign_in(
        person.desk, person.party, ceremony.id, person.device.get(ceremony.options)
    )


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        ({"origin": "https://desk.example.evil.example"}, "origin"),
        ({"origin": "http://desk.example"}, "origin"),
        ({"rp_id": "evil.example"}, "answer"),
        ({"cross_origin": True}, "answer"),
        ({"flags": UP}, "answer"),
        ({"flags": UV}, "answer"),
        ({"flags": UP | UV | BE}, "synced"),
        ({"flags": UP | UV | BE | BS}, "synced"),
        ({"flags": UP | UV | BS}, "answer"),
    ],
)
def test_an_answer_that_is_not_quite_right_is_none(
    desk: Desk, hostile: dict[str, object], reason: str
) -> None:
    ada = first(desk)
    with pytest.raises(SignInError):
        ada.sign_in(**hostile)
    assert refused(desk) == [reason]
    ada.sign_in()


def test_f3_a_device_taken_off_the_list_signs_in_no_more(desk: Desk) -> None:
    maker = Maker()
    listed = dataclasses.replace(PARTY, models={MANAGED: ()})
    with_proof = dataclasses.replace(PARTY, models={MANAGED: (maker.root_pem,)})
    another = dataclasses.replace(PARTY, models={"1" + MANAGED[1:]: ()})
    ada = first(desk)
    ada.party = listed
    with pytest.raises(SignInError):
        ada.sign_in()
    bob = Person(desk, "Bob", party=listed, device=Authenticator(model=MANAGED))
    ada.party = PARTY
    ada.sign_in()
    bob.join(invite(desk, ada.to("account.invite"), name="Bob", roles=frozenset({Role.EXAMINER})))
    bob.sign_in()
    for party in (with_proof, another):  # that it was of the model, only its browser said
        bob.party = party
        with pytest.raises(SignInError):
            bob.sign_in()
    bob.party = PARTY
    bob.sign_in()
    assert refused(desk) == ["model"]


def test_no_synced_passkey_once_the_deployment_allows_none(desk: Desk) -> None:
    synced = dataclasses.replace(PARTY, synced=True)
    ada = first(desk)
    bob = Person(desk, "Bob", party=synced, device=Authenticator(flags=UP | UV | BE))
    bob.join(invite(desk, ada.to("account.invite"), name="Bob", roles=frozenset({Role.EXAMINER})))
    bob.sign_in()
    bob.party = PARTY
    with pytest.raises(SignInError):
        bob.sign_in()


def test_every_refusal_reads_the_same(desk: Desk) -> None:
    ada = first(desk)
    stranger = Person(desk, "Stranger", device=Authenticator())
    stranger.device.create({"rp": {"id": "desk.example"}, "user": {"id": "AA"}, "challenge": "AA"})
    said = set()
    for attempt in (
        lambda: ada.sign_in(flags=UP),
        stranger.sign_in,
        lambda: finish_sign_in(desk, PARTY, "0" * 32, "{}"),
        lambda: finish_sign_in(desk, PARTY, "\x00" * 32, "\ud800"),
        lambda: authenticate(desk, "no token"),
        lambda: authenticate(desk, "\ud800\x00"),
        lambda: begin_step_up(desk, PARTY, "", action="account.invite"),
    ):
        with pytest.raises(SignInError) as error:
            attempt()
        said.add(str(error.value))
    assert len(said) == 1


def test_a_replayed_assertion_is_refused(desk: Desk) -> None:
    ada = first(desk)
    ceremony = begin_sign_in(desk, PARTY)
    answer = ada.device.get(ceremony.options)
    finish_sign_in(desk, PARTY, ceremony.id, answer)
    for again in (ceremony.id, begin_sign_in(desk, PARTY).id):
        with pytest.raises(SignInError):
            finish_sign_in(desk, PARTY, again, answer)


def test_a_challenge_is_burnt_by_a_wrong_answer(desk: Desk) -> None:
    ada = first(desk)
    ceremony = begin_sign_in(desk, PARTY)
    with pytest.raises(SignInError):
        finish_sign_in(desk, PARTY, ceremony.id, "{}")
    with pytest.raises(SignInError):
        finish_sign_in(desk, PARTY, ceremony.id, ada.device.get(ceremony.options))


def test_a_challenge_is_good_for_two_minutes_and_not_before_it_was_made(
    desk: Desk, clock: Any
) -> None:
    ada = first(desk)
    for seconds in (121, -6):
        ceremony = begin_sign_in(desk, PARTY)
        clock.move(seconds=seconds)
        with pytest.raises(SignInError):
            finish_sign_in(desk, PARTY, ceremony.id, ada.device.get(ceremony.options))
        clock.move(seconds=-seconds)


def test_a_challenge_for_one_purpose_is_good_for_no_other(desk: Desk) -> None:
    ada = first(desk)
    for_sign_in = begin_sign_in(desk, PARTY)
    with pytest.raises(SignInError):
        finish_step_up(desk, PARTY, ada.token, for_sign_in.id, ada.device.get(for_sign_in.options))
    for_step_up = begin_step_up(desk, PARTY, ada.token, action="account.invite")
    with pytest.raises(SignInError):
        finish_sign_in(desk, PARTY, for_step_up.id, ada.device.get(for_step_up.options))


def test_challenges_that_nobody_answers_are_swept_away(desk: Desk, clock: Any) -> None:
    for _ in range(3):
        begin_sign_in(desk, PARTY)
        clock.move(minutes=5)
    with desk.store.reading() as db:
        assert len(db.scalars(select(Challenge)).all()) == 1


def test_another_persons_passkey_under_ones_own_name_is_refused(desk: Desk) -> None:
    ada = first(desk)
    rob = joined(ada, "Rob Requester", Role.REQUESTER)
    ceremony = begin_sign_in(desk, PARTY)
    mine = ada.device.get(ceremony.options)
    answer = altered(rob.device.get(ceremony.options), lambda found: found["response"].update(
        userHandle=json.loads(mine)["response"]["userHandle"]
    ))  # fmt: skip
    with pytest.raises(SignInError):
        finish_sign_in(desk, PARTY, ceremony.id, answer)
    assert refused(desk) == ["unknown"]


def test_another_persons_passkey_does_not_step_up_a_session(desk: Desk) -> None:
    ada = first(desk)
    rob = joined(ada, "Rob Requester", Role.REQUESTER)
    ceremony = begin_step_up(desk, PARTY, ada.token, action="account.invite")
    answer = rob.device.get({**ceremony.options, "allowCredentials": []})
    with pytest.raises(SignInError):
        finish_step_up(desk, PARTY, ada.token, ceremony.id, answer)
    assert refused(desk) == ["unknown"]


def test_a_step_up_of_one_session_is_none_of_another(desk: Desk) -> None:
    ada = first(desk)
    old = ada.token
    ada.sign_in()
    ceremony = begin_step_up(desk, PARTY, old, action="account.invite")
    with pytest.raises(SignInError):
        finish_step_up(desk, PARTY, ada.token, ceremony.id, ada.device.get(ceremony.options))


def test_a_cloned_passkey_is_found_out_and_neither_device_works_again(
    desk: Desk, log: Log
) -> None:
    ada = first(desk)
    rob = joined(ada, "Rob Requester", Role.REQUESTER)
    thief = Person(desk, "Thief", device=rob.device.clone())
    rob.sign_in()
    token = rob.token
    with pytest.raises(SignInError):
        thief.sign_in()  # the same count again
    with pytest.raises(SignInError):
        authenticate(desk, token)  # the sessions of the passkey have ended
    with pytest.raises(SignInError):
        rob.sign_in()
    changes = [dict(entry.public) for entry in entries(log, "passkey-changed", "account-changed")]
    assert [each["change"] for each in changes][-2:] == ["doubted", "flagged"]
    view = next(
        each for each in list_accounts(desk, ada.to("account.list")) if each.id == rob.account
    )
    assert view.flagged_at is not None
    assert view.passkeys[0].state == "doubted"


def test_nobody_can_cast_doubt_without_the_key(desk: Desk) -> None:
    ada = first(desk)
    ceremony = begin_sign_in(desk, PARTY)
    forged = altered(
        ada.device.get(ceremony.options, count=1),
        lambda found: found["response"].update(signature="AAAA"),
    )
    with pytest.raises(SignInError):
        finish_sign_in(desk, PARTY, ceremony.id, forged)
    ada.sign_in()


def test_an_authenticator_that_does_not_count_signs_in_and_one_that_stops_does_not(
    desk: Desk,
) -> None:
    ada = first(desk)
    code = invite(desk, ada.to("account.invite"), name="Una", roles=frozenset({Role.AUDITOR}))
    una = Person(desk, "Una", device=Authenticator(counting=False)).join(code)
    una.sign_in().sign_in()
    with pytest.raises(SignInError):
        ada.sign_in(count=0)


def test_the_token_changes_at_every_step_so_that_a_planted_one_is_worthless(desk: Desk) -> None:
    ada = first(desk)
    before = ada.token
    ada.step_up("account.invite")
    assert ada.token != before
    with pytest.raises(SignInError):
        authenticate(desk, before)
    authenticate(desk, ada.token)


def test_signing_in_again_ends_this_browsers_session_and_no_other(desk: Desk) -> None:
    ada = first(desk)
    here, there = ada.token, ada.sign_in().token
    ceremony = begin_sign_in(desk, PARTY)
    again = finish_sign_in(
        desk, PARTY, ceremony.id, ada.device.get(ceremony.options), instead_of=here
    )
    with pytest.raises(SignInError):
        authenticate(desk, here)
    assert authenticate(desk, there).account == authenticate(desk, again.token).account


def test_a_step_up_is_for_one_action_once(desk: Desk) -> None:
    ada = first(desk)
    ada.step_up("account.invite")
    now = desk.clock()
    with pytest.raises(NotAllowedError):
        allow(authenticate(desk, ada.token, action="account.roles"), "account.roles", now)
    allow(authenticate(desk, ada.token, action="account.invite"), "account.invite", now)
    with pytest.raises(NotAllowedError):
        allow(authenticate(desk, ada.token, action="account.invite"), "account.invite", now)


def test_one_step_up_raced_by_two_requests_is_spent_by_one(desk: Desk) -> None:
    ada = first(desk)
    ada.step_up("account.invite")
    barrier, spent = threading.Barrier(4), []

    def request() -> None:
        barrier.wait()
        actor = authenticate(desk, ada.token, action="account.invite")
        spent.append(actor.stepped_up_at is not None)

    run(request, request, request, request)
    assert sorted(spent) == [False, False, False, True]


def run(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("minutes", [15.1, -0.2, 8 * 60 + 1, 60 * 24 * 365])
def test_a_session_that_is_over_stays_over_when_the_clock_goes_back(
    desk: Desk, clock: Any, minutes: float
) -> None:
    ada = first(desk)
    clock.move(minutes=minutes)
    with pytest.raises(SignInError):
        authenticate(desk, ada.token)
    clock.move(minutes=-minutes)
    with pytest.raises(SignInError):
        authenticate(desk, ada.token)


def test_a_session_in_use_ends_after_eight_hours_all_the_same(desk: Desk, clock: Any) -> None:
    ada = first(desk)
    for _ in range(48):
        clock.move(minutes=10)
        authenticate(desk, ada.token)
    clock.move(minutes=1)
    with pytest.raises(SignInError):
        authenticate(desk, ada.token)


def test_a_session_ends_with_its_passkey_and_its_account(desk: Desk) -> None:
    ada = first(desk)
    rob, una = joined(ada, "Rob", Role.REQUESTER), joined(ada, "Una", Role.AUDITOR)
    actor = authenticate(desk, rob.token)
    revoke_passkey(
        desk, ada.to("account.revoke-passkey"), passkey=rob.passkey(), grounds="lost in a taxi"
    )
    suspend(desk, ada.to("account.suspend"), account=una.account, grounds="under inquiry")
    for person in (rob, una):
        with pytest.raises(SignInError):
            authenticate(desk, person.token)
        with pytest.raises(SignInError):
            person.sign_in()
    assert refused(desk) == ["account", "passkey"]
    assert actor.account == rob.account  # made before: `still` refuses it, see test_accounts


def test_a_session_whose_passkey_row_says_revoked_is_none(desk: Desk) -> None:
    """Even if nobody had ended the session."""
    ada = first(desk)
    desk.store.write(lambda db: db.execute(update(Passkey).values(state="revoked")))
    with pytest.raises(SignInError):
        authenticate(desk, ada.token)


def test_roles_and_training_are_those_of_now(desk: Desk) -> None:
    ada = first(desk)
    rob = joined(ada, "Rob", Role.REQUESTER)
    assert authenticate(desk, rob.token).training == {}
    trained(ada, rob, "requester")
    assert set(authenticate(desk, rob.token).training) == {"requester"}


def test_signing_out(desk: Desk, log: Log) -> None:
    ada = first(desk)
    sign_out(desk, ada.token)
    sign_out(desk, ada.token)
    with pytest.raises(SignInError):
        authenticate(desk, ada.token)
    assert len(list(entries(log, "session-ended"))) == 1


def test_refusals_are_told_as_counts_when_their_hour_is_over(
    desk: Desk, log: Log, clock: Any
) -> None:
    ada = first(desk)
    for _ in range(3):
        with pytest.raises(SignInError):
            ada.sign_in(flags=UP)
    tell_refusals(desk)
    assert not list(entries(log, "sign-ins-refused"))
    clock.move(hours=1)
    tell_refusals(desk)
    tell_refusals(desk)
    told = [dict(entry.public) for entry in entries(log, "sign-ins-refused")]
    assert told == [{"reason": "answer", "refused": 3, "since": "2026-11-23T09:00:00Z"}]


def test_nobody_is_let_in_by_what_is_not_in_the_log(desk: Desk, log: Log) -> None:
    """As after a crash between the commit and the log."""
    ada = first(desk)
    size = log.size
    desk.store.write(
        lambda db: desk.recorder.add(db, "signed-in", private={"account": ada.account})
    )
    authenticate(desk, ada.token)
    assert log.size == size + 1


# approvals


def approval(person: Person, digest: str = DIGEST) -> None:
    ceremony = begin_approval(
        person.desk, PARTY, person.token, action="request.approve", digest=digest
    )
    person.token = finish_approval(
        person.desk, PARTY, person.token, ceremony.id, person.device.get(ceremony.options)
    ).token


def proven(person: Person, digest: str = DIGEST) -> ApprovalProof:
    actor = authenticate(person.desk, person.token, action="request.approve")
    verifier = PasskeyApprovals(PARTY, person.desk.clock)
    return person.desk.store.write(lambda db: verifier.verify(db, actor, digest=digest))


def test_an_approval_is_a_signature_over_the_digest_that_anybody_can_check(desk: Desk) -> None:
    ann = joined(first(desk), "Ann", Role.APPROVER)
    approval(ann)
    proof = proven(ann)
    parts = (proof.authenticator_data, proof.client_data_json, proof.signature)
    check_approval(proof.public_key, DIGEST, *parts)
    check_approval(proof.public_key, DIGEST, *parts, rp_id="desk.example", origins=PARTY.origins)
    assert PasskeyApprovals(PARTY, desk.clock).holds(proof, digest=DIGEST)
    for key, digest, rp_id, origins in (
        (proof.public_key, "ac" * 32, None, ()),
        (proof.public_key, DIGEST, "other.example", ()),
        (proof.public_key, DIGEST, None, ("https://other.example",)),
        (b"no key", DIGEST, None, ()),
        (proof.public_key, DIGEST.upper(), None, ()),
    ):
        with pytest.raises(IntegrityError):
            check_approval(key, digest, *parts, rp_id=rp_id, origins=origins)
    for index, part in enumerate(parts):
        for at in range(0, len(part), 7):
            bent = list(parts)
            bent[index] = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
            with pytest.raises(IntegrityError):
                check_approval(proof.public_key, DIGEST, *bent)


def test_an_approval_is_a_step_up_for_its_action_and_counts_once(desk: Desk) -> None:
    ann = joined(first(desk), "Ann", Role.APPROVER)
    approval(ann)
    actor = authenticate(desk, ann.token, action="request.approve")
    assert actor.stepped_up_at == desk.clock()
    proven(ann)
    with pytest.raises(NotAllowedError):
        proven(ann)
    with pytest.raises(SignInError):
        approval(ann)  # the same digest by the same passkey again


def test_no_approval_without_a_signature_of_this_person_over_this_digest_now(
    desk: Desk, clock: Any
) -> None:
    ada = first(desk)
    ann, bob = joined(ada, "Ann", Role.APPROVER), joined(ada, "Bob", Role.APPROVER)
    approval(ann)
    for person, digest in ((bob, DIGEST), (ann, "cd" * 32)):
        with pytest.raises(NotAllowedError):
            proven(person, digest)
    clock.move(seconds=121)
    with pytest.raises(NotAllowedError):
        proven(ann)
    approval(ann)  # not spent yet, so it may be given again
    revoke_passkey(
        desk, ada.to("account.revoke-passkey"), passkey=ann.passkey(), grounds="stolen in Rome"
    )
    actor = authenticate(desk, bob.token)
    with desk.store.reading() as db, pytest.raises(NotAllowedError):
        verify_approval(db, actor, DIGEST, now=desk.clock(), party=PARTY)


def test_a_request_is_approved_with_a_real_passkey_and_by_no_old_signature(desk: Desk) -> None:
    of = house(approvals=PasskeyApprovals(PARTY, desk.clock))
    ada = first(desk)
    ann = joined(ada, "Ann", Role.APPROVER)
    trained(ada, ann, "approver")
    made = submitted(desk, of)
    approval(ann, DIGEST)  # of something else
    actor = authenticate(desk, ann.token, action="request.approve")
    with pytest.raises(NotAllowedError):
        approve(desk, actor, made.id, house=of, digest=made.digest, assertion=None)
    approval(ann, made.digest)
    actor = authenticate(desk, ann.token, action="request.approve")
    until = approve(desk, actor, made.id, house=of, digest=made.digest, assertion=None)
    assert until == desk.clock() + datetime.timedelta(hours=24)


def test_an_approval_rolled_back_can_be_counted_again(desk: Desk) -> None:
    ann = joined(first(desk), "Ann", Role.APPROVER)
    approval(ann)
    actor = authenticate(desk, ann.token, action="request.approve")

    def failing(db: object) -> None:
        verify_approval(db, actor, DIGEST, now=desk.clock(), party=PARTY)  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        desk.store.write(failing)
    proven(ann)


def test_a_sign_in_is_no_approval(desk: Desk) -> None:
    """A random challenge is not the digest, whatever the desk says it was for."""
    ann = joined(first(desk), "Ann", Role.APPROVER)
    ceremony = begin_approval(desk, PARTY, ann.token, action="request.approve", digest=DIGEST)
    other = begin_sign_in(desk, PARTY)
    with pytest.raises(SignInError):
        finish_approval(desk, PARTY, ann.token, ceremony.id, ann.device.get(other.options))


def test_a_digest_that_is_none_is_not_signed(desk: Desk) -> None:
    ann = joined(first(desk), "Ann", Role.APPROVER)
    for digest in ("", "ab" * 31, "AB" * 32, "zz" * 32):
        with pytest.raises(IntegrityError):
            begin_approval(desk, PARTY, ann.token, action="request.approve", digest=digest)
    with pytest.raises(NotAllowedError):
        begin_approval(desk, PARTY, ann.token, action="no such action", digest=DIGEST)


def test_a_suspended_account_keeps_its_row(desk: Desk) -> None:
    ada = first(desk)
    rob = joined(ada, "Rob", Role.REQUESTER)
    suspend(desk, ada.to("account.suspend"), account=rob.account, grounds="under inquiry")
    with desk.store.reading() as db:
        assert db.get_one(Account, rob.account).state == "suspended"


@pytest.mark.parametrize("ended", ["revoked", "doubted", "suspended", "role", "closed"])
def test_an_approval_ends_with_the_key_and_the_office_of_who_gave_it(
    desk: Desk, ended: str
) -> None:
    of = house(approvals=PasskeyApprovals(PARTY, desk.clock))
    ada = first(desk)
    ann = joined(ada, "Ann", Role.APPROVER)
    trained(ada, ann, "approver")
    made = submitted(desk, of)
    approval(ann, made.digest)
    actor = authenticate(desk, ann.token, action="request.approve")
    approve(desk, actor, made.id, house=of, digest=made.digest, assertion=None)
    why = "left behind in a train"
    if ended == "revoked":
        revoke_passkey(desk, ada.to("account.revoke-passkey"), passkey=ann.passkey(), grounds=why)
    elif ended == "doubted":
        desk.store.write(
            lambda db: db.execute(update(Passkey).where(Passkey.account == ann.account)
                                  .values(state=PasskeyState.DOUBTED))
        )  # fmt: skip
    elif ended == "suspended":
        suspend(desk, ada.to("account.suspend"), account=ann.account, grounds=why)
    elif ended == "role":
        change_roles(desk, ada.to("account.roles"), account=ann.account,
                     had=frozenset({Role.APPROVER}), roles=frozenset({Role.EXAMINER}))  # fmt: skip
    else:
        close(desk, ada.to("account.close"), account=ann.account, grounds=why)
    found = begin(desk, ANNA, made.id, house=of)
    assert isinstance(found, Decision)
    assert not found.permitted
    assert any("second person" in reason.sentence for reason in found.reasons)


def test_a_step_up_for_one_action_does_no_other(desk: Desk) -> None:
    ada = first(desk)
    bob = joined(ada, "Bob", Role.EXAMINER)
    actor = ada.to("account.training")
    for call in (
        lambda: suspend(desk, actor, account=bob.account, grounds="a step-up of another kind"),
        lambda: invite(desk, actor, name="Eve Other", roles=frozenset({Role.APPROVER})),
    ):
        with pytest.raises(NotAllowedError, match="passkey"):
            call()
