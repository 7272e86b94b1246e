"""A report's files, written whole or not at all."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from countenance.audit.jsonform import schema
from countenance.audit.report.blocks import Drawn
from countenance.audit.report.content import draw
from countenance.audit.report.drawing import standalone
from countenance.audit.report.model import Table
from countenance.audit.report.page import html, index
from countenance.audit.report.view import View
from countenance.audit.sentences import system_name
from countenance.audit.types import Audit
from countenance.core import (
    InputError,
    MissingPartError,
    Progress,
    atomic_folder,
    no_progress,
    pretty_json,
)

PAGES = ("a4", "letter")


def write_report(
    audit: Audit,
    folder: Path,
    *,
    pdf: bool | None = None,
    page: str = "a4",
    progress: Progress = no_progress,
) -> list[Path]:
    """Write one audit's report into `folder`; the files written.

    ``report.html``, ``report.pdf``, ``audit.json``, ``audit.schema.json``, ``cells.csv`` and, in
    ``plots/``, every figure as SVG with its numbers as CSV. An interruption leaves the folder as
    it was.

    Parameters
    ----------
    audit
        What to report.
    folder
        Where; it is made if need be.
    pdf
        True: the PDF is made or it is an error. False: it is not made. None: it is made if the
        extra ``pdf`` is installed; if not, `progress` is told and the list lacks it.
    page
        Paper of the PDF: ``a4`` or ``letter``.
    progress
        Told of drawing and typesetting.

    Raises
    ------
    MissingPartError
        `pdf` is True and the extra is not installed.
    InputError
        Another paper.
    """
    return _write(audit, folder, pdf=_can(pdf, page), page=page, progress=progress, told=pdf)[0]


def write_index(
    audits: Sequence[Audit],
    folder: Path,
    *,
    pdf: bool | None = None,
    page: str = "a4",
    progress: Progress = no_progress,
) -> list[Path]:
    """Write several reports, each in a folder of its own, and ``index.html`` beside them."""
    make = _can(pdf, page)
    written: list[Path] = []
    items: list[tuple[Audit, str, list[Drawn]]] = []
    for audit, name in zip(audits, _names(audits), strict=True):
        paths, first = _write(
            audit, folder / name, pdf=make, page=page, progress=progress, told=pdf
        )
        written += paths
        items.append((audit, f"{name}/report.html", first))
    with atomic_folder(folder) as temporary:
        (temporary / "index.html").write_text(index(items), encoding="utf-8")
    return [folder / "index.html", *written]


def _write(
    audit: Audit, folder: Path, *, pdf: bool, page: str, progress: Progress, told: bool | None
) -> tuple[list[Path], list[Drawn]]:
    view = View(audit)
    drawn = draw(view, progress=progress)
    with atomic_folder(folder) as temporary:
        (temporary / "report.html").write_text(html(audit, drawn), encoding="utf-8")
        (temporary / "audit.json").write_text(audit.to_json(), encoding="utf-8")
        (temporary / "audit.schema.json").write_text(pretty_json(schema()), encoding="utf-8")
        (temporary / "cells.csv").write_text(_frame_csv(audit), encoding="utf-8", newline="")
        plots = temporary / "plots"
        plots.mkdir()
        for item in (d for figures in drawn.values() for d in figures):
            (plots / f"{item.figure.name}.svg").write_text(standalone(item.wide), encoding="utf-8")
            (plots / f"{item.figure.name}.csv").write_text(
                table_csv(item.figure.table), encoding="utf-8", newline=""
            )
        if pdf:
            from countenance.audit.report.pdf import pdf_bytes

            progress("typesetting", 0, 1)
            (temporary / "report.pdf").write_bytes(pdf_bytes(audit, drawn, page=page))
            progress("typesetting", 1, 1)
        elif told is None:
            progress("no PDF: it needs pip install 'countenance[pdf]'", 1, 1)
        names = sorted(p.relative_to(temporary) for p in temporary.rglob("*") if p.is_file())
    if not pdf:
        # A PDF of an earlier audit must not stand beside this one's page.
        (folder / "report.pdf").unlink(missing_ok=True)
    return [folder / name for name in names], drawn["first"]


def table_csv(table: Table) -> str:
    """A table's numbers in full precision, safe to open in a spreadsheet."""
    return _csv([c.key for c in table.columns], table.rows)


def _frame_csv(audit: Audit) -> str:
    frame = audit.frame()
    return _csv(frame.columns, frame.iter_rows())


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.lstrip(" ")[:1] in (
        "=",
        "+",
        "-",
        "@",
        "\t",
        "\r",
        "\n",
        "|",
    ):
        return f"'{cell}"
    return cell


def _can(pdf: bool | None, page: str) -> bool:
    """Whether to make the PDF."""
    if page not in PAGES:
        raise InputError(f"no paper called {page!r}", expected=" or ".join(PAGES))
    there = importlib.util.find_spec("typst") is not None
    if pdf and not there:
        raise MissingPartError(
            "the PDF report needs a part that is not installed",
            expected="the extra `pdf`",
            do="pip install 'countenance[pdf]', or leave the PDF out",
        )
    return there if pdf is None else pdf


def _names(audits: Sequence[Audit]) -> list[str]:
    """Folder names from the engines' names, each once."""
    names: list[str] = []
    for audit in audits:
        plain = re.sub(r"[^a-z0-9]+", "-", system_name(audit).lower()).strip("-") or "audit"
        name, n = plain, 1
        while name in names:
            n += 1
            name = f"{plain}-{n}"
        names.append(name)
    return names
