"""The witness against the text of tlog-witness (C2SP, July 2026), and its state."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from witnessing import NOW, ORIGIN, Clock, TestableLog, cosigner, log_signer, witness_for

from countenance.core import InputError
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import MLDSA44Cosigner, generate_mldsa44, split_time
from countenance.record.errors import (
    ConflictError,
    RecordError,
    StorageError,
    VerificationError,
)
from countenance.record.evidence import verify_evidence
from countenance.record.note import (
    Signature,
    add_signatures,
    open_note,
    parse_signatures,
    parse_vkey,
    sign_note,
    split_note,
)
from countenance.record.witness import (
    AddCheckpoint,
    Witness,
    WitnessedLog,
    checkpoint_in,
    origin_hash,
    parse_add_checkpoint,
)
from countenance.record.witness_store import Cosigned, WitnessStore

# The example request of the specification: its form, with keys nobody here knows.
SPEC_EXAMPLE = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()  # noqa: E501


@pytest.fixture
def log() -> TestableLog:
    return TestableLog(b"entry %d" % i for i in range(40))


@pytest.fixture
def witness(tmp_path: Path, log: TestableLog):
    witness, store = witness_for(tmp_path, log)
    yield witness
    store.close()


def cosigned_size(witness: Witness) -> int:
    answer = witness.checkpoint(origin_hash(ORIGIN))
    return 0 if answer.status == 404 else checkpoint_in(answer.body).size


def test_the_example_of_the_specification_is_read_and_written_back() -> None:
    request = parse_add_checkpoint(SPEC_EXAMPLE)
    assert request.old_size == 20852014
    assert len(request.proof) == 4
    assert checkpoint_in(request.note).size == 20852163
    assert request.to_bytes() == SPEC_EXAMPLE


def test_200_the_first_checkpoint_and_each_that_extends_it(
    witness: Witness, log: TestableLog
) -> None:
    old = 0
    for size in (0, 1, 1, 2, 3, 8, 9, 31, 40):
        answer = witness.add_checkpoint(log.request(old, size))
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        assert answer.body.startswith("— w1.example ".encode())
        note = open_note(log.note(size) + answer.body, [parse_vkey(cosigner("w1").vkey)])
        assert split_time(note.verified[0].signature)[0] == NOW
        old = size


def test_400_old_size_larger_than_the_checkpoint(witness: Witness, log: TestableLog) -> None:
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    assert witness.add_checkpoint(log.request(20, 19)).status == 400
    assert cosigned_size(witness) == 20


class Untiring:
    """A verifier to which any signature is good: a log may make as many as it likes."""

    name, key_id, vkey = ORIGIN, b"\0\1\2\3", ""

    def verify(self, message: bytes, signature: bytes) -> None:
        pass


def many(note: bytes, count: int) -> bytes:
    """The text of a note under so many different lines."""
    lines = [Signature(ORIGIN, Untiring.key_id, b"%d" % i).line for i in range(count)]
    return split_note(note)[0] + b"\n" + b"".join(lines)


def test_400_for_as_many_signatures_as_leave_no_room_for_its_own(
    tmp_path: Path, log: TestableLog
) -> None:
    other = log.fork(20)
    other.append(b"another")
    with closing(WitnessStore.create(tmp_path / "w1.db")) as store:
        known = [WitnessedLog(ORIGIN, (Untiring(),))]
        witness = Witness(known, signers=[cosigner("w1")], store=store, clock=lambda: NOW)

        def ask(old: int, note: bytes, proof: list[bytes]) -> int:
            return witness.add_checkpoint(AddCheckpoint(old, tuple(proof), note).to_bytes()).status

        assert ask(0, many(log.note(20), 101), []) == 400
        assert ask(0, many(log.note(20), 100), []) == 400
        assert cosigned_size(witness) == 0
        again = many(log.note(20), 1)
        line = again.partition(b"\n\n")[2]
        assert ask(0, again + 99 * line, []) == 200  # one signature, however often
        assert ask(20, many(log.note(21), 99), log.prove(20, 21)) == 200
        # What it serves can be read, and it can go on from there.
        served = witness.checkpoint(origin_hash(ORIGIN)).body
        assert len(split_note(served)[1]) == 100
        # And a log does not escape conviction by signing more often.
        assert ask(21, many(other.note(21), 100), []) == 400
        assert len(store.conflicts(ORIGIN)) == 1
        assert ask(21, many(log.note(40), 1), log.prove(21, 40)) == 200


def test_strangers_lines_leave_room(witness: Witness, log: TestableLog) -> None:
    strange = [Signature("x.example", b"abcd", b"%d" % i) for i in range(99)]
    request = AddCheckpoint(0, (), add_signatures(log.note(), strange))
    assert witness.add_checkpoint(request.to_bytes()).status == 200
    assert cosigned_size(witness) == 40


def test_403_without_a_good_signature_by_a_trusted_key(witness: Witness, log: TestableLog) -> None:
    stranger = TestableLog(log.entries, seed="stranger")
    assert witness.add_checkpoint(stranger.request(0)).status == 403
    text, signatures = split_note(log.note())
    (good,) = signatures
    bad = Signature(good.name, good.key_id, bytes(64))
    forged = add_signatures(sign_note(text, log.signer), [bad])
    assert witness.add_checkpoint(AddCheckpoint(0, (), forged).to_bytes()).status == 403
    other_text = text.replace(b"40\n", b"39\n")
    moved = other_text + b"\n" + good.line
    assert witness.add_checkpoint(AddCheckpoint(0, (), moved).to_bytes()).status == 403
    assert cosigned_size(witness) == 0


def test_404_for_an_origin_it_does_not_know_even_with_a_good_key(
    witness: Witness, log: TestableLog
) -> None:
    text = log.checkpoint().text.replace(ORIGIN, "other.example")
    note = sign_note(text, log.signer)
    assert witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes()).status == 404


def test_409_tells_the_size_last_cosigned(witness: Witness, log: TestableLog) -> None:
    fresh = witness.add_checkpoint(log.request(7, 12))
    assert (fresh.status, fresh.body, fresh.content_type) == (409, b"0\n", "text/x.tlog.size")
    assert witness.add_checkpoint(log.request(0, 12)).status == 200
    for old, size in ((0, 12), (0, 40), (11, 40), (13, 40), (5, 8)):
        answer = witness.add_checkpoint(log.request(old, size))
        assert (answer.status, answer.body) == (409, b"12\n")
        assert answer.content_type == "text/x.tlog.size"


def test_422_for_a_proof_that_does_not_verify(witness: Witness, log: TestableLog) -> None:
    assert witness.add_checkpoint(log.request(0, 13)).status == 200
    good = parse_add_checkpoint(log.request(13, 40))
    fork = TestableLog([*log.entries[:12], b"changed", *log.entries[13:]])
    for request in (
        AddCheckpoint(13, (), good.note),
        AddCheckpoint(13, good.proof[:-1], good.note),
        AddCheckpoint(13, (*good.proof, bytes(32)), good.note),
        AddCheckpoint(13, good.proof[::-1], good.note),
        parse_add_checkpoint(fork.request(13, 40)),
        AddCheckpoint(13, good.proof, log.note(13)),
    ):
        assert witness.add_checkpoint(request.to_bytes()).status == 422
    assert cosigned_size(witness) == 13
    assert witness.add_checkpoint(good.to_bytes()).status == 200


def test_422_for_a_proof_from_nothing_or_a_false_empty_root(
    witness: Witness, log: TestableLog
) -> None:
    with_proof = AddCheckpoint(0, (bytes(32),), log.note(8))
    assert witness.add_checkpoint(with_proof.to_bytes()).status == 422
    empty = sign_note(Checkpoint(ORIGIN, 0, bytes(32)).text, log.signer)
    assert witness.add_checkpoint(AddCheckpoint(0, (), empty).to_bytes()).status == 422
    assert cosigned_size(witness) == 0


def test_422_for_another_root_of_the_same_size_and_the_pair_is_kept(
    tmp_path: Path, log: TestableLog
) -> None:
    witness, store = witness_for(tmp_path, log)
    other = TestableLog([*log.entries[:-1], b"another"])
    assert witness.add_checkpoint(log.request(0)).status == 200
    before = witness.checkpoint(origin_hash(ORIGIN)).body
    assert witness.add_checkpoint(other.request(40, 40)).status == 422
    assert witness.add_checkpoint(other.request(0, 40)).status == 409
    assert witness.checkpoint(origin_hash(ORIGIN)).body == before
    (evidence,) = store.conflicts(ORIGIN)
    shown = verify_evidence(evidence, [parse_vkey(log.signer.vkey)])
    assert {shown.first.root, shown.second.root} == {
        log.checkpoint().root,
        other.checkpoint().root,
    }
    store.close()


def test_what_a_hostile_log_can_make_a_witness_keep_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: TestableLog
) -> None:
    monkeypatch.setattr("countenance.record.witness_store.MAX_CONFLICTS_PER_LOG", 5)
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0)).status == 200
    for i in range(9):
        other = TestableLog([*log.entries[:-1], b"another %d" % i])
        assert witness.add_checkpoint(other.request(40, 40)).status == 422
    assert len(store.conflicts(ORIGIN)) == 5
    store.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 0\n\nnot a note",
        b"old 00\n\n",
        b"old  0\n\n",
        b"old +1\n\n",
        b"old -1\n\n",
        b"old 9223372036854775808\n\n",
        b"OLD 0\n\n",
        "old ٣\n\n".encode(),
        b"old 0\r\n\r\n",
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\n",
        b"old 0\n!!!!\n\n",
        b"old 0\nAAAA\n\n",
        b"\xff\xfe\n\n",
    ],
)
def test_400_for_what_is_not_a_request(witness: Witness, log: TestableLog, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400
    assert cosigned_size(witness) == 0


def test_64_lines_of_proof_are_too_many_and_63_are_read(log: TestableLog) -> None:
    most = AddCheckpoint(1, (bytes(32),) * 63, b"x")
    assert parse_add_checkpoint(most.to_bytes()) == most
    with pytest.raises(VerificationError):
        parse_add_checkpoint(AddCheckpoint(1, (bytes(32),) * 64, b"x").to_bytes())


def test_a_base64_hash_with_stray_bits_is_refused() -> None:
    line = b"A" * 42 + b"B="  # decodes to the same 32 bytes as 42 A and A=
    with pytest.raises(VerificationError):
        parse_add_checkpoint(b"old 1\n" + line + b"\n\nx")


def test_an_oversize_request_is_refused(witness: Witness, log: TestableLog) -> None:
    junk = b"".join(Signature(f"x{i}", b"abcd", bytes(2400)).line for i in range(60))
    assert witness.add_checkpoint(b"old 0\n\n" + log.note() + junk).status == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_no_bytes_make_it_raise_or_cosign_what_the_log_did_not_sign(
    witness: Witness, log: TestableLog, data: st.DataObject
) -> None:
    body = bytearray(log.request(0, data.draw(st.integers(0, 40))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        what = data.draw(st.integers(0, 2))
        if what == 0:
            body[at] = data.draw(st.integers(0, 255))
        elif what == 1:
            del body[at : at + data.draw(st.integers(1, 20))]
            body += b"\n" if not body else b""
        else:
            body[at:at] = data.draw(st.binary(max_size=20))
    before = cosigned_size(witness)
    answer = witness.add_checkpoint(bytes(body))
    assert answer.status in (200, 400, 403, 404, 409, 422)
    if answer.status != 200:
        assert cosigned_size(witness) == before
    else:
        # Only what leaves the signed text and the log's signature alone can come through.
        checkpoint = checkpoint_in(parse_add_checkpoint(bytes(body)).note)
        assert checkpoint == log.checkpoint(checkpoint.size)


@given(body=st.binary(max_size=300))
def test_any_bytes_give_the_one_error(body: bytes) -> None:
    try:
        request = parse_add_checkpoint(body)
        checkpoint_in(request.note)
    except VerificationError:
        return


def test_signatures_of_strangers_are_neither_served_nor_cosigned(
    witness: Witness, log: TestableLog
) -> None:
    strange = Signature("stranger.example", b"1234", bytes(64))
    note = add_signatures(log.note(), [strange])
    answer = witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes())
    assert answer.status == 200
    served = witness.checkpoint(origin_hash(ORIGIN)).body
    names = [signature.name for signature in split_note(served)[1]]
    assert names == [ORIGIN, "w1.example"]


def test_the_served_checkpoint_has_the_cosignatures_that_were_returned(
    tmp_path: Path, log: TestableLog
) -> None:
    clock = Clock()
    witness, store = witness_for(tmp_path, log, clock=clock)
    for old, now in ((0, NOW), (40, NOW + 5)):
        clock.now = now
        answer = witness.add_checkpoint(log.request(old, 40))
        served = witness.checkpoint(origin_hash(ORIGIN)).body
        assert served == log.note() + answer.body
    assert witness.checkpoint(origin_hash("nobody.example")).status == 404
    assert witness.checkpoint("nonsense").status == 404
    store.close()


def test_several_keys_cosign_together_one_of_them_post_quantum(
    tmp_path: Path, log: TestableLog
) -> None:
    second = MLDSA44Cosigner.from_private_key("w1.example", generate_mldsa44(), clock=lambda: NOW)
    store = WitnessStore.create(tmp_path / "w.db")
    witness = Witness(
        [WitnessedLog(ORIGIN, (parse_vkey(log.signer.vkey),))],
        signers=[cosigner("w1"), second],
        store=store,
        clock=lambda: NOW,
    )
    answer = witness.add_checkpoint(log.request(0))
    assert len(parse_signatures(answer.body)) == 2
    keys = [parse_vkey(cosigner("w1").vkey), parse_vkey(second.vkey)]
    assert len(open_note(log.note() + answer.body, keys).verified) == 2
    store.close()


def test_logs_do_not_mix(tmp_path: Path, log: TestableLog) -> None:
    other = TestableLog([b"x", b"y"], origin="other.example", seed="other")
    witness, store = witness_for(tmp_path, log, other)
    assert witness.add_checkpoint(log.request(0)).status == 200
    assert witness.add_checkpoint(other.request(0)).status == 200
    assert witness.add_checkpoint(log.request(40)).status == 200
    assert store.last("other.example").size == 2
    crossed = sign_note(other.checkpoint().text, log_signer())
    answer = witness.add_checkpoint(AddCheckpoint(2, (), crossed).to_bytes())
    assert answer.status == 403
    store.close()


def test_the_clock_is_never_signed_backwards(tmp_path: Path, log: TestableLog) -> None:
    clock = Clock()
    witness, store = witness_for(tmp_path, log, clock=clock)
    assert witness.add_checkpoint(log.request(0, 10)).status == 200
    clock.now = NOW - 30
    answer = witness.add_checkpoint(log.request(10, 11))
    assert split_time(parse_signatures(answer.body)[0].signature)[0] == NOW
    for now in (NOW - 61, 0, -5, 1 << 63):
        clock.now = now
        with pytest.raises(StorageError, match="clock"):
            witness.add_checkpoint(log.request(11, 12))
    assert cosigned_size(witness) == 11
    clock.now = NOW + 1
    assert witness.add_checkpoint(log.request(11, 12)).status == 200
    store.close()


def test_a_signer_that_fails_leaves_the_state_as_it_was(tmp_path: Path, log: TestableLog) -> None:
    store = WitnessStore.create(tmp_path / "w.db")

    class Broken:
        name, key_id, vkey = "w1.example", b"1234", ""

        def sign(self, *_: object) -> bytes:
            raise OSError("the module is gone")

        def sign_at(self, *_: object, **__: object) -> bytes:
            raise OSError("the module is gone")

    witness = Witness(
        [WitnessedLog(ORIGIN, (parse_vkey(log.signer.vkey),))],
        signers=[cosigner("w1"), Broken()],
        store=store,
        clock=lambda: NOW,
    )
    with pytest.raises(OSError, match="module"):
        witness.add_checkpoint(log.request(0))
    assert store.last(ORIGIN) is None
    store.close()


def test_a_witness_needs_a_key_and_each_log_once(tmp_path: Path, log: TestableLog) -> None:
    store = WitnessStore.create(tmp_path / "w.db")
    with pytest.raises(RecordError):
        Witness([], signers=[], store=store, clock=Clock())
    entry = WitnessedLog(ORIGIN, (parse_vkey(log.signer.vkey),))
    with pytest.raises(RecordError):
        Witness([entry, entry], signers=[cosigner("w")], store=store, clock=Clock())
    store.close()


# --- the state ---------------------------------------------------------------------------------


def test_state_survives_reopening(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    store.close()
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).body == b"20\n"
    store.close()


def test_a_commit_is_on_the_disk_with_the_folder_that_names_it(tmp_path: Path) -> None:
    """Only a power cut could show it; SQLite keeps these promises, if it is asked for them."""
    _, store = witness_for(tmp_path, TestableLog())
    asked = [
        store._db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("synchronous", "journal_mode")
    ]
    assert asked == [3, "delete"]
    store.close()


def test_lost_state_is_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no witness state"):
        WitnessStore(tmp_path / "gone.db")
    WitnessStore.create(tmp_path / "w.db").close()
    with pytest.raises(ConflictError):
        WitnessStore.create(tmp_path / "w.db")
    with pytest.raises(StorageError):
        WitnessStore.create(tmp_path / "no" / "such" / "w.db")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_another_file_is_not_taken_for_a_state(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.db").write_bytes(content)
    with pytest.raises(StorageError):
        WitnessStore(tmp_path / "w.db")


def test_the_file_itself_refuses_to_go_back(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    other_root = Cosigned(20, bytes(32), log.note(20), NOW)
    for back in (Cosigned(19, log.checkpoint(19).root, log.note(19), NOW), other_root):
        with pytest.raises(StorageError, match="never goes back"), store.turn() as turn:
            turn.record(ORIGIN, back)
    with sqlite3.connect(tmp_path / "w1.db") as direct:
        with pytest.raises(sqlite3.IntegrityError, match="never forgets"):
            direct.execute("DELETE FROM cosigned")
        with pytest.raises(sqlite3.IntegrityError, match="never goes back"):
            direct.execute("UPDATE cosigned SET size = 3")
    direct.close()
    assert cosigned_size(witness) == 20
    store.close()


def test_a_damaged_row_is_noticed_and_nothing_signed(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    direct = sqlite3.connect(tmp_path / "w1.db")
    direct.execute("UPDATE cosigned SET size = 30")  # forward, which the triggers let pass
    direct.commit()
    direct.close()
    with pytest.raises(StorageError, match="differ"):
        witness.add_checkpoint(log.request(30, 40))
    with pytest.raises(StorageError, match="differ"):
        witness.checkpoint(origin_hash(ORIGIN))
    store.close()


def test_bit_flips_in_the_file_never_lead_to_a_false_cosignature(
    tmp_path: Path, log: TestableLog
) -> None:
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    store.close()
    path = tmp_path / "w1.db"
    good = path.read_bytes()
    fork = TestableLog([b"f%d" % i for i in range(40)])
    for at in range(0, len(good), 97):
        damaged = bytearray(good)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        try:
            witness, store = witness_for(tmp_path, log)
        except StorageError:
            continue
        try:
            for body in (fork.request(20, 40), fork.request(20, 20), fork.request(0, 40)):
                assert witness.add_checkpoint(body).status != 200
        except StorageError:
            pass
        finally:
            store.close()


def test_a_full_disk_answers_nothing_and_keeps_the_state(tmp_path: Path, log: TestableLog) -> None:
    witness, store = witness_for(tmp_path, log)
    assert witness.add_checkpoint(log.request(0, 20)).status == 200
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    huge = b"".join(Signature(ORIGIN, b"\0\0\0\1", bytes(2400)).line for _ in range(30))
    large = Cosigned(25, log.checkpoint(25).root, log.note(25) + huge, NOW)
    with pytest.raises(StorageError, match="full"), store.turn() as turn:
        turn.record(ORIGIN, large)
    assert cosigned_size(witness) == 20
    store.close()


def test_threads_racing_leave_one_history(tmp_path: Path) -> None:
    """The race of the specification: checks and the write behind them are one transaction."""
    base = [b"entry %d" % i for i in range(20)]
    left = TestableLog([*base, *(b"left %d" % i for i in range(20))])
    right = TestableLog([*base, *(b"right %d" % i for i in range(20))])
    first, first_store = witness_for(tmp_path, left)
    second, second_store = witness_for(tmp_path, left)  # a second process would open it so
    assert first.add_checkpoint(left.request(0, 20)).status == 200
    cosigned: list[tuple[int, bytes]] = []

    def push(witness: Witness, log: TestableLog) -> None:
        old = 20
        for size in range(21, 41):
            answer = witness.add_checkpoint(log.request(old, size))
            if answer.status == 200:
                cosigned.append((size, log.checkpoint(size).root))
                old = size
            elif answer.status == 409 and 20 < int(answer.body) <= size:
                old = int(answer.body)

    threads = [
        threading.Thread(target=push, args=args)
        for args in ((first, left), (second, right), (second, left), (first, right))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    histories = [
        all(root == log.checkpoint(size).root for size, root in cosigned) for log in (left, right)
    ]
    assert cosigned
    assert histories.count(True) == 1
    first_store.close()
    second_store.close()


KILLED = """
import sys
sys.path[:0] = {path!r}
from witnessing import TestableLog, witness_for
from pathlib import Path
log = TestableLog(b"entry %d" % i for i in range(4000))
witness, store = witness_for(Path({folder!r}), log)
last = store.last(log.origin)
old = 0 if last is None else last.size
for size in range(old + 1, 4000):
    answer = witness.add_checkpoint(log.request(old, size))
    assert answer.status == 200, answer
    print(size, flush=True)
    old = size
