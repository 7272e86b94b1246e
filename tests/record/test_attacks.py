"""What attacks a log, one test a row of the table, against the parts put together.

The parts' own tests go deeper (crashes, failing disks, hostile peers, fuzzing); here each attack
is carried out once on a log with witnesses and a monitor, and must fail or be told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from broken_disk import FailingOps
from witnessing import (
    NOW,
    ORIGIN,
    Clock,
    TestableLog,
    cosigner,
    event,
    log_signer,
    policy_for,
    witness_for,
)

from countenance.record.checkpoint import open_checkpoint
from countenance.record.commitments import seal, verify_opening
from countenance.record.cosignature import cosign
from countenance.record.entries import parse_entry
from countenance.record.errors import ConflictError, RecordError, StorageError, VerificationError
from countenance.record.evidence import parse_evidence, verify_evidence
from countenance.record.folder import FolderStorage
from countenance.record.kinds import newest
from countenance.record.log import Log
from countenance.record.merkle import leaf_hash, verify_consistency
from countenance.record.monitor import FollowedLog, Monitor, Place
from countenance.record.monitor_report import AlertKind, LogReport
from countenance.record.note import Signature, add_signatures, parse_signatures, parse_vkey
from countenance.record.policy import Policy
from countenance.record.proof import Proof, parse_proof, verify_proof
from countenance.record.rotation import follow_rotation, rotation_entry
from countenance.record.tiles import decode_bundle, encode_bundle
from countenance.record.vault import Erased, SQLiteVault, append_events
from countenance.record.verifylog import verify_log
from countenance.record.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    Witness,
    origin_hash,
    parse_add_checkpoint,
)
from countenance.record.witness_client import QuorumError, WitnessPanel
from countenance.record.witness_server import WitnessServer

SIGNER = log_signer()
KEYS = [parse_vkey(SIGNER.vkey)]


def events(stop: int, start: int = 0) -> list[bytes]:
    return [event(i) for i in range(start, stop)]


def open_log(folder: Path) -> Log:
    return Log.open(FolderStorage(folder), SIGNER)


def make_log(folder: Path, size: int = 300) -> None:
    with open_log(folder) as log:
        log.append(events(size))
        log.publish()


def visit(state: Path, *folders: Path, policy: Policy | None = None) -> LogReport:
    places = tuple(Place(folder.name, FolderStorage(folder)) for folder in folders)
    target = FollowedLog(ORIGIN, policy or policy_for(TestableLog()), places)
    (report,) = Monitor(state, clock=lambda: NOW).visit([target]).logs
    return report


def kinds(report: LogReport) -> set[AlertKind]:
    return {alert.kind for alert in report.alerts}


APPENDER = """
import os, sys, threading
sys.path[:0] = {path!r}
from test_attacks import Path, event, open_log
with open_log(Path({folder!r})) as log:
    def work(k):
        for i in range(100000):
            at = log.append([event(i * 3 + k)])
            os.write(1, b"%d %d\n" % (at[0], i * 3 + k))
            if i % 5 == 0:
                log.publish()
    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
