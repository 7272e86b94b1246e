"""The PDF: tagged, bookmarked, numbered, the same each time, and deaf to markup in labels."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

import pytest

from countenance.audit.jsonform import digest
from countenance.audit.report import write_report
from countenance.audit.report.content import draw
from countenance.audit.report.view import View
from countenance.audit.types import Audit

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst", reason="the extra `pdf` is not installed")

from countenance.audit.report.pdf import pdf_bytes  # noqa: E402

A4 = (595.3, 841.9)
LETTER = (612.0, 792.0)


def made(audit: Audit, page: str = "a4") -> bytes:
    return pdf_bytes(audit, draw(View(audit)), page=page)


@pytest.fixture(scope="module")
def rich(shapes: dict[str, Audit]) -> bytes:
    return made(shapes["rich"])


@pytest.fixture(scope="module")
def reader(rich: bytes) -> object:
    return pypdf.PdfReader(io.BytesIO(rich))


@functools.cache
def words(reader: object) -> str:
    """All its text; read once for a reader."""
    text = " ".join(page.extract_text() for page in reader.pages)  # type: ignore[attr-defined]
    return " ".join(text.split())


def test_it_is_tagged_titled_and_in_a_language(reader: object, shapes: dict[str, Audit]) -> None:
    root = reader.trailer["/Root"]  # type: ignore[attr-defined]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert "/StructTreeRoot" in root
    assert reader.metadata.title == shapes["rich"].title  # type: ignore[attr-defined]


def test_bookmarks_are_the_sections(reader: object) -> None:
    titles = [item.title for item in reader.outline if not isinstance(item, list)]  # type: ignore[attr-defined]
    assert titles[0] == "Whom it falsely matches"
    assert titles[-1] == "How to reproduce this"
    assert "What these data cannot show" in titles
    assert len(titles) >= 15


def test_pages_are_numbered_under_the_audits_digest(
    reader: object, shapes: dict[str, Audit]
) -> None:
    total = len(reader.pages)  # type: ignore[attr-defined]
    head = digest(shapes["rich"])[:16]
    for i, page in enumerate(reader.pages, 1):  # type: ignore[attr-defined]
        text = " ".join(page.extract_text().split())
        assert f"page {i} of {total}" in text
        if i > 1:
            assert head in text


def test_hashes_can_be_copied_whole(reader: object, shapes: dict[str, Audit]) -> None:
    assert digest(shapes["rich"]) in words(reader)
    assert "b" * 64 in words(reader)


def test_it_says_what_the_page_says(reader: object, shapes: dict[str, Audit]) -> None:
    text = words(reader)
    opening = shapes["rich"].summary
    assert " ".join(opening.split())[:120] in text.replace("\u00a0", " ")
    for group in View(shapes["rich"]).groups:
        assert f"{group.fmr.events:,} of {group.fmr.trials:,}" in text


def test_fonts_are_embedded_and_come_with_typst(reader: object) -> None:
    names = set()
    for page in reader.pages:  # type: ignore[attr-defined]
        for font in page["/Resources"].get("/Font", {}).values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = inner["/FontDescriptor"].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)
            names.add(str(descriptor["/FontName"]).split("+")[-1])
    assert names
    assert all(n.startswith(("LibertinusSerif", "DejaVuSansMono")) for n in names)


def test_every_picture_has_its_finding_as_alternative_text(rich: bytes) -> None:
    reader = pypdf.PdfReader(io.BytesIO(rich))
    said = []

    def walk(node: object, depth: int = 0) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for child in node:
                walk(child, depth)
        elif isinstance(node, dict):
            if node.get("/S") == "/Figure":
                said.append(str(node.get("/Alt", "")))
            if "/K" in node and depth < 40:
                walk(node["/K"], depth + 1)

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    pictures = [alt for alt in said if alt.endswith(".")]
    assert len(pictures) >= 10
    assert any("falsely match two different people" in alt for alt in pictures)


def test_the_same_audit_gives_the_same_bytes(rich: bytes, shapes: dict[str, Audit]) -> None:
    assert made(shapes["rich"]) == rich


@pytest.mark.parametrize(("page", "size"), [("a4", A4), ("letter", LETTER)])
def test_both_papers(page: str, size: tuple[float, float], shapes: dict[str, Audit]) -> None:
    box = pypdf.PdfReader(io.BytesIO(made(shapes["tiny"], page))).pages[0].mediabox
    assert (float(box.width), float(box.height)) == pytest.approx(size, abs=0.2)


@pytest.mark.parametrize(
    "name",
    [
        "no_groups",
        "no_mated",
        "no_nonmated",
        "one_group",
        "zero_events",
        "tiny",
        "bare",
        "hostile",
    ],
)
def test_every_shape_can_be_set(name: str, shapes: dict[str, Audit]) -> None:
    assert made(shapes[name]).startswith(b"%PDF-")


def test_labels_are_text_and_never_markup(shapes: dict[str, Audit]) -> None:
    text = words(pypdf.PdfReader(io.BytesIO(made(shapes["hostile"])))).replace(" ", "")
    assert "{{7*7}}${7*7}" in text
    assert "<script>alert(1)</script>" in text
    assert "#strong[x]" in text or "]x[gnorts#" in text


def test_sixty_groups_fit_and_long_tables_are_left_to_the_csv(shapes: dict[str, Audit]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(made(shapes["sixty"])))
    assert len(reader.pages) < 60
    assert "Its table has 3,600 rows" in words(reader)


def test_it_is_written_beside_the_page(shapes: dict[str, Audit], tmp_path: Path) -> None:
    written = write_report(shapes["tiny"], tmp_path, pdf=True, page="letter")
    assert tmp_path / "report.pdf" in written
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["schema"]
