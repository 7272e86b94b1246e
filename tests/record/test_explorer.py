"""The pages say what the log holds, and the check in the browser agrees with ours in Python."""

from __future__ import annotations

import base64
import json
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import pytest
from browser import DARK
from hypothesis import given
from hypothesis import strategies as st
from logkit import signer
from sitekit import HOSTILE, SEEN_S, START_S, Site, cosigner, site
from witnessing import TestableLog

from countenance.core import InputError
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import cosign
from countenance.record.entries import LAST_S, Entry, format_time
from countenance.record.errors import RecordError, VerificationError
from countenance.record.explorer import LogView, Pages, write_pages
from countenance.record.explorer.growth import Point, draw_growth, growth
from countenance.record.explorer.pages import _turns
from countenance.record.explorer.view import CACHE_BYTES, Snapshot
from countenance.record.merkle import leaf_hash
from countenance.record.note import add_signatures, sign_note
from countenance.record.proof import Proof, parse_proof, verify_proof
from countenance.record.tiles import TileHashes, encode_bundle

PROBE = Path(__file__).with_name("verify_probe.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("small"), 300)


def snapshot(of: Site) -> Snapshot:
    found = of.view.snapshot()
    assert found is not None
    return found


# --- what is read ------------------------------------------------------------------------------


def test_every_entry_is_read_as_it_was_written(small: Site) -> None:
    at = snapshot(small)
    assert [small.view.entry(at, i) for i in range(300)] == small.entries
    for start, end in ((0, 300), (-5, 10), (250, 260), (255, 400), (7, 7), (400, 500)):
        assert small.view.entries(at, start, end) == small.entries[max(0, start) : end]
    for index in (-1, 300, 10**18):
        with pytest.raises(RecordError):
            small.view.entry(at, index)


def test_the_proof_files_verify(small: Site) -> None:
    at = snapshot(small)
    for index in (0, 2, 255, 256, 299):
        data = small.pages.proof_file(at, index)
        assert verify_proof(data, small.entries[index], small.policy).size == 300
        assert parse_proof(data).extra == small.entries[index]
        with pytest.raises(VerificationError):
            verify_proof(data, small.entries[index] + b" ", small.policy)


def test_signatures_are_shown_as_what_they_are(small: Site) -> None:
    at = snapshot(small)
    assert [(s.name, s.time_s, s.standing) for s in small.view.signatures(at)] == [
        ("log.example/tests", None, "verified"),
        ("witness.example/91", SEEN_S, "verified"),
        ("witness.example/92", SEEN_S, "verified"),
    ]
    nobody = LogView(small.storage.read)
    assert {s.standing for s in nobody.signatures(at)} == {"not checked here"}
    other = cosign(at.note, cosigner(91), time=SEEN_S)
    last = other.signature[-1] ^ 1  # not a fixed byte: one signature of sixteen ends in 0
    forged = replace(other, signature=other.signature[:-1] + bytes([last]))
    note = add_signatures(at.note, [forged])
    assert small.view.signatures(replace(at, note=note))[-1].standing == "does not verify"


def test_a_cosignature_from_beyond_the_calendar_breaks_no_page(small: Site) -> None:
    at = snapshot(small)
    far = cosign(at.note, cosigner(93), time=2**60)
    page = small.pages.index(replace(at, note=add_signatures(at.note, [far])))
    assert "witness.example/93" in page


def test_growth_is_what_the_entries_say(small: Site) -> None:
    points = growth(small.view, snapshot(small))
    assert points[0] == Point(1, START_S)
    assert points[-1] == Point(300, START_S + 3600 * 299)
    assert all(p.time_s == START_S + 3600 * (p.size - 1) for p in points)
    assert len(points) <= 48


class Counted:
    """A reader that counts how often it is asked for what."""

    def __init__(self, of: Site) -> None:
        self.read, self.asked = of.storage.read, Counter[str]()

    def __call__(self, path: str) -> bytes | None:
        self.asked[path] += 1
        return self.read(path)


def test_what_never_changes_is_read_once(tmp_path: Path) -> None:
    read = Counted(site(tmp_path, 1100))
    view = LogView(read)
    at = view.snapshot()
    assert at is not None
    first = Pages(view).index(at), Pages(view).entry(at, 700)
    once = Counter(read.asked)
    assert (Pages(view).index(at), Pages(view).entry(at, 700)) == first
    again = read.asked - once
    assert set(once) - set(again) >= {f"tile/entries/00{i}" for i in range(4)}
    assert set(again) <= {"tile/entries/004.p/76"}  # not full yet: it may be another tomorrow


def test_growth_asks_for_the_same_entries_as_the_log_grows(tmp_path: Path) -> None:
    here = site(tmp_path, 1100)
    at = snapshot(here)
    seen = []
    for size in range(780, 1025):  # of which all bundles are there
        smaller = replace(at, checkpoint=Checkpoint(signer().name, size, bytes(32)))
        seen.append({point.size for point in growth(here.view, smaller)})
        assert max(seen[-1]) == size
    assert len(set().union(*seen)) < 48 + len(seen)
    for size in (0, 1, 2, 47, 48, 49, 94, 95, 1100):
        smaller = replace(at, checkpoint=Checkpoint(signer().name, size, bytes(32)))
        assert len(growth(here.view, smaller)) <= min(48, size)


@pytest.mark.parametrize(("length", "least", "most"), [(0, 900, 1100), (60_000, 1, 2)])
def test_the_memory_of_what_is_kept_is_bounded(length: int, least: int, most: int) -> None:
    """Also where entries are empty and weigh nothing of their own."""
    bundle = encode_bundle([bytes(length)] * 256)
    asked: Counter[str] = Counter()

    def read(path: str) -> bytes:
        asked[path] += 1
        return bundle

    view, size = LogView(read), 256 * 2000 if length == 0 else 256 * 4
    at = Snapshot(Checkpoint("a", size, bytes(32)), b"", TileHashes(read, size))
    for index in (*range(0, size, 256), *range(size - 256, -1, -256)):
        view.entry(at, index)
    kept = 2 * (size // 256) - asked.total()
    assert least <= kept <= most
    with view._bundles._lock:
        assert view._bundles._weight <= CACHE_BYTES


@pytest.mark.parametrize(
    "points",
    [
        [Point(1, 5), Point(2, 5)],
        [Point(1, 9), Point(2, 5), Point(3, 7)],  # the writer's clock went back
    ],
)
def test_a_clock_that_stands_or_goes_back_is_drawn_as_it_is(points: list[Point]) -> None:
    drawn = draw_growth(points)
    assert drawn.count("L") >= 1
    numbers = [float(n) for n in re.findall(r'd="M([^"]*)"', drawn)[0].replace("L", " ").split()]
    assert all(0 <= n <= 712 for n in numbers)
    assert draw_growth(points[:1]) == draw_growth([]) == ""


# --- the pages as text -------------------------------------------------------------------------


def test_an_entry_page_says_what_is_open_and_what_is_sealed(small: Site) -> None:
    page = small.pages.entry(snapshot(small), 298)
    for part in ("a search gave its list", "120,298", "US-NY", "2026-10-04", "<dt>case</dt>"):
        assert part in page
    assert leaf_hash(small.entries[298]).hex() in page
    assert 'href="297.html"' in page
    assert 'href="299.html"' in page
    assert 'href="300.html"' not in small.pages.entry(snapshot(small), 299)


def test_bytes_that_are_no_event_are_shown_and_never_run(small: Site) -> None:
    page = small.pages.entry(snapshot(small), 2)
    assert "no event" in page
    assert "<script>document" not in page
    assert HOSTILE.decode(errors="replace").split("<")[0].strip("\ufffd\x00 ") in page


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    public=st.dictionaries(
        st.sampled_from(["decision", "candidates", "reason", "request", "x"]), VALUE
    ),
    kind=st.sampled_from(["search-returned", "new"]),
    version=st.sampled_from([1, 2, 2**53 - 1]),
    time_s=st.sampled_from([0, START_S, LAST_S]),
)
def test_whatever_an_entry_from_elsewhere_says_has_a_page(
    public: dict[str, Any], kind: str, version: int, time_s: int
) -> None:
    entry = Entry(kind, version, format_time(time_s), public, {"s": "ab" * 32})
    try:
        entries = [entry.to_bytes()]
    except ValueError:  # a lone surrogate has no canonical form
        return
    log = TestableLog(entries)
    log.show()
    view = LogView(log.read)
    at = view.snapshot()
    assert at is not None
    pages = Pages(view, keys=["<script>"])
    for page in (pages.index(at), pages.entry(at, 0)):
        assert page.count("<script") == page.count("</script>") <= 2
        assert "<html" in page


def test_the_log_page_lists_the_newest_first_and_turns(small: Site) -> None:
    at = snapshot(small)
    page = small.pages.index(at)
    listed = [int(n) for n in re.findall(r'href="entry/(\d+)\.html"', page)]
    assert listed == list(range(299, 274, -1))
    assert "before=275" in page
    middle = small.pages.index(at, before=100)
    assert "before=75" in middle
    assert "before=125" in middle
    last = small.pages.index(at, before=3)
    assert [int(n) for n in re.findall(r'href="entry/(\d+)\.html"', last)] == [2, 1, 0]
    assert "Older" not in last


@pytest.mark.parametrize(
    ("start", "end", "size", "goes"),
    [
        (0, 20, 20, {}),
        (275, 300, 300, {"Older": 275, "The first": 25}),
        (75, 100, 300, {"Newest": 300, "Newer": 125, "Older": 75, "The first": 25}),
        (
            999_975, 10**6, 10**6,
            {"Older": 999_975, "1,000 back": 999_000, "100,000 back": 900_000, "The first": 25},
        ),
        (0, 25, 2000, {"Newest": 2000, "Newer": 50}),
    ],
)  # fmt: skip
def test_a_long_log_is_crossed_in_few_steps(
    start: int, end: int, size: int, goes: dict[str, int]
) -> None:
    assert dict(_turns(start, end, size, rows=25)) == goes


def test_a_log_without_entries_or_checkpoint_has_a_page(tmp_path: Path) -> None:
    nothing = LogView(dict[str, bytes]().get)
    assert "no checkpoint yet" in Pages(nothing).index(nothing.snapshot())
    with pytest.raises(InputError):
        write_pages(nothing, Pages(nothing), tmp_path / "pages")
    empty = site(tmp_path / "log", 0)
    assert "holds 0 entries" in empty.pages.index(snapshot(empty))
    assert "holds 1 entry." in (one := site(tmp_path / "one", 1)).pages.index(snapshot(one))
    assert "The 0 hashes of its proof" in one.pages.entry(snapshot(one), 0)


def test_pages_are_written_whole_and_lead_nowhere_else(small: Site, tmp_path: Path) -> None:
    assert write_pages(small.view, small.pages, tmp_path / "site", last=30) == 30
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text("utf-8")
        for target in re.findall(r'(?:href|src)="([^"#]+)"', text):
            assert (path.parent / target).is_file(), f"{path.name}: {target}"
    data = (tmp_path / "site" / "entry" / "270.tlog-proof").read_bytes()
    verify_proof(data, (tmp_path / "site" / "entry" / "270.json").read_bytes(), small.policy)


# --- in a browser ------------------------------------------------------------------------------


def ask(
    folder: Path, page: str, cases: list[dict[str, Any]], *, width: int = 800, dark: bool = False
) -> dict[str, Any]:
    """What a real browser makes of a page, and what the page's check says of each case."""
    flags = [DARK] if dark else []
    given = {"page": page, "width": str(width), "cases": json.dumps(cases)}
    return browser.ask(folder, PROBE, *flags, budget_ms=60_000, **given)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_browser_lets_no_log_speak_for_another(small: Site, tmp_path: Path) -> None:
    """And a time beyond the calendar, honestly signed, breaks nothing."""
    (tmp_path / "verify.html").write_text(small.pages.check(), encoding="utf-8")
    at, other = snapshot(small), signer(7, "other.example/log")
    proof = parse_proof(small.pages.proof_file(at, 5))
    forged = replace(proof, checkpoint=sign_note(at.checkpoint.text, other))
    far = cosign(at.note, cosigner(91), time=2**60)
    late = replace(proof, checkpoint=add_signatures(forged.checkpoint, [far]))
    cases = [
        {"proof": b64(each.encode()), "entry": None, "keys": f"{other.vkey} {cosigner(91).vkey}"}
        for each in (forged, late)
    ]
    first, second = ask(tmp_path, "verify.html", cases)["answers"]
    assert first["verdict"] == "unsigned"
    assert "another log" in first["text"]
    assert second["verdict"] == "holds"
    assert "1 signature of" in second["text"]
    assert f"second {2**60}" in second["text"]


def test_the_check_on_an_entry_page_holds_with_the_keys_and_only_with_them(
    small: Site, tmp_path: Path
) -> None:
    write_pages(small.view, small.pages, tmp_path, last=300)
    stranger = cosigner(99).vkey
    keys = ["", stranger, small.keys[0]]
    seen = ask(tmp_path, "entry/257.html", [{}, *({"keys": each} for each in keys)])
    verdicts = [answer["verdict"] for answer in seen["answers"]]
    assert verdicts == ["holds", "unsigned", "unsigned", "holds"]
    assert "by 3 signatures of keys you trust" in seen["answers"][0]["text"]
    assert "2026-11-23T16:30:00.000Z" in seen["answers"][0]["text"]
    hostile = ask(tmp_path, "entry/2.html", [{}])
    assert hostile["answers"][0]["verdict"] == "holds"
    assert hostile["title"] != "run"
    assert hostile["scripts"] == 1


@pytest.mark.parametrize("page", ["index.html", "entry/257.html"])
def test_a_phone_shows_every_page_without_scrolling_sideways(
    small: Site, tmp_path: Path, page: str
) -> None:
    write_pages(small.view, small.pages, tmp_path, last=50)
    seen = ask(tmp_path, page, [], width=360, dark=True)
    assert seen["scroll"] <= seen["client"] <= 360
    assert seen["ground"] == "rgb(23, 22, 20)"


def other_writing(data: bytes, value: bytes) -> bytes:
    """The file with one hash in Base64 that decodes to the same bytes but is not its one form."""
    text = b64(value).removesuffix("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet[alphabet.index(text[-1]) + 1]
    assert base64.b64decode(f"{text[:-1]}{last}=") == value
    return data.replace(text.encode(), f"{text[:-1]}{last}".encode(), 1)


def cases_of(of: Site, draw: random.Random) -> list[dict[str, Any]]:
    """Good proofs, and proofs, entries, notes and keys meddled with in every way."""
    at = snapshot(of)
    size = at.checkpoint.size
    keys = "\n".join(of.keys)
    cases = []
    for index in sorted({0, size - 1, *(draw.randrange(size) for _ in range(6))}):
        data, entry = of.pages.proof_file(at, index), of.entries[index]
        proof = parse_proof(data)
        bare = proof.with_extra(None)
        tried: list[tuple[bytes, bytes | None]] = [
            (data, None),
            (bare.encode(), entry),
            (bare.encode(), None),
            (data, entry + b"\0"),
            (bare.encode(), of.entries[(index + 1) % size] if size > 1 else b"x"),
            (replace(bare, index=index + 1).encode(), entry),
            (replace(bare, index=index + 256).encode(), entry),
            (replace(bare, hashes=(*bare.hashes, bytes(32))).encode(), entry),
            (bare.encode().replace(f"index {index}".encode(), f"index 0{index}".encode()), entry),
            (data[:-5], None),
            (data.replace(b"@v1", b"@v2"), None),
            (b"", None),
        ]
        if bare.hashes:
            tried += [
                (replace(bare, hashes=bare.hashes[1:]).encode(), entry),
                (replace(bare, hashes=bare.hashes[:-1]).encode(), entry),
                (replace(bare, hashes=bare.hashes[::-1]).encode(), entry),
                (other_writing(bare.encode(), bare.hashes[0]), entry),
            ]
        for _ in range(6):
            torn = bytearray(data)
            torn[draw.randrange(len(torn))] ^= 1 << draw.randrange(7)
            tried.append((bytes(torn), None))
        cases += [
            {"proof": b64(p), "entry": None if e is None else b64(e), "keys": keys}
            for p, e in tried
        ]
    # A log that lies about its size under a root that is one entry's own hash: only the count of
    # hashes tells.
    entry = of.entries[0]
    lie = sign_note(Checkpoint(signer().name, size + 1, leaf_hash(entry)).text, signer())
    lie = add_signatures(lie, [cosign(lie, cosigner(n), time=SEEN_S) for n in (91, 92)])
    for index in (0, size):
        proof = Proof(index, (), lie, entry)
        cases.append({"proof": b64(proof.encode()), "entry": None, "keys": keys})
    return cases


def ours(of: Site, case: dict[str, Any]) -> bool:
    """Whether a case verifies by this project's Python."""
    data = base64.b64decode(case["proof"])
    try:
        entry = (
            parse_proof(data).extra if case["entry"] is None else base64.b64decode(case["entry"])
        )
        if entry is None:
            return False
        verify_proof(data, entry, of.policy)
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("size", [1, 300])
def test_the_browser_agrees_with_python(size: int, tmp_path: Path) -> None:
    """Of every case: what Python verifies holds, and what it refuses does not hold."""
    here = site(tmp_path / "log", size)
    (tmp_path / "verify.html").write_text(here.pages.check(), encoding="utf-8")
    cases = cases_of(here, random.Random(size))
    answers = ask(tmp_path, "verify.html", cases)["answers"]
    assert len(answers) == len(cases)
    expected = [ours(here, case) for case in cases]
    assert True in expected
    assert False in expected
    for case, answer, good in zip(cases, answers, expected, strict=True):
        found = answer["verdict"] == "holds"
        # The browser asks for one trusted signature and none bad; a quorum is for the policy.
        if good or not found:
            assert found == good, (answer, base64.b64decode(case["proof"])[:300])
        else:
            data = base64.b64decode(case["proof"])
            torn = parse_proof(data)
            with pytest.raises(VerificationError, match="no quorum"):
                here.policy.check(torn.checkpoint)