"""


def test_crash_at_any_point_of_an_append(tmp_path: Path) -> None:
    """Killed in the middle of appends and checkpoints; a witness and a monitor look on."""
    here = str(Path(__file__).parent)
    script = APPENDER.format(path=[here, *sys.path], folder=str(tmp_path / "log"))
    witness, store = witness_for(tmp_path, TestableLog())
    cosigned = 0
    for round_ in range(3):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(10 + 17 * round_)]
            child.kill()
            lines += child.stdout.read().splitlines(keepends=True)
        acknowledged = [line.split() for line in lines if line.endswith(b"\n")]
        with open_log(tmp_path / "log") as log:  # reopening is all the recovery there is
            for index, number in acknowledged:
                assert log.entry(int(index)) == event(int(number))
            note = log.publish()
            proof = tuple(log.prove_consistency(cosigned)) if cosigned else ()
            assert (
                witness.add_checkpoint(AddCheckpoint(cosigned, proof, note).to_bytes()).status
                == 200
            )
            cosigned = log.size
        report = visit(tmp_path / "monitor", tmp_path / "log")
        assert (report.alerts, report.size) == ([], cosigned)
    assert store.conflicts(ORIGIN) == []
    store.close()


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "EROFS", "short"])
def test_torn_or_short_write_full_or_read_only_disk(tmp_path: Path, kind: str) -> None:
    for at in (1, 2, 3, 5, 8, 12):
        folder = tmp_path / f"{kind}{at}"
        make_log(folder, 100)
        before = (folder / "checkpoint").read_bytes()
        acknowledged = 100
        try:
            storage = FolderStorage(folder, ops=FailingOps(at, kind, stays=True))
            with Log.open(storage, SIGNER) as log:
                acknowledged = log.append(events(400, 100)).stop
                log.publish()
        except StorageError:
            assert (folder / "checkpoint").read_bytes() == before
        with open_log(folder) as log:
            assert log.size >= acknowledged
            assert log.entry(acknowledged - 1) == event(acknowledged - 1)
            log.publish()
        assert visit(tmp_path / f"m{kind}{at}", folder).alerts == []


def test_two_processes_open_the_same_log(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    script = (
        f"import sys; sys.path[:0] = {[here, *sys.path]!r}\n"
        "from test_attacks import Path, open_log\n"
        f"open_log(Path({str(tmp_path / 'log')!r}))\n"
    )
    with open_log(tmp_path / "log") as log:
        log.append(events(3))
        with pytest.raises(ConflictError):
            open_log(tmp_path / "log")
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        assert other.returncode != 0
        assert b"ConflictError" in other.stderr
        log.append(events(6, 3))
    with open_log(tmp_path / "log") as log:
        assert log.size == 6


def edit_bundle(folder: Path, edit) -> None:
    path = folder / "tile/entries/000"
    path.chmod(0o644)
    path.write_bytes(encode_bundle(edit(decode_bundle(path.read_bytes(), width=256))))


def swapped(entries: list[bytes]) -> list[bytes]:
    entries[40], entries[41] = entries[41], entries[40]
    return entries


@pytest.mark.parametrize(
    ("edit", "first_bad"),
    [
        (lambda e: [*e[:17], event(9999), *e[18:]], 17),
        (lambda e: [*e[:90], *e[91:], event(9999)], 90),
        (swapped, 40),
        (lambda e: [*e[:5], event(9999), *e[5:-1]], 5),
    ],
    ids=["edited", "deleted", "reordered", "inserted"],
)
def test_insider_edits_deletes_reorders_or_inserts_an_entry(
    tmp_path: Path, edit, first_bad: int
) -> None:
    make_log(tmp_path / "log")
    reader = FolderStorage(tmp_path / "log")
    checkpoint, _ = open_checkpoint((tmp_path / "log/checkpoint").read_bytes(), KEYS)
    verify_log(reader, checkpoint)
    edit_bundle(tmp_path / "log", edit)
    with pytest.raises(VerificationError, match=f"entry {first_bad} "):
        verify_log(reader, checkpoint)
    report = visit(tmp_path / "monitor", tmp_path / "log")
    assert kinds(report) == {AlertKind.ENTRIES}
    assert f"entry {first_bad} " in report.alerts[0].text


def test_insider_edits_a_tile_or_a_checkpoint(tmp_path: Path) -> None:
    make_log(tmp_path / "log")
    good, _ = open_checkpoint((tmp_path / "log/checkpoint").read_bytes(), KEYS)
    paths = [p for p in (tmp_path / "log").rglob("*") if p.is_file() and "tile" in p.parts]
    for path in paths:
        before = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(
            before[:70] + bytes([before[70] ^ 1]) + before[71:]
            if len(before) > 70
            else b"x" * len(before)
        )
        with pytest.raises(VerificationError):
            verify_log(FolderStorage(tmp_path / "log"), good)
        path.write_bytes(before)
    verify_log(FolderStorage(tmp_path / "log"), good)
    path = tmp_path / "log/checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n300\n", b"\n299\n"))
    assert kinds(visit(tmp_path / "monitor", tmp_path / "log")) == {AlertKind.UNVERIFIABLE}


def test_truncation_and_rollback_to_an_older_signed_state(tmp_path: Path) -> None:
    folder, backup = tmp_path / "log", tmp_path / "backup"
    witness, store = witness_for(tmp_path, TestableLog())
    make_log(folder, 200)
    shutil.copytree(folder, backup)
    with open_log(folder) as log:
        log.append(events(300, 200))
        note = log.publish()
    assert witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes()).status == 200
    assert visit(tmp_path / "monitor", folder).alerts == []
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    with WitnessServer(witness).start() as server:
        policy = policy_for(TestableLog(), ("w1", server.url))
        panel = WitnessPanel(policy, clock=lambda: NOW, deadline_s=5)
        with open_log(folder) as log:  # the older state is valid by itself
            answer = witness.add_checkpoint(AddCheckpoint(200, (), log.publish()).to_bytes())
            assert (answer.status, answer.body) == (409, b"300\n")
            assert AlertKind.ROLLBACK in kinds(visit(tmp_path / "monitor", folder))
            with pytest.raises(QuorumError, match="has cosigned 300"):
                log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
            log.append([event(7000 + i) for i in range(150)])  # and it grows another way
            with pytest.raises(QuorumError, match="does not extend"):
                log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
            log.publish()
    report = visit(tmp_path / "monitor", folder)
    assert AlertKind.SPLIT_VIEW in kinds(report)
    store.close()


def rot_last_journal_record(folder: Path) -> None:
    newest = max(folder.glob("journal*"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)


def test_bit_rot_in_the_last_journal_record(tmp_path: Path) -> None:
    """It looks as if a crash had cut the record short: whoever saw it signed tells otherwise."""
    folder = tmp_path / "log"
    make_log(folder, 100)
    witness, store = witness_for(tmp_path, TestableLog())
    with WitnessServer(witness).start() as server:
        policy = policy_for(TestableLog(), ("w1", server.url), ("w2", ""), k=2)
        panel = WitnessPanel(policy, clock=lambda: NOW, deadline_s=20)
        with open_log(folder) as log:
            log.append(events(110, 100))
            with pytest.raises(QuorumError):  # cosigned by one of two, so not published
                log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
        rot_last_journal_record(folder)
        with open_log(folder) as log:
            assert log.size == 100  # by itself it cannot know
            with pytest.raises(QuorumError, match="it has cosigned 110"):
                log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
            log.append([event(7000 + i) for i in range(20)])  # other entries in their place
            with pytest.raises(QuorumError, match="does not extend"):
                log.publish(lambda note: panel.collect(note, prove=log.prove_consistency).note)
            log.publish()
    seen = [Place("log", FolderStorage(folder)), Place("w1", Served(witness), has_tiles=False)]
    target = FollowedLog(ORIGIN, policy_for(TestableLog()), tuple(seen))
    (report,) = Monitor(tmp_path / "monitor", clock=lambda: NOW).visit([target]).logs
    assert kinds(report) == {AlertKind.SPLIT_VIEW}
    store.close()


def test_bit_rot_in_the_last_journal_record_of_a_published_log(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    make_log(folder, 100)
    rot_last_journal_record(folder)
    with pytest.raises(VerificationError, match="fewer than its last checkpoint"):
        open_log(folder)


class Served:
    """What a witness shows of the log to monitors."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def read(self, path: str) -> bytes:
        assert path == "checkpoint"
        return self._witness.checkpoint(origin_hash(ORIGIN)).body


