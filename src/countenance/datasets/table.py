"""Read a CSV written by anybody: a spreadsheet, R, a script, or somebody who means harm.

One reader for manifests and attribute tables. It guesses nothing that could change a label:
a file in another encoding than UTF-8 is refused with the place, a row with more cells than the
header is passed over and named, and a cell is only ever text.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from countenance.core import InputError, Note
from countenance.datasets.notes import make_note

MAX_BYTES = 256 * 1024 * 1024
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV's header and rows.

    Attributes
    ----------
    columns
        Column names, trimmed, in the file's order.
    lines
        For each row, the number of its first line in the file, as an editor shows it.
    rows
        Cells, one for each column, trimmed and in Unicode's composed form (NFC).
    notes
        What was found and passed over.
    """

    columns: tuple[str, ...]
    lines: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[Note, ...]


def read_table(path: Path, *, needs: tuple[tuple[str, ...], ...]) -> Table:
    """Read a CSV separated by commas, semicolons or tabs.

    Parameters
    ----------
    path
        The file.
    needs
        Columns that must be there, each as the names it may have, in any capitals:
        ``(("subject", "subject_id"),)``. In the table the first name is used.

    Raises
    ------
    InputError
        The file cannot be read as a table: not UTF-8, NUL bytes, no header, a column missing or
        named twice, a quote never closed, no row.
    """
    where = str(path)
    text = _text(path)
    head = next(iter(text.strip().splitlines()), "")
    if not head:
        raise InputError("is empty", where=where, expected=f"a header: {_wanted(needs)}")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = _records(text, delimiter, where)
    line, cells = next(reader, (1, []))
    header = _header([c.strip() for c in cells], needs, where, line)
    notes: list[Note] = []
    if delimiter != ",":
        notes.append(
            Note(
                code="delimiter",
                count=1,
                text=f"{path.name} is separated by {_DELIMITERS[delimiter]}, not commas.",
            )
        )
    keep = [i for i, name in enumerate(header) if name]
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    long: list[str] = []
    unnamed = False
    for line, cells in reader:
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(header):
            long.append(f"row {line}: {len(cells)} cells")
            continue
        cells += [""] * (len(header) - len(cells))
        clean = [unicodedata.normalize("NFC", c.strip()) for c in cells]
        unnamed = unnamed or any(c and not h for c, h in zip(clean, header, strict=True))
        lines.append(line)
        rows.append(tuple(clean[i] for i in keep))
    if long:
        notes.append(
            make_note(
                "long-row",
                long,
                f"{{rows}} in {path.name} with more cells than the header's {len(header)} "
                "{were} passed over: a value with a comma in it needs quotes.",
            )
        )
    if unnamed:
        notes.append(
            Note(
                code="unnamed-column",
                count=1,
                text=f"A column without a name in {path.name} was passed over.",
            )
        )
    if not rows:
        raise InputError("has a header but no usable row", where=where, expected=_wanted(needs))
    return Table(tuple(header[i] for i in keep), tuple(lines), tuple(rows), tuple(notes))


def _text(path: Path) -> str:
    """The whole file as text, or the reason why not."""
    where = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"is larger than {MAX_BYTES >> 20} MiB", where=where)
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", where=where, expected="a CSV file"
        ) from error
    redo = "in a spreadsheet choose: Save as, CSV UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("is UTF-16", where=where, expected="UTF-8", do=redo)
    nul = data.find(b"\0")
    if nul >= 0:
        row = data.count(b"\n", 0, nul) + 1
        raise InputError(f"row {row} holds a NUL byte: this is not a CSV", where=where, do=redo)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"row {row} is not UTF-8 (byte 0x{data[error.start]:02X})",
            where=where,
            expected="UTF-8",
            do=redo,
        ) from error


def _records(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"row {first} cannot be read: {error}",
                where=where,
                expected='a value with a quote, comma or line break is written "like ""this"""',
            ) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield first, cells


def _header(
    found: list[str], needs: tuple[tuple[str, ...], ...], where: str, line: int
) -> list[str]:
    """Column names with the needed ones under their first name; checked for doubles."""
    header = list(found)
    lowered = [name.casefold() for name in found]
    for names in needs:
        place = next((lowered.index(name) for name in names if name in lowered), None)
        if place is None:
            raise InputError(
                f"row {line} is not a header with a column {' or '.join(map(repr, names))}",
                where=where,
                expected=f"a header: {_wanted(needs)}",
                do=f"found: {', '.join(filter(None, found)) or 'nothing'}",
            )
        header[place] = names[0]
    seen: set[str] = set()
    for name in header:
        if name and name.casefold() in seen:
            raise InputError(
                f"two columns are named {name!r}",
                where=where,
                expected="one column for each name",
                do="rename or remove one of them",
            )
        seen.add(name.casefold())
    return header


def _wanted(needs: tuple[tuple[str, ...], ...]) -> str:
    return ",".join(names[0] for names in needs) + " and any attribute columns"
