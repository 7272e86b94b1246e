"""`countenance law` as somebody new to it uses it: what it answers, and what it says is wrong."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from countenance.cli import main
from countenance.law import pack_template

ROOT = Path(__file__).parent.parent.parent
REQUEST = """
at = 2026-11-23T09:30:00-05:00
jurisdictions = ["us/md"]

[facts]
act = "search"
agency.kind = "local-police"
behalf.of = "own-agency"
use = { mode = "still", purpose = "identify-suspect" }
offence.kinds = ["theft"]
"""
PERMITTED = """
at = 2026-11-23
jurisdictions = ["us/pa/pittsburgh"]
facts = { act = "report", behalf.of = "own-agency", agency.kind = "state-police" }
"""
HOSTILE = b"\xff\x00[facts\x1b[31m\n" * 20


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "request.toml").write_text(REQUEST, "utf-8")
    (tmp_path / "permitted.toml").write_text(PERMITTED, "utf-8")
    (tmp_path / "junk.toml").write_bytes(HOSTILE)
    (tmp_path / "junk.json").write_bytes(HOSTILE)
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine/us/xx").mkdir(parents=True)
    text = pack_template("us/xx/act", day="2026-01-01")
    (tmp_path / "mine/us/xx/act.toml").write_text(text, "utf-8")
    return tmp_path


Run = Any


@pytest.fixture
def run(desk: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    del desk

    def call(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["law", *shlex.split(line)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


# --- answers -----------------------------------------------------------------------------------


def test_a_denial_says_why_and_ends_with_one(run: Run) -> None:
    code, out, err = run("decide request.toml")
    assert code == 1
    assert err == ""
    assert out.startswith("DENIED, as of 2026-11-23\n\nBecause\n")
    assert "(us/md/crim-proc-2-5, V)" in out
    assert len(out.splitlines()) <= 48  # one screen, though nearly nothing was stated
    whole = run("decide request.toml --full")[1]
    assert len(whole) > 3 * len(out)
    assert "(--full" not in whole


def test_a_permission_ends_with_nought(run: Run) -> None:
    _, packs, _ = run("template us/pa/pittsburgh/policy")
    Path("ours/us/pa/pittsburgh").mkdir(parents=True)
    text = packs.replace('tag = "U"', 'tag = "V"').replace('"search", "ask"', '"report"')
    text = text[: text.index("# What is forbidden")]
    when = re.search(r"^when = .*$", text, re.M)
    assert when is not None
    text = text.replace(when[0], "").replace('"local-police", ', "")
    Path("ours/us/pa/pittsburgh/policy.toml").write_text(text, "utf-8")
    line = "decide permitted.toml --packs ours --policy us/pa/pittsburgh/policy"
    code, out, _ = run(line)
    assert code == 0, out
    assert out.startswith("PERMITTED, as of 2026-11-23\n\nOn these grounds\n")
    assert len(out.splitlines()) <= 24
    assert run(f"{line} --json")[0] == 0
    assert run(line.replace("decide", "what-if"))[1] == "It is permitted as it is.\n"


@pytest.mark.parametrize(
    "line",
    [
        "decide request.toml", "what-if request.toml", "check mine", "matrix", "list --place us",
        "diff --from 2026-06-30 --to 2026-07-01 --place us/va", "show us/al/code-15-10-111",
        "facts warrant", "scenarios us/al/code-15-10-111", "scenarios --failed",
    ],
)  # fmt: skip
def test_what_is_for_machines_is_json_and_nothing_else(run: Run, line: str) -> None:
    code, out, err = run(f"{line} --json")
    assert code in (0, 1)
    assert err == ""
    json.loads(out)


@pytest.mark.parametrize(
    "line",
    [
        "decide request.toml", "decide request.toml --full", "what-if request.toml", "check mine",
        "matrix", "list", "diff --from 2026-06-30 --to 2026-07-01", "show us/md/crim-proc-2-5",
        "facts", "scenarios us/md/crim-proc-2-5", "--help", "decide --help", "recheck --help",
        "what-if --help", "check --help", "diff --help", "matrix --help", "list --help",
        "show --help", "facts --help", "template --help", "scenarios --help", "compile --help",
        "schema --help",
    ],
)  # fmt: skip
def test_everything_fits_eighty_columns(run: Run, line: str) -> None:
    code, out, _ = run(line)
    assert code in (0, 1)
    assert out.strip()
    assert max(map(len, out.splitlines())) <= 80


def test_every_sentence_of_an_answer_ends_in_a_citation(run: Run) -> None:
    decision = json.loads(run("decide request.toml --json")[1])
    for part in ("reasons", "needs", "obligations", "warnings"):
        assert all(entry["cite"] for entry in decision[part])
    ways = run("what-if request.toml")[1]
    items = re.findall(r"^  - (?:.*\n(?:    .*\n)*)", ways, re.M)
    assert items
    assert all(item.rstrip().endswith(("]", ")")) for item in items)


def test_a_kept_decision_is_made_again_and_a_changed_one_is_told(run: Run, desk: Path) -> None:
    assert run("decide request.toml --out kept")[0] == 1
    code, out, _ = run("recheck kept")
    assert (code, out) == (0, "The decision comes out the same, byte for byte.\n")
    record = desk / "kept" / "record.json"
    record.write_text(record.read_text("utf-8").replace('"outcome":"deny"', '"outcome":"permit"'))
    code, out, _ = run("recheck kept")
    assert code == 1
    assert "decision.outcome" in out
    pack = next((desk / "kept" / "packs").iterdir())
    pack.write_bytes(pack.read_bytes() + b"\n")
    code, _, err = run("recheck kept")
    assert code == 2
    assert pack.name in err


def test_another_day_gives_another_decision(run: Run) -> None:
    told = {day: run(f"decide request.toml --as-of {day} --json")[1]
            for day in ("2024-09-30", "2024-10-01")}  # fmt: skip
    packs = [{p["id"] for p in json.loads(text)["packs"]} for text in told.values()]
    assert packs[1] - packs[0] == {"us/md/crim-proc-2-5", "us/md/crim-proc-2-510"}


def test_the_packs_are_compiled_beside_their_text(run: Run, desk: Path) -> None:
    assert run("compile built")[0] == 0
    packs = sorted((desk / "built").rglob("*.toml"))
    assert len(packs) >= 60
    assert all(path.with_name(f"{path.stem}.cedar").is_file() for path in packs)
    assert "entity Agency" in (desk / "built" / "schema.cedarschema").read_text("utf-8")
    assert run("check built/us/md --quiet")[0] == 2  # its ids begin at us, not at md
    shown = run("show us/md/crim-proc-2-5 --cedar")[1]
    assert shown == (desk / "built/us/md/crim-proc-2-5.cedar").read_text("utf-8")


def test_pages_are_written_whole(run: Run, desk: Path) -> None:
    assert run("matrix --page matrix.html")[:2] == (0, "")
    assert run("show us/md/crim-proc-2-5 --page pack.html")[:2] == (0, "")
    for name in ("matrix.html", "pack.html"):
        assert (desk / name).read_text("utf-8").rstrip().endswith("</html>")


def test_the_check_of_the_packs_that_come_along_finds_nothing_to_mend(run: Run) -> None:
    code, out, _ = run("check")
    assert code == 0
    last = out.splitlines()[-1]
    assert last.startswith("0 to mend, ")
    assert max(map(len, out.splitlines())) <= 80
    said = [line for line in out.splitlines() if line.startswith("unverified")]
    assert len(said) == 1  # once, for all the rules it is true of


# --- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("decide missing.toml", "missing.toml"),
        ("decide empty", "empty"),
        ("decide junk.toml", "not TOML"),
        ("decide junk.json", "not JSON"),
        ("what-if junk.toml", "not TOML"),
        ("decide request.toml --policy us/md/crim-proc", "no pack"),
        ("decide request.toml --as-of 2026-02-30", "--as-of"),
        ("decide request.toml --packs empty", "no pack here"),
        ("decide request.toml --packs nowhere", "nowhere is not there"),
        ("decide request.toml --packs request.toml", "is a file"),
        ("show us/md/crim-proc-2", "did you mean us/md/crim-proc-2-5?"),
        ("show nowhere.toml", "nowhere.toml"),
        ("show junk.toml", "not TOML"),
        ("check empty", "no pack here"),
        ("check request.toml", "is a file"),
        ("check --scenarios empty", "no scenario here"),
        ("check --max-age -1", "--max-age"),
        ("check --max-age soon", "--max-age"),
        ("diff --from today --to 2026-07-01", "--from"),
        ("diff --from 2026-07-01", "--to"),
        ("matrix --place us/zz", "no pack of us/zz"),
        ("matrix --page empty", "this is a folder"),
        ("list --place zz", "no pack of zz"),
        ("facts zzzz", "'zzzz'"),
        ("template ../../etc/passwd", "no id"),
        ("template 'us/x;y'", "no id"),
        ("template name", "no id"),
        ("scenarios us/md/crim", "did you mean us/md/crim-proc-2-5?"),
        ("scenarios --folder empty", "no scenario here"),
        ("scenarios --folder nowhere", "nowhere is not there"),
        ("schema law", "pack, request, record"),
        ("recheck empty", "record.json"),
        ("recheck nowhere", "record.json"),
        ("compile request.toml", "this is a file"),
        ("decide request.toml --out request.toml", "request.toml"),
        ("judge", "No such command"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(run: Run, line: str, says: str) -> None:
    code, out, err = run(line)
    assert code == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert len(err) < 1000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[facts]\nprobe.kinds = "sketch"', "did you mean probe.kind"),
        ('[facts]\nprobe.kind = "drawing"', "expected"),
        ('[facts]\nact = ["search"]', "one of"),
        ("[facts]\ngallery.size = -1", "gallery.size"),
        ('jurisdictions = "us/md"', "a list of places"),
        ('jurisdictions = ["US/MD"]', "no place"),
        ('act = "search"', "facts go under [facts]"),
        ("at = 2026-06-30T10:00:00", "without its zone"),
        ('at = "soon"', "no time"),
    ],
)
def test_a_wrong_fact_is_named(run: Run, desk: Path, text: str, says: str) -> None:
    (desk / "request.toml").write_text(text, "utf-8")
    code, _, err = run("decide request.toml")
    assert code == 2
    assert "request.toml" in err
    assert says in err


def test_a_broken_pack_is_named_with_its_rule(run: Run, desk: Path) -> None:
    text = run("template us/xx/act")[1].replace("probe.kind = [", "probe.kynd = [")
    (desk / "mine/us/xx/act.toml").write_text(text, "utf-8")
    for line in ("check mine", "list --packs mine", "decide request.toml --packs mine"):
        code, _, err = run(line)
        assert code == 2
        assert "no-sketches" in err
        assert "did you mean probe.kind" in err


def test_a_failing_scenario_ends_with_one(run: Run, desk: Path) -> None:
    (desk / "told").mkdir()
    (desk / "told/one.toml").write_text(
        '[[scenario]]\ntitle = "Red"\nlike = "search"\nat = 2026-01-01\n'
        + 'jurisdictions = ["us/md"]\n[[scenario.expect]]\ndecision = "deny"\n',
        "utf-8",
    )
    code, out, _ = run("scenarios --folder told")
    assert code == 1
    assert "FAILS" in out
    assert "0 of 1 expectations are met." in out
    assert json.loads(run("scenarios --folder told --json")[1])[0]["faults"]


# --- documents ---------------------------------------------------------------------------------


def document(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def code_of(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document(name), re.M | re.S)


def shell(line: str, run: Run) -> int:
    """A line of a document: mkdir, or our own command, perhaps into a file."""
    words, _, target = line.partition(" > ")
    program, *rest = shlex.split(words, comments=True)
    if program == "mkdir":
        Path(rest[-1]).mkdir(parents=True, exist_ok=True)
        return 0
    assert [program, rest[0]] == ["countenance", "law"], line
    code, out, err = run(shlex.join(rest[1:]))
    assert code != 2, (line, err)
    if target:
        Path(target.strip()).write_text(out, "utf-8")
    return int(code)


def test_the_guide_to_writing_a_pack_works_word_for_word(run: Run, desk: Path) -> None:
    """Its commands in their order; between them what it tells its reader to write."""
    name = "docs/law-writing.md"
    steps = document(name).split("\n## ")[1:]
    assert [step[0] for step in steps] == list("1234567")
    pack = desk / "mypacks/us/xx/facial-recognition-act.toml"
    ran = 0
    for step in steps:
        if step.startswith("5"):  # "When you have the text before you, change that"
            pack.write_text(pack.read_text("utf-8").replace('tag = "U"', 'tag = "V"'), "utf-8")
        for language, code in re.findall(r"^```(\w+)\n(.*?)^```", step, re.M | re.S):
            if language == "toml" and step.startswith("6"):
                (desk / "myscenarios/us/xx/facial-recognition-act.toml").write_text(code, "utf-8")
            elif language == "sh":
                for line in code.splitlines():
                    assert shell(line, run) == 0, line
                    ran += 1
    assert ran >= 8
    assert "A sketch is not searched with." in (desk / "pack.html").read_text("utf-8")
    # And the checker does tell of an idle rule, once its case is gone.
    told = desk / "myscenarios/us/xx/facial-recognition-act.toml"
    told.write_text(told.read_text("utf-8").split('[[scenario]]\ntitle = "An arrest')[0], "utf-8")
    code, out, _ = run("check mypacks --scenarios myscenarios")
    assert code == 1
    assert "decides-nothing: us/xx/facial-recognition-act#two-examiners" in out


def test_the_conditions_the_guide_shows_can_be_read(run: Run) -> None:
    text = run("template us/xx/act")[1]
    for line in code_of("docs/law-writing.md", "toml")[0].splitlines():
        word = line.partition(" ")[0]
        assert word in ("when", "unless", "must")
        kind = 'kind = "require"\nof = "review"' if word == "must" else 'kind = "prohibit"'
        rule = f'[[rule]]\nid = "one-more"\n{kind}\nsays = "It is so."\ncite = "§ 1"\n'
        Path("one").mkdir(exist_ok=True)
        Path("one/pack.toml").write_text(f'{text}\n{rule}acts = ["search"]\n{line}\n', "utf-8")
        code, out, err = run("show one/pack.toml")
        assert code == 0, err
        assert "one-more" in out


def test_the_commands_of_the_page_about_the_law_work(run: Run, desk: Path) -> None:
    (request,) = code_of("docs/law.md", "toml")
    (desk / "request.toml").write_text(request, "utf-8")
    lines = [line for block in code_of("docs/law.md", "sh") for line in block.splitlines()]
    assert len(lines) >= 7
    for line in lines:
        assert shell(line, run) == (1 if "law decide" in line else 0), line


def test_the_readmes_transcript_is_what_is_printed(run: Run, desk: Path) -> None:
    section = document("README.md").split("\n## The law\n")[1].split("\n## ")[0]
    (request,) = re.findall(r"^```toml\n(.*?)^```", section, re.M | re.S)
    (transcript,) = re.findall(r"^```console\n(.*?)^```", section, re.M | re.S)
    (desk / "request.toml").write_text(request, "utf-8")
    told = re.findall(r"^\$ countenance law (.*)\n((?:(?!\$ ).*\n)*)", transcript, re.M)
    assert len(told) == 3
    for line, shown in told:
        pattern = ".*".join(map(re.escape, shown.split("…\n")))
        assert re.fullmatch(pattern, run(line)[1], re.S), line
