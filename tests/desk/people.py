"""People at a desk, each with a device: joining, signing in and acting as a browser would."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from authenticator import ORIGIN, Authenticator
from sqlalchemy import select

from countenance.desk.account_tables import Passkey
from countenance.desk.invitations import begin_join, bootstrap, finish_join, invite
from countenance.desk.passkeys import RelyingParty
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.service import Actor, Desk
from countenance.desk.sessions import (
    authenticate,
    begin_sign_in,
    begin_step_up,
    finish_sign_in,
    finish_step_up,
)
from countenance.desk.training import record_training
from countenance.record import Entry, Log, parse_entry

PARTY = RelyingParty(id="desk.example", name="Desk", origins=(ORIGIN,))


@dataclass
class Person:
    """Somebody with a device; `token` is their browser's cookie."""

    desk: Desk
    name: str
    account: str = ""
    party: RelyingParty = PARTY
    device: Authenticator = field(default_factory=Authenticator)
    token: str = ""

    def join(self, code: str) -> Person:
        ceremony = begin_join(self.desk, self.party, code)
        answer = self.device.create(ceremony.options)
        self.account = finish_join(self.desk, self.party, ceremony.id, answer)
        return self

    def sign_in(self, **hostile: Any) -> Person:
        ceremony = begin_sign_in(self.desk, self.party)
        answer = self.device.get(ceremony.options, **hostile)
        self.token = finish_sign_in(self.desk, self.party, ceremony.id, answer).token
        return self

    def step_up(self, action: str, **hostile: Any) -> Person:
        ceremony = begin_step_up(self.desk, self.party, self.token, action=action)
        answer = self.device.get(ceremony.options, **hostile)
        self.token = finish_step_up(self.desk, self.party, self.token, ceremony.id, answer).token
        return self

    def to(self, action: str) -> Actor:
        """An actor who just stepped up for an action, where it needs that."""
        if ACTIONS[action].step_up:
            self.step_up(action)
        return authenticate(self.desk, self.token, action=action)

    def passkey(self) -> str:
        with self.desk.store.reading() as db:
            return db.scalars(select(Passkey.id).where(Passkey.account == self.account)).one()


def first(desk: Desk, name: str = "Ada First", party: RelyingParty = PARTY) -> Person:
    return at(desk, name, party).join(bootstrap(desk, name)).sign_in()


def at(desk: Desk, name: str, party: RelyingParty) -> Person:
    """Somebody whose device is for this site."""
    return Person(desk, name, party=party, device=Authenticator(origin=party.origins[0]))


def joined(by: Person, name: str, *roles: Role) -> Person:
    code = invite(by.desk, by.to("account.invite"), name=name, roles=frozenset(roles))
    return at(by.desk, name, by.party).join(code).sign_in()


def trained(by: Person, person: Person, kind: str, **length: float) -> None:
    until = by.desk.clock() + datetime.timedelta(**(length or {"days": 30}))
    record_training(
        by.desk, by.to("account.training"), account=person.account, kind=kind, until=until,
        evidence="course of 2026, certificate 17",
    )  # fmt: skip


def entries(log: Log, *kinds: str) -> Iterator[Entry]:
    from countenance.desk.kinds import KINDS

    for index in range(log.size):
        entry = parse_entry(log.entry(index), kinds=KINDS)
        if not kinds or entry.kind in kinds:
            yield entry


def altered(answer: str, change: Callable[[dict[str, Any]], object]) -> str:
    """An answer with something in it changed."""
    found = json.loads(answer)
    change(found)
    return json.dumps(found)
