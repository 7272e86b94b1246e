"""A decision kept so that it can be made again: its record, and the packs it was made from.

A record holds the request, the decision and the SHA-256 of the library: of every pack that was at
hand, and of the vocabulary. The bytes behind these digests are in a `PackStore`, each kept once
under its own digest. So a decision can be made again in years, with the packs and words of its
day, whatever became of them since.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from countenance.core import IntegrityError, atomic_write, canonical_json, sha256_bytes
from countenance.law.decision import Decision
from countenance.law.errors import RequestError, shown
from countenance.law.judging import decide
from countenance.law.library import Library
from countenance.law.packs import MAX_PACK_BYTES, read_pack
from countenance.law.request import Request, request_of
from countenance.law.vocabulary import read_vocabulary

FORMAT = "countenance-decision-record-1"
LIBRARY_FORMAT = "countenance-law-library-1"
MAX_RECORD_BYTES = 1 << 22
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = {"format", "code", "library", "vocabulary", "request", "decision"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a decision that came out otherwise than was recorded, as JSON."""

    field: str
    recorded: str
    again: str

    def __str__(self) -> str:
        return f"{self.field}: recorded {self.recorded}, now {self.again}"


class PackStore:
    """Packs, vocabularies and the lists of them, each in a file named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; their digest. What is there already stays as it is."""
        digest = sha256_bytes(data)
        path = self._folder / digest
        if not path.exists():
            with atomic_write(path) as file:
                file.write(data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a digest. Raises IntegrityError where they are missing or others."""
        if not _DIGEST.fullmatch(digest):
            raise IntegrityError(f"{shown(digest)} is no SHA-256", where=str(self._folder))
        path = self._folder / digest
        try:
            with path.open("rb") as file:
                data = file.read(MAX_RECORD_BYTES)
        except OSError as error:
            raise IntegrityError(f"cannot be read: {error.strerror}", where=str(path)) from error
        if sha256_bytes(data) != digest:
            raise IntegrityError("these are other bytes than its name says", where=str(path))
        return data

    def keep(self, library: Library) -> str:
        """Keep a library's packs and words; the digest of the list of them."""
        for pack in library.values():
            if self.put(pack.text) != pack.digest:
                raise IntegrityError("the pack is not as its file was", where=pack.id)
        self.put(library.words.text)
        return self.put(_listed(library))

    def library(self, digest: str) -> Library:
        """The library of a list. Raises IntegrityError, and PackError if a pack is none."""
        where = f"{self._folder}, library {digest[:12]}"
        listed = _table(self.get(digest), where, {"format", "packs", "vocabulary"}, LIBRARY_FORMAT)
        words = read_vocabulary(self.get(str(listed["vocabulary"])), where=where)
        if not isinstance(listed["packs"], dict):
            raise IntegrityError("it lists no packs", where=where)
        packs = [
            read_pack(self.get(str(named)), where=f"{where}, {pack_id}", expected_id=pack_id,
                      words=words)
            for pack_id, named in listed["packs"].items()
        ]  # fmt: skip
        return Library(packs, words=words)


def _listed(library: Library) -> bytes:
    """The canonical list of a library: which packs and which words."""
    packs = {pack.id: pack.digest for pack in library.values()}
    return canonical_json(
        {"format": LIBRARY_FORMAT, "vocabulary": library.words.digest, "packs": packs}
    )


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What is kept of one decision.

    Attributes
    ----------
    code
        The version of this package that decided.
    library, vocabulary
        SHA-256 of the list of all packs at hand, and of the vocabulary.
    request, decision
        As JSON values.
    """

    code: str
    library: str
    vocabulary: str
    request: dict[str, Any]
    decision: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `read_record` reads."""
        return {
            "format": FORMAT, "code": self.code, "library": self.library,
            "vocabulary": self.vocabulary, "request": self.request, "decision": self.decision,
        }  # fmt: skip

    @property
    def data(self) -> bytes:
        """Its canonical bytes: what is hashed, kept and compared."""
        return canonical_json(self.to_json())


def make_record(request: Request, decision: Decision, library: Library) -> DecisionRecord:
    """The record of a decision on a request, made with a library.

    Raises RequestError where the decision is on another request.
    """
    if decision.request_digest != request.digest:
        raise RequestError("the decision is on another request", where="record")
    return DecisionRecord(
        version("countenance"), sha256_bytes(_listed(library)), library.words.digest,
        request.to_json(), decision.to_json(),
    )  # fmt: skip


def read_record(data: bytes, *, where: str = "record") -> DecisionRecord:
    """A record out of its bytes. Raises IntegrityError where it is none."""
    table = _table(data, where, _KEYS, FORMAT)
    texts = {name: table[name] for name in ("code", "library", "vocabulary")}
    parts = {name: table[name] for name in ("request", "decision")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise IntegrityError("not a record of a decision", where=where)
    if not all(isinstance(part, dict) for part in parts.values()):
        raise IntegrityError("not a record of a decision", where=where)
    return DecisionRecord(**texts, **parts)


def recheck(record: DecisionRecord, store: PackStore) -> tuple[Difference, ...]:
    """Make the decision again from the kept packs; every field that comes out otherwise.

    None means that it comes out the same, byte for byte.

    Raises
    ------
    IntegrityError
        Where the kept packs or words are missing or changed.
    RequestError, PackError
        Where the record's request or a kept pack is none.
    """
    library = store.library(record.library)
    request = request_of(record.request, where="record, request", words=library.words)
    policy = record.decision.get("policy")
    if not isinstance(policy, list) or not all(isinstance(name, str) for name in policy):
        raise IntegrityError("the decision names no policy", where="record")
    again = make_record(request, decide(request, library=library, policy=policy), library)
    if again.data == DecisionRecord(
        again.code, record.library, record.vocabulary, record.request, record.decision
    ).data:  # fmt: skip
        return ()
    mine, theirs = record.to_json(), again.to_json()
    return tuple(
        difference
        for name in ("vocabulary", "request", "decision")
        for difference in _differences(name, mine[name], theirs[name])
    )


def keep_record(folder: Path, request: Request, decision: Decision, library: Library) -> Path:
    """Write a decision's record and the packs it was read from into a folder; the record's path.

    The packs go into ``packs/`` there, which many records may share.
    """
    record = make_record(request, decision, library)
    PackStore(folder / "packs").keep(library)
    path = folder / "record.json"
    with atomic_write(path) as file:
        file.write(record.data)
    return path


def recheck_record(folder: Path) -> tuple[Difference, ...]:
    """`recheck` of what `keep_record` wrote into a folder."""
    path = folder / "record.json"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RECORD_BYTES + 1)
    except OSError as error:
        raise IntegrityError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return recheck(read_record(data, where=str(path)), PackStore(folder / "packs"))


def _table(data: bytes, where: str, keys: set[str], form: str) -> dict[str, Any]:
    """A JSON object of exactly these keys and this format, in its one canonical form."""
    if len(data) > max(MAX_RECORD_BYTES, MAX_PACK_BYTES):
        raise IntegrityError("too long", where=where)
    try:
        table = json.loads(data)
        canonical = canonical_json(table)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"not JSON: {shown(str(error))}", where=where) from error
    if not isinstance(table, dict) or set(table) != keys or table["format"] != form:
        raise IntegrityError(f"not of the format {form}", where=where)
    if canonical != data:
        raise IntegrityError("not in canonical form: somebody wrote it by hand", where=where)
    return table


def _differences(name: str, mine: object, theirs: object) -> Iterator[Difference]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted({*mine, *theirs}):
            yield from _differences(f"{name}.{key}", mine.get(key), theirs.get(key))
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for n, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            yield from _differences(f"{name}[{n}]", one, other)
    elif canonical_json(mine) != canonical_json(theirs):
        yield Difference(name, _json(mine), _json(theirs))


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "..."
