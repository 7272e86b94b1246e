"""Whom to trust: a policy file of logs, witnesses and the quorum a checkpoint needs.

Format: C2SP ``tlog-policy``, so that other tools read the same file::

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

A checkpoint counts only if a listed log signed it under its own origin, enough listed witnesses
cosigned it, and nobody listed signed it badly. Stricter than the format in two points: a file
whose last line is cut off is refused (a shorter name could be a weaker quorum), and a key may
not be both a log's and a witness's, since a log that witnesses itself is no witness.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from countenance.core import InputError
from countenance.record.checkpoint import Checkpoint, open_checkpoint
from countenance.record.cosignature import split_time
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Signature,
    Verifier,
    parse_vkey,
)
from countenance.record.vkey import (
    ED25519,
    ED25519_COSIGNATURE,
    MLDSA44_COSIGNATURE,
    split_vkey,
)

MAX_POLICY_BYTES: Final = 4_000_000
MAX_LINES: Final = 1024
_NONE: Final = "none"
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = re.compile(r"[ \t]+")
_SPACE = re.compile(r"[ \t\n]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}")
_LOG_KINDS = (ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE)
_WITNESS_KINDS = (ED25519_COSIGNATURE, MLDSA44_COSIGNATURE)


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log's key, under the name that is its origin; `url` may be empty."""

    vkey: str
    verifier: Verifier
    url: str = ""

    @property
    def origin(self) -> str:
        """The one origin this key may speak for."""
        return self.verifier.name


@dataclass(frozen=True, slots=True)
class TrustedWitness:
    """A witness's key. `name` is the policy file's own; the key's name is the verifier's."""

    name: str
    vkey: str
    verifier: Verifier
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Satisfied if at least `k` of its members are: witnesses, or groups defined before it."""

    name: str
    k: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Who cosigned a checkpoint, by the policy's name, and when by its own clock (POSIX s)."""

    witness: str
    time: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A checkpoint that met the policy, and on whose word.

    `cosigned` has every listed witness that signed, one entry each (its latest time), whether or
    not the quorum needed it.
    """

    checkpoint: Checkpoint
    log: TrustedLog
    cosigned: tuple[Cosigned, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as read from its file. `quorum` names a witness or a group, or is ``none``."""

    logs: tuple[TrustedLog, ...]
    witnesses: tuple[TrustedWitness, ...]
    groups: tuple[Group, ...]
    quorum: str

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read a policy file.

        Raises
        ------
        InputError
            The file cannot be read.
        VerificationError
            It is not a policy; the message names the line.
        """
        try:
            with path.open("rb") as file:
                data = file.read(MAX_POLICY_BYTES + 1)
        except OSError as error:
            raise InputError(
                f"the policy cannot be read ({error.strerror})", where=str(path)
            ) from error
        return cls.parse(data, where=str(path))

    @classmethod
    def parse(cls, data: bytes, *, where: str = "policy") -> Policy:
        """Read the bytes of a policy file.

        Raises
        ------
        VerificationError
            They are not a policy; the message names the line.
        """
        return _Reader(where).read(data)

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every trusted key, for `open_note`."""
        return (*(x.verifier for x in self.logs), *(x.verifier for x in self.witnesses))

    def satisfied(self, witnesses: Collection[str]) -> bool:
        """Whether these witnesses, by the policy's names for them, are a quorum."""
        if self.quorum == _NONE:
            return True
        met = {witness.name for witness in self.witnesses}.intersection(witnesses)
        # A group has only members defined before it, so one pass in order is enough.
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.k:
                met.add(group.name)
        return self.quorum in met

    def check(self, note: bytes) -> Checkpoint:
        """Return the checkpoint of a note that meets this policy.

        Raises
        ------
        VerificationError
            It does not, or is not a checkpoint at all.
        """
        return self.examine(note).checkpoint

    def examine(self, note: bytes) -> Verdict:
        """As `check`, and say on whose word.

        Raises
        ------
        VerificationError
            The note does not meet the policy, or is not a checkpoint at all.
        """
        # 1. No bad signature by a listed key, at least one good one.
        checkpoint, opened = open_checkpoint(note, self.verifiers)
        # 2. The log itself signed, with a key listed for this very origin.
        signed = {(s.name, s.key_id) for s in opened.verified}
        log = next(
            (
                log
                for log in self.logs
                if (log.verifier.name, log.verifier.key_id) in signed
                and log.origin == checkpoint.origin
            ),
            None,
        )
        if log is None:
            raise VerificationError(
                "no key trusted for this log signed the checkpoint", where=checkpoint.origin
            )
        # 3. A quorum of witnesses, each counted once however often it signed.
        cosigned = tuple(self._cosigned(opened.verified))
        if not self.satisfied({c.witness for c in cosigned}):
            raise VerificationError(
                f"{len(cosigned)} of {len(self.witnesses)} listed witnesses cosigned, "
                "which is no quorum",
                where=checkpoint.origin,
                expected=f"quorum {self.quorum}",
            )
        return Verdict(checkpoint, log, cosigned)

    def replace_log_key(self, old_vkey: str, new_vkey: str) -> Policy:
        """Replace a log's key: after a rotation that was verified.

        Raises
        ------
        VerificationError
            The old key is not listed, or the policy would not be a policy.
        """
        if old_vkey not in {log.vkey for log in self.logs}:
            raise VerificationError("the policy does not list the key to replace")
        logs = [(new_vkey if log.vkey == old_vkey else log.vkey, log.url) for log in self.logs]
        return Policy.parse(_text(logs, self.witnesses, self.groups, self.quorum))

    @property
    def text(self) -> str:
        """The policy file that says this, in order: logs, witnesses, groups, quorum."""
        data = _text(
            [(log.vkey, log.url) for log in self.logs], self.witnesses, self.groups, self.quorum
        )
        return data.decode("utf-8", "surrogateescape")

    def _cosigned(self, verified: Sequence[Signature]) -> Iterable[Cosigned]:
        for witness in self.witnesses:
            key = (witness.verifier.name, witness.verifier.key_id)
            times = [split_time(s.signature)[0] for s in verified if (s.name, s.key_id) == key]
            if times:
                yield Cosigned(witness.name, max(times))


