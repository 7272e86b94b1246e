"""Erasing a case: afterwards nothing of it is anywhere, and the log is what it was."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casework import (
    ANNA,
    BEN,
    DETAILS,
    EMMA,
    KEYS,
    MIA,
    NARRATIVE,
    PROVENANCE,
    ULF,
    approved,
    audited,
    case,
    form,
    judge,
    person,
    picture,
    set_up,
)
from databases import new_database, server
from people import entries
from reviewkit import ANSWERS, comparison, notes
from sqlalchemy import select, text
from wholeway import Engine, Way

from countenance.core import InputError
from countenance.desk import erasing, reviewing
from countenance.desk.approvals import Declined, decline
from countenance.desk.assembling import Document
from countenance.desk.casefile import read_case_file
from countenance.desk.cases import (
    CaseDetails,
    CaseState,
    list_cases,
    move_case,
    open_case,
    read_timeline,
)
from countenance.desk.checklist import Answer, Checked, Question
from countenance.desk.dashboards import ToDo, my_work
from countenance.desk.decisions import begin
from countenance.desk.edits import Operation
from countenance.desk.erasing import (
    ask_erasure,
    closed_case,
    closed_cases,
    confirm_erasure,
    finish,
    open_erasures,
    refuse_erasure,
)
from countenance.desk.erasure_tables import (
    Basis,
    Erasure,
    ErasureState,
)
from countenance.desk.errors import DeskError, NotAllowedError, StateError
from countenance.desk.events import Recorder
from countenance.desk.evidence import EvidenceKind, NewEvidence, Relation
from countenance.desk.features import Conclusion
from countenance.desk.incidents import Finding, close_incident
from countenance.desk.keeper import Keeper
from countenance.desk.kinds import KINDS
from countenance.desk.leads import (
    LeadMeans,
    Outcome,
    add_evidence,
    answer_checklist,
    give_outcome,
)
from countenance.desk.leadviews import list_leads, read_settled
from countenance.desk.outside import Incoming, OutsideMeans, Source, ask, receive, withdraw
from countenance.desk.probe_steps import make_edit, upload_probe
from countenance.desk.publicfigures import public_figures
from countenance.desk.requests import submit
from countenance.desk.roles import Role
from countenance.desk.searching import run_search
from countenance.desk.secrets_at_rest import DataKey, ErasedError
from countenance.desk.service import Desk, Standing
from countenance.desk.store import Store
from countenance.desk.wiring import RequestFacts, case_of
from countenance.record import Log, SQLiteVault, parse_entry
from countenance.record.vault import Erased

__all__ = ["server"]

GROUNDS = "the time set by the retention order is over"


@pytest.fixture
def way(desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    made = Way(desk, log, tmp_path, monkeypatch)
    yield made
    made.searcher.close()


class Words:
    """Words that are in no other text, and where each was written."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self, text: str = "") -> str:
        word = "q" + "".join(chr(97 + b % 26) for b in secrets.token_bytes(14))
        self.all.append(word)
        return f"{text} {word}".strip()


