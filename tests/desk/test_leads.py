"""Leads: a candidate and nothing more, checked, cited, followed up; and what rests on it."""

from __future__ import annotations

import ast
import datetime
import re
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewkit import ANSWERS, READY, UNIT, World, lawful
from sqlalchemy import select, update

import countenance as cn
import countenance.desk
from countenance.audit import Audit
from countenance.core import InputError, ScoreUnit
from countenance.desk import leads, leadviews, reviewing
from countenance.desk.checklist import Answer, Checked, Question, complete, contradictions
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.evidence import (
    ALWAYS_DERIVED,
    EvidenceKind,
    Item,
    NewEvidence,
    Relation,
    independent,
)
from countenance.desk.incidents import (
    Cause,
    Finding,
    IncidentState,
    close_incident,
    list_incidents,
    open_incident,
)
from countenance.desk.kinds import KINDS
from countenance.desk.leads import (
    AFTER,
    Lead,
    LeadState,
    Outcome,
    add_evidence,
    answer_checklist,
    due,
    give_outcome,
    issue,
    rely,
    supervise,
)
from countenance.desk.leadviews import LeadView, list_leads, read_lead, read_settled
from countenance.desk.meaning import false_candidates, meanings
from countenance.desk.reliance import NO_SOLE_BASIS, Stated, Step, reliance_request
from countenance.desk.roles import Role
from countenance.desk.searches import Search
from countenance.desk.service import Desk
from countenance.law import Outcome as Decided
from countenance.law import decide
from countenance.record import Entry, Log, parse_entry

DAY = datetime.date(2026, 11, 20)
WHY = "was abroad, the passport shows it"


@pytest.fixture
def world(desk: Desk, clock: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return World(desk, clock, log)


@pytest.fixture(scope="module")
def sface() -> Audit:
    return cn.audit(cn.london_scores("sface"), groups=["gender", "ethnicity"])


def entries(log: Log, kind: str) -> list[Entry]:
    found = [parse_entry(log.entry(n), kinds=KINDS) for n in range(log.size)]
    return [entry for entry in found if entry.kind == kind]


def item(kind: EvidenceKind = EvidenceKind.FINGERPRINT, *of: str, **more: Any) -> NewEvidence:
    given_ = {"relation": Relation.INDEPENDENT, "what": "a print on the till",
              "source": "laboratory report 7", "obtained_on": DAY, **more}  # fmt: skip
    return NewEvidence(kind=kind, derived_from=of, **given_)


def view(world: World, lead: str) -> LeadView:
    return read_lead(world.desk, world.requester, lead, sources=world.sources)


def issued(world: World) -> str:
    lead = world.lead()
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)
    decision = issue(world.desk, world.requester, lead, means=world.lead_means)
    assert decision.permitted, decision.reasons
    return lead


def add(world: World, lead: str, new: NewEvidence) -> str:
    return add_evidence(world.desk, world.requester, lead, new, keys=world.keys)


# --- the lead itself --------------------


def test_f11_a_lead_says_what_it_is_not_with_the_law_in_force(world: World) -> None:
    found = view(world, issued(world))
    assert found.warning == NO_SOLE_BASIS
    assert any("Md. Code, Crim. Proc. § 2-502" in each for each in found.no_sole_basis)
    assert any("Countenance model policy § 8(i)" in each for each in found.no_sole_basis)
    assert any("disclos" in each.casefold() or "packet" in each for each in found.duties)
    assert found.text.startswith(NO_SOLE_BASIS)
    for each in (*found.no_sole_basis, *found.duties):
        assert each.endswith("]")  # the citation


def test_f12_no_lead_is_given_out_before_every_question_is_answered(world: World) -> None:
    lead = world.lead()
    with pytest.raises(StateError):
        issue(world.desk, world.requester, lead, means=world.lead_means)
    for missing in Question:
        few = {name: each for name, each in ANSWERS.items() if name is not missing}
        with pytest.raises(InputError, match=missing.value):
            answer_checklist(world.desk, world.requester, lead, few, means=world.lead_means)
    assert "NOT ANSWERED" in view(world, lead).text
    against = {**ANSWERS, Question.PHYSIQUE: Checked(Answer.CONTRADICTS, "eight inches taller")}
    answer_checklist(world.desk, world.requester, lead, against, means=world.lead_means)
    found = view(world, lead)
    assert found.contradictions == (Question.PHYSIQUE,)
    assert "eight inches taller" in found.text
    with pytest.raises(StateError):  # what was answered is not answered otherwise
        answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)


