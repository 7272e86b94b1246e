"""The report's files: whole or not at all, safe to open, the same each time."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from pathlib import Path

import jsonschema
import pytest

from countenance.audit.jsonform import digest
from countenance.audit.report import files as report_files
from countenance.audit.report import write_index, write_report
from countenance.audit.report.model import Column, Table
from countenance.audit.types import Audit
from countenance.core import InputError, MissingPartError


def test_everything_promised_is_written(shapes: dict[str, Audit], tmp_path: Path) -> None:
    audit = shapes["rich"]
    written = write_report(audit, tmp_path / "report", pdf=False)
    names = {p.relative_to(tmp_path / "report").as_posix() for p in written}
    assert {"report.html", "audit.json", "audit.schema.json", "cells.csv"} <= names
    assert {"plots/fmr-by-group.svg", "plots/fmr-by-group.csv"} <= names
    assert all(p.is_file() for p in written)
    assert not [p for p in tmp_path.iterdir() if p.name != "report"]
    on_disk = {p for p in (tmp_path / "report").rglob("*") if p.is_file()}
    assert on_disk == set(written)
    plots = {n for n in names if n.startswith("plots/")}
    assert {n[:-4] for n in plots if n.endswith("svg")} == {
        n[:-4] for n in plots if n.endswith("csv")
    }


def test_the_json_is_the_audit_and_obeys_its_schema(
    shapes: dict[str, Audit], tmp_path: Path
) -> None:
    audit = shapes["hostile"]
    write_report(audit, tmp_path, pdf=False)
    text = (tmp_path / "audit.json").read_bytes()
    again = Audit.from_json(text)
    assert digest(again) == digest(audit)
    assert again.to_json().encode() == text
    schema = json.loads((tmp_path / "audit.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(text), schema)


def test_the_csv_beside_a_figure_holds_its_numbers(
    shapes: dict[str, Audit], tmp_path: Path
) -> None:
    audit = shapes["rich"]
    write_report(audit, tmp_path, pdf=False)
    with (tmp_path / "plots" / "fmr-by-group.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    met = {g.group: g.fmr for g in audit.results[0].groupings[-1].groups}
    assert [row["group"] for row in rows] == list(met)
    for row in rows:
        rate = met[row["group"]]
        assert int(row["events"]) == rate.events
        assert int(row["trials"]) == rate.trials
        assert float(row["high"]) == rate.high


def test_no_cell_is_a_formula(shapes: dict[str, Audit], tmp_path: Path) -> None:
    write_report(shapes["hostile"], tmp_path, pdf=False)
    for path in [tmp_path / "cells.csv", *(tmp_path / "plots").glob("*.csv")]:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                for cell in row:
                    if cell[:1] in "=+-@\t\r|" and cell:
                        float(cell)  # a negative number is not a formula


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "|calc"]
)
def test_formulas_are_made_harmless_and_can_be_read_back(cell: str) -> None:
    text = report_files.table_csv(
        Table("t", (Column("a,b", "A"), Column("n", "N", "count")), ((cell, -3), ('x"y\nz', None)))
    )
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [["a,b", "n"], [f"'{cell}", "-3"], ['x"y\nz', ""]]


def test_the_same_audit_gives_the_same_files(shapes: dict[str, Audit], tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(shapes["distance"], tmp_path / name, pdf=False)
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_an_interruption_leaves_what_was_there(
    shapes: dict[str, Audit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "report"
    write_report(shapes["rich"], folder, pdf=False)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def interrupted(table: Table) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(report_files, "table_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(shapes["distance"], folder, pdf=False)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["report"]


def test_files_of_the_users_own_stay(shapes: dict[str, Audit], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    write_report(shapes["tiny"], tmp_path, pdf=False)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_older_pdf_does_not_stand_beside_a_newer_page(
    shapes: dict[str, Audit], tmp_path: Path
) -> None:
    (tmp_path / "report.pdf").write_bytes(b"of another audit")
    write_report(shapes["tiny"], tmp_path, pdf=False)
    assert not (tmp_path / "report.pdf").exists()


def test_without_the_part_a_pdf_is_an_error_only_if_asked_for(
    shapes: dict[str, Audit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "typst" else find(name, *a)
    )
    with pytest.raises(MissingPartError, match=r"countenance\[pdf\]"):
        write_report(shapes["tiny"], tmp_path / "asked", pdf=True)
    assert not (tmp_path / "asked").exists()
    told: list[str] = []
    written = write_report(
        shapes["tiny"],
        tmp_path / "not-asked",
        progress=lambda stage, *_: told.append(stage),
    )
    assert not [p for p in written if p.suffix == ".pdf"]
    assert any("countenance[pdf]" in stage for stage in told)


def test_an_unknown_paper_is_refused(shapes: dict[str, Audit], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a4 or letter"):
        write_report(shapes["tiny"], tmp_path, page="foolscap")


def test_progress_ends_where_it_said(shapes: dict[str, Audit], tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    write_report(shapes["rich"], tmp_path, pdf=False, progress=lambda *a: seen.append(a))
    drawing = [(done, total) for stage, done, total in seen if stage == "drawing"]
    assert drawing == sorted(drawing)
    assert drawing[-1][0] == drawing[-1][1]


def test_several_audits_each_in_a_folder_under_one_index(
    shapes: dict[str, Audit], tmp_path: Path
) -> None:
    audits = [shapes["rich"], shapes["distance"], shapes["zero_events"], shapes["bare"]]
    written = write_index(audits, tmp_path / "demo", pdf=False)
    assert written[0] == tmp_path / "demo" / "index.html"
    folders = sorted({p.relative_to(tmp_path / "demo").parts[0] for p in written[1:]})
    assert folders == ["dlib", "sface", "sface-2", "the-system"]
    text = written[0].read_text(encoding="utf-8")
    for folder in folders:
        assert f'href="{folder}/report.html"' in text
        assert (tmp_path / "demo" / folder / "report.html").is_file()


def test_a_hostile_engine_name_stays_inside_the_folder(
    invented: object, shapes: dict[str, Audit], tmp_path: Path
) -> None:
    from dataclasses import replace

    audit = replace(shapes["tiny"], engine={"name": "../../etc/<passwd>\x00"})
    written = write_index([audit], tmp_path / "demo", pdf=False)
    assert {p.relative_to(tmp_path / "demo").parts[0] for p in written} == {
        "index.html",
        "etc-passwd",
    }