def test_a_witness_restored_from_an_old_copy(tmp_path: Path) -> None:
    """It cannot notice, and cosigns two histories: both are there for a monitor to see."""
    left, right, copy = tmp_path / "left", tmp_path / "right", tmp_path / "copy"
    copy.mkdir()
    make_log(left, 200)
    shutil.copytree(left, right)
    witness, store = witness_for(tmp_path, TestableLog())
    first = (left / "checkpoint").read_bytes()
    assert witness.add_checkpoint(AddCheckpoint(0, (), first).to_bytes()).status == 200
    shutil.copy(tmp_path / "w1.db", copy)
    restored, store2 = witness_for(copy, TestableLog())
    for folder, by, first_event in ((left, witness, 200), (right, restored, 7000)):
        with open_log(folder) as log:
            log.append(events(first_event + 60, first_event))

            def complete(note: bytes, by: Witness = by, log: Log = log) -> bytes:
                proof = tuple(log.prove_consistency(200))
                answer = by.add_checkpoint(AddCheckpoint(200, proof, note).to_bytes())
                assert answer.status == 200
                return add_signatures(note, parse_signatures(answer.body))

            log.publish(complete)
    policy = policy_for(TestableLog(), ("w1", ""))
    assert visit(tmp_path / "m1", left, policy=policy).alerts == []
    report = visit(tmp_path / "m1", right, policy=policy)  # the same place, another day
    assert AlertKind.SPLIT_VIEW in kinds(report)
    kept = [alert.evidence for alert in report.alerts if alert.evidence]
    evidence = parse_evidence((tmp_path / "m1" / str(kept[0])).read_bytes())
    shown = verify_evidence(evidence, KEYS, witnesses=[parse_vkey(cosigner("w1").vkey)])
    assert (shown.first.size, shown.cosigned_both) == (260, ("w1.example",))
    asked = (Place("log", FolderStorage(right)), Place("w1", Served(witness), has_tiles=False))
    target = FollowedLog(ORIGIN, policy, asked)
    (report,) = Monitor(tmp_path / "m2", clock=lambda: NOW).visit([target]).logs
    assert AlertKind.SPLIT_VIEW in kinds(report)
    store.close()
    store2.close()