def test_the_questions_are_those_of_the_documented_cases() -> None:
    assert [each.value for each in Question] == [
        "physique", "tattoos", "location", "custody", "age-of-photo",
    ]  # fmt: skip
    assert contradictions(complete(ANSWERS)) == ()
    with pytest.raises(InputError):
        Checked(Answer.AGREES, "yes")


def test_f17_training_that_ran_out_issues_nothing(world: World) -> None:
    lead = world.lead()
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)
    untrained = world.requester
    untrained.training["requester"] = world.clock()
    with pytest.raises(NotAllowedError):
        issue(world.desk, untrained, lead, means=world.lead_means)


def test_what_the_law_refuses_is_not_issued_and_is_logged(world: World) -> None:
    lead = world.lead()
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)

    class Banned:
        def request(self, db: Any, search: Search) -> Any:  # noqa: ARG002
            return lawful(**{"targeting.traits": ["religion"]})

    means = leads.LeadMeans(world.keys, Banned(), decide, world.pictures)
    decision = issue(world.desk, world.requester, lead, means=means)
    assert decision.outcome is Decided.DENY
    assert view(world, lead).state is LeadState.CHECKED
    assert [e.public["change"] for e in entries(world.log, "lead-changed")][-1] == "refused"


def test_a_lead_is_read_by_those_it_concerns_and_reads_as_none_for_others(world: World) -> None:
    lead = issued(world)
    for reader in (world.requester, world.examiner("first"), world.auditor):
        assert read_lead(world.desk, reader, lead, sources=world.sources).id == lead
    for stranger in (world.who("x", Role.REQUESTER), world.examiner("third")):
        told = []
        for each in (lead, "0" * 32):
            with pytest.raises(NotAllowedError) as caught:
                read_lead(world.desk, stranger, each, sources=world.sources)
            told.append(str(caught.value))
        assert told[0] == told[1]
    other = world.who("x", Role.REQUESTER)
    for act in (
        lambda: issue(world.desk, other, lead, means=world.lead_means),
        lambda: rely(world.desk, other, lead, Step.ARREST, means=world.lead_means),
        lambda: add_evidence(world.desk, other, lead, item(), keys=world.keys),
        lambda: give_outcome(
            world.desk, other, lead, Outcome.NOT_FOLLOWED, words=WHY, keys=world.keys
        ),
    ):
        with pytest.raises(NotAllowedError):
            act()


def test_a_supervisor_checks_before_it_is_given_out_and_is_not_who_asked(world: World) -> None:
    lead = world.lead()
    with pytest.raises(StateError):
        supervise(world.desk, world.approver, lead)
    with pytest.raises(NotAllowedError):  # not before there is something to supervise
        read_lead(world.desk, world.approver, lead, sources=world.sources)
    answer_checklist(world.desk, world.requester, lead, ANSWERS, means=world.lead_means)
    read_lead(world.desk, world.approver, lead, sources=world.sources)
    with pytest.raises(NotAllowedError):
        supervise(world.desk, world.who("requester", Role.APPROVER), lead)
    results: list[bool] = []
    gate = threading.Barrier(2)

    def one(name: str) -> None:
        gate.wait()
        try:
            supervise(world.desk, world.who(name, Role.APPROVER), lead)
            results.append(True)
        except StateError:
            results.append(False)

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, True]


# --- evidence --------------------

kinds = st.sampled_from(list(EvidenceKind))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Item, ...]:
    found: list[Item] = []
    for n in range(draw(st.integers(0, 12))):
        of = draw(st.sets(st.sampled_from([i.id for i in found]), max_size=3)) if found else set()
        found.append(
            Item(str(n), draw(kinds), draw(st.sampled_from(list(Relation))), tuple(sorted(of)))
        )
    return tuple(found)


