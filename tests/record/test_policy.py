"""Policies: what the format allows, and checkpoints that must not count."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError
from countenance.record.checkpoint import Checkpoint
from countenance.record.cosignature import Ed25519Cosigner, cosign
from countenance.record.errors import VerificationError
from countenance.record.note import (
    Ed25519Signer,
    Signature,
    add_signatures,
    sign_note,
)
from countenance.record.policy import Policy, make_policy
from countenance.record.vkey import (
    format_vkey,
)

NOW = 1_800_000_000
ORIGIN = "example.com/log"
CHECKPOINT = Checkpoint(ORIGIN, 7, b"r" * 32)


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))


def log(name: str = ORIGIN, seed: int = 1) -> Ed25519Signer:
    return Ed25519Signer.from_private_key(name, key(seed))


def witness(number: int) -> Ed25519Cosigner:
    return Ed25519Cosigner.from_private_key(
        f"w{number}.example", key(100 + number), clock=lambda: NOW
    )


def cosigned(*numbers: int, checkpoint: Checkpoint = CHECKPOINT) -> bytes:
    note = sign_note(checkpoint.text, log())
    return add_signatures(note, [cosign(note, witness(n), time=NOW + n) for n in numbers])


def quorum(k: int, n: int = 3) -> Policy:
    return make_policy(
        logs=[log().vkey], witnesses=[(f"W{i}", witness(i).vkey, "") for i in range(n)], k=k
    )


def parse(*lines: str) -> Policy:
    return Policy.parse("".join(f"{line}\n" for line in lines).encode())


def test_k_of_n() -> None:
    for k in range(4):
        for numbers in ((), (0,), (2,), (0, 1), (1, 2), (0, 1, 2)):
            if len(numbers) >= k:
                assert quorum(k).check(cosigned(*numbers)) == CHECKPOINT
            else:
                with pytest.raises(VerificationError, match="no quorum"):
                    quorum(k).check(cosigned(*numbers))


def test_the_verdict_says_on_whose_word() -> None:
    verdict = quorum(1).examine(cosigned(2, 0))
    assert verdict.checkpoint == CHECKPOINT
    assert verdict.log.origin == ORIGIN
    assert [(c.witness, c.time) for c in verdict.cosigned] == [("W0", NOW), ("W2", NOW + 2)]


def test_one_witness_that_signs_thrice_is_one_witness() -> None:
    note = sign_note(CHECKPOINT.text, log())
    thrice = add_signatures(note, [cosign(note, witness(0), time=NOW + t) for t in range(3)])
    with pytest.raises(VerificationError, match="1 of 3"):
        quorum(2).check(thrice)
    assert quorum(1).examine(thrice).cosigned[0].time == NOW + 2


def test_an_unknown_witness_counts_for_nothing() -> None:
    with pytest.raises(VerificationError, match="no quorum"):
        quorum(1).check(cosigned(7, 8, 9))


def test_a_stolen_log_key_without_the_witnesses_is_not_enough() -> None:
    forged = Checkpoint(ORIGIN, 7, b"x" * 32)
    with pytest.raises(VerificationError, match="no quorum"):
        quorum(2).check(cosigned(checkpoint=forged))
    # Cosignatures of the true checkpoint do not lend themselves to the forged one.
    note = sign_note(forged.text, log())
    true = sign_note(CHECKPOINT.text, log())
    stolen = add_signatures(note, [cosign(true, witness(n), time=NOW) for n in (0, 1)])
    with pytest.raises(VerificationError, match="does not verify"):
        quorum(2).check(stolen)


def test_witnesses_without_the_log_are_not_enough() -> None:
    note = sign_note(CHECKPOINT.text, witness(0), witness(1), witness(2))
    with pytest.raises(VerificationError, match="no key trusted for this log"):
        quorum(2).check(note)


def test_a_log_may_speak_only_for_its_own_origin() -> None:
    other = log("example.com/other", 2)
    policy = make_policy(logs=[log().vkey, other.vkey])
    policy.check(sign_note(CHECKPOINT.text, log()))
    with pytest.raises(VerificationError, match="no key trusted for this log"):
        policy.check(sign_note(CHECKPOINT.text, other))


def test_one_bad_cosignature_by_a_listed_witness_rejects() -> None:
    bad = Signature(witness(2).name, witness(2).key_id, bytes(72))
    with pytest.raises(VerificationError, match="does not verify"):
        quorum(1).check(add_signatures(cosigned(0, 1), [bad]))
    quorum(1, n=2).check(add_signatures(cosigned(0, 1), [bad]))


def test_groups_as_in_the_specification_s_example() -> None:
    lines = [f"log {log().vkey}"]
    lines += [f"witness X{i} {witness(i).vkey}" for i in (1, 2, 3)]
    lines += ["group X-witnesses 2 X1 X2 X3"]
    lines += [f"witness Y{i} {witness(i + 3).vkey}" for i in (1, 2, 3)]
    lines += ["group Y-witnesses any Y1 Y2 Y3"]
    lines += ["group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y"]
    policy = parse(*lines)
    for good in ((1, 2, 4), (2, 3, 6), (1, 2, 3, 4, 5, 6)):
        assert policy.check(cosigned(*good)) == CHECKPOINT
    for bad in ((), (1, 2, 3), (4, 5, 6), (1, 4), (1, 4, 5, 6)):
        with pytest.raises(VerificationError, match="no quorum"):
            policy.check(cosigned(*bad))
    assert policy.satisfied({"X1", "X3", "Y2"})
    assert not policy.satisfied({"X-and-Y", "X-witnesses", "Y-witnesses"}), "a group's own name"
    assert Policy.parse(policy.text.encode()).text == policy.text


def test_a_single_witness_and_none_as_quorum() -> None:
    one = parse(f"log {log().vkey}", f"witness w {witness(0).vkey}", "quorum w")
    one.check(cosigned(0))
    with pytest.raises(VerificationError):
        one.check(cosigned())
    parse(f"log {log().vkey}", "quorum none").check(cosigned())


def test_a_policy_without_logs_trusts_no_checkpoint() -> None:
    with pytest.raises(VerificationError):
        parse("quorum none").check(cosigned())


def test_blanks_comments_urls_and_names_of_any_bytes() -> None:
    data = (
        b"# comment\n\n \t \n  # another\n"
        + f"\tlog  {log().vkey}\thttps://log.example/ \n".encode()
        + b"witness \xff\xfe " + witness(0).vkey.encode() + b" https://w.example/\n"
        + b"quorum \xff\xfe\n"
    )  # fmt: skip
    policy = Policy.parse(data)
    assert policy.logs[0].url == "https://log.example/"
    assert policy.witnesses[0].url == "https://w.example/"
    policy.check(cosigned(0))


LOG, W0, W1 = f"log {log().vkey}", f"witness w {witness(0).vkey}", f"witness v {witness(1).vkey}"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([LOG], "no quorum line"),
        ([LOG, "quorum none", "quorum none"], "second quorum"),
        ([LOG, "quorum w"], "not defined above"),
        ([LOG, "quorum w", W0], "not defined above"),
        ([LOG, W0, W0, "quorum none"], "defined already"),
        ([LOG, LOG, "quorum none"], "the same key"),
        ([LOG, W0, W0.replace(" w ", " u "), "quorum none"], "the same key"),
        ([LOG, W0, "group w any w", "quorum w"], "defined already"),
        ([LOG, W0, "group g any g", "quorum g"], "not defined above"),
        ([LOG, W0, "group g any none", "quorum g"], "not defined above"),
        ([LOG, W0, "group none any w", "quorum none"], "defined already"),
        ([LOG, W0.replace(" w ", " none "), "quorum none"], "defined already"),
        ([LOG, W0, "group g any w w", "quorum g"], "already one of a group"),
        ([LOG, W0, "group g any w", "group h any w", "quorum h"], "already one of a group"),
        ([LOG, W0, "group g 2 w", "quorum g"], "not a threshold"),
        ([LOG, W0, "group g 0 w", "quorum g"], "not a threshold"),
        ([LOG, W0, "group g 01 w", "quorum g"], "not a threshold"),
        ([LOG, W0, "group g -1 w", "quorum g"], "not a threshold"),
        ([LOG, W0, "group g some w", "quorum g"], "not a threshold"),
        ([LOG, W0, "group g all", "quorum g"], "not a line"),
        (["log", "quorum none"], "not a line"),
        ([LOG + " https://x y", "quorum none"], "not a line"),
        (["witness w", "quorum none"], "not a line"),
        (["Log x", "quorum none"], "not a line"),
        (["quorum"], "not a line"),
        (["quorum none none"], "not a line"),
        (["log x+y+z", "quorum none"], "not a verifier key"),
        ([f"log {witness(0).vkey[:-1]}", "quorum none"], "line 1"),
        ([f"witness w {log().vkey}", "quorum w"], "cannot do that"),
        ([LOG, "quorum none\r"], "control character"),
        ([LOG, "quorum\u00a0none"], "not a line"),
    ],
)  # fmt: skip
def test_what_is_no_policy(lines: list[str], what: str) -> None:
    with pytest.raises(VerificationError, match=what):
        parse(*lines)


def test_a_file_cut_off_is_no_policy() -> None:
    whole = "".join(f"{x}\n" for x in (LOG, W0, W1, "group wv all w v", "quorum wv")).encode()
    Policy.parse(whole)
    for at in range(len(whole)):
        with pytest.raises(VerificationError):
            Policy.parse(whole[:at])
    with pytest.raises(VerificationError, match="does not end"):
        Policy.parse(f"quorum none\n{LOG}".encode())


def test_a_log_that_is_its_own_witness_is_refused() -> None:
    vkey = format_vkey("w.example", 4, key(1).public_key().public_bytes_raw())
    with pytest.raises(VerificationError, match="the same key"):
        parse(LOG, f"witness w {vkey}", "quorum w")


def test_bounds() -> None:
    with pytest.raises(VerificationError, match="too large"):
        Policy.parse(b"#" * 4_000_000 + b"\n")
    many = [f"witness w{i} {witness(i).vkey}" for i in range(1025)]
    with pytest.raises(VerificationError, match="too many"):
        parse(*many, "quorum none")


def test_make_policy_takes_no_lines_by_way_of_names() -> None:
    for name in ("w\nquorum none", "w x", "w\tx"):
        with pytest.raises(VerificationError):
            make_policy(logs=[log().vkey], witnesses=[(name, witness(0).vkey, "")], k=1)
    for url in (f"u\nwitness v {witness(1).vkey}", "two words"):
        with pytest.raises(VerificationError, match="space or newline"):
            make_policy(logs=[log().vkey], witnesses=[("w", witness(0).vkey, url)], k=1)
    with pytest.raises(VerificationError):
        make_policy(logs=[log().vkey], witnesses=[("w", witness(0).vkey, "")], k=2)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    with pytest.raises(InputError):
        Policy.load(path)
    path.write_text(quorum(2).text)
    assert Policy.load(path).check(cosigned(0, 2)) == CHECKPOINT
    path.write_text("nonsense\n")
    with pytest.raises(VerificationError, match=r"policy\.txt, line 1"):
        Policy.load(path)


def test_a_replaced_key_is_no_longer_trusted() -> None:
    new = log(seed=2)
    policy = quorum(1).replace_log_key(log().vkey, new.vkey)
    with pytest.raises(VerificationError):
        policy.check(cosigned(0))
    note = sign_note(CHECKPOINT.text, new)
    policy.check(add_signatures(note, [cosign(note, witness(0), time=NOW)]))
    with pytest.raises(VerificationError, match="does not list"):
        policy.replace_log_key(log().vkey, new.vkey)


@given(st.integers(1, 5), st.sets(st.integers(0, 4)))
def test_satisfied_is_counting(k: int, present: set[int]) -> None:
    assert quorum(k, n=5).satisfied({f"W{i}" for i in present}) == (len(present) >= k)
