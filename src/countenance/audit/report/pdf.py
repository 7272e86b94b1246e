"""The report as a tagged PDF, set by Typst.

Nothing of the audit is pasted into Typst's language: the template is fixed and reads one JSON
value, so a label is text whatever it looks like. No file, no system font and no clock is read: the
same audit gives the same bytes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from countenance.audit.jsonform import digest
from countenance.audit.report.blocks import (
    Block,
    Code,
    Drawn,
    Facts,
    Items,
    Part,
    Text,
)
from countenance.audit.report.content import sections
from countenance.audit.report.model import Table
from countenance.audit.report.page import asset, no_picture, together
from countenance.audit.report.palette import LIGHT
from countenance.audit.report.view import View
from countenance.audit.sentences import count, summary
from countenance.audit.types import Audit

#: A figure's table longer than this stands only in the CSV file beside the report.
MOST_ROWS = 40


def pdf_bytes(audit: Audit, drawn: dict[str, list[Drawn]], *, page: str = "a4") -> bytes:
    """The PDF of one audit on ``a4`` or ``letter``, from figures already drawn."""
    import typst

    made: bytes = typst.compile(
        input=asset("report.typ").encode(),
        sys_inputs={
            "report": together(json.dumps(_payload(audit, drawn, page), ensure_ascii=False))
        },
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=["ua-1"],
    )
    return made


def _payload(audit: Audit, drawn: dict[str, list[Drawn]], page: str) -> dict[str, Any]:
    view = View(audit)
    c = audit.counts
    engine, dataset = audit.engine or {}, audit.dataset or {}
    facts = [
        ("System", f"{engine.get('name', 'not stated')} {engine.get('version', '')}".strip()),
        (
            "Data",
            f"{dataset.get('name', 'not stated')}: {count(c.people)} people, {count(c.images)} "
            f"images, {count(c.comparisons)} comparisons",
        ),
    ]
    if view.operating is not None:
        t = view.operating.threshold
        facts.append(("Threshold", f"{t.label} ({t.rule})"))
    return {
        "title": audit.title,
        "date": audit.performed_on,
        "digest": digest(audit),
        "paper": {"a4": "a4", "letter": "us-letter"}[page],
        "opening": audit.summary or summary(audit),
        "facts": facts,
        "colours": LIGHT,
        "version": audit.software.version,
        "sections": [
            {
                "heading": "Whom it falsely matches",
                "blocks": [{**_block(d), "said": ""} for d in drawn["first"]]
                or [{"kind": "text", "text": no_picture(view)}],
            },
            *({"heading": s.heading, "blocks": _blocks(s.blocks)} for s in sections(view, drawn)),
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Drawn):
        f = block.figure
        return {
            "kind": "figure",
            "question": f.question,
            "said": f.finding,
            "alt": f"{f.question} {f.finding}",
            "reading": f.reading,
            "svg": block.wide,
            "name": f.name,
            "table": _table(f.table, most=MOST_ROWS),
        }
    if isinstance(block, Table):
        return {"kind": "table", **_table(block)}
    if isinstance(block, Text):
        return {"kind": "text", "text": block.text}
    if isinstance(block, Items):
        return {"kind": "items", "items": block.items}
    if isinstance(block, Code):
        return {"kind": "code", "text": block.text}
    if isinstance(block, Facts):
        return {
            "kind": "facts",
            "rows": [
                [name, [{"kind": p.kind, "value": p.value} for p in pieces]]
                for name, pieces in block.rows
            ],
        }
    return _part(block)


def _blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Blocks in order; words that lead to a figure stay on its page."""
    made = [_block(b) for b in blocks]
    for block, after in itertools.pairwise(made):
        if block["kind"] == "text" and after["kind"] == "figure":
            block["sticky"] = True
    return made


def _part(part: Part) -> dict[str, Any]:
    return {
        "kind": "part",
        "heading": part.heading,
        "blocks": _blocks(part.blocks),
    }


def _table(table: Table, *, most: int | None = None) -> dict[str, Any]:
    shown = table.shown()
    if most is not None and len(shown) > most:
        return {"caption": table.caption, "rows": [], "left_out": count(len(shown))}
    # A column without a word in it is left out: paper is narrower than a screen.
    kept = [
        i
        for i, _ in enumerate(table.columns)
        if i == 0 or any(row[i] not in ("", "–") for row in shown)
    ]
    columns = []
    for i in kept:
        column = table.columns[i]
        longest = max([len(row[i]) for row in shown] + [len(w) for w in column.head.split()])
        widest = 26 if column.wide or i == 0 else 20
        columns.append(
            {
                "head": column.head,
                "right": column.numeric or column.counts,
                # Two for the space beside it.
                "share": min(max(longest, 3), widest) + 2,
            }
        )
    return {
        "caption": table.caption,
        "columns": columns,
        "rows": [[row[i] for i in kept] for row in shown],
        "left_out": "",
        "small": len(kept) > 8,
    }