@given(graphs(), st.randoms())
def test_f10_derived_from_derived_is_derived(items: tuple[Item, ...], random: Any) -> None:
    """Against the plain definition: an item is independent if nothing above it is tainted."""
    known = {each.id: each for each in items}

    def tainted(each: Item) -> bool:
        return (
            each.relation is Relation.DERIVED
            or each.kind in ALWAYS_DERIVED
            or any(tainted(known[parent]) for parent in each.derived_from)
        )

    expected = {each.id for each in items if not tainted(each)}
    assert independent(items) == expected
    mixed = list(items)
    random.shuffle(mixed)
    assert independent(mixed) == expected


@given(graphs(), kinds, st.sampled_from(list(Relation)))
def test_f10_nothing_that_is_added_makes_another_item_independent(
    items: tuple[Item, ...], kind: EvidenceKind, relation: Relation
) -> None:
    before = independent(items)
    new = Item("new", kind, relation, tuple(each.id for each in items[:2]))
    assert independent((*items, new)) - {"new"} == before


def test_an_item_of_something_unknown_or_of_itself_is_derived() -> None:
    loop = Item("a", EvidenceKind.DNA, Relation.INDEPENDENT, ("b",))
    back = Item("b", EvidenceKind.LINE_UP, Relation.INDEPENDENT, ("a",))
    lost = Item("c", EvidenceKind.DNA, Relation.INDEPENDENT, ("gone",))
    assert independent((loop, back, lost)) == frozenset()


def test_f10_a_line_up_is_derived_whatever_is_said_of_it(world: World) -> None:
    lead = issued(world)
    line_up = add(world, lead, item(EvidenceKind.LINE_UP))
    picked = add(world, lead, item(EvidenceKind.WITNESS, line_up))
    found = {each.id: each for each in view(world, lead).evidence}
    assert found[line_up].claimed is Relation.INDEPENDENT
    assert found[line_up].counted_as is Relation.DERIVED
    assert found[picked].counted_as is Relation.DERIVED
    assert [e.public["counted_as"] for e in entries(world.log, "evidence-added")] == [
        "derived", "derived",
    ]  # fmt: skip
    for wrong in (("0" * 32,), (line_up, "0" * 32)):
        with pytest.raises(InputError):
            add(world, lead, item(EvidenceKind.DNA, *wrong))


# --- relying --------------------


def test_f11_an_arrest_on_the_candidate_alone_is_refused_and_logged(world: World) -> None:
    lead = issued(world)
    stated = Stated(in_affidavit=True, rests_on_result=False)

    def ask(step: Step) -> Any:
        return rely(world.desk, world.requester, lead, step, means=world.lead_means, stated=stated)

    for step in (Step.ARREST, Step.CHARGE, Step.SEARCH_WARRANT, Step.LINE_UP):
        assert not ask(step).permitted
    line_up = add(world, lead, item(EvidenceKind.LINE_UP))
    add(world, lead, item(EvidenceKind.WITNESS, line_up))
    add(world, lead, item(EvidenceKind.FACE_COMPARISON))
    add(world, lead, item(EvidenceKind.PROPERTY_FOUND, relation=Relation.DERIVED))
    decision = ask(Step.ARREST)
    assert not decision.permitted
    assert any("§ 2-502" in reason.cite for reason in decision.reasons)
    add(world, lead, item(EvidenceKind.FINGERPRINT))
    assert ask(Step.ARREST).permitted
    told = [e.public["decision"] for e in entries(world.log, "reliance-decided")]
    assert told == ["refused"] * 5 + ["permitted"]


def test_what_nobody_stated_is_a_denial_that_names_it(world: World) -> None:
    lead = issued(world)
    add(world, lead, item(EvidenceKind.DNA))
    decision = rely(world.desk, world.requester, lead, Step.ARREST, means=world.lead_means)
    assert decision.outcome is Decided.NEEDS
    assert {"reliance.stated-in-affidavit", "reliance.affidavit-rests-on-result"} <= {
        need.fact for need in decision.needs
    }