def full_case(way: Way, word: Words) -> str:
    """A case with everything that a case can have, each with a word of its own; closed."""
    desk, of = way.desk, way.house
    audited(desk)
    set_up(desk)
    details = CaseDetails(DETAILS.purpose, DETAILS.offence_kinds, word("MCL"), word(NARRATIVE))
    case_id = open_case(desk, ANNA, keys=KEYS, number=word("24").replace(" ", "-"),
                        details=details)  # fmt: skip
    provenance = dataclasses.replace(PROVENANCE, explanation=word(PROVENANCE.explanation))
    data = (way.folder / "in" / "batch" / "7.png").read_bytes()
    other = upload_probe(desk, ANNA, case_id, house=of, engine=Engine(), data=picture(seed=8),
                         sort="cctv-frame", provenance=provenance)  # fmt: skip
    assert isinstance(other, str)
    from countenance.core import sha256_bytes

    make_edit(desk, ANNA, other, house=of, engine=Engine(), operation=Operation.BRIGHTNESS,
              before=sha256_bytes(picture(seed=8)), parameters={"percent": 120},
              reason=word("dark"))  # fmt: skip
    probe_id = upload_probe(desk, ANNA, case_id, house=of, engine=Engine(), data=data,
                            sort="cctv-frame", provenance=provenance)  # fmt: skip
    assert isinstance(probe_id, str)
    judge(desk, probe_id)
    documents = tuple(
        Document(kind, word("no."), word("Judge"), datetime.date(2026, 11, 20))
        for kind in ("warrant", "court-order", "supervisor")
    )
    refused = submit(desk, ANNA, house=of, form=form(case_id, probe_id, documents=documents,
                                                     elsewhere=(word("by others"),)))  # fmt: skip
    decline(desk, BEN, refused.id, reason=Declined.OTHER, grounds=word("other means come first"))
    made = submit(desk, ANNA, house=of, form=form(case_id, probe_id, documents=documents))
    assert isinstance(approved(desk, of, made), datetime.datetime)
    begin(desk, ANNA, made.id, house=of)
    run_search(desk, ANNA, made.id, means=way.means)
    for name in ("eve", "fay"):
        actor = person(name, Role.EXAMINER)
        task = reviewing.take(desk, actor)
        assert task is not None
        said = dataclasses.replace(notes(), words=word("seen from above"))
        reviewing.note_probe(desk, actor, task, said, keys=KEYS)
        found = {}
        for label in reviewing.see_candidates(desk, actor, task, keys=KEYS):
            seen = reviewing.see_candidate(desk, actor, task, label, keys=KEYS,
                                           pictures=way.pictures)  # fmt: skip
            what = comparison(Conclusion.SAME if seen == data else Conclusion.DIFFERENT)
            found[label] = dataclasses.replace(what, grounds=word("ears, nose and lines agree"))
        reviewing.conclude(desk, actor, task, found, keys=KEYS)
    ((lead, _, _),) = list_leads(desk, ANNA)
    answers = {**ANSWERS, Question.TATTOOS: Checked(Answer.NOT_KNOWN, word("asked"))}
    means = LeadMeans(KEYS, RequestFacts(of), of.decide, way.pictures)
    answer_checklist(desk, ANNA, lead, answers, means=means)
    new = NewEvidence(EvidenceKind.WITNESS, Relation.INDEPENDENT, word("saw"), word("interview"),
                      datetime.date(2026, 11, 22))  # fmt: skip
    add_evidence(desk, ANNA, lead, new, keys=KEYS)
    outside = OutsideMeans(KEYS, case_of(of, desk.now), of.decide)
    asked, _ = ask(desk, ANNA, case_id, whom=word("Police"), runner="state-police",
                   what=word("one search"), means=outside)  # fmt: skip
    withdraw(desk, ANNA, asked)
    receive(desk, ANNA, case_id, means=outside, incoming=Incoming(
        None, "private-network", Source(word("A shop"), "x", "y"), word("it is him").encode()
    ))  # fmt: skip
    incident = give_outcome(desk, ANNA, lead, Outcome.SOMEBODY_ELSE, keys=KEYS,
                            words=word("he was in custody that day"))  # fmt: skip
    assert incident is not None
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds=word("ended"))
    with pytest.raises(StateError, match="incident-open"):
        ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    close_incident(desk, person("sue", Role.APPROVER), incident, keys=KEYS,
                   finding=Finding.CORRECTED, grounds=word("threshold raised"))  # fmt: skip
    return case_id


def files(root: Path) -> dict[Path, bytes]:
    """All that the desk wrote."""
    return {
        path: path.read_bytes() for path in root.rglob("*")
        if path.is_file() and root / "in" not in path.parents
    }  # fmt: skip