def make_policy(
    *, logs: Sequence[str], witnesses: Sequence[tuple[str, str, str]] = (), k: int = 0
) -> Policy:
    """A policy of `k` of these witnesses, the common case.

    Parameters
    ----------
    logs
        Verifier keys.
    witnesses
        Name, verifier key and URL (may be empty) of each.
    k
        Cosignatures needed; 0 needs none and is for tests and for logs without witnesses.

    Raises
    ------
    VerificationError
        It would not be a policy.
    """
    for word in (*logs, *(word for witness in witnesses for word in witness)):
        if _SPACE.search(word):
            raise VerificationError("a space or newline in a name, key or URL", where="policy")
    lines = [f"log {vkey}" for vkey in logs]
    lines += [f"witness {name} {vkey} {url}".rstrip() for name, vkey, url in witnesses]
    if k:
        lines.append(
            " ".join(["group", "quorum-of-witnesses", str(k), *(w[0] for w in witnesses)])
        )
    lines.append("quorum quorum-of-witnesses" if k else "quorum none")
    return Policy.parse("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def _text(
    logs: Iterable[tuple[str, str]],
    witnesses: Iterable[TrustedWitness],
    groups: Iterable[Group],
    quorum: str,
) -> bytes:
    lines = [f"log {vkey} {url}".rstrip() for vkey, url in logs]
    lines += [f"witness {w.name} {w.vkey} {w.url}".rstrip() for w in witnesses]
    lines += [" ".join(["group", g.name, str(g.k), *g.members]) for g in groups]
    lines.append(f"quorum {quorum}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


class _Reader:
    """Reads one policy file, line by line."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.line = 0
        self.logs: list[TrustedLog] = []
        self.witnesses: list[TrustedWitness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self.names: set[str] = set()
        self.members: set[str] = set()
        self.keys: dict[bytes, str] = {}

    def read(self, data: bytes) -> Policy:
        if len(data) > MAX_POLICY_BYTES:
            raise self.error("too large for a policy")
        if _FORBIDDEN.search(data):
            raise self.error("a control character in the policy")
        if not data.endswith(b"\n"):
            raise self.error("the last line does not end in a newline", expected="a whole file")
        # Names are opaque bytes to the format: undecodable ones survive as surrogates.
        lines = data.decode("utf-8", "surrogateescape").split("\n")[:-1]
        for self.line, line in enumerate(lines, start=1):
            words = [word for word in _BLANK.split(line) if word]
            if words and not words[0].startswith("#"):
                self.read_line(words[0], words[1:])
        self.line = 0
        if self.quorum is None:
            raise self.error("no quorum line", expected="quorum <name>, or quorum none")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def read_line(self, keyword: str, words: list[str]) -> None:
        if keyword == "log" and 1 <= len(words) <= 2:
            verifier = self.key(words[0], _LOG_KINDS)
            self.logs.append(TrustedLog(words[0], verifier, *words[1:]))
            self.bound(self.logs)
        elif keyword == "witness" and 2 <= len(words) <= 3:
            self.define(words[0])
            verifier = self.key(words[1], _WITNESS_KINDS)
            self.witnesses.append(TrustedWitness(words[0], words[1], verifier, *words[2:]))
            self.bound(self.witnesses)
        elif keyword == "group" and len(words) >= 3:
            self.group(words[0], words[1], words[2:])
        elif keyword == "quorum" and len(words) == 1:
            if self.quorum is not None:
                raise self.error("a second quorum line")
            if words[0] != _NONE and words[0] not in self.names:
                raise self.error("the quorum is a name not defined above it")
            self.quorum = words[0]
        else:
            raise self.error("not a line of a policy", expected="log, witness, group or quorum")

    def key(self, vkey: str, kinds: tuple[int, ...]) -> Verifier:
        try:
            _, kind, public_key = split_vkey(vkey)
            verifier = parse_vkey(vkey)
        except VerificationError as error:
            raise self.error(error.what, expected=error.expected) from error
        if kind not in kinds:
            raise self.error(
                "this kind of key cannot do that", expected=" or ".join(map(hex, kinds))
            )
        if public_key in self.keys:
            raise self.error(f"the same key as {self.keys[public_key]}")
        self.keys[public_key] = f"line {self.line}"
        return verifier

    def group(self, name: str, threshold: str, members: list[str]) -> None:
        for member in members:
            if member == _NONE or member not in self.names:
                raise self.error("a member that is not defined above the group")
            if member in self.members:
                raise self.error("a member that is already one of a group")
            self.members.add(member)
        if threshold in ("all", "any"):
            k = len(members) if threshold == "all" else 1
        elif _THRESHOLD.fullmatch(threshold) and int(threshold) <= len(members):
            k = int(threshold)
        else:
            raise self.error("not a threshold", expected="all, any, or 1 to the number of members")
        self.define(name)
        self.groups.append(Group(name, k, tuple(members)))
        self.bound(self.groups)

    def define(self, name: str) -> None:
        if name == _NONE or name in self.names:
            raise self.error("a name that is defined already")
        self.names.add(name)

    def bound(self, lines: Sequence[object]) -> None:
        if len(lines) > MAX_LINES:
            raise self.error("too many lines of one kind", expected=f"at most {MAX_LINES:,}")

    def error(self, what: str, *, expected: str | None = None) -> VerificationError:
        where = f"{self.where}, line {self.line}" if self.line else self.where
        return VerificationError(what, where=where, expected=expected)