def test_f11_an_affidavit_that_rests_on_the_candidate_is_refused(world: World) -> None:
    lead = issued(world)
    add(world, lead, item(EvidenceKind.DNA))
    for stated in (Stated(True, True), Stated(False, False)):
        decision = rely(
            world.desk, world.requester, lead, Step.ARREST_WARRANT, means=world.lead_means,
            stated=stated,
        )  # fmt: skip
        assert decision.outcome is Decided.DENY


def test_nothing_rests_on_a_lead_that_is_not_issued(world: World) -> None:
    lead = world.lead()
    with pytest.raises(StateError):
        rely(world.desk, world.requester, lead, Step.CONTACT, means=world.lead_means)


def test_what_a_request_claimed_of_the_review_counts_for_nothing() -> None:
    liar = lawful(
        **{"reliance.independent-evidence": True, "reliance.sole-basis": False,
           "review.supervisor": True, "reliance.contradictions-checked": True}
    )  # fmt: skip
    facts = reliance_request(
        liar, purpose="arrest", items=(), checked=False, supervised=False, trained=False,
        now=datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.UTC),
    ).facts  # fmt: skip
    assert facts["reliance.independent-evidence"] is False
    assert facts["reliance.sole-basis"] is True
    assert facts["review.supervisor"] is False
    assert facts["reliance.contradictions-checked"] is False
    assert facts["person.trained"] is False
    assert facts["result.from-prohibited-system"] is True
    assert "reliance.stated-in-affidavit" not in facts


def test_a_law_is_that_of_the_day_in_its_own_zone() -> None:
    late = datetime.datetime(2026, 11, 24, 3, tzinfo=datetime.UTC)  # 22:00 of the 23rd there
    request = reliance_request(
        lawful(), purpose="lead", items=(), checked=True, supervised=True, trained=True, now=late
    )
    assert request.as_of == datetime.date(2026, 11, 23)


# --- what becomes of it --------------------


def test_the_outcome_is_asked_for_until_it_is_given(world: World) -> None:
    lead = issued(world)

    def outcome(which: Outcome) -> str | None:
        return give_outcome(world.desk, world.requester, lead, which, words=WHY, keys=world.keys)

    assert due(world.desk, world.requester) == []
    world.clock.move(days=30)
    assert [each for each, _ in due(world.desk, world.requester)] == [lead]
    assert due(world.desk, world.who("x", Role.REQUESTER)) == []
    assert outcome(Outcome.STILL_OPEN) is None
    assert due(world.desk, world.requester) == []
    world.clock.move(days=30)
    assert len(due(world.desk, world.requester)) == 1
    assert outcome(Outcome.BORNE_OUT) is None
    world.clock.move(days=300)
    assert due(world.desk, world.requester) == []
    with pytest.raises(StateError):
        outcome(Outcome.STILL_OPEN)
    with pytest.raises(StateError):
        add(world, lead, item())
    assert outcome(Outcome.SOMEBODY_ELSE) is not None  # the truth comes out years later, too
    with pytest.raises(StateError):
        outcome(Outcome.SOMEBODY_ELSE)


def test_a_lead_nobody_did_anything_with_is_asked_for_too(world: World) -> None:
    lead = world.lead()
    world.clock.move(days=31)
    assert [each for each, _ in due(world.desk, world.requester)] == [lead]


def test_a_wrong_lead_suspends_the_engine_until_another_approver_is_content(
    world: World,
) -> None:
    lead = issued(world)
    incident = give_outcome(
        world.desk, world.requester, lead, Outcome.SOMEBODY_ELSE, words=WHY, keys=world.keys,
        suspend_gallery=True,
    )  # fmt: skip
    assert incident is not None
    (seen,) = list_incidents(world.desk, world.requester)
    assert (seen.engine, seen.gallery, seen.state) == (
        READY.engine, READY.gallery, IncidentState.OPEN,
    )  # fmt: skip
    other = READY.__class__(**{f.name: getattr(READY, f.name) for f in fields(READY)} | {
        "id": "5" * 32, "digest": "6" * 64})  # fmt: skip
    world.gate.requests[other.id] = other
    with pytest.raises(NotAllowedError, match="incident"):
        world.search(other.id)

    def close(name: str) -> None:
        close_incident(
            world.desk, world.who(name, Role.APPROVER), incident, keys=world.keys,
            finding=Finding.CORRECTED, grounds="threshold raised, gallery checked",
        )  # fmt: skip

    with pytest.raises(NotAllowedError):
        close(READY.approver)  # who approved the search does not judge what came of it
    results: list[str] = []
    gate = threading.Barrier(2)

    def one(name: str) -> None:
        gate.wait()
        try:
            close(name)
            results.append("closed")
        except StateError:
            results.append("second")

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["closed", "second"]
    assert world.search(other.id).candidates == 4