def parts(box: bytes | None) -> list[bytes]:
    """Pieces of a box: a whole one lies across pages of the file."""
    assert box
    return [box[start : start + 20] for start in range(0, len(box) - 19, 20)]


@pytest.mark.parametrize("_", range(2))
def test_nothing_of_an_erased_case_is_anywhere(way: Way, log: Log, tmp_path: Path, _: int) -> None:
    word = Words()
    case_id = full_case(way, word)
    desk = way.desk
    with desk.store.reading() as db:
        wrapped = [row.wrapped for row in db.scalars(
            select(DataKey).where(DataKey.about.like("case:%")))]  # fmt: skip
        boxes = [
            bytes(row[0])
            for table, column in (
                ("case_versions", "box"),
                ("requests", "frozen"),
                ("searches", "box"),
                ("examinations", "findings_box"),
                ("leads", "box"),
                ("evidence", "box"),
                ("probe_images", "box"),
                ("probe_edits", "details"),
                ("outside_results", "box"),
            )
            for row in db.execute(text(f"SELECT {column} FROM {table}"))  # noqa: S608
        ]
    before = b"".join(files(tmp_path).values())
    assert all(any(part in before for part in parts(box)) for box in boxes)
    assert sum(each.encode() in before for each in word.all) > 10  # in the vault, in clear
    size, root = log.size, log.root()
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.RETENTION_OVER, grounds=GROUNDS,
                          keys=KEYS)  # fmt: skip
    (view,) = open_erasures(desk, ULF, keys=KEYS)
    assert (view.id, view.grounds, view.case_id) == (erasure, GROUNDS, case_id)
    assert confirm_erasure(desk, ULF, erasure, keys=KEYS)
    for path, data in files(tmp_path).items():
        for each in word.all:
            assert each.encode() not in data, (each, path)
        assert not [part for box in (*boxes, *wrapped) for part in parts(box) if part in data], (
            path
        )
    assert log.root(size) == root
    told = [parse_entry(log.entry(n), kinds=KINDS) for n in range(size, log.size)]
    assert [each.kind for each in told] == [
        "case-erasure", "case-erasure", "erased", "erased"  # the case, and its incident
    ]  # fmt: skip
    assert sum(each.public["fields"] for each in told[2:]) > 50
    assert {each.public["basis"] for each in told[2:]} == {"retention-over"}
    with desk.store.reading() as db:
        assert db.get_one(Erasure, erasure).state == ErasureState.DONE


def test_an_erased_case_reads_as_erased_and_its_counts_stay(way: Way, log: Log) -> None:
    case_id = full_case(way, Words())
    desk = way.desk
    before = public_figures(desk, way.house, log).months[0]
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    confirm_erasure(desk, ULF, erasure, keys=KEYS)
    assert public_figures(desk, way.house, log).months[0] == before
    assert [state for _, _, state in list_cases(desk, ANNA)] == [CaseState.ERASED]
    with pytest.raises(ErasedError):
        read_case_file(desk, ULF, case_id, house=way.house)
    with desk.store.reading() as db:
        search = db.execute(text("SELECT id FROM searches")).scalar_one()
    with pytest.raises(ErasedError):
        read_settled(desk, ULF, search, sources=way.sources)
    assert read_timeline(desk, ULF, case_id)[0].kind == "case-changed"
    for to in (CaseState.OPEN, CaseState.CLOSED):
        with pytest.raises(StateError, match="erased"):
            move_case(desk, ANNA, case_id, keys=KEYS, to=to, grounds="x")
    with pytest.raises(NotAllowedError):
        ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    with pytest.raises(InputError):
        move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.ERASED, grounds="x")
    assert not [each for each in log_kinds(log) if each == "case-changed"][3:]


def log_kinds(log: Log) -> list[str]:
    return [each.kind for each in entries(log)]


def closed(desk: Desk) -> str:
    case_id = case(desk)
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="ended")
    return case_id


