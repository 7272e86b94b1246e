"""Key rotation: an entry of the log in which the old key and the new one sign for each other.

The statement is a signed note of four lines::

    countenance/key-rotation/v1
    <origin>
    <verifier key of the old key>
    <verifier key of the new key>

It cannot be mistaken for a checkpoint: its third line is never 32 bytes of Base64. The old key's
signature says who takes over, the new key's that its holder is there and willing; being an entry,
the change is witnessed and seen by everyone who follows the log. A thief of the old key can make
such an entry too, but not in secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from countenance.core import InputError
from countenance.record.entries import Entry, format_time, parse_entry
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Ed25519Verifier,
    Signer,
    open_note,
    parse_vkey,
    sign_note,
    split_note,
)
from countenance.record.policy import Policy
from countenance.record.proof import examine_proof
from countenance.record.vkey import (
    ED25519,
    split_vkey,
)

KIND: Final = "key-rotated"
VERSION: Final = 1
_HEADER: Final = "countenance/key-rotation/v1"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a verified rotation entry says: from `old_vkey` to `new_vkey`, for one log."""

    origin: str
    old_vkey: str
    new_vkey: str
    time: str


def rotation_entry(old: Signer, new: Signer, *, time_s: int) -> bytes:
    """The entry by which a log goes over from one Ed25519 key to another.

    Append it and publish a checkpoint with the old key; from the next one on, sign with the new.

    Parameters
    ----------
    old, new
        Both keys, under one name: the log's origin.
    time_s
        POSIX seconds, for people; the index is what orders entries.

    Raises
    ------
    InputError
        The keys have different names, are one key, or are not Ed25519 log keys: ML-DSA-44 keys
        sign nothing but trees.
    """
    kinds = {split_vkey(signer.vkey)[1] for signer in (old, new)}
    if old.name != new.name or old.vkey == new.vkey or kinds != {ED25519}:
        raise InputError(
            "these keys cannot follow each other",
            expected="two different Ed25519 log keys with the log's origin as their name",
        )
    text = f"{_HEADER}\n{old.name}\n{old.vkey}\n{new.vkey}\n"
    statement = sign_note(text, old, new).decode()
    entry = Entry(KIND, VERSION, format_time(time_s), {"statement": statement}, {})
    data = entry.to_bytes()
    parse_rotation(data)
    return data


def parse_rotation(entry: bytes) -> Rotation:
    """Read a rotation entry and verify both signatures.

    They are verified with the keys that the entry itself names: whether anybody should believe
    the old one is for `follow_rotation`.

    Raises
    ------
    VerificationError
        Whatever is wrong with it.
    """
    parsed = parse_entry(entry)
    statement = parsed.public.get("statement")
    if parsed.kind != KIND or parsed.version != VERSION or not isinstance(statement, str):
        raise VerificationError("not an entry of a key rotation")
    try:
        note = statement.encode()
    except UnicodeEncodeError as error:
        raise VerificationError("the statement of a rotation is not Unicode text") from error
    lines = split_note(note)[0].decode().split("\n")
    if len(lines) != 5 or lines[0] != _HEADER:
        raise VerificationError("not the statement of a key rotation", expected=_HEADER)
    origin, old_vkey, new_vkey = lines[1:4]
    keys = [parse_vkey(old_vkey), parse_vkey(new_vkey)]
    named = all(isinstance(key, Ed25519Verifier) and key.name == origin for key in keys)
    if not named or old_vkey == new_vkey:
        raise VerificationError("the keys of a rotation are not two keys of its log")
    opened = open_note(note, keys)
    if {s.key_id for s in opened.verified} != {key.key_id for key in keys}:
        raise VerificationError("a rotation must be signed by both keys", where=origin)
    return Rotation(origin, old_vkey, new_vkey, parsed.time)


def follow_rotation(policy: Policy, entry: bytes, proof: bytes) -> Policy:
    """Trust a log's new key because the old one, under the policy's quorum, says so in the log.

    Parameters
    ----------
    policy
        What was trusted so far; it must list the old key.
    entry
        The rotation entry.
    proof
        Its ``.tlog-proof``, which must meet `policy`.

    Returns
    -------
    Policy
        With the new key in the old one's place. Keep the old policy for what was signed before.

    Raises
    ------
    VerificationError
        The entry or its proof is not good, or the policy does not list the old key.
    """
    rotation = parse_rotation(entry)
    _, verdict = examine_proof(proof, entry, policy)
    if verdict.checkpoint.origin != rotation.origin:
        raise VerificationError(
            "a rotation in another log than it is about", where=rotation.origin
        )
    return policy.replace_log_key(rotation.old_vkey, rotation.new_vkey)
