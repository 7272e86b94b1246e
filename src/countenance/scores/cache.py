"""Templates kept between runs, so that a second audit of a folder does no inference.

A template is biometric data: the cache is as sensitive as the pictures. It lives in the user's own
cache folder, readable by nobody else, tagged so that backup programs pass it over; `clear` removes
it, and every command can run without it.

One SQLite file an engine digest (`EngineCard.digest` covers everything that can alter a bit of a
template, so a stale template cannot be found), one row an image, keyed by the SHA-256 of the image
file. Each row carries a hash of itself: what does not verify is a miss, never a crash and never a
template.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from countenance.core import Note, sha256_bytes
from countenance.faces import Enrolment, Status

#: Outcomes worth keeping. A file that could not be read or an engine that failed may do better
#: next time; a picture without a face will not.
KEPT = frozenset({Status.OK, Status.NO_FACE, Status.MULTIPLE_FACES, Status.TOO_SMALL})

_SUFFIX = ".v1.sqlite"  # a new format takes a new suffix: old files are then simply not found
_BUSY_S = 30.0
_CHUNK = 500
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_TABLE = """create table if not exists enrolment (
    image text primary key, outcome text not null, template blob, mark text not null
) without rowid"""
_CACHEDIR_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Templates made by Countenance: biometric data. See https://bford.info/cachedir/\n"
)


def default_cache_folder() -> Path:
    """``$XDG_CACHE_HOME/countenance/templates``, by default ``~/.cache/countenance/templates``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "countenance" / "templates"


class TemplateCache:
    """A folder of templates.

    Parameters
    ----------
    folder
        Where; `default_cache_folder` when None. Made on first use, mode 0700.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else default_cache_folder()

    def open(self, engine_digest: str, dimension: int) -> Shelf:
        """The templates of one engine; use it in a ``with`` block."""
        return Shelf(self.folder, engine_digest, dimension)

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self._files())

    def clear(self) -> int:
        """Remove every template; how many engines' files were removed."""
        files = self._files()
        for file in files:
            file.unlink(missing_ok=True)
        return sum(file.name.endswith(_SUFFIX) for file in files)

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [f for f in self.folder.iterdir() if ".sqlite" in f.name and f.is_file()]


class Shelf:
    """One engine's templates in a cache.

    Nothing here raises for a damaged, locked or unwritable cache: the run goes on without what
    cannot be had, and `notes` says so.
    """

    def __init__(self, folder: Path, engine_digest: str, dimension: int) -> None:
        self._path = folder / f"{engine_digest}{_SUFFIX}"
        self._dimension = dimension
        self._damaged = 0
        self._replaced = False
        self._off: str | None = None
        self._db: sqlite3.Connection | None = None
        with self._surviving():
            self._connect()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what `put` wrote is on disk already."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was wrong with the cache, if anything was."""
        found = []
        if self._off is not None:
            text = f"The template cache was not used: {self._off}."
            found.append(Note("cache-off", 1, text, (str(self._path),)))
        if self._replaced:
            text = "The template cache was damaged and was started anew."
            found.append(Note("cache-replaced", 1, text, (str(self._path),)))
        if self._damaged:
            text = f"{self._damaged:,} damaged template(s) in the cache were made anew."
            found.append(Note("cache-damaged", self._damaged, text, (str(self._path),)))
        return tuple(found)

    def get(self, images: Sequence[str]) -> dict[str, Enrolment]:
        """What is known of these images (SHA-256 of the files), each verified."""
        found: dict[str, Enrolment] = {}
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            query = (
                f"select image, outcome, template, mark from enrolment where image in ({marks})"  # noqa: S608
            )
            with self._surviving():
                if self._db is None:
                    break
                for image, outcome, template, mark in self._db.execute(query, chunk):
                    enrolment = self._verified(image, outcome, template, mark)
                    if enrolment is None:
                        self._damaged += 1
                    else:
                        found[image] = enrolment
        return found

    def put(self, outcomes: Mapping[str, Enrolment]) -> None:
        """Keep outcomes, all or none of them; those not worth keeping are passed over."""
        rows = [_row(image, e) for image, e in outcomes.items() if e.status in KEPT]
        with self._surviving():
            if self._db is not None and rows:
                with self._db:  # one transaction: an interrupted run leaves whole batches
                    self._db.execute("begin immediate")
                    self._db.executemany(
                        "insert or replace into enrolment values (?, ?, ?, ?)", rows
                    )

    def _connect(self) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix":
            if folder.stat().st_uid != os.geteuid():
                self._off = "its folder belongs to somebody else"
                return
            folder.chmod(0o700)
        tag = folder / "CACHEDIR.TAG"
        if not tag.exists():
            tag.write_text(_CACHEDIR_TAG, encoding="ascii")
        # The file is made here, not by SQLite, so that it is never readable by others.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600))
        self._path.chmod(0o600)
        self._db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        self._db.execute(_TABLE)

    @contextlib.contextmanager
    def _surviving(self) -> Iterator[None]:
        """Turn trouble with the cache into a note; a damaged file is replaced once."""
        try:
            yield
        except sqlite3.Error as error:
            self.close()
            if getattr(error, "sqlite_errorcode", None) in _BROKEN and not self._replaced:
                self._replaced = True
                self._path.unlink(missing_ok=True)
                self._path.with_name(self._path.name + "-journal").unlink(missing_ok=True)
                with self._surviving():
                    self._connect()
            else:
                self._off = str(error)
        except OSError as error:
            self.close()
            self._off = error.strerror or str(error)

    def _verified(
        self, image: object, outcome: object, template: object, mark: object
    ) -> Enrolment | None:
        """The outcome of a row, or None when any part of it is not as it was written."""
        if not (isinstance(image, str) and isinstance(outcome, str)):
            return None
        if not isinstance(template, bytes | None) or _mark(image, outcome, template) != mark:
            return None
        if template is not None and len(template) != 2 * self._dimension:
            return None
        try:
            told = json.loads(outcome)
            vector = None if template is None else np.frombuffer(template, "<i2").astype(np.int16)
            return Enrolment(
                Status(told["status"]),
                told["reason"],
                vector,
                tuple(told["box"]) if told["box"] is not None else None,
                told["faces_found"],
                told["face_px"],
            )
        except (ValueError, KeyError, TypeError):
            return None


def _row(image: str, enrolment: Enrolment) -> tuple[str, str, bytes | None, str]:
    outcome = json.dumps(
        {
            "status": enrolment.status.value,
            "reason": enrolment.reason,
            "box": enrolment.box,
            "faces_found": enrolment.faces_found,
            "face_px": enrolment.face_px,
        }
    )
    vector = enrolment.template
    template = None if vector is None else vector.astype("<i2").tobytes()
    return image, outcome, template, _mark(image, outcome, template)


def _mark(image: str, outcome: str, template: bytes | None) -> str:
    """Hash of a row: finds damage, and a row copied to another image's key."""
    parts: Iterable[bytes] = (image.encode(), outcome.encode(), template or b"")
    return sha256_bytes(b"".join(len(p).to_bytes(8, "big") + p for p in parts))