def test_only_a_closed_case_is_erased_and_by_two(desk: Desk, clock: Any) -> None:
    case_id = case(desk)
    for wanted in (case_id, "0" * 32):
        with pytest.raises(NotAllowedError):
            ask_erasure(desk, MIA, wanted, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    assert closed_cases(desk, MIA) == []
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="ended")
    (line,) = closed_cases(desk, ULF)
    assert (line.id, line.hindered, line.closed_at) == (case_id, None, clock())
    assert closed_case(desk, MIA, case_id) == line
    with pytest.raises(NotAllowedError):
        closed_case(desk, MIA, "0" * 32)
    for other in (ANNA, BEN, EMMA, ULF):
        with pytest.raises(NotAllowedError):
            ask_erasure(desk, other, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    with pytest.raises(InputError):
        ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds="no", keys=KEYS)
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    assert [(each.what, each.of) for each in my_work(desk, ULF)] == [
        (ToDo.DECIDE_ERASURE, erasure)
    ]  # fmt: skip
    with pytest.raises(StateError):
        ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    for other in (ANNA, BEN, EMMA, MIA, person("max", Role.ADMINISTRATOR)):
        with pytest.raises(NotAllowedError):
            confirm_erasure(desk, other, erasure, keys=KEYS)
    both = dataclasses.replace(MIA, roles=frozenset({Role.ADMINISTRATOR, Role.AUDITOR}))
    with pytest.raises(NotAllowedError):  # were there such an account
        confirm_erasure(desk, both, erasure, keys=KEYS)
    with pytest.raises(NotAllowedError):
        confirm_erasure(desk, ULF, "0" * 32, keys=KEYS)
    refuse_erasure(desk, ULF, erasure, grounds="the appeal is not over")
    with pytest.raises(StateError):
        confirm_erasure(desk, ULF, erasure, keys=KEYS)


def test_what_nobody_confirmed_in_time_is_asked_for_again(desk: Desk, clock: Any) -> None:
    case_id = closed(desk)
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    clock.move(days=14)
    ulf, mia = (dataclasses.replace(each, stepped_up_at=clock()) for each in (ULF, MIA))
    assert open_erasures(desk, ulf, keys=KEYS) == []
    with pytest.raises(StateError):
        confirm_erasure(desk, ulf, erasure, keys=KEYS)
    again = ask_erasure(desk, mia, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    assert confirm_erasure(desk, ulf, again, keys=KEYS)


@pytest.mark.parametrize("step", ["pending", "approved", "sealed", "review", "lead"])
def test_nothing_is_erased_while_something_is_under_way(way: Way, step: str) -> None:
    desk, of = way.desk, way.house
    if step in ("pending", "approved"):
        audited(desk)
        set_up(desk)
        from casework import probe

        case_id = case(desk)
        data = (way.folder / "in" / "batch" / "7.png").read_bytes()
        made = submit(desk, ANNA, house=of, form=form(case_id, probe(desk, of, case_id, data)))
        if step == "approved":
            approved(desk, of, made)
    else:
        ready = way.begun()
        case_id = ready.case
        if step == "sealed":
            way.means.publisher.error = DeskError("no witness")  # type: ignore[attr-defined]
            with pytest.raises(DeskError):
                run_search(desk, ANNA, ready.id, means=way.means)
        else:
            run_search(desk, ANNA, ready.id, means=way.means)
        if step == "lead":
            way.examine("eve", True)
            way.examine("fay", True)
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="ended")
    codes = {"pending": "request-waits", "approved": "request-waits", "sealed": "search-runs",
             "review": "review-open", "lead": "lead-open"}  # fmt: skip
    (line,) = closed_cases(desk, MIA)
    assert line.hindered == codes[step]
    with pytest.raises(StateError, match=codes[step]):
        ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)


def test_a_case_opened_again_meanwhile_is_not_erased(desk: Desk) -> None:
    case_id = closed(desk)
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.OPEN, grounds="new facts")
    with pytest.raises(NotAllowedError):
        confirm_erasure(desk, ULF, erasure, keys=KEYS)


