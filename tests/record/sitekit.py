"""A small published log of events, with witnesses, for the tests of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from logkit import signer

from countenance.record.commitments import seal
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.explorer import LogView, Pages
from countenance.record.folder import FolderStorage
from countenance.record.kinds import KINDS
from countenance.record.log import Log
from countenance.record.note import add_signatures
from countenance.record.policy import Policy, make_policy

START_S = 1_790_000_000
SEEN_S = 1_795_451_400
HOSTILE = b"\xff\x00 no event </script><script>document.title='run'</script>"


@dataclass(frozen=True)
class Site:
    """A log on a folder, what reads it, and whom to trust."""

    storage: FolderStorage
    view: LogView
    pages: Pages
    policy: Policy
    keys: tuple[str, ...]
    entries: list[bytes]


def events(count: int) -> list[bytes]:
    """Lists of 0, 1 and 2 candidates in turn, and among them bytes that are no event."""
    kind = KINDS["search-returned"][-1]
    found = []
    for i in range(count):
        public = {
            **dict.fromkeys(("request", "engine", "audit"), f"{i:064x}"),
            "jurisdiction": "US-NY",
            "gallery": "booking",
            "gallery_size": 120_000 + i,
            "candidates": i % 3,
        }
        event = seal(kind, time_s=START_S + 3600 * i, public=public, private={"case": i})
        found.append(event.entry.to_bytes())
    if count > 3:
        found[2] = HOSTILE
    return found


def cosigner(seed: int) -> Ed25519Cosigner:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Cosigner.from_private_key(f"witness.example/{seed}", key, clock=lambda: SEEN_S)


def site(folder: Path, count: int) -> Site:
    """A log of `count` entries whose checkpoint two witnesses cosigned."""
    storage = FolderStorage(folder)
    witnesses = [cosigner(91), cosigner(92)]
    entries = events(count)
    with Log.open(storage, signer()) as log:
        log.append(entries)
        log.publish(
            lambda note: add_signatures(note, [cosign(note, w, time=SEEN_S) for w in witnesses])
        )
    keys = (signer().vkey, *(w.vkey for w in witnesses))
    policy = make_policy(
        logs=keys[:1], witnesses=[(f"w{i}", vkey, "") for i, vkey in enumerate(keys[1:])], k=2
    )
    view = LogView(storage.read, verifiers=policy.verifiers)
    return Site(storage, view, Pages(view, keys=keys), policy, keys, entries)