def test_what_was_withdrawn_from_use_is_not_used_again(world: World) -> None:
    incident = open_incident(
        world.desk, world.requester, keys=world.keys, cause=Cause.FAULT, engine=READY.engine,
        grounds="two people of one name in it",
    )  # fmt: skip
    close_incident(
        world.desk, world.approver, incident, keys=world.keys,
        finding=Finding.WITHDRAWN_FROM_USE, grounds="the engine is given up for good",
    )  # fmt: skip
    with pytest.raises(NotAllowedError, match="incident"):
        world.search()


def test_nobody_closes_the_incident_they_opened(world: World) -> None:
    opener = world.who("x", Role.APPROVER)
    incident = open_incident(
        world.desk, opener, keys=world.keys, cause=Cause.MISUSE, grounds="searched for a neighbour"
    )
    with pytest.raises(NotAllowedError):
        close_incident(
            world.desk, opener, incident, keys=world.keys, finding=Finding.NO_FAULT_FOUND,
            grounds="looked at it, all is well",
        )  # fmt: skip


@pytest.mark.parametrize("state", list(LeadState))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_in_every_state(world: World, state: LeadState, outcome: Outcome) -> None:
    lead = world.lead()
    world.desk.store.write(lambda db: db.execute(update(Lead).values(state=state)))

    def give() -> None:
        give_outcome(world.desk, world.requester, lead, outcome, words=WHY, keys=world.keys)

    if (state, outcome) in AFTER:
        give()
        with world.desk.store.reading() as db:
            assert db.scalars(select(Lead.state)).one() == AFTER[state, outcome]
    else:
        with pytest.raises(StateError):
            give()


# --- what a score means --------------------


def test_f7_a_score_is_shown_with_counts_and_interval_for_every_group(
    world: World, sface: Audit
) -> None:
    world.audits.found = sface
    found = view(world, issued(world))
    everybody = found.entry.means[0]
    assert everybody.group == ""
    groups = {each.group for each in found.entry.means[1:]}
    assert "male, black" in groups
    known = [each for each in found.entry.means if each.known]
    assert known
    for each in known:
        assert f"{each.events:,} of {each.trials:,} observed" in each.sentence
        assert "interval at level 0.95" in each.sentence
        assert each.sentence.startswith("Of 10,000 comparisons of different people")
    assert found.entry.rank == 2
    assert found.entry.ties == 2
    assert found.others == 3
    assert any("false candidates" in each.sentence for each in found.false_candidates)


def test_a_rate_is_never_taken_at_a_stricter_score_than_the_one_shown(sface: Audit) -> None:
    unit = ScoreUnit("cosine", "cosine similarity", 4000)
    curve = next(each for each in sface.curves if not each.group)
    for value in (0.31, 0.363, 0.4, 0.5, 0.7):
        score = int(unit.threshold(repr(value)))
        (everybody, *_) = meanings(sface, unit, score)
        assert everybody.measured_at is not None
        assert everybody.measured_at <= unit.to_unit(score)
        stricter = [at for at in curve.values if everybody.measured_at < at <= value]
        assert stricter == []
        assert everybody.trials == curve.fmr_trials


def test_distances_count_the_other_way(sface: Audit) -> None:
    dlib = cn.audit(cn.london_scores("dlib"), groups=["gender", "ethnicity"])
    unit = ScoreUnit("distance", "distance", 4000)
    near, far = (int(unit.threshold(each)) for each in ("0.3", "0.6"))
    close, wide = meanings(dlib, unit, near)[0], meanings(dlib, unit, far)[0]
    assert close.rate is not None
    assert wide.rate is not None
    assert close.rate < wide.rate
    assert wide.measured_at is not None
    assert wide.measured_at >= 0.6
    black = next(each for each in meanings(dlib, unit, far) if each.group == "male, black")
    assert (black.events, black.trials) == (36, 56)
    assert "36 of 56 observed" in black.sentence


