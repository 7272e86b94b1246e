"""A decision is made again from what was kept, whatever became of the packs since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lawkit import ALONE, asking, library_of, pack_bytes, pack_of

from countenance.core import IntegrityError, canonical_json, sha256_bytes
from countenance.law.errors import PackError, RequestError
from countenance.law.judging import decide
from countenance.law.library import Library, bundled
from countenance.law.records import (
    PackStore,
    keep_record,
    make_record,
    read_record,
    recheck,
    recheck_record,
)
from countenance.law.scenarios import bundled_scenarios, law_alone, without
from countenance.law.schema import schemas
from countenance.law.vocabulary import read_vocabulary, vocabulary

RULES = (
    {"id": "no-theft", "when": {"offence.kinds": ["theft"]}},
    {"id": "two", "kind": "require", "of": "review", "must": {"review.examiners": {"at-least": 2}},
     "duty": {"what": "notice", "within-days": 30}},
)  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    library = library_of(pack_of(None, *RULES))
    request = asking({"offence.kinds": ["theft"], "review.examiners": 1})
    decision = decide(request, library=library, policy=ALONE)
    assert not decision.permitted
    keep_record(tmp_path / "kept", request, decision, library)
    return tmp_path / "kept"


def test_the_same_comes_out_byte_for_byte(kept: Path) -> None:
    assert recheck_record(kept) == ()


def test_packs_that_changed_afterwards_do_not_matter(kept: Path) -> None:
    changed = pack_of(None, {"id": "other", "kind": "permit-if"})
    library = library_of(changed)
    request = asking({"offence.kinds": ["theft"]})
    keep_record(kept.parent / "new", request, decide(request, library=library), library)
    assert recheck_record(kept) == ()
    # Two records may share a store.
    store = PackStore(kept / "packs")
    store.keep(library)
    record = read_record((kept / "record.json").read_bytes())
    assert recheck(record, store) == ()


def test_a_later_vocabulary_does_not_matter(tmp_path: Path) -> None:
    """The words of the day are kept: a fact that was dropped or renamed since still reads."""
    text = vocabulary().text + b'\n["old.fact"]\nask = "Was it so?"\ntype = "yes-no"\n'
    words = read_vocabulary(text)
    from countenance.law.packs import read_pack
    from countenance.law.request import request_of

    pack = read_pack(pack_bytes(None, {"when": {"old.fact": True}}), words=words)
    alone = read_pack(law_alone().text, words=words)
    library = Library([pack, alone], words=words)
    request = request_of({**asking().to_json(), "facts": {**asking().facts, "old.fact": False}},
                         words=words)  # fmt: skip
    decision = decide(request, library=library, policy=ALONE)
    assert decision.permitted
    keep_record(tmp_path, request, decision, library)
    assert "old.fact" not in vocabulary()
    assert recheck_record(tmp_path) == ()
    with pytest.raises(RequestError, match=r"old\.fact"):
        request_of(request.to_json())
    with pytest.raises(RequestError, match=r"old\.fact"):
        decide(request, library=bundled())
    with pytest.raises(PackError, match="other words"):
        Library([pack, law_alone()])


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_byte_of_any_stored_file_is_noticed(kept: Path, position: int) -> None:
    for path in sorted((kept / "packs").iterdir()):
        whole = path.read_bytes()
        harmed = bytearray(whole)
        harmed[position] ^= 1
        path.write_bytes(harmed)
        with pytest.raises(IntegrityError, match="other bytes"):
            recheck_record(kept)
        path.unlink()
        with pytest.raises(IntegrityError, match="cannot be read"):
            recheck_record(kept)
        path.write_bytes(whole)
    assert recheck_record(kept) == ()


def rewritten(kept: Path, change: Any) -> Path:
    path = kept / "record.json"
    record = json.loads(path.read_bytes())
    change(record)
    path.write_bytes(canonical_json(record))
    return kept


def test_a_decision_edited_afterwards_is_told_field_by_field(kept: Path) -> None:
    def permit(record: dict[str, Any]) -> None:
        record["decision"]["outcome"] = "permit"
        record["decision"]["reasons"][0]["says"] = "It is allowed."

    found = recheck_record(rewritten(kept, permit))
    assert [(d.field, d.recorded) for d in found] == [
        ("decision.outcome", '"permit"'),
        ("decision.reasons[0].says", '"It is allowed."'),
    ]
    assert "now" in str(found[0])


def test_a_request_edited_afterwards_is_told(kept: Path) -> None:
    def other(record: dict[str, Any]) -> None:
        record["request"]["facts"]["review.examiners"] = 2

    fields = {d.field for d in recheck_record(rewritten(kept, other))}
    assert "decision.request-digest" in fields
    assert "decision.reasons" in fields


def test_a_record_that_is_none_is_refused(kept: Path) -> None:
    whole = (kept / "record.json").read_bytes()
    spaced = json.dumps(json.loads(whole)).encode()
    for data in (b"", b"[]", b"{}", whole[:-1], spaced, b"[" * 100_000, b"\xff", b'{"a":NaN}',
                 whole.replace(b"record-1", b"record-9"), b" " * (1 << 23)):  # fmt: skip
        with pytest.raises(IntegrityError):
            read_record(data)
    for name in ("request", "decision", "library", "code"):
        record = json.loads(whole)
        record[name] = 5
        with pytest.raises(IntegrityError):
            read_record(canonical_json(record))


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_a_digest_cannot_name_another_file(kept: Path, digest: str) -> None:
    with pytest.raises(IntegrityError, match="no SHA-256"):
        PackStore(kept / "packs").get(digest)


def test_policy_of_a_record_is_one_at_hand(kept: Path) -> None:
    rewritten(kept, lambda record: record["decision"].update(policy=["no/such-pack"]))
    with pytest.raises(RequestError, match="no pack"):
        recheck_record(kept)
    rewritten(kept, lambda record: record["decision"].update(policy="model"))
    with pytest.raises(IntegrityError, match="policy"):
        recheck_record(kept)


def test_a_record_is_of_its_own_request_and_of_packs_as_they_were_read(tmp_path: Path) -> None:
    pack = pack_of(None, *RULES)
    library = library_of(pack)
    decision = decide(asking(), library=library, policy=ALONE)
    with pytest.raises(RequestError, match="another request"):
        make_record(asking({"case.number": True}), decision, library)
    changed = library.adding(without(pack, pack.rules[0]))
    with pytest.raises(IntegrityError, match="not as its file"):
        PackStore(tmp_path).keep(changed)


def test_records_of_real_decisions_come_out_the_same_and_fit_their_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    valid = jsonschema.Draft202012Validator(schemas()["record"])
    library = bundled().adding(law_alone())
    store = PackStore(tmp_path)
    assert store.keep(library) == store.keep(library)
    for scenario in bundled_scenarios()[::60]:
        decision = decide(scenario.request, library=library, policy=ALONE)
        record = make_record(scenario.request, decision, library)
        assert list(valid.iter_errors(record.to_json())) == []
        again = read_record(record.data)
        assert again == record
        assert recheck(again, store) == ()
        assert record.library == sha256_bytes(store.get(record.library))