def test_split_view_two_futures_shown_to_two_readers(tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    make_log(left, 200)
    shutil.copytree(left, right)
    witness, store = witness_for(tmp_path, TestableLog())
    statuses = []
    for folder, numbers in ((left, (200, 260)), (right, (7000, 7070))):
        with open_log(folder) as log:
            log.append([event(i) for i in range(*numbers)])
            note = log.publish()
            old = 0 if not statuses else 260
            proof = tuple(log.prove_consistency(old)) if old else ()
            statuses.append(
                witness.add_checkpoint(AddCheckpoint(old, proof, note).to_bytes()).status
            )
    assert statuses == [200, 422]
    assert visit(tmp_path / "m1", left).alerts == visit(tmp_path / "m2", right).alerts == []
    report = visit(tmp_path / "m3", left, right)
    assert kinds(report) == {AlertKind.SPLIT_VIEW}
    evidence = parse_evidence((tmp_path / "m3" / str(report.alerts[0].evidence)).read_bytes())
    shown = verify_evidence(evidence, KEYS)
    assert (shown.first.size, shown.second.size) == (260, 270)
    store.close()


def test_stolen_log_key(tmp_path: Path) -> None:
    honest = TestableLog(events(50))
    policy = policy_for(honest, ("w1", ""), ("w2", ""), k=2)
    thief = honest.fork(40)  # the same key in other hands
    thief.append(event(9999))
    forged = Proof(40, tuple(thief_inclusion(thief, 40)), thief.note(), None)
    with pytest.raises(VerificationError, match="quorum"):
        verify_proof(forged.encode(), event(9999), policy)
    thief.show()
    target = FollowedLog(ORIGIN, policy, (Place("thief", thief),))
    (report,) = Monitor(tmp_path, clock=lambda: NOW).visit([target]).logs
    assert kinds(report) == {AlertKind.NO_QUORUM}


def thief_inclusion(log: TestableLog, index: int) -> list[bytes]:
    from countenance.record.merkle import inclusion_proof

    return inclusion_proof(index, len(log.entries), log.hashes)


def test_keys_rotate_by_a_logged_event(tmp_path: Path) -> None:
    log = TestableLog(events(20))
    policy = policy_for(log, ("w1", ""))
    new = log_signer("new key")
    entry = rotation_entry(log.signer, new, time_s=NOW)
    log.append(entry)
    note = log.note()
    proof = Proof(20, tuple(thief_inclusion(log, 20)), note, None)
    with pytest.raises(VerificationError):
        follow_rotation(policy, entry, proof.encode())  # not witnessed: a thief's work, maybe
    note = add_signatures(note, [cosign(note, cosigner("w1"), time=NOW)])
    after = follow_rotation(policy, entry, Proof(20, proof.hashes, note, None).encode())
    log.signer = new
    log.append(event(21))
    note = add_signatures(log.note(), [cosign(log.note(), cosigner("w1"), time=NOW)])
    assert after.check(note).size == 22
    with pytest.raises(VerificationError):
        policy.check(note)


def test_clock_moved_back_or_forward(tmp_path: Path) -> None:
    clock = Clock()
    log = TestableLog(events(30))
    witness, store = witness_for(tmp_path, log, clock=clock)
    policy = policy_for(log, ("w1", ""))
    old = 0
    for now, alerts in ((NOW, set()), (NOW + 200_000, {AlertKind.CLOCK})):
        clock.now = now
        answer = witness.add_checkpoint(log.request(old))
        log.show(add_signatures(log.note(), parse_signatures(answer.body)))
        (report,) = (
            Monitor(tmp_path / "m", clock=lambda: NOW)
            .visit([FollowedLog(ORIGIN, policy, (Place("log", log),))])
            .logs
        )
        assert kinds(report) == alerts
        assert report.size == len(log.entries)  # order is the index's: nothing else is disturbed
        old = len(log.entries)
        log.append(event(1000 + old))
    clock.now = NOW
    with pytest.raises(StorageError, match="clock"):
        witness.add_checkpoint(log.request(old))
    store.close()


def test_erasure_against_an_append_only_log(tmp_path: Path) -> None:
    kind = newest("search-returned")
    assert kind is not None
    public = parse_entry(event(0)).public
    sealed = [
        seal(kind, time_s=NOW, public=public, private={"case": f"case {i}", "list": [i]})
        for i in range(3)
    ]
    with (
        open_log(tmp_path / "log") as log,
        SQLiteVault(tmp_path / "v.db", clock=lambda: NOW) as vault,
    ):
        append_events(log, vault, sealed[:2], about="person 1")
        append_events(log, vault, sealed[2:], about="person 2")
        checkpoint, _ = open_checkpoint(log.publish(), KEYS)
        entry = parse_entry(log.entry(0))
        opening = vault.find(entry.sealed["case"])
        assert verify_opening(entry, opening) == "case 0"
        assert vault.erase_about("person 1") == 4
        assert isinstance(vault.find(entry.sealed["case"]), Erased)
        other = parse_entry(log.entry(2))
        assert verify_opening(other, vault.find(other.sealed["case"])) == "case 2"
        verify_log(FolderStorage(tmp_path / "log"), checkpoint)
    assert visit(tmp_path / "monitor", tmp_path / "log").alerts == []
    held = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    for erased in (opening.salt, opening.salt.hex().encode(), b"case 0", b"case 1"):
        assert erased not in held


def test_guessing_a_commitment(tmp_path: Path) -> None:
    kind = newest("search-returned")
    assert kind is not None
    public = parse_entry(event(0)).public
    made = [
        seal(kind, time_s=NOW, public=public, private={"case": "same", "list": "same"})
        for _ in range(200)
    ]
    commitments = [value for each in made for value in each.entry.sealed.values()]
    salts = [opening.salt for each in made for opening in each.openings]
    assert len(set(commitments)) == len(commitments)  # equal values, different commitments
    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {32}
    published = b"".join(each.entry.to_bytes() for each in made)
    assert not [salt for salt in salts if salt.hex().encode() in published or salt in published]
    with pytest.raises(VerificationError):
        verify_opening(made[0].entry, made[1].openings[0])  # the right value, another salt


@pytest.mark.parametrize(
    "parse",
    [
        lambda data: open_checkpoint(data, KEYS),
        parse_proof,
        parse_add_checkpoint,
        parse_evidence,
        parse_entry,
        parse_signatures,
        lambda data: decode_bundle(data, width=256),
        Policy.parse,
    ],
)
def test_huge_or_malformed_note_proof_tile_or_entry(parse) -> None:
    good = [
        TestableLog(events(3)).note(),
        TestableLog(events(3)).request(1),
        event(1),
        encode_bundle(events(3)),
        Signature("x", b"abcd", bytes(64)).line,
    ]
    for piece in (b"", b"\n", b"\x00", b"\xff", b"[", b"{", b"9", b"old ", b"A=", "— ".encode()):
        good += [piece * n for n in (1, 1000, 300_000)]
    good += [MAX_REQUEST_BYTES * b"\n\n", os.urandom(100_000)]
    for data in good:
        for cut in (data, data[:-1], data[1:], data + b"x", data * 2):
            told = ""
            try:
                parse(cut)
            except VerificationError as error:  # and nothing else
                told = error.diagnostics()
            assert len(told) < 2000


def test_forged_and_replayed_cosignatures(tmp_path: Path) -> None:
    log = TestableLog(events(50))
    policy = policy_for(log, ("w1", ""), ("w2", ""), k=2)
    first, second = (cosign(log.note(), cosigner(name), time=NOW) for name in ("w1", "w2"))
    policy.check(add_signatures(log.note(), [first, second]))
    later = cosign(log.note(), cosigner("w1"), time=NOW + 1)
    renamed = Signature("w2.example", first.key_id, first.signature)
    as_second = Signature(second.name, second.key_id, first.signature)
    redated = Signature(second.name, second.key_id, bytes(8) + second.signature[8:])
    replayed = cosign(log.note(49), cosigner("w2"), time=NOW)
    for forged in ([first], [first, later], [first, first], [first, renamed],
                   [first, as_second], [first, redated], [first, replayed]):  # fmt: skip
        with pytest.raises(VerificationError):
            policy.check(add_signatures(log.note(), forged))


def test_many_writers_with_witnesses_while_a_monitor_follows(tmp_path: Path) -> None:
    """No attack at all: nothing may cry wolf while a log is alive."""
    with ExitStack() as stack:
        addresses = []
        for name in ("w1", "w2", "w3"):
            witness, store = witness_for(tmp_path, TestableLog(), name=name)
            stack.callback(store.close)
            addresses.append((name, stack.enter_context(WitnessServer(witness).start()).url))
        policy = policy_for(TestableLog(), *addresses, k=2)
        panel = WitnessPanel(policy, clock=lambda: NOW, deadline_s=20)
        log = stack.enter_context(open_log(tmp_path / "log"))
        complete = lambda note: panel.collect(note, prove=log.prove_consistency).note  # noqa: E731
        log.publish(complete)
        errors: list[RecordError] = []

        def write(k: int) -> None:
            try:
                for i in range(40):
                    log.append([event(1000 * k + i)])
            except RecordError as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        reports = []
        while any(thread.is_alive() for thread in threads):
            log.publish(complete)
            reports.append(visit(tmp_path / "monitor", tmp_path / "log", policy=policy))
        for thread in threads:
            thread.join()
        log.publish(complete)
        reports.append(visit(tmp_path / "monitor", tmp_path / "log", policy=policy))
    assert errors == []
    assert [alert for report in reports for alert in report.alerts] == []
    assert reports[-1].counts["entries"] == 160


def test_a_consistency_proof_cannot_be_bent() -> None:
    """The one check witnesses rest on: no other root passes for any pair of sizes."""
    log = TestableLog(b"%d" % i for i in range(20))
    for old in range(1, 20):
        for new in range(old + 1, 21):
            proof = log.prove(old, new)
            roots = log.checkpoint(old).root, log.checkpoint(new).root
            verify_consistency(old, roots[0], new, roots[1], proof)
            for at in range(len(proof)):
                bent = [*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]]
                with pytest.raises(VerificationError):
                    verify_consistency(old, roots[0], new, roots[1], bent)
