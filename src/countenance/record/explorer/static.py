"""The pages as files, to stand beside a log's tiles on any file server, or on a disk."""

from __future__ import annotations

from pathlib import Path

from countenance.core import InputError, Progress, atomic_folder, no_progress
from countenance.record.explorer.pages import Pages
from countenance.record.explorer.view import LogView


def write_pages(
    view: LogView,
    pages: Pages,
    folder: Path,
    *,
    last: int = 1000,
    progress: Progress = no_progress,
) -> int:
    """Write the log's page, the check, and the last entries with their proofs; how many entries.

    The pages are of one checkpoint, which is written with them. Entries before the last `last`
    have no page; their proofs are made from the tiles by anybody.

    Raises
    ------
    InputError
        No checkpoint was published yet.
    VerificationError, StorageError
        The log cannot be read.
    """
    snapshot = view.snapshot()
    if snapshot is None:
        raise InputError("this log has published no checkpoint", do="publish one first")
    size = snapshot.checkpoint.size
    start = max(0, size - last)
    with atomic_folder(folder) as temporary:
        place = temporary / "entry"
        place.mkdir()
        (temporary / "checkpoint").write_bytes(snapshot.note)
        (temporary / "verify.html").write_text(pages.check(), encoding="utf-8")
        (temporary / "index.html").write_text(
            pages.index(snapshot, rows=size - start, turn=False), encoding="utf-8"
        )
        for index in range(start, size):
            data = view.entry(snapshot, index)
            (place / f"{index}.json").write_bytes(data)
            (place / f"{index}.tlog-proof").write_bytes(pages.proof_file(snapshot, index))
            page = pages.entry(snapshot, index, first=start)
            (place / f"{index}.html").write_text(page, encoding="utf-8")
            progress("pages", index - start + 1, size - start)
    return size - start
