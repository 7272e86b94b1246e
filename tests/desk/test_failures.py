"""The documented failures F1 to F26: those that no other test of the desk shows, and the table.

docs/failures.md says of each what in the desk answers it and which test shows that. Here it is
checked that the table leaves none out and names tests that there are.
"""

from __future__ import annotations

import ast
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casework import ANNA, BEN, PROVENANCE, FakeEngine, form, house
from casework import case as new_case
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from reviewkit import ANSWERS, World, lawful
from sqlalchemy import delete
from test_whole_way import Way

from countenance.core import InputError
from countenance.desk import reviewing
from countenance.desk.approvals import Declined, decline
from countenance.desk.assembling import RequestForm
from countenance.desk.evidence import EvidenceKind, NewEvidence, Relation
from countenance.desk.facts import APPROVAL, BY_CONSTRUCTION
from countenance.desk.incidents import Cause, open_incident
from countenance.desk.kinds import KINDS
from countenance.desk.leads import add_evidence, answer_checklist, issue, rely
from countenance.desk.leadviews import read_lead
from countenance.desk.probe_steps import upload_probe
from countenance.desk.publicfigures import Month, public_figures
from countenance.desk.quality import read_upload
from countenance.desk.reliance import Stated, Step
from countenance.desk.requests import RequestState, SearchRequest, submit
from countenance.desk.searching import run_search
from countenance.desk.service import Desk
from countenance.law import Outcome, bundled_vocabulary
from countenance.record import (
    Ed25519Cosigner,
    Entry,
    FolderStorage,
    Log,
    Witness,
    WitnessedLog,
    WitnessStore,
    parse_entry,
    parse_vkey,
)
from countenance.record.note import Ed25519Signer
from countenance.record.witness import AddCheckpoint

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "failures.md"


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return World(desk, clock, log)


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


def entries(log: Log) -> list[Entry]:
    return [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]


def test_f15_every_list_in_the_log_has_its_request_and_its_approval_before_it(
    way: Way, log: Log
) -> None:
    ready = way.begun()
    run_search(way.desk, ANNA, ready.id, means=way.means)
    seen: dict[str, list[str]] = {}
    for entry in entries(log):
        request = entry.public.get("request")
        if isinstance(request, str):
            what = entry.public.get("change") or entry.public.get("decision") or ""
            seen.setdefault(request, []).append(f"{entry.kind} {what}".strip())
    assert seen == {
        ready.digest: [
            "search-requested", "request-moved approved", "search-decided permitted",
            "request-moved taken-up", "search-started " + _started(log), "search-returned",
            "search-opened",
        ]
    }  # fmt: skip


def _started(log: Log) -> str:
    (entry,) = (each for each in entries(log) if each.kind == "search-started")
    return str(entry.public["decision"])


def test_f16_nobody_relies_on_a_candidate_and_leaves_out_that_a_computer_found_it(
    world: World,
) -> None:
    lead = world.lead()
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)
    assert issue(world.desk, world.requester, lead, means=world.lead_means).permitted
    seen = read_lead(world.desk, world.requester, lead, sources=world.sources)
    assert "a computer found two pictures alike" in seen.text
    assert any("disclos" in each.casefold() or "packet" in each for each in seen.duties)
    new = NewEvidence(
        EvidenceKind.FINGERPRINT, Relation.INDEPENDENT, "a print on the till",
        "laboratory report 7", world.clock().date(),
    )  # fmt: skip
    add_evidence(world.desk, world.requester, lead, new, keys=world.keys)

    def said(stated: Stated) -> Outcome:
        return rely(world.desk, world.requester, lead, Step.ARREST_WARRANT, stated=stated,
                    means=world.lead_means).outcome  # fmt: skip

    assert said(Stated(in_affidavit=False, rests_on_result=False)) is Outcome.DENY
    assert said(Stated(rests_on_result=False)) is Outcome.NEEDS  # not said is not told
    assert said(Stated(in_affidavit=True, rests_on_result=False)) is Outcome.PERMIT


@pytest.mark.parametrize(
    ("fact", "value"),
    [("use.watch-list", True), ("use.persistent-tracking", True)]
    + [("use.mode", word) for word in bundled_vocabulary()["use.mode"].words if word != "still"],
)
def test_f19_there_is_no_live_mode_to_be_asked_for(fact: str, value: object) -> None:
    assert BY_CONSTRUCTION[fact] != value
    with pytest.raises(InputError):
        RequestForm("c", stated={fact: value})
    with pytest.raises(InputError):
        house(facts={fact: value})


@pytest.mark.parametrize(
    ("fact", "value"),
    [("use.watch-list", True), ("use.persistent-tracking", True), ("use.mode", "live"),
     ("use.mode", "drone-in-flight")],
)  # fmt: skip
def test_f19_and_the_law_would_refuse_it(fact: str, value: object) -> None:
    still = lawful(**{APPROVAL: True})
    assert house().decide(still).outcome is Outcome.PERMIT
    assert house().decide(still.knowing({fact: value})).outcome is Outcome.DENY


def test_f19_a_moving_picture_is_no_probe(desk: Desk) -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), (n, n, n)) for n in (60, 120, 180)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=40)
    for film in (out.getvalue(), b"\0\0\0\x18ftypmp42" + bytes(400), b"GIF89a" + bytes(400)):
        with pytest.raises(InputError):
            read_upload(film)
        with pytest.raises(InputError):
            upload_probe(desk, ANNA, new_case(desk, number=f"24-{len(film)}-{film[:1].hex()}"),
                         house=house(), engine=FakeEngine(), data=film, sort="cctv-frame",
                         provenance=PROVENANCE)  # fmt: skip


