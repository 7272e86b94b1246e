"""What binds a desk is in the log: its configuration, by digest and essentials, when it changes.

Nobody can change ``desk.toml`` from a page, but whoever has the machine can. They cannot do so
unseen: a desk that starts with another configuration than the last time says so before it answers
anybody. What is told are codes, counts and a digest; whoever is given the file can compare it.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any, Final

import msgspec

from countenance.core import digest_json, sha256_bytes
from countenance.desk.configuration import Configuration
from countenance.desk.house import place_code
from countenance.desk.service import Desk, Doing
from countenance.record import EventKind, Field

FILE: Final = "configured"
"""Beside ``desk.toml``: the digest that was told last."""

_NOT_BINDING: Final = frozenset({
    "folder", "listen", "trusted-proxies", "database", "imports", "background", "local-witness",
})  # fmt: skip
"""Where and how it runs: what an administrator of the machine may change without saying so."""

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "desk-configured", 1, "the desk started with another configuration than before",
        {"settings": Field("digest"), "jurisdiction": Field("place"), "engine": Field("code"),
         "policy": Field("codes"), "quorum": Field("count"), "witnesses": Field("count"),
         "managed_devices": Field("flag"), "synced_passkeys": Field("flag"),
         "audit_days": Field("count"), "audit_people": Field("count")},
    ),
)  # fmt: skip


def binding(found: Configuration) -> dict[str, Any]:
    """What of a configuration binds those who work at the desk, as JSON has it."""
    value: dict[str, Any] = json.loads(
        msgspec.json.encode(msgspec.structs.replace(found, folder=None))
    )
    roots = [[sha256_bytes(root) for root in each] for each in found.party.models.values()]
    return {**{name: value[name] for name in value if name not in _NOT_BINDING}, "roots": roots}


def tell_configuration(desk: Desk, found: Configuration) -> bool:
    """Tell of the configuration, if it is not the one that was told last; whether it was."""
    digest = digest_json(binding(found))
    handle = os.open(found.folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several processes that start, one tells
        if file.read(len(digest)) == digest:
            return False
        desk.itself("desk.configured", lambda doing: _tell(doing, found, digest))
        file.seek(0)
        file.write(digest)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    return True


def _tell(doing: Doing, found: Configuration, digest: str) -> None:
    doing.record.add(
        doing.db, "desk-configured",
        public={
            "settings": digest, "jurisdiction": place_code(found.jurisdictions),
            "engine": found.engine, "policy": sorted(set(found.policy)), "quorum": found.quorum,
            "witnesses": len(found.witness) + bool(found.local_witness),
            "managed_devices": found.managed_devices, "synced_passkeys": found.synced_passkeys,
            "audit_days": found.audit.most_days, "audit_people": found.audit.least_people,
        },
    )  # fmt: skip
