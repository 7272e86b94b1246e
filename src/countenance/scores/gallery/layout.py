"""The bytes of a gallery: a header, two commit marks, and a chain of records (docs/search.md).

::

    gallery        0  header   "CTNGALRY", length u32, canonical JSON, zeros, SHA-256 of all before
                4096  mark A   "CTNM", 4 zeros, records u64, digest, SHA-256(header check, before)
                4608  mark B   the same; the one with more records counts
                5120  records  88 bytes each:
                               "CTNR", kind u8, 3 zeros, first u64, count u64, digest, check
    rows-00000001  row r at r * row_bytes: id, zeros up to 64 bytes, then the template

All integers are big-endian but the templates, which are little-endian. ``check`` is SHA-256 of the
check before it (of the header, for the first) and of the record, so the last check commits to all
that the gallery ever held since it was last compacted: it is the gallery's digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import dataclass
from typing import Any, Final

from countenance.core import InputError, IntegrityError, ScoreUnit, canonical_json

SCHEMA: Final = "countenance/gallery"
VERSION: Final = 1
MAGIC: Final = b"CTNGALRY"
HEADER_BYTES: Final = 4096
MARK_BYTES: Final = 512
MARKS_AT: Final = (HEADER_BYTES, HEADER_BYTES + MARK_BYTES)
RECORDS_AT: Final = HEADER_BYTES + 2 * MARK_BYTES
ID_BYTES: Final = 64
#: A template of more components could leave the range in which scores are exact.
MAX_DIMENSION: Final = 36_000
#: Bytes of rows hashed together. Larger saves hashes, smaller saves work when a row is deleted.
CHUNK_BYTES: Final = 1 << 20

APPEND: Final = 1
DELETE: Final = 2

_CHECK: Final = 32
_MARK = struct.Struct(">4s4xQ32s")
_RECORD = struct.Struct(">4sB3xQQ32s")
RECORD_BYTES: Final = _RECORD.size + _CHECK
_HEX64 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GalleryHeader:
    """What a gallery says of itself; all of it is in its digest.

    Attributes
    ----------
    gallery
        32 random bytes in hex: the same as long as the gallery lives.
    engine
        `EngineCard.identity` of the engine whose templates these are.
    unit, dimension
        Meaning and scale of a score; components of a template.
    issuer
        The Ed25519 public key, in hex, whose permits open this gallery.
    codec, payload_bytes
        How a template is written after its id, and in how many bytes.
    generation, previous
        1, and one more at each compaction; the digest before the last compaction.
    """

    gallery: str
    engine: str
    unit: ScoreUnit
    dimension: int
    issuer: str
    codec: str
    payload_bytes: int
    generation: int = 1
    previous: str | None = None

    def __post_init__(self) -> None:
        for name in ("gallery", "engine", "issuer"):
            check_hex(getattr(self, name), what=name)
        if self.previous is not None:
            check_hex(self.previous, what="previous")
        if not self.unit.exact:
            raise InputError(f"a {self.unit.kind} score is not made from templates here")
        _within("dimension", self.dimension, 1, MAX_DIMENSION)
        _within("payload_bytes", self.payload_bytes, 1, 4 * MAX_DIMENSION)
        _within("generation", self.generation, 1, 99_999_999)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row: id and template."""
        return ID_BYTES + self.payload_bytes

    @property
    def rows_file(self) -> str:
        """Name of the file with the rows."""
        return f"rows-{self.generation:08d}"

    @property
    def chunk_rows(self) -> int:
        """Most rows that are hashed together."""
        return max(1, CHUNK_BYTES // self.row_bytes)

    def encode(self) -> bytes:
        """The first `HEADER_BYTES` of the file."""
        text = canonical_json(
            {
                "schema": SCHEMA,
                "version": VERSION,
                "gallery": self.gallery,
                "engine": self.engine,
                "unit": self.unit.to_json(),
                "dimension": self.dimension,
                "issuer": self.issuer,
                "codec": self.codec,
                "payload_bytes": self.payload_bytes,
                "generation": self.generation,
                "previous": self.previous,
            }
        )
        body = MAGIC + len(text).to_bytes(4, "big") + text
        if len(body) > HEADER_BYTES - _CHECK:
            raise InputError("the names of unit and codec are too long for a gallery's header")
        body = body.ljust(HEADER_BYTES - _CHECK, b"\0")
        return body + hashlib.sha256(body).digest()


def decode_header(data: bytes, *, where: str) -> tuple[GalleryHeader, bytes]:
    """The header and its check.

    Raises InputError for another version, IntegrityError for what is no header or a damaged one.
    """
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        raise IntegrityError("this is no gallery, or its header is damaged", where=where)
    body, check = data[: HEADER_BYTES - _CHECK], data[HEADER_BYTES - _CHECK : HEADER_BYTES]
    if hashlib.sha256(body).digest() != check:
        raise IntegrityError("the gallery's header is damaged", where=where, do=RESTORE)
    start = len(MAGIC) + 4
    length = int.from_bytes(body[len(MAGIC) : start], "big")
    told: Any
    try:
        told = json.loads(body[start : start + length])
        if told["schema"] != SCHEMA or told["version"] != VERSION:
            raise InputError(
                f"the gallery is of version {told['version']}",
                where=where,
                expected=f"version {VERSION}",
                do="open it with the version of this program that made it",
            )
        header = GalleryHeader(
            **{name: told[name] for name in _FIELDS if name != "unit"},
            unit=ScoreUnit.from_json(told["unit"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError("the gallery's header cannot be read", where=where) from error
    if header.encode() != data[:HEADER_BYTES]:
        raise IntegrityError("the gallery's header is not written as it must be", where=where)
    return header, check


@dataclass(frozen=True, slots=True)
class Record:
    """One change: `count` rows from `first` appended, or row `first` deleted.

    `digest` is SHA-256 of the rows appended; for a deletion, of all rows appended together with
    the one deleted, with zeros in the place of each row deleted so far.
    """

    kind: int
    first: int
    count: int
    digest: bytes


def encode_record(record: Record, before: bytes) -> bytes:
    """The record, ending in its check."""
    body = _RECORD.pack(b"CTNR", record.kind, record.first, record.count, record.digest)
    return body + hashlib.sha256(before + body).digest()


def decode_record(data: bytes, before: bytes) -> Record | None:
    """The record if it is whole and follows the check `before`; else None."""
    body, check = data[: _RECORD.size], data[_RECORD.size :]
    if len(data) != RECORD_BYTES or hashlib.sha256(before + body).digest() != check:
        return None
    magic, kind, first, count, digest = _RECORD.unpack(body)
    return Record(kind, first, count, digest) if magic == b"CTNR" else None


@dataclass(frozen=True, slots=True)
class Mark:
    """What is committed: how many records, and the check of the last."""

    records: int
    digest: bytes

    def encode(self, header_check: bytes) -> bytes:
        """The mark, filled up to `MARK_BYTES`."""
        body = _MARK.pack(b"CTNM", self.records, self.digest)
        return (body + hashlib.sha256(header_check + body).digest()).ljust(MARK_BYTES, b"\0")


def decode_mark(data: bytes, header_check: bytes) -> Mark | None:
    """The mark if it is whole; None if a crash or damage cut into it."""
    if len(data) != MARK_BYTES:
        return None
    mark = Mark(*_MARK.unpack_from(data)[1:])
    return mark if mark.encode(header_check) == data else None


def encode_id(name: str) -> bytes:
    """An id as it stands in a row: UTF-8, zeros after it."""
    try:
        raw = name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name!r} is no id", expected="Unicode text") from error
    if not 0 < len(raw) <= ID_BYTES or b"\0" in raw:
        raise InputError(
            f"{name[:80]!r} is no id", expected=f"1 to {ID_BYTES} bytes of UTF-8, none of them 0"
        )
    return raw.ljust(ID_BYTES, b"\0")


def check_hex(value: object, *, what: str) -> None:
    """Raise InputError unless `value` is 32 bytes in lower-case hex."""
    if not isinstance(value, str) or _HEX64.fullmatch(value) is None:
        raise InputError(f"{what} is {value!r}", expected="64 hex digits")


def _within(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InputError(f"{name} is {value!r}", expected=f"a whole number, {least} to {most}")


RESTORE: Final = "use nothing of it; restore the folder from a copy"
_FIELDS = tuple(GalleryHeader.__dataclass_fields__)