def test_where_the_audit_says_nothing_that_is_said(sface: Audit) -> None:
    (alone,) = meanings(None, UNIT, 9_000_000)
    assert not alone.known
    assert alone.sentence.endswith("is not known.")
    low = meanings(sface, UNIT, -16_000_000)
    assert all(each.sentence.endswith("is not known.") for each in low)
    (none,) = false_candidates(sface, UNIT, threshold=None, compared=10)
    assert none.sentence.endswith("is not known.")


def test_expected_false_candidates_are_the_rate_times_the_gallery(sface: Audit) -> None:
    threshold = int(UNIT.threshold("0.363"))
    for size in (1_000, 1_000_000):
        rates = meanings(sface, UNIT, threshold)
        for rate, each in zip(
            rates, false_candidates(sface, UNIT, threshold=threshold, compared=size), strict=True
        ):
            assert each.group == rate.group
            if rate.rate is not None:
                assert each.expected == pytest.approx(rate.rate * size)
                assert each.low is not None
                assert each.low <= each.expected


def test_f13_the_age_of_the_picture_is_shown_or_that_it_is_not_recorded(world: World) -> None:
    issued(world)
    with world.desk.store.reading() as db:
        search = db.scalars(select(Search.id)).one()
    settled = read_settled(world.desk, world.requester, search, sources=world.sources)
    assert "7.0 years old" in settled.entries[0].sentence
    assert "not recorded" in settled.entries[1].sentence


# --- what is never said --------------------

_OURS = (
    "checklist", "evidence", "features", "incidents", "knownanswers", "leads", "leadviews",
    "meaning", "outside", "outside_tables", "publishing", "quarantine", "reliance", "reviewing",
    "reviews", "searches", "searching", "standing", "wiring",
)  # fmt: skip


def strings() -> list[tuple[str, str]]:
    folder = Path(countenance.desk.__path__[0])
    found = []
    for name in _OURS:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(name, node.value)]
    return found


def test_f7_no_string_has_a_percentage_or_speaks_of_a_match() -> None:
    for name, text in strings():
        assert not re.search(r"\bmatch(es|ed|ing)?\b", text, re.IGNORECASE), (name, text)
        assert not re.search(r"%(?![YmdHMS:])|\bper ?cent|probabil\w+ that (it|he|she) is \w+ \d",
                             text), (name, text)  # fmt: skip
        assert not re.search(r"\b(unbiased|accurate|proves|suspect'?s?)\b", text), (name, text)


def test_f7_f11_nothing_that_is_shown_has_a_percentage_or_speaks_of_a_match(
    world: World, sface: Audit
) -> None:
    world.audits.found = sface
    text = view(world, issued(world)).text
    assert "%" not in text
    assert not re.search(r"\bmatch", text, re.IGNORECASE)
    assert "identification of anybody" in text  # that it is none


def test_f11_there_is_no_way_to_export_an_identification() -> None:
    for module in (leads, leadviews):
        names = [name.casefold() for name in vars(module)]
        assert not any("identif" in name or "export" in name for name in names)
    assert {state.value for state in LeadState} == {"prepared", "checked", "issued", "ended"}


def test_list_leads_is_of_ones_own(world: World) -> None:
    issued(world)
    assert list_leads(world.desk, world.who("x", Role.REQUESTER)) == []


def test_nobody_s_words_nor_the_candidate_are_in_clear_anywhere(
    world: World, tmp_path: Path
) -> None:
    lead = issued(world)
    add(world, lead, item())
    give_outcome(
        world.desk, world.requester, lead, Outcome.SOMEBODY_ELSE, words=WHY, keys=world.keys
    )
    clear = (b"what is said of ears", b"asked the employer", WHY.encode(), b"p-2", b"on the till")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert [word for word in clear if word in data] == [], path