def counted(log: Log) -> Counter[str]:
    """What an outsider counts who has nothing but the log."""
    found: Counter[str] = Counter()
    for entry in entries(log):
        match entry.kind, entry.public:
            case "search-requested", _:
                found["requests"] += 1
            case "search-decided", {"decision": "refused"}:
                found["refused"] += 1
            case "request-moved", {"change": "declined"}:
                found["declined"] += 1
            case "search-returned", _:
                found["searched"] += 1
            case "gallery-purged", {"reason": str(reason), "removed": int(removed)}:
                found[f"purged {reason}"] += removed
    return +found


def published(month: Month) -> Counter[str]:
    """The same of the public page."""
    out = month.outcomes
    searched = ("sealed", "open-empty", "open-unreviewed", "agreed-candidate", "agreed-none",
                "disagreed")  # fmt: skip
    found = Counter(
        {"requests": month.requests, "refused": out["refused"], "declined": out["declined"],
         "searched": sum(out[name] for name in searched)}
    )  # fmt: skip
    found.update({f"purged {reason}": count for reason, count in month.purged.items()})
    return +found


def test_f21_the_public_counts_are_those_that_anybody_counts_in_the_log(
    way: Way, log: Log
) -> None:
    desk = way.desk
    ready = way.begun()
    run_search(desk, ANNA, ready.id, means=way.means)
    probe_id = _probe(desk, ready.case)
    submit(desk, ANNA, house=way.house, form=form(ready.case, probe_id, documents=()))
    waits = submit(desk, ANNA, house=way.house, form=form(ready.case, probe_id, elsewhere=("x",)))
    decline(desk, BEN, waits.id, reason=Declined.OTHER, grounds="there are other means first")
    found = public_figures(desk, way.house, log)
    assert counted(log) == published(found.months[0])
    assert counted(log)["requests"] == 3
    assert found.log_size == log.size
    gone = delete(SearchRequest).where(SearchRequest.state == RequestState.DECLINED)
    desk.store.write(lambda db: db.execute(gone))  # as somebody would who keeps the database
    later = public_figures(desk, way.house, log)
    assert counted(log) != published(later.months[0])


def test_f26_what_witnesses_signed_cannot_be_written_anew(
    world: World, log: Log, tmp_path: Path
) -> None:
    signer = Ed25519Signer.from_private_key(
        "desk.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32))
    )
    own = Ed25519Cosigner.from_private_key(
        "w.example",
        Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32),
        clock=lambda: 1_800_000_000,
    )
    witness = Witness(
        [WitnessedLog("desk.example/log", (parse_vkey(signer.vkey),))], signers=[own],
        store=WitnessStore.create(tmp_path / "witness.db"), clock=lambda: 1_800_000_000,
    )  # fmt: skip

    def signed(of: Log, old: int) -> bool:
        of.publish()
        proof = of.prove_consistency(old, of.size) if old else []
        asked = AddCheckpoint(old, tuple(proof), of.latest_checkpoint() or b"")
        return witness.add_checkpoint(asked.to_bytes()).status == 200

    world.search()
    size = log.size
    assert signed(log, 0)
    honest = [log.entry(n) for n in range(size)]
    returned = next(n for n, raw in enumerate(honest) if b"search-returned" in raw)
    told = honest[returned].replace(b'"candidates":4', b'"candidates":0')
    assert told != honest[returned]
    for name, forged in (
        ("changed", [*honest[:returned], told, *honest[returned + 1 :]]),
        ("left out", [*honest[:returned], *honest[returned + 1 :]]),
    ):
        with Log.open(FolderStorage(tmp_path / name), signer) as other:
            other.append([*forged, honest[0], honest[0]])
            assert not signed(other, size)
    give_something_to_log(world)
    assert log.size > size
    assert signed(log, size)


def give_something_to_log(world: World) -> None:
    open_incident(world.desk, world.requester, keys=world.keys, cause=Cause.COMPLAINT,
                  grounds="somebody complained")  # fmt: skip


def _probe(desk: Desk, case_id: str) -> str:
    from sqlalchemy import select

    from countenance.desk.probes import Probe

    with desk.store.reading() as db:
        return db.scalars(select(Probe.id).where(Probe.case_id == case_id)).one()


# the table


def rows() -> dict[int, tuple[str, str, list[tuple[str, str]]]]:
    """Of each failure: what it is, what answers it, and its tests as (module, name)."""
    found = {}
    for line in TABLE.read_text().splitlines():
        cells = [each.strip() for each in line.strip().strip("|").split(" | ")]
        if re.fullmatch(r"F\d+", cells[0]):
            tests = re.findall(r"`(test_\w+)::(test_\w+)`", cells[-1])
            found[int(cells[0][1:])] = (cells[1], cells[2], tests)
    return found


def defined(folder: Path) -> set[tuple[str, str]]:
    return {
        (path.stem, node.name)
        for path in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_the_table_has_every_failure_and_names_tests_that_there_are() -> None:
    table, tests = rows(), defined(HERE)
    assert sorted(table) == list(range(1, 27))
    for number, (what, feature, named) in table.items():
        assert what
        assert feature
        assert named, f"F{number} has no test"
        assert set(named) <= tests, f"F{number}: {set(named) - tests}"
        for _, name in named:
            assert f"f{number}" in name.split("_"), f"{name} is not named after F{number}"
