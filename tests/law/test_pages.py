"""The pages: whole without a script, quiet on the network, deaf to what a pack's text tries."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lawkit import library_of, pack_of

from countenance.law import Pack, bundled, matrix, matrix_page, pack_page

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
PROBE = Path(__file__).with_name("page_probe.html").read_text("utf-8")
DAY = datetime.date(2026, 3, 1)
EVIL = "</title><script>window.hostile=true</script>\"'><img src=x onerror=hostile=true>"
VOID = {"meta", "input", "br", "link", "img", "hr"}


def hostile() -> Pack:
    return pack_of(
        {
            "name": EVIL, "instrument": EVIL, "citation": EVIL, "summary": EVIL, "notes": [EVIL],
            "checked": {"tag": "V2", "source": EVIL, "source-date": EVIL, "on": DAY, "by": EVIL},
        },
        {"says": f"{EVIL}.", "cite": EVIL, "caution": EVIL, "note": EVIL, "source": EVIL,
         "tag": "U"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> str:
    return matrix_page(matrix(bundled(), DAY), DAY)


PAGES = {
    "matrix": lambda: matrix_page(matrix(bundled(), DAY), DAY),
    "one place": lambda: matrix_page(matrix(bundled(), DAY, places=["us/md"]), DAY),
    "pack": lambda: pack_page(bundled()["us/va/code-15-2-1723-2-of-2022"]),
    "model": lambda: pack_page(bundled()["model"]),
    "hostile pack": lambda: pack_page(hostile()),
    "hostile matrix": lambda: matrix_page(matrix(library_of(hostile()), DAY), DAY),
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    made = PAGES[request.param]()
    assert made == PAGES[request.param]()  # the same bytes again
    return made


class Outline(HTMLParser):
    """What a page holds: its tags, and that each is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.faults += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def test_a_page_is_well_formed_and_has_the_basics(page: str) -> None:
    outline = Outline(page)
    assert outline.faults == []
    names = [tag for tag, _ in outline.tags]
    assert names.count("h1") == names.count("main") == names.count("title") == 1
    headings = [int(tag[1]) for tag in names if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(headings))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labels = {attrs.get("for") for tag, attrs in outline.tags if tag == "label"}
    assert {attrs.get("id") for tag, attrs in outline.tags if tag in ("select", "input")} == labels
    assert ("html", {"lang": "en"}) in outline.tags
    for tag, attrs in outline.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
        if tag == "th":
            assert attrs.get("scope") in ("col", "row")
        if tag == "a":
            assert (attrs["href"] or "").removeprefix("#") in ids


