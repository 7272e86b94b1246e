"""A second device of one's own, so that a lost one does not shut its owner out.

It takes the first: a step-up for ``account.own-passkey``. Whatever the relying party asks of a
first passkey it asks of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from countenance.desk.account_tables import Passkey, PasskeyState, still
from countenance.desk.ceremonies import (
    Ceremony,
    Purpose,
    at_the_door,
    give_challenge,
    refuse_if_down,
    take_challenge,
)
from countenance.desk.errors import StateError
from countenance.desk.invitations import CodeRefusedError, add_passkey, register
from countenance.desk.passkeys import RefusedAnswerError, RelyingParty, registration_options
from countenance.desk.service import Actor, Desk, Doing, allow
from countenance.desk.sessions import find_live

MOST_PASSKEYS: Final = 3


def begin_own_passkey(desk: Desk, party: RelyingParty, actor: Actor) -> Ceremony:
    """What the browser needs to make another passkey.

    Raises NotAllowedError without a step-up for ``account.own-passkey``, StateError where there
    are enough.
    """
    allow(actor, "account.own-passkey", desk.clock())

    def work(doing: Doing) -> Ceremony:
        refuse_if_down(doing)
        doing = Doing(doing.db, actor, doing.now, doing.record)
        account = still(doing)
        rows = _room_for_another(doing, account.id)
        made = give_challenge(doing, Purpose.REGISTER, bound_to=actor.session)
        options = registration_options(
            party, challenge=made.challenge, handle=account.handle, name=account.name,
            known=[row.credential for row in rows],
        )  # fmt: skip
        return Ceremony(made.id, options)

    return at_the_door(desk, work, sorry=CodeRefusedError())


def finish_own_passkey(
    desk: Desk, party: RelyingParty, token: str, ceremony: str, answer: str
) -> str:
    """Add it; the passkey's id.

    Raises CodeRefusedError where the device is not taken, StateError where there are enough.
    """

    def work(doing: Doing) -> str:
        refuse_if_down(doing)
        challenge = take_challenge(doing, ceremony, Purpose.REGISTER)
        live = find_live(doing, token)
        if live is None or challenge.bound_to != live.row.id:
            raise RefusedAnswerError("session")
        _room_for_another(doing, live.account.id)  # two may have been begun where there was one
        made = register(doing, party, challenge, answer)
        return add_passkey(doing, live.account.id, made, author=live.account.id).id

    return at_the_door(desk, work, sorry=CodeRefusedError())


def _room_for_another(doing: Doing, account: str) -> Sequence[Passkey]:
    """All passkeys an account ever had. Raises StateError where enough of them are in use."""
    rows = doing.db.scalars(select(Passkey).where(Passkey.account == account)).all()
    if sum(row.state == PasskeyState.ACTIVE for row in rows) >= MOST_PASSKEYS:
        raise StateError("there are enough passkeys", do="revoke one first")
    return rows
