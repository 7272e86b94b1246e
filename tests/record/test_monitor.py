"""The monitor: what it verifies, what it tells, what it keeps and what it remembers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from witnessing import NOW, ORIGIN, Clock, TestableLog, cosigner, event, log_signer, policy_for

from countenance.core import InputError, canonical_json
from countenance.record.checkpoint import Checkpoint, parse_checkpoint
from countenance.record.cosignature import cosign
from countenance.record.counts import count_public
from countenance.record.entries import parse_entry
from countenance.record.errors import StorageError, VerificationError
from countenance.record.evidence import (
    Evidence,
    parse_evidence,
    save_evidence,
    verify_evidence,
)
from countenance.record.folder import FolderStorage
from countenance.record.log import Log
from countenance.record.merkle import EMPTY_ROOT
from countenance.record.monitor import FollowedLog, Monitor, Place
from countenance.record.monitor_report import AlertKind, LogReport, post_webhook
from countenance.record.monitor_state import Edge, load_state
from countenance.record.note import add_signatures, parse_vkey, sign_note, split_note
from countenance.record.rotation import rotation_entry
from countenance.record.sightings import Sighting, compare


def events(n: int, start: int = 0) -> list[bytes]:
    return [event(i) for i in range(start, start + n)]


@pytest.fixture
def log() -> TestableLog:
    log = TestableLog(events(300))
    log.show()
    return log


def followed(log: TestableLog, *more: Place, policy=None) -> FollowedLog:
    return FollowedLog(ORIGIN, policy or policy_for(log), (Place("log", log), *more))


def visit(folder: Path, target: FollowedLog, clock=lambda: NOW, **more) -> LogReport:
    (report,) = Monitor(folder, clock=clock, **more).visit([target]).logs
    return report


def kinds(report: LogReport) -> list[AlertKind]:
    return [alert.kind for alert in report.alerts]


def key_of(log: TestableLog):
    return [parse_vkey(log.signer.vkey)]


def kept(folder: Path, report: LogReport) -> Evidence:
    (name,) = {alert.evidence for alert in report.alerts if alert.evidence}
    return parse_evidence((folder / name).read_bytes())


def test_it_reads_every_entry_once_and_counts_them(tmp_path: Path, log: TestableLog) -> None:
    reads: list[str] = []

    class Watched:
        def read(self, path: str) -> bytes | None:
            reads.append(path)
            return log.read(path)

    target = FollowedLog(ORIGIN, policy_for(log), (Place("log", Watched()),))
    new = []
    for size in (0, 1, 255, 256, 257, 300, 300):
        log.show(log.note(size))
        report = visit(tmp_path, target)
        assert report.alerts == []
        assert (report.size, report.root) == (size, log.checkpoint(size).root.hex())
        new.append(report.new_entries)
    assert new == [0, 1, 254, 1, 1, 43, 0]
    assert report.counts == count_public(parse_entry(e) for e in log.entries).to_json()
    assert report.counts["candidates"] == 900
    reads.clear()
    log.append(*events(300, 300))
    log.show()
    assert visit(tmp_path, target).new_entries == 300
    bundles = [path for path in reads if "entries" in path]
    assert bundles == ["tile/entries/001", "tile/entries/002.p/88"]


def test_it_follows_a_log_on_a_folder(tmp_path: Path) -> None:
    simulated = TestableLog()
    with Log.open(FolderStorage(tmp_path / "log"), simulated.signer) as log:
        reader = FolderStorage(tmp_path / "log")
        target = FollowedLog(ORIGIN, policy_for(simulated), (Place("folder", reader),))
        for round_ in range(4):
            log.append(events(150, 150 * round_))
            log.publish()
            report = visit(tmp_path / "monitor", target)
            assert (report.alerts, report.size) == ([], 150 * (round_ + 1))


def test_several_logs_and_one_exit_code(tmp_path: Path, log: TestableLog) -> None:
    other = TestableLog(events(5), origin="other.example", seed="other")
    other.show()
    targets = [
        followed(log),
        FollowedLog("other.example", policy_for(other), (Place("log", other),)),
    ]
    monitor = Monitor(tmp_path, clock=lambda: NOW)
    report = monitor.visit(targets)
    assert (report.exit_code, [each.size for each in report.logs]) == (0, [300, 5])
    other.show(b"nonsense")
    report = monitor.visit(targets)
    assert report.exit_code == 1
    value = json.loads(json.dumps(report.to_json()))
    assert value["schema"] == "countenance.record/monitor-report"
    assert [each["alerts"] != [] for each in value["logs"]] == [False, True]


def test_a_split_of_one_size_is_kept_as_evidence(tmp_path: Path, log: TestableLog) -> None:
    other = TestableLog([*log.entries[:-1], event(9999)])
    other.show()
    report = visit(tmp_path, followed(log, Place("reader 2", other)))
    assert kinds(report) == [AlertKind.SPLIT_VIEW]
    shown = verify_evidence(kept(tmp_path, report), key_of(log))
    assert (shown.first.size, shown.second.size) == (300, 300)
    again = visit(tmp_path, followed(log))  # the other place is gone: it was not dreamt
    assert kinds(again) == [AlertKind.SPLIT_VIEW]
    assert len(list(tmp_path.glob("split-view-*"))) == 1


@pytest.mark.parametrize(("at", "ours", "theirs"), [(0, 300, 5), (100, 300, 200), (200, 256, 300)])
def test_a_fork_at_different_sizes_is_kept_as_evidence(
    tmp_path: Path, at: int, ours: int, theirs: int
) -> None:
    log = TestableLog(events(ours))
    log.show()
    other = log.fork(at)
    other.append(*events(theirs - at, 5000))
    other.show()
    report = visit(tmp_path, followed(log, Place("reader 2", other, has_tiles=theirs > ours)))
    assert kinds(report) == [AlertKind.SPLIT_VIEW]
    shown = verify_evidence(kept(tmp_path, report), key_of(log))
    assert {shown.first.size, shown.second.size} == {ours, theirs}


def test_a_fork_after_an_earlier_visit(tmp_path: Path, log: TestableLog) -> None:
    assert visit(tmp_path, followed(log)).alerts == []
    other = log.fork(299)
    other.append(*events(50, 5000))
    other.show()
    report = visit(tmp_path, followed(other))
    assert kinds(report) == [AlertKind.SPLIT_VIEW]
    assert (report.size, report.new_entries) == (300, 0)
    verify_evidence(kept(tmp_path, report), key_of(log))


def test_a_small_fork_once_seen_is_held_against_the_log_for_good(
    tmp_path: Path, log: TestableLog
) -> None:
    assert visit(tmp_path, followed(log)).alerts == []
    other = log.fork(200)
    other.append(*events(50, 5000))
    other.show()
    shown = Place("reader 2", other, has_tiles=False)
    for places in ((shown,), (), ()):
        assert kinds(visit(tmp_path, followed(log, *places))) == [AlertKind.SPLIT_VIEW]


def test_places_that_lag_are_no_split(tmp_path: Path, log: TestableLog) -> None:
    mirror = TestableLog(log.entries[:200])
    mirror.show()
    lagging = TestableLog(log.entries[:100])
    lagging.show()
    places = (Place("mirror", mirror), Place("witness", lagging, has_tiles=False))
    report = visit(tmp_path, followed(log, *places))
    assert (report.alerts, report.size) == ([], 300)
    assert report.places == {"log": 300, "mirror": 200, "witness": 100}
    assert visit(tmp_path, followed(log, *places)).alerts == []


def test_a_rollback_is_told_even_if_only_a_witness_saw_more(
    tmp_path: Path, log: TestableLog
) -> None:
    witness = TestableLog(log.entries)
    witness.show()
    log.show(log.note(200))
    target = followed(log, Place("witness", witness, has_tiles=False))
    assert visit(tmp_path, target).alerts == []  # it may be about to publish
    report = visit(tmp_path, followed(log))
    assert kinds(report) == [AlertKind.ROLLBACK]
    log.show()
    assert visit(tmp_path, followed(log)).alerts == []
    old = TestableLog(log.entries[:200])
    old.show()
    assert kinds(visit(tmp_path, followed(old))) == [AlertKind.ROLLBACK, AlertKind.UNCOMPARED]


def test_an_entry_changed_or_swapped_or_dropped_is_named(tmp_path: Path, log: TestableLog) -> None:
    for name, at, edited in (
        ("changed", 123, [*log.entries[:123], event(9999), *log.entries[124:]]),
        ("swapped", 7, [*log.entries[:7], log.entries[8], log.entries[7], *log.entries[9:]]),
        ("dropped", 50, [*log.entries[:50], *log.entries[51:], event(9999)]),
    ):
        served = TestableLog(edited)

        class Edited:
            def read(self, path: str, served: TestableLog = served) -> bytes | None:
                return (served if "entries" in path else log).read(path)

        target = FollowedLog(ORIGIN, policy_for(log), (Place("log", Edited()),))
        report = visit(tmp_path / name, target)
        assert kinds(report) == [AlertKind.ENTRIES]
        assert f"entry {at} is the first that differs" in report.alerts[0].text
        assert (report.size, report.counts["entries"]) == (0, 0)


@pytest.mark.parametrize("lie", [None, b"", b"\x00", b"\xff" * 500, b"\x00\x01x" * 300])
def test_bundles_that_are_missing_or_malformed(
    tmp_path: Path, log: TestableLog, lie: bytes | None
) -> None:
    class Lying:
        def read(self, path: str) -> bytes | None:
            return lie if "entries" in path else log.read(path)

    report = visit(tmp_path, FollowedLog(ORIGIN, policy_for(log), (Place("log", Lying()),)))
    assert kinds(report) == [AlertKind.ENTRIES]
    assert report.size == 0


def test_entries_that_are_not_what_they_should_be_are_named_and_counted(tmp_path: Path) -> None:
    log = TestableLog([*events(3), b"not an entry", *events(30, 3), *([b"{}"] * 30)])
    log.show()
    report = visit(tmp_path, followed(log))
    assert set(kinds(report)) == {AlertKind.SCHEMA}
    assert report.alerts[0].text.startswith("entry 3:")
    assert len(report.alerts) == 20
    assert (report.bad_entries, report.counts["entries"], report.size) == (31, 33, 64)
    assert visit(tmp_path, followed(log)).bad_entries == 31


def test_a_log_made_to_fill_memory_with_different_values_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.record.monitor_state.MAX_DISTINCT", 4)
    value = json.loads(event(0))
    made = [canonical_json({**value, "schema": f"countenance-record/kind-{i}"}) for i in range(20)]
    log = TestableLog([*made, *events(3), *made])
    for size in (10, 43):
        log.show(log.note(size))
        report = visit(tmp_path, followed(log))
    assert report.alerts == []
    assert (report.counts["entries"], sum(report.counts["kinds"].values())) == (43, 43)
    assert len(report.counts["kinds"]) <= 6
    assert report.counts["kinds"]["kind-0"] == 2


def test_a_key_rotation_is_told(tmp_path: Path, log: TestableLog) -> None:
    log.append(rotation_entry(log.signer, log_signer("next"), time_s=NOW))
    log.show()
    report = visit(tmp_path, followed(log))
    assert kinds(report) == [AlertKind.KEY_ROTATED]
    assert log_signer("next").vkey in report.alerts[0].text


def test_quorum_clock_and_age(tmp_path: Path, log: TestableLog) -> None:
    policy = policy_for(log, ("w1", ""), ("w2", ""), k=1)
    clock = Clock()

    def show(time_: int, name: str = "w1") -> None:
        note = log.note()
        log.show(add_signatures(note, [cosign(note, cosigner(name), time=time_)]))

    assert kinds(visit(tmp_path, followed(log, policy=policy))) == [AlertKind.NO_QUORUM]
    show(NOW, "stranger")
    assert kinds(visit(tmp_path, followed(log, policy=policy))) == [AlertKind.NO_QUORUM]
    show(NOW)
    assert kinds(visit(tmp_path, followed(log, policy=policy))) == []
    show(NOW + 100_000)
    assert kinds(visit(tmp_path, followed(log, policy=policy))) == [AlertKind.CLOCK]
    show(NOW - 100_000)
    clock.now = NOW
    assert kinds(visit(tmp_path, followed(log, policy=policy), clock)) == []
    stale = visit(tmp_path, followed(log, policy=policy), clock, max_age_s=3600)
    assert kinds(stale) == [AlertKind.STALE]
    log.show()  # by itself: nothing tells its age, which was asked for
    alone = followed(log, policy=policy_for(log))
    assert kinds(visit(tmp_path, alone, clock)) == []
    assert kinds(visit(tmp_path, alone, clock, max_age_s=3600)) == [AlertKind.STALE]


def test_places_that_fail_are_told_and_the_rest_goes_on(tmp_path: Path, log: TestableLog) -> None:
    class Gone:
        def read(self, _: str) -> bytes | None:
            raise StorageError("no route")

    empty, junk, foreign = TestableLog(), TestableLog(), TestableLog(seed="stranger")
    junk.show(b"\xff\x00")
    foreign.show()
    places = [Place(str(i), r) for i, r in enumerate((Gone(), empty, junk, foreign))]
    report = visit(tmp_path, followed(log, *places))
    assert kinds(report) == [AlertKind.UNREACHABLE] * 2 + [AlertKind.UNVERIFIABLE] * 2
    assert report.size == 300


def test_another_logs_checkpoint_is_not_taken(tmp_path: Path, log: TestableLog) -> None:
    text = log.checkpoint().text.replace(ORIGIN, "other.example")
    log.show(sign_note(text, log.signer))
    assert kinds(visit(tmp_path, followed(log))) == [AlertKind.UNVERIFIABLE]


def test_a_damaged_state_is_an_error_and_not_a_fresh_start(
    tmp_path: Path, log: TestableLog
) -> None:
    visit(tmp_path, followed(log))
    (path,) = tmp_path.glob("log-*.json")
    good = path.read_bytes()
    value = json.loads(good)
    damaged = [good[:-1], b"", b"[]", b"\xff", b"{}"]
    for key, wrong in (
        ("size", "299"), ("size", "x"), ("edge", value["edge"][:-1]), ("note", None),
        ("edge", ["AAAA"]), ("origin", "other"), ("version", 2), ("counts", {}), ("pending", 3),
    ):  # fmt: skip
        damaged.append(json.dumps({**value, key: wrong}).encode())
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(StorageError, match="damaged"):
            load_state(tmp_path, ORIGIN)
    path.write_bytes(good)
    assert load_state(tmp_path, ORIGIN).edge.size == 300


def test_a_log_to_follow_needs_places() -> None:
    with pytest.raises(InputError):
        FollowedLog(ORIGIN, policy_for(TestableLog()), ())


@given(sizes=st.lists(st.integers(0, 70), min_size=1, max_size=6))
def test_the_edge_has_the_root_of_the_tree(sizes: list[int]) -> None:
    log = TestableLog(b"%d" % i for i in range(sum(sizes)))
    edge = Edge()
    assert edge.root() == EMPTY_ROOT
    for size in sizes:
        for _ in range(size):
            edge.push(log.hashes(0, edge.size))
        assert edge.root() == log.checkpoint(edge.size).root
        assert len(edge.stack) == edge.size.bit_count()


# --- evidence ----------------------------------------------------------------------------------


def fork_evidence(at: int = 3, small: int = 5, large: int = 9) -> tuple[Evidence, TestableLog]:
    log = TestableLog(b"%d" % i for i in range(large))
    other = log.fork(at)
    other.append(*(b"other %d" % i for i in range(small - at)))
    proof = tuple(log.prove(small, large))
    return Evidence(other.note(), log.note(), log.checkpoint(small).root, proof), log


def test_evidence_survives_a_file_and_names_witnesses_of_both(tmp_path: Path) -> None:
    evidence, log = fork_evidence()
    both = [
        add_signatures(n, [cosign(n, cosigner("bad"), time=NOW)])
        for n in (evidence.first, evidence.second)
    ]
    evidence = Evidence(*both, evidence.branch_root, evidence.proof)
    path = save_evidence(evidence, tmp_path)
    assert save_evidence(evidence, tmp_path) == path
    read = parse_evidence(path.read_bytes())
    assert read == evidence
    witnesses = [parse_vkey(cosigner(name).vkey) for name in ("bad", "good")]
    assert verify_evidence(read, key_of(log), witnesses=witnesses).cosigned_both == (
        "bad.example",
    )


def test_nothing_that_can_be_true_passes_for_a_contradiction() -> None:
    evidence, log = fork_evidence()
    keys = key_of(log)
    verify_evidence(evidence, keys)
    honest = TestableLog(b"%d" % i for i in range(9))
    stranger = TestableLog((b"x",) * 5, seed="stranger")
    other_origin = TestableLog((b"x",) * 9, origin="other.example", seed="log")
    for wrong in (
        Evidence(evidence.second, evidence.first, evidence.branch_root, evidence.proof),
        Evidence(evidence.first, evidence.second),
        Evidence(evidence.first, evidence.second, evidence.branch_root, evidence.proof[:-1]),
        Evidence(evidence.first, evidence.second, bytes(32), evidence.proof),
        Evidence(
            honest.note(5), honest.note(9), honest.checkpoint(5).root, tuple(honest.prove(5, 9))
        ),
        Evidence(honest.note(9), honest.note(9)),
        Evidence(stranger.note(5), evidence.second, evidence.branch_root, evidence.proof),
        Evidence(honest.note(0), honest.note(9), bytes(32), ()),
        Evidence(honest.note(0), honest.note(9), EMPTY_ROOT, ()),
        Evidence(other_origin.note(), honest.note()),
    ):
        with pytest.raises(VerificationError):
            verify_evidence(wrong, keys)


def test_no_log_can_be_framed_with_another_trusted_logs_key() -> None:
    """A policy lists several logs: each key speaks for its own origin alone."""
    honest = TestableLog((b"x",) * 5)
    thief = TestableLog((b"y",) * 5, origin="other.example", seed="other")
    notes = [
        sign_note(Checkpoint(honest.origin, 5, root * 32).text, thief.signer)
        for root in (b"1", b"2")
    ]
    both = [parse_vkey(log.signer.vkey) for log in (honest, thief)]
    with pytest.raises(VerificationError, match="no key of this log"):
        verify_evidence(Evidence(*notes), both)
    with pytest.raises(VerificationError, match="different logs"):
        verify_evidence(Evidence(honest.note(), thief.note()), both)


def seen(log: TestableLog, size: int, reader: TestableLog | None = None) -> Sighting:
    note = log.note(size)
    return Sighting(f"{size}", note, parse_checkpoint(split_note(note)[0]), reader)


def test_tiles_that_do_not_lead_to_the_signed_root_say_nothing() -> None:
    """Neither that all is well nor that the log is guilty: whoever serves them may lie."""
    log = TestableLog(b"%d" % i for i in range(9))
    fork = log.fork(3)
    fork.append(*(b"other %d" % i for i in range(6)))
    small = seen(log, 5)
    for large, liar in ((seen(fork, 9, log), log), (seen(log, 9, fork), fork)):
        unsure = compare(small, large, [liar])
        assert unsure.evidence is None
        assert unsure.why_not is not None
    convicted = compare(small, seen(fork, 9, log), [log, fork])  # somebody serves the true ones
    assert convicted.evidence is not None
    verify_evidence(convicted.evidence, key_of(log))
    agreed = compare(small, seen(log, 9, fork), [fork, log])
    assert (agreed.evidence, agreed.why_not) == (None, None)


@given(data=st.data())
def test_damaged_evidence_gives_the_one_error_or_the_same_contradiction(
    data: st.DataObject,
) -> None:
    evidence, log = fork_evidence()
    raw = bytearray(evidence.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        shown = verify_evidence(parse_evidence(bytes(raw)), key_of(log))
    except VerificationError:
        return
    assert (shown.first.size, shown.second.size) == (5, 9)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff", b"null", b'"x"', b"1e999"])
def test_what_is_not_evidence(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_evidence(data)
    with pytest.raises(VerificationError):
        parse_evidence(bytes(9_000_000))


# --- the webhook -------------------------------------------------------------------------------


def test_a_webhook_that_drips_is_hung_up_on(tmp_path: Path, log: TestableLog) -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with contextlib.suppress(OSError):
                for letter in b"HTTP/1.1 204 " + bytes(300):
                    self.wfile.write(bytes([letter]))
                    time.sleep(0.1)

        def log_message(self, *_: object) -> None:
            pass

    report = Monitor(tmp_path, clock=lambda: NOW).visit([followed(log)])
    server = HTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    try:
        with pytest.raises(StorageError, match="no whole answer"):
            post_webhook(f"http://127.0.0.1:{server.server_port}/", report, timeout_s=0.5)
        assert time.monotonic() - began < 20
    finally:
        server.shutdown()
        server.server_close()


class Hook(BaseHTTPRequestHandler):
    status = 204
    got: list[bytes] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_webhook_gets_the_report_and_failures_are_errors(
    tmp_path: Path, log: TestableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Monitor(tmp_path, clock=lambda: NOW).visit([followed(log)])
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        post_webhook(url, report)
        assert json.loads(Hook.got[-1]) == report.to_json()
        for status in (302, 404, 500):
            monkeypatch.setattr(Hook, "status", status)
            before = len(Hook.got)
            with pytest.raises(StorageError) as caught:
                post_webhook(url, report)
            assert len(Hook.got) == before + 1
            assert "/hook" not in str(caught.value)  # often a secret
        report.logs[0].places["\udcff"] = 1  # a policy's addresses are any bytes
        monkeypatch.setattr(Hook, "status", 200)
        post_webhook(url, report)
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(StorageError) as caught:
        post_webhook(url, report, timeout_s=1)
    assert "/hook" not in str(caught.value)
    for wrong in ("file:///etc/passwd", "ftp://x/", "x"):
        with pytest.raises(InputError):
            post_webhook(wrong, report)


def test_what_strangers_wrote_reaches_no_terminal_as_it_is(
    tmp_path: Path, log: TestableLog
) -> None:
    """An origin may hold what 8-bit terminals obey; a policy's names are any bytes."""
    evil = TestableLog([b"x"], origin="log\x9b2J\u202eexample", seed="log")
    evil.signer = log.signer
    evil.show()
    report = visit(tmp_path, FollowedLog(ORIGIN, policy_for(log), (Place("log", evil),)))
    told = [alert.text for alert in report.alerts]
    assert told
    assert all(text.isprintable() for text in told)
    error = VerificationError("no quorum", where="a\x1b[2J", expected="quorum \udcff\x9b")
    assert str(error) == "a\ufffd[2J: no quorum\n  expected: quorum \ufffd\ufffd"
    str(error).encode()