def test_nothing_is_asked_of_any_network_and_only_our_script_may_run(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(part.strip().split(" ", 1) for part in unescape(policy).split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    tags = Outline(page).tags
    assert not {"link", "img", "iframe", "object", "form"} & {
        tag for tag, attrs in tags if tag != "form" or "action" in attrs
    }
    assert not any("src" in attrs for _, attrs in tags)
    assert "url(" not in page
    assert "@import" not in page


def test_a_packs_text_is_text(page: str) -> None:
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "onerror=" not in page.replace("onerror=hostile=true&gt;", "")


def test_every_sentence_of_a_rule_ends_in_its_citation(page: str) -> None:
    says = re.findall(r'<p class="says">(.*?)</p>', page, re.S)
    assert says
    assert all(re.search(r"<cite>\[.+\]</cite>$", text, re.S) for text in says)
    for text in re.findall(r"<p class=\"quiet\">(Take care: .*?)</p>", page, re.S):
        assert text.endswith("]")


def test_the_matrix_page_holds_every_rule_of_the_day_once(whole: str) -> None:
    rows = matrix(bundled(), DAY)
    rules = [rule for row in rows for cell in row.cells.values() for rule in cell]
    assert whole.count('class="says"') == len(rules)
    assert whole.count("<section ") == len(rows) == whole.count("<tr data-row=")
    assert f"of {len(rows)} instruments are in force on 2026-03-01" in whole
    assert whole.count("<details open>") == len(rows)  # without a script all of it is there


def test_what_is_the_same_for_the_whole_pack_is_said_once() -> None:
    checked = {"tag": "V", "source": "the code", "on": DAY}
    other = {"source": "a newspaper", "tag": "V2", "checked-on": datetime.date(2025, 1, 1)}
    text = pack_page(pack_of({"checked": checked}, {}, {}, other))
    assert text.count("the code; checked on 2026-03-01") == 1
    assert text.count("a newspaper; checked on 2025-01-01") == 1
    assert text.count("○") == 0
    assert text.count("◐") == 1


# --- in a browser ------------------------------------------------------------------------------


def ask(
    folder: Path, text: str, *steps: dict[str, str], width: int = 1280, sandbox: str = "",
    dark: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """What a real browser makes of a page, after each step of a reader at its filters."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    (folder / "page.html").write_text(text, "utf-8")
    probe = PROBE.replace("PAGE", "page.html").replace("WIDTH", str(width))
    probe = probe.replace("SANDBOX", sandbox).replace("STEPS", json.dumps([{}, *steps]))
    (folder / "probe.html").write_text(probe, "utf-8")
    for attempt in range(3):  # a browser on a busy machine may give up before the page answers
        done = subprocess.run(
            [
                str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--allow-file-access-from-files", "--virtual-time-budget=20000",
                "--dump-dom", f"--user-data-dir={folder / f'profile{attempt}'}",
                *(["--blink-settings=preferredColorScheme=0"] if dark else []),
                (folder / "probe.html").as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        if found := re.search(r'data-answer="([^"]*)"', done.stdout):
            answer: dict[str, Any] = json.loads(unescape(found[1]))
            return answer
    raise AssertionError(done.stdout[:500] + done.stderr[-500:])


def test_the_filters_show_what_they_say(tmp_path: Path, whole: str) -> None:
    seen = ask(
        tmp_path, whole,
        {"place": "us/md"},
        {"place": "", "kind": "live-ban"},
        {"tag": "V"},
        {"kind": "", "tag": "", "standing": "ended"},
        {"standing": "", "words": "Detroit settlement"},
        {"words": "no such words anywhere"},
        {"words": ""},
    )  # fmt: skip
    everything, place, kind, tag, ended, words, nothing, again = seen["answers"]
    rows = matrix(bundled(), DAY)
    assert len(everything["rows"]) == len(rows)
    assert everything["told"].startswith(f"{len(rows)} of {len(rows)} instruments, ")
    assert place["rows"] == ["us--md--crim-proc-2-5", "us--md--crim-proc-2-510"]
    assert {found[0] for found in kind["rules"]} == {"live-ban"} == set(kind["columns"])
    assert len(kind["rows"]) == sum("live-ban" in row.cells for row in rows)
    assert {found[1] for found in tag["rules"]} == {"V"}
    assert 0 < len(tag["rows"]) < len(kind["rows"])
    assert len(ended["rows"]) == sum(row.standing == "ended" for row in rows)
    assert "us--mi--detroit--williams-settlement" in words["rows"]
    assert nothing["rows"] == nothing["rules"] == []
    assert nothing["told"] == f"0 of {len(rows)} instruments, 0 rules"
    assert again == everything
    for answer in seen["answers"]:
        assert answer["rows"] == answer["sections"]  # the table and the text agree
    assert seen["form"]
    assert seen["open"] == 0
    assert seen["unlabelled"] == 0


def test_without_a_script_everything_is_there(tmp_path: Path, whole: str) -> None:
    seen = ask(tmp_path, whole, sandbox='sandbox="allow-same-origin"')
    assert seen["form"] is False  # no filter is offered that would do nothing
    assert seen["open"] == seen["lists"] > 50
    assert seen["visible"] == whole.count('class="says"')


@pytest.mark.parametrize("name", ["matrix", "model", "hostile pack"])
def test_a_phone_shows_it_without_scrolling_sideways(tmp_path: Path, name: str) -> None:
    seen = ask(tmp_path, PAGES[name](), width=360, dark=True)
    assert seen["scroll"] <= seen["client"] <= 360
    assert seen["ground"] == "rgb(23, 22, 20)"


def test_hostile_text_does_not_run(tmp_path: Path) -> None:
    for name in ("hostile pack", "hostile matrix"):
        seen = ask(tmp_path, PAGES[name]())
        assert seen["ran"] is False
        assert "title" in seen["title"] or "place by place" in seen["title"]
