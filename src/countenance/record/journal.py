"""The write-ahead journal of a log on a folder: entries that are durable but not yet in tiles.

One record a group commit, one fsync a record. A journal begins at the first entry of a bundle.
When it is long enough, a second one is begun with the entries of the last bundle, which is not
full, and appends go on there while the bundles of the first become files; then the second takes
the place of the first, in one renaming. So there is always a first journal, and what is in none of
them is in files.

::

    journal  salt (16 random bytes), records
    record   head: "CTNJ", payload length u32, first index u64, entry count u32,
                   first 12 bytes of SHA-256(salt || the head so far)
             payload: entries, each after its length as a u16 (an entry bundle)
             SHA-256(salt || head || payload)

A write is begun only after the one before it was durable, so a crash can leave only the last
record torn. Anything wrong *before* a whole record is damage, and is said, not skipped. The salt
keeps somebody who chooses entries from writing one that looks like a record.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Sequence
from pathlib import Path

from countenance.record.errors import StorageError
from countenance.record.fileops import FileOps, write_all
from countenance.record.tiles import decode_bundle, encode_bundle

MAGIC = b"CTNJ"
SALT_BYTES = 16
_HEAD = struct.Struct(">4sIQI")
_HEAD_CHECK = 12
_HEAD_BYTES = _HEAD.size + _HEAD_CHECK
_CHECK = 32
# Hashed at a time: for more, hashlib lets go of the interpreter, and with many threads it takes
# longer to get it back than to hash.
_PIECE = 2047


class Journal:
    """The journal open for appending."""

    def __init__(self, path: Path, ops: FileOps) -> None:
        self.path = path
        self.size_bytes = 0
        self._next = _second(path)
        self._ops = ops
        self._handle: int | None = None
        self._salt = b""

    def replace(self, first: int, entries: Sequence[bytes]) -> None:
        """Put one new journal with only these entries in place of all there is, durably."""
        if self._next.exists():  # it is newer than the first, so it must not be left behind it
            self.begin_second(first, entries)
            self.promote_second()
        else:
            self._begin(self.path, first, entries)

    def begin_second(self, first: int, entries: Sequence[bytes]) -> None:
        """Begin another journal with these entries, durably, and append to that one."""
        self._begin(self._next, first, entries)

    def promote_second(self) -> None:
        """Let the second journal take the place of the first, whose bundles are all files.

        May be called from another thread than the one that appends.
        """
        self._ops.rename(self._next, self.path)
        self._ops.fsync_folder(self.path.parent)

    def _begin(self, path: Path, first: int, entries: Sequence[bytes]) -> None:
        self.close()
        ops = self._ops
        self._salt = secrets.token_bytes(SALT_BYTES)
        fresh = self.path.with_name(self.path.name + ".new")
        handle = ops.create(fresh, private=True)
        try:
            data = self._salt + _record(self._salt, first, entries)
            write_all(ops, handle, data)
            ops.fsync(handle)
            ops.rename(fresh, path)
            ops.fsync_folder(path.parent)
        except BaseException:
            ops.close(handle)
            raise
        self._handle, self.size_bytes = handle, len(data)

    def append(self, first: int, entries: Sequence[bytes]) -> None:
        """Durable when this returns. After an OSError only `replace` may follow."""
        if self._handle is None:
            raise StorageError("the journal is not open", where=str(self.path))
        data = _record(self._salt, first, entries)
        handle, self._handle = self._handle, None
        try:
            write_all(self._ops, handle, data)
            self._ops.fsync(handle)
        except BaseException:
            self._ops.close(handle)
            raise
        self._handle = handle
        self.size_bytes += len(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            self._ops.close(self._handle)
            self._handle = None


def read_journals(path: Path) -> tuple[int, list[bytes]] | None:
    """First index and entries of the journal and of the second one, if there is one.

    None where there is no journal. Raises StorageError as `read_journal` does, and where the
    second is not what comes after the first.
    """
    found, after = read_journal(path), read_journal(_second(path))
    if after is None:
        return found
    if found is None:
        raise StorageError(
            "the second journal is there and the first is not", where=os.fspath(path),
            do="restore the folder from a copy; then check it with a witness",
        )  # fmt: skip
    (first, entries), (second, more) = found, after
    kept = second - first
    common = len(entries) - kept
    if kept < 0 or common < 0 or entries[kept:] != more[:common]:
        raise _damaged(path, first + len(entries))
    return first, entries[:kept] + more


def read_journal(path: Path) -> tuple[int, list[bytes]] | None:
    """First index and entries of a journal; None where there is no journal.

    A torn last record is left out: it was never acknowledged. Raises StorageError where a record
    is damaged that others follow.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    salt, at = data[:SALT_BYTES], SALT_BYTES
    found: list[bytes] = []
    first = next_index = -1
    while at < len(data):
        parsed = _parse(data, at, salt)
        if parsed is not None and first >= 0 and parsed[0] != next_index:
            raise _damaged(path, next_index)
        if parsed is None:
            if first < 0 or _whole_record_after(data, at, salt):
                raise _damaged(path, next_index)
            break
        index, entries, at = parsed
        first = index if first < 0 else first
        found += entries
        next_index = index + len(entries)
    if first < 0:
        raise _damaged(path, 0)
    return first, found


def _second(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def _record(salt: bytes, first: int, entries: Sequence[bytes]) -> bytes:
    payload = encode_bundle(entries)
    head = _HEAD.pack(MAGIC, len(payload), first, len(entries))
    head += _head_check(salt, head)
    check = hashlib.sha256(salt + head)
    for at in range(0, len(payload), _PIECE):
        check.update(payload[at : at + _PIECE])
    return b"".join((head, payload, check.digest()))


def _head_check(salt: bytes, head: bytes) -> bytes:
    return hashlib.sha256(salt + head).digest()[:_HEAD_CHECK]


def _parse_head(data: bytes, at: int, salt: bytes) -> tuple[int, int, int] | None:
    """Payload length, first index and count, if a record's head is here."""
    head = data[at : at + _HEAD_BYTES]
    if len(head) < _HEAD_BYTES or head[_HEAD.size :] != _head_check(salt, head[: _HEAD.size]):
        return None
    magic, length, first, count = _HEAD.unpack(head[: _HEAD.size])
    return (length, first, count) if magic == MAGIC else None


def _parse(data: bytes, at: int, salt: bytes) -> tuple[int, list[bytes], int] | None:
    """First index, entries and end of the record at `at`, if it is whole."""
    head = _parse_head(data, at, salt)
    if head is None:
        return None
    length, first, count = head
    end = at + _HEAD_BYTES + length
    if end + _CHECK > len(data):
        return None
    if hashlib.sha256(salt + data[at:end]).digest() != data[end : end + _CHECK]:
        return None
    return first, decode_bundle(data[at + _HEAD_BYTES : end], width=count), end + _CHECK


def _whole_record_after(data: bytes, at: int, salt: bytes) -> bool:
    """Whether a record begins after `at`: then what is wrong at `at` is no torn ending."""
    while (at := data.find(MAGIC, at + 1)) >= 0:
        if _parse_head(data, at, salt) is not None:
            return True
    return False


def _damaged(path: Path, index: int) -> StorageError:
    return StorageError(
        f"the journal is damaged at entry {max(index, 0)}",
        where=os.fspath(path),
        do="keep the folder as it is, and restore it from a copy; then check it with a witness",
    )
