"""`countenance audit` on score tables: what is printed, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from countenance import faces
from countenance.audit import Audit
from countenance.cli import main
from countenance.cli.onfile import audits_on_file
from countenance.cli.pipeline import holds_images
from countenance.core import InputError

Capture = pytest.CaptureFixture[str]


def test_json_is_the_audit_and_nothing_else(scores: Path, people: Path, capsys: Capture) -> None:
    code = main(
        ["audit", str(scores), "--attributes", str(people), "--group", "tree", "-t", "0.5",
         "--date", "2026-11-23", "--title", "Trees", "--claim", "0.001", "--json"]
    )  # fmt: skip
    said = capsys.readouterr()
    assert code == 0
    audit = Audit.from_json(said.out)
    assert audit.to_json() == said.out
    assert audit.title == "Trees"
    assert audit.performed_on == "2026-11-23"
    assert audit.settings.claimed_fmr == "0.001"
    assert [g.label for g in audit.groupings] == ["tree"]
    assert audit.command == (
        "countenance audit scores.csv --attributes people.csv --group tree --threshold 0.5 "
        "--claim 0.001 --date 2026-11-23 --title Trees"
    )


def test_the_same_inputs_give_the_same_bytes(scores: Path, people: Path, capsys: Capture) -> None:
    asked = [
        "audit",
        str(scores),
        "--attributes",
        str(people),
        "-g",
        "tree",
        "-t",
        "0.5",
        "--json",
    ]
    main(asked)
    first = capsys.readouterr().out
    main(asked)
    assert capsys.readouterr().out == first


def test_the_finding_comes_with_counts_worst_first(
    scores: Path, people: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    asked = ["audit", str(scores), "--attributes", str(people), "-g", "tree", "-t", "0.5"]
    assert main([*asked, "--out", str(out), "--no-pdf"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert max(map(len, (line for line in lines if str(out) not in line))) <= 80
    audit = Audit.from_json((out / "audit.json").read_bytes())
    groups = audit.results[audit.operating].groupings[0].groups
    places = [next(i for i, line in enumerate(lines) if line.startswith(g.group)) for g in groups]
    assert places == sorted(places)
    for place, group in zip(places, groups, strict=True):
        assert f"{group.fmr.events:,} of {group.fmr.trials:,}" in lines[place]
    assert str(out / "report.html") in said.out
    assert (out / "report.html").is_file()
    assert "\x1b[" not in said.out


def test_quiet_is_quiet(scores: Path, tmp_path: Path, capsys: Capture) -> None:
    asked = ["audit", str(scores), "-t", "0.5", "--quiet", "--no-pdf", "-o", str(tmp_path / "o")]
    assert main(asked) == 0
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "o" / "audit.json").is_file()


def test_scores_of_others_do_not_become_the_audit_on_file(scores: Path) -> None:
    assert main(["audit", str(scores), "-t", "0.5", "--json", "--quiet"]) == 0
    assert audits_on_file() == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--engine", "sface"], "--engine"),
        (["--layout", "london"], "--layout"),
        (["--selection", "largest"], "--selection"),
        (["--probe", "a=1", "--reference", "a=2"], "--probe"),
        (["--pairs", "x.csv"], "--pairs"),
    ],
)
def test_options_without_effect_are_refused(
    scores: Path, capsys: Capture, options: list[str], named: str
) -> None:
    assert main(["audit", str(scores), "-t", "0.5", *options]) == 2
    assert f"{named} is for images" in capsys.readouterr().err


def test_images_refuse_options_of_score_tables(tmp_path: Path, capsys: Capture) -> None:
    assert main(["audit", str(tmp_path), "--direction", "similarity"]) == 2
    assert "--direction is for tables of scores" in capsys.readouterr().err


def test_an_unknown_attribute_names_the_known(scores: Path, people: Path, capsys: Capture) -> None:
    asked = ["audit", str(scores), "--attributes", str(people), "-t", "0.5"]
    assert main([*asked, "--group", "tere"]) == 2
    message = capsys.readouterr().err
    assert "'tere'" in message
    assert "tree" in message


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set whose images nobody may look at: no engine can be loaded."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("an engine was loaded before the options were read")

    monkeypatch.setattr(faces, "load_engine", refuse)
    rows = ["path,subject,tree,light"]
    for person in range(4):
        for light in ("dim", "bright"):
            name = f"{person}-{light}.jpg"
            (tmp_path / name).write_bytes(name.encode())
            rows.append(f"{name},{person},{'hazel' if person % 2 else 'willow'},{light}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-g", "tere"], "did you mean 'tree'?"),
        (["-g", "light"], "changes from image to image"),
        (["-e", "sfcae"], "did you mean 'sface'?"),
        (["--probe", "lihgt=dim", "--reference", "lihgt=bright"], "did you mean 'light'?"),
        (["--probe", "light=dmi", "--reference", "light=bright"], "did you mean 'dim'?"),
        (["--layout", "lndon"], "london"),
        (["-g", "tree", "--bin", "age=20"], "--bin"),
        (["--pairs", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_slip_is_found_before_any_image_is_read(
    images: Path, capsys: Capture, options: list[str], said: str
) -> None:
    assert main(["audit", str(images), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_mistyped_column_gets_the_nearest(scores: Path, capsys: Capture) -> None:
    assert main(["audit", str(scores), "--columns", "probe_subjct=a"]) == 2
    assert "did you mean 'probe_subject'?" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_found_before_the_run(
    images: Path, capsys: Capture
) -> None:
    (images / "taken").write_text("a file")
    for out in ("taken", "taken/below/that"):
        assert main(["audit", str(images), "-o", str(images / out)]) == 2
        assert "is a file" in capsys.readouterr().err


def test_what_a_path_holds(tmp_path: Path) -> None:
    def file(name: str, head: str) -> Path:
        path = tmp_path / name
        path.write_text(head + "\n")
        return path

    assert holds_images(tmp_path)
    assert holds_images(file("manifest.csv", "path,subject,gender"))
    assert holds_images(file("semicolons.csv", "\ufeffPath; Subject"))
    assert holds_images(file("quoted.csv", '"path","subject"'))
    assert not holds_images(file("scores.csv", "probe,reference,probe_subject,score"))
    assert not holds_images(file("both.csv", "path,subject,score"))
    assert not holds_images(file("scores.parquet", "PAR1"))
    assert not holds_images(file("bob.txt", "1 1 1 0.5"))
    with pytest.raises(InputError, match="nothing here"):
        holds_images(tmp_path / "nowhere")


def test_pairs_say_what_is_wrong_with_them(tmp_path: Path, capsys: Capture) -> None:
    from countenance.cli.pipeline import _read_pairs

    path = tmp_path / "pairs.csv"
    path.write_text("probe,reference\na,b\n c , d \n")
    assert _read_pairs(path) == (("a", "b"), ("c", "d"))
    for text, said in {
        "": "columns are none",
        "a,b\n1,2\n": "columns are a, b",
        "probe,reference\n": "no pair",
        "probe,reference\na,\n": "line 2",
        "probe,reference\na\n": "line 2",
        "probe,reference\n\xff": "cannot be read",
    }.items():
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError) as error:
            _read_pairs(path)
        assert said in error.value.diagnostics()


def test_the_schema_describes_what_is_printed(scores: Path, capsys: Capture) -> None:
    import jsonschema

    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert main(["audit", str(scores), "-t", "0.5", "--json"]) == 0
    jsonschema.Draft202012Validator(schema).validate(json.loads(capsys.readouterr().out))
