"""An approval is a step-up whose challenge is the digest of what is approved.

So one touch of the passkey does both. The signature is checked and kept first (`finish_approval`),
at the door, where a copied passkey is found out even if the approval then fails; it is spent by
whoever counts the approval, in that transaction (`PasskeyApprovals.verify`). What is kept is
enough for anybody to check it again, without the desk (`proofs.check_approval`).
"""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import IntegrityError
from countenance.desk.account_tables import (
    Account,
    AccountState,
    Passkey,
    PasskeyState,
    roles_of,
    within,
)
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.ceremonies import Ceremony, Purpose, SignInError, at_the_door
from countenance.desk.clock import Clock
from countenance.desk.errors import NotAllowedError
from countenance.desk.passkeys import Answer, RefusedAnswerError, RelyingParty, spki_of
from countenance.desk.proofs import ApprovalProof, check_approval, digest_challenge
from countenance.desk.roles import Role
from countenance.desk.service import STEP_UP_S, Actor, Desk, Doing
from countenance.desk.sessions import Live, SignedIn, answered, ask_again, stepped_up


class ApprovalSignature(Base):
    """A passkey's signature over a digest; spent when an approval was counted by it."""

    __tablename__ = "approval_signatures"
    __table_args__ = (UniqueConstraint("passkey", "digest"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    passkey: Mapped[str] = mapped_column(ForeignKey("passkeys.id"))
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    digest: Mapped[str] = mapped_column(String(64))
    authenticator_data: Mapped[bytes] = mapped_column(LargeBinary)
    client_data_json: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime.datetime] = mapped_column(UTC)
    spent_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)


def begin_approval(
    desk: Desk, party: RelyingParty, token: str, *, action: str, digest: str
) -> Ceremony:
    """Ask the session's passkey to sign a digest (64 hex digits): it is the challenge.

    `action` is what the signature steps up for, as ``request.approve``. Raises SignInError, and
    IntegrityError where it is no digest.
    """
    return ask_again(
        desk, party, token, Purpose.APPROVE, action=action, challenge=digest_challenge(digest)
    )


def finish_approval(
    desk: Desk, party: RelyingParty, token: str, ceremony: str, answer: str
) -> SignedIn:
    """Keep the signature and step up; the session goes on under a new token.

    Raises SignInError, also where an approval of this digest by this passkey was counted before.
    """

    def work(doing: Doing) -> SignedIn:
        live, challenge, given = answered(doing, party, token, Purpose.APPROVE, ceremony, answer)
        _keep(doing, live, challenge.challenge.hex(), given)
        return stepped_up(doing, live, challenge.action)

    return at_the_door(desk, work, sorry=SignInError())


def verify_approval(
    db: Session, actor: Actor, digest: str, *, now: datetime.datetime, party: RelyingParty
) -> ApprovalProof:
    """The signature over this digest that the actor gave in this session; it is spent by this.

    To be called in the transaction that counts the approval. The signature is checked again, as
    anybody can. Raises NotAllowedError: none was given just now, or it was spent.
    """
    row = db.scalar(
        select(ApprovalSignature).where(
            ApprovalSignature.account == actor.account, ApprovalSignature.digest == digest,
            ApprovalSignature.session == actor.session, ApprovalSignature.spent_at.is_(None),
        )
    )  # fmt: skip
    passkey = None if row is None else db.get(Passkey, row.passkey)
    if (
        row is None or passkey is None or passkey.state != PasskeyState.ACTIVE
        or not within(row.signed_at, now, STEP_UP_S)
    ):  # fmt: skip
        raise NotAllowedError(
            "your passkey has not signed exactly this", do="confirm with your passkey"
        )
    proof = ApprovalProof(
        spki_of(passkey.public_key), row.authenticator_data, row.client_data_json, row.signature
    )
    check_approval(
        proof.public_key, digest, proof.authenticator_data, proof.client_data_json,
        proof.signature, rp_id=party.id, origins=party.origins,
    )  # fmt: skip
    row.spent_at = now
    return proof


class PasskeyApprovals:
    """What the case side needs of accounts: who signed what, and does a kept signature hold."""

    def __init__(self, party: RelyingParty, clock: Clock) -> None:
        self._party = party
        self._clock = clock

    def verify(
        self, db: Session, actor: Actor, *, digest: str, assertion: object = None
    ) -> ApprovalProof:
        """See `verify_approval`. The answer itself was given to `finish_approval` before."""
        del assertion
        return verify_approval(db, actor, digest, now=self._clock(), party=self._party)

    def holds(self, proof: ApprovalProof, *, digest: str) -> bool:
        """Whether a kept proof is a signature over this digest, given here."""
        try:
            check_approval(
                proof.public_key, digest, proof.authenticator_data, proof.client_data_json,
                proof.signature, rp_id=self._party.id, origins=self._party.origins,
            )  # fmt: skip
        except IntegrityError:
            return False
        return True

    def stands(self, db: Session, proof: ApprovalProof, *, approver: str) -> bool:
        """Whether the account may still approve, and its key was neither revoked nor doubted."""
        account = db.get(Account, approver)
        if account is None or account.state != AccountState.ACTIVE:
            return False
        keys = db.scalars(
            select(Passkey.public_key).where(
                Passkey.account == approver, Passkey.state == PasskeyState.ACTIVE
            )
        )
        return Role.APPROVER in roles_of(db, approver) and proof.public_key in map(spki_of, keys)


def _keep(doing: Doing, live: Live, digest: str, given: Answer) -> None:
    row = doing.db.scalar(
        select(ApprovalSignature).where(
            ApprovalSignature.passkey == live.passkey.id, ApprovalSignature.digest == digest
        )
    )
    if row is None:
        row = ApprovalSignature(
            id=new_id(), account=live.account.id, passkey=live.passkey.id, digest=digest
        )
        doing.db.add(row)
    elif row.spent_at is not None:
        raise RefusedAnswerError("spent")
    row.session, row.signed_at = live.row.id, doing.now
    row.authenticator_data = given.authenticator_data
    row.client_data_json, row.signature = given.client_data_json, given.signature
