"""The people of the demonstration: who they are, and acting as they would at a browser."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from countenance.core import atomic_write
from countenance.desk.approval_signatures import begin_approval, finish_approval
from countenance.desk.deployment import Deployment
from countenance.desk.invitations import begin_join, finish_join
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.service import Actor
from countenance.desk.sessions import (
    authenticate,
    begin_sign_in,
    begin_step_up,
    finish_sign_in,
    finish_step_up,
)
from countenance.web.demo.device import InventedMaker, SimulatedDevice

ROLES: dict[str, tuple[Role, ...]] = {
    "Ada Moreno": (Role.ADMINISTRATOR,),
    "Adil Costa": (Role.ADMINISTRATOR,),
    "Ulla Brandt": (Role.AUDITOR,),
    "Rita Okafor": (Role.REQUESTER,),
    "Ravi Lindqvist": (Role.REQUESTER,),
    "Asa Whitfield": (Role.APPROVER,),
    "Amir Novak": (Role.APPROVER,),
    "Emma Diaz": (Role.EXAMINER,),
    "Elias Park": (Role.EXAMINER,),
    "Esi Boateng": (Role.EXAMINER,),
}
"""Everybody, the first administrator first. None of them exists."""


@dataclass(slots=True)
class Player:
    """Somebody with a device; `token` is what their browser's cookie would hold."""

    name: str
    device: SimulatedDevice
    account: str = ""
    token: str = field(default="", repr=False)

    def join(self, of: Deployment, code: str, maker: InventedMaker) -> None:
        """Join with a code that was shown."""
        ceremony = begin_join(of.desk, of.party, code)
        answer = json.dumps(self.device.create(ceremony.options, maker))
        self.account = finish_join(of.desk, of.party, ceremony.id, answer)

    def sign_in(self, of: Deployment) -> None:
        """Sign in; the session before is over."""
        ceremony = begin_sign_in(of.desk, of.party)
        answer = json.dumps(self.device.get(ceremony.options))
        self.token = finish_sign_in(of.desk, of.party, ceremony.id, answer).token

    def to(self, of: Deployment, action: str) -> Actor:
        """An actor for an action, whose passkey was asked where that needs it."""
        self.sign_in(of)
        if ACTIONS[action].step_up:
            ceremony = begin_step_up(of.desk, of.party, self.token, action=action)
            answer = json.dumps(self.device.get(ceremony.options))
            made = finish_step_up(of.desk, of.party, self.token, ceremony.id, answer)
            self.token = made.token
        return authenticate(of.desk, self.token, action=action)

    def signing(self, of: Deployment, action: str, digest: str) -> Actor:
        """An actor whose passkey just signed a digest."""
        self.sign_in(of)
        ceremony = begin_approval(of.desk, of.party, self.token, action=action, digest=digest)
        answer = json.dumps(self.device.get(ceremony.options))
        self.token = finish_approval(of.desk, of.party, self.token, ceremony.id, answer).token
        return authenticate(of.desk, self.token, action=action)


class Cast:
    """All players, by name; kept in a file of the demonstration's folder."""

    def __init__(self, players: dict[str, Player]) -> None:
        self._players = players

    @classmethod
    def new(cls, origin: str) -> Cast:
        """Everybody with a new device."""
        return cls({name: Player(name, SimulatedDevice(origin)) for name in ROLES})

    @classmethod
    def read(cls, path: Path) -> Cast:
        """The cast that `write` kept."""
        kept = json.loads(path.read_text())
        return cls({
            name: Player(name, SimulatedDevice.from_json(one["device"]), one["account"])
            for name, one in kept.items()
        })  # fmt: skip

    def write(self, path: Path) -> None:
        """Keep the devices, so that the demonstration can be visited again."""
        kept = {
            name: {"device": player.device.to_json(), "account": player.account}
            for name, player in self._players.items()
        }
        with atomic_write(path) as file:
            file.write(json.dumps(kept, indent=1).encode())
        path.chmod(0o600)

    def __getitem__(self, name: str) -> Player:
        return next(one for key, one in self._players.items() if key.startswith(name))

    def by_account(self, account: str) -> Player:
        """Whose an account is."""
        return next(one for one in self._players.values() if one.account == account)

    def everybody(self) -> list[Player]:
        """The players, the first administrator first."""
        return list(self._players.values())
