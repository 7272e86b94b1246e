"""What the records of a gallery add up to: which rows there are, their digests, who is deleted."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass, field

from countenance.core import IntegrityError
from countenance.scores.gallery.layout import (
    APPEND,
    DELETE,
    HEADER_BYTES,
    MARK_BYTES,
    MARKS_AT,
    RECORD_BYTES,
    RECORDS_AT,
    RESTORE,
    GalleryHeader,
    Mark,
    Record,
    decode_header,
    decode_mark,
    decode_record,
)

_AT_ONCE = 8192  # records read together


@dataclass(slots=True)
class Ledger:
    """The records so far, added up.

    Attributes
    ----------
    records, digest
        How many, and the check of the last: the gallery's digest.
    starts
        First row of each chunk, and after them how many rows there are.
    digests
        Of each chunk, with zeros in the place of deleted rows.
    gone
        For each row 1 if it is deleted, else 0.
    deleted
        How many are.
    """

    header: GalleryHeader
    header_check: bytes
    records: int = 0
    digest: bytes = b""
    starts: list[int] = field(default_factory=lambda: [0])
    digests: list[bytes] = field(default_factory=list)
    gone: bytearray = field(default_factory=bytearray)
    deleted: int = 0

    @property
    def rows(self) -> int:
        """How many rows there are, the deleted ones among them."""
        return self.starts[-1]

    def chunk_of(self, row: int) -> int:
        """The chunk a row is in."""
        return bisect_right(self.starts, row) - 1

    def copy(self) -> Ledger:
        """One that can be added to without changing this one."""
        return Ledger(
            self.header, self.header_check, self.records, self.digest,
            list(self.starts), list(self.digests), bytearray(self.gone), self.deleted,
        )  # fmt: skip

    def add(self, record: Record, check: bytes) -> bool:
        """Take in the next record; False, and nothing changed, where it makes no sense."""
        if record.kind == APPEND:
            if record.first != self.rows or not 0 < record.count <= self.header.chunk_rows:
                return False
            self.starts.append(record.first + record.count)
            self.digests.append(record.digest)
            self.gone.extend(bytes(record.count))
        elif record.kind == DELETE:
            if record.count != 1 or record.first >= self.rows or self.gone[record.first]:
                return False
            self.gone[record.first] = 1
            self.digests[self.chunk_of(record.first)] = record.digest
            self.deleted += 1
        else:
            return False
        self.records += 1
        self.digest = check
        return True


@dataclass(frozen=True, slots=True)
class Log:
    """The file of records, open: its header and its marks as they are now."""

    handle: int
    where: str

    def start(self) -> Ledger:
        """The header, and no record yet."""
        header, check = decode_header(os.pread(self.handle, HEADER_BYTES, 0), where=self.where)
        return Ledger(header, check, digest=check)

    def marks(self, header_check: bytes) -> tuple[Mark | None, Mark | None]:
        """Both marks; None for one that is not whole."""
        a, b = (
            decode_mark(os.pread(self.handle, MARK_BYTES, at), header_check) for at in MARKS_AT
        )
        return a, b

    def follow(self, ledger: Ledger, *, recover: bool = False) -> Ledger:
        """A ledger with what is committed since; the same one where nothing is.

        Where one of the marks is not whole, or with `recover`, whole records after the last mark
        count too: the mark of an acknowledged record may be the one that was lost.

        Raises IntegrityError where no mark is whole, or a committed record is not.
        """
        marks = self.marks(ledger.header_check)
        whole = [mark for mark in marks if mark is not None]
        if not whole:
            raise IntegrityError("both commit marks are damaged", where=self.where, do=RESTORE)
        mark = max(whole, key=lambda mark: mark.records)
        beyond = recover or len(whole) < len(marks)
        if mark.records < ledger.records:
            if not beyond:
                raise IntegrityError(
                    "the gallery holds less than before", where=self.where, do=RESTORE
                )
            mark = Mark(ledger.records, ledger.digest)
        if mark.records == ledger.records:
            if mark.digest != ledger.digest:
                raise self._damaged(ledger.records)
            if not beyond:
                return ledger
        grown = self._read(ledger.copy(), mark, beyond=beyond)
        return grown if grown.records > ledger.records else ledger

    def _read(self, ledger: Ledger, mark: Mark, *, beyond: bool) -> Ledger:
        while True:
            wanted = _AT_ONCE if beyond else min(_AT_ONCE, mark.records - ledger.records)
            at = RECORDS_AT + ledger.records * RECORD_BYTES
            data = os.pread(self.handle, wanted * RECORD_BYTES, at) if wanted else b""
            for start in range(0, len(data), RECORD_BYTES):
                raw = data[start : start + RECORD_BYTES]
                record = decode_record(raw, ledger.digest)
                if record is None:
                    break
                if not ledger.add(record, raw[-32:]):
                    raise self._damaged(ledger.records)
                if ledger.records == mark.records and ledger.digest != mark.digest:
                    raise self._damaged(ledger.records)
            else:
                if data:
                    continue
            if ledger.records < mark.records:
                raise self._damaged(ledger.records)
            return ledger

    def _damaged(self, record: int) -> IntegrityError:
        return IntegrityError(
            f"the gallery is damaged at record {record}", where=self.where, do=RESTORE
        )