"""


def kill_loop(folder: Path, rounds: int) -> None:
    log = TestableLog(b"entry %d" % i for i in range(4000))
    script = KILLED.format(path=sys.path, folder=str(folder))
    acknowledged = 0
    for round_ in range(rounds):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(3 + round_ * 7 % 11):
                line = child.stdout.readline()
            child.kill()
            lines = [line, *child.stdout.read().splitlines(keepends=True)]
        whole = [int(line) for line in lines if line.endswith(b"\n")]
        acknowledged = max([acknowledged, *whole])
        witness, store = witness_for(folder, log)
        last = store.last(ORIGIN)
        assert last is not None
        assert last.size >= acknowledged
        assert last.root == log.checkpoint(last.size).root
        fork = TestableLog([b"fork"] * 4000)
        assert witness.add_checkpoint(fork.request(last.size, 4000)).status == 422
        store.close()


def test_kill_9_never_loses_what_was_answered(tmp_path: Path) -> None:
    kill_loop(tmp_path, 3)


@pytest.mark.slow
def test_kill_9_never_loses_what_was_answered_long(tmp_path: Path) -> None:
    kill_loop(tmp_path, 200)


def test_input_error_is_not_what_a_stranger_can_cause(witness: Witness, log: TestableLog) -> None:
    """An origin too long for ML-DSA or a strange size is refused, not raised."""
    for size in (1 << 62, (1 << 63) - 1):
        note = sign_note(Checkpoint(ORIGIN, size, bytes(32)).text, log.signer)
        try:
            answer = witness.add_checkpoint(AddCheckpoint(5, (), note).to_bytes())
        except InputError:
            pytest.fail("a request raised InputError")
        assert answer.status == 409