def test_two_auditors_at_once_have_one_outcome(desk: Desk) -> None:
    erasure = ask_erasure(desk, MIA, closed(desk), basis=Basis.COURT_ORDER, grounds=GROUNDS,
                          keys=KEYS)  # fmt: skip
    gate, outcomes = threading.Barrier(2), list[str]()

    def run(name: str) -> None:
        gate.wait()
        try:
            confirm_erasure(desk, person(name, Role.AUDITOR), erasure, keys=KEYS)
            outcomes.append(name)
        except StateError:
            pass

    threads = [threading.Thread(target=run, args=(name,)) for name in ("uli", "ute")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(outcomes) == 1


def test_what_a_crash_left_of_an_erasure_is_done_by_the_keeper(
    desk: Desk, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure = ask_erasure(desk, MIA, closed(desk), basis=Basis.COURT_ORDER, grounds=GROUNDS,
                          keys=KEYS)  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "finish", lambda _: 1)  # dies here
        assert not confirm_erasure(desk, ULF, erasure, keys=KEYS)
    data = (tmp_path / "vault.db").read_bytes()
    assert b"24-1234" in data or b"24-1234" in (tmp_path / "vault.db-wal").read_bytes()
    with desk.store.reading() as reader:  # somebody reads: the files cannot be emptied yet
        reader.execute(text("SELECT count(*) FROM cases"))
        assert finish(desk) in (0, 1)
    Keeper(desk).run_once()
    for path, found in files(tmp_path).items():
        assert b"24-1234" not in found, path
    with desk.store.reading() as db:
        assert db.get_one(Erasure, erasure).state == ErasureState.DONE
    assert finish(desk) == 0
    assert log_kinds(log).count("erased") == 1


def test_openings_are_gone_and_not_lost(desk: Desk, log: Log, tmp_path: Path) -> None:
    case_id = closed(desk)
    index = next(n for n, kind in enumerate(log_kinds(log)) if kind == "case-changed")
    entry = parse_entry(log.entry(index), kinds=KINDS)
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    confirm_erasure(desk, ULF, erasure, keys=KEYS)
    with SQLiteVault(tmp_path / "vault.db", clock=lambda: 0) as vault:
        found = [vault.find(each) for each in entry.sealed.values()]
    assert found
    assert all(isinstance(each, Erased) for each in found)


@pytest.mark.xdist_group("postgres")
def test_on_postgresql_keys_numbers_and_clear_values_leave_the_tables(
    request: pytest.FixtureRequest, log: Log, clock: Any, tmp_path: Path
) -> None:
    store = Store.open(new_database(request.getfixturevalue("server")))
    store.create()
    store.write(lambda db: db.add(Standing(number=1)))
    vault = SQLiteVault(tmp_path / "vault.db", clock=lambda: 0)
    desk = Desk(store, Recorder(store, log, vault, clock, KINDS), clock=clock)
    case_id = closed(desk)

    def on_disk() -> bytes:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
            read = "SELECT pg_read_binary_file(pg_relation_filepath('{}'))"
            return b"".join(
                bytes(connection.scalar(text(read.format(name))))
                for name in ("data_keys", "cases", "outbox")
            )

    with store.reading() as db:
        wrapped = db.scalars(select(DataKey.wrapped).where(DataKey.about.like("case:%"))).one()
    assert wrapped
    secrets_of_it = (b"24-1234", wrapped)
    before = on_disk()
    assert all(each in before for each in secrets_of_it)
    erasure = ask_erasure(desk, MIA, case_id, basis=Basis.COURT_ORDER, grounds=GROUNDS, keys=KEYS)
    assert confirm_erasure(desk, ULF, erasure, keys=KEYS)
    after = on_disk()
    assert not [each for each in secrets_of_it if each in after]
    store.close()
