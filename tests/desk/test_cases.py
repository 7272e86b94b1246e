"""Cases: an account of the facts that is one, read by few, amended in the open."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading

import pytest
from casework import (
    ANNA,
    BEN,
    DETAILS,
    KEYS,
    NARRATIVE,
    OTHER_NARRATIVE,
    PROVENANCE,
    ULF,
    FakeEngine,
    case,
    house,
    person,
    picture,
)
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from countenance.core import InputError
from countenance.desk.cases import (
    Case,
    CaseDetails,
    CaseState,
    CaseVersion,
    amend_case,
    list_cases,
    move_case,
    open_case,
    read_case,
    read_stretch,
    read_timeline,
)  # fmt: skip
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.kinds import KINDS
from countenance.desk.narratives import Weakness, prints, read_narrative
from countenance.desk.probe_steps import upload_probe
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.desk.timeline import CaseEvent, Window
from countenance.record import Log, parse_entry

EMMA = person("emma", Role.EXAMINER)


def told(**other: object) -> CaseDetails:
    return dataclasses.replace(DETAILS, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "inv", "investigation", "investigation " * 40, "x " * 500, "see file " * 20,
     NARRATIVE[:80], NARRATIVE + "\x00", NARRATIVE + "\u202e", "a " * 20_001],
)  # fmt: skip
def test_f25_words_that_say_nothing_are_no_account(desk: Desk, log: Log, text: str) -> None:
    with pytest.raises(InputError, match="no account"):
        case(desk, details=told(narrative=text))
    assert log.size == 0


@pytest.mark.parametrize(
    "change",
    [lambda t: t, str.upper, lambda t: t.replace(" ", "\n"), lambda t: t.replace("fourth", "9th"),
     lambda t: "Report 17. " + t, lambda t: t.replace(",", " -"), lambda t: t[: len(t) * 3 // 4]],
)  # fmt: skip
def test_f25_another_case_s_account_pasted_anew_is_none(desk: Desk, change: object) -> None:
    case(desk)
    with pytest.raises(InputError, match="another case"):
        case(desk, "24-2", told(narrative=change(NARRATIVE)))  # type: ignore[operator]
    case(desk, "24-3", told(narrative=OTHER_NARRATIVE))


def test_f25_nor_is_it_smuggled_in_by_amending(desk: Desk) -> None:
    case(desk)
    second = case(desk, "24-2", told(narrative=OTHER_NARRATIVE))
    with pytest.raises(InputError, match="another case"):
        amend_case(desk, ANNA, second, keys=KEYS, details=DETAILS, version=1)
    more = told(narrative=OTHER_NARRATIVE + " The till was found.")
    amend_case(desk, ANNA, second, keys=KEYS, details=more, version=1)


@given(st.text(max_size=400))
def test_any_text_is_judged_and_none_crashes(text: str) -> None:
    narrative = read_narrative(text)
    assert narrative.weakness is None or narrative.weakness in Weakness
    assert prints(narrative, KEYS) == prints(read_narrative(text.strip()), KEYS)


@pytest.mark.parametrize(
    "wrong",
    [{"purpose": "inv"}, {"offence_kinds": ("bad",)}, {"offence_section": "x" * 201},
     {"offence_section": "a\nb"}],
)  # fmt: skip
def test_f25_purpose_and_offence_are_words_of_the_vocabulary(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        told(**wrong)


@pytest.mark.parametrize("number", ["", "1", " 24", "24 ", "a" * 65, "24\n1", "<b>", "24\u202e1"])
def test_a_number_that_is_none(desk: Desk, number: str) -> None:
    with pytest.raises(InputError):
        case(desk, number)


def test_a_number_is_taken_once(desk: Desk) -> None:
    case(desk)
    with pytest.raises(InputError, match="taken"):
        case(desk, details=told(narrative=OTHER_NARRATIVE))


def test_two_open_the_same_number_at_once(desk: Desk) -> None:
    out: list[str] = []

    def run(text: str) -> None:
        try:
            case(desk, details=told(narrative=text))
            out.append("opened")
        except InputError:
            out.append("taken")

    threads = [threading.Thread(target=run, args=(t,)) for t in (NARRATIVE, OTHER_NARRATIVE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(out) == ["opened", "taken"]


def test_f9_an_examiner_reads_no_case_and_nobody_learns_whether_there_is_one(desk: Desk) -> None:
    made = case(desk)
    assert read_case(desk, ANNA, made, keys=KEYS).details == DETAILS
    for who in (BEN, ULF):
        assert read_case(desk, who, made, keys=KEYS).number == "24-1234"
    said = set()
    for who in (EMMA, person("olga", Role.REQUESTER)):
        for target in (made, "0" * 32, ""):
            with pytest.raises(NotAllowedError) as caught:
                read_case(desk, who, target, keys=KEYS)
            said.add(str(caught.value))
            with pytest.raises(NotAllowedError):
                read_timeline(desk, who, target)
        assert list_cases(desk, who) == []
    assert len(said) == 1
    assert [row[0] for row in list_cases(desk, ULF)] == [made]
    assert list_cases(desk, ULF, after="24-1234") == []


def test_only_the_opener_amends_and_only_what_they_saw(desk: Desk) -> None:
    made = case(desk)
    other = told(offence_section="MCL 750.530")
    with pytest.raises(NotAllowedError):
        amend_case(desk, person("olga", Role.REQUESTER), made, keys=KEYS, details=other, version=1)
    amend_case(desk, ANNA, made, keys=KEYS, details=other, version=1)
    with pytest.raises(StateError):
        amend_case(desk, ANNA, made, keys=KEYS, details=DETAILS, version=1)
    assert read_case(desk, ANNA, made, keys=KEYS).details == other
    with desk.store.reading() as db:
        assert len(db.scalars(select(CaseVersion)).all()) == 2  # what it said is still there


def test_closed_nothing_is_done_until_it_is_opened_again(desk: Desk) -> None:
    made = case(desk)
    move_case(desk, ANNA, made, keys=KEYS, to=CaseState.CLOSED, grounds="solved")
    with pytest.raises(StateError):
        move_case(desk, ANNA, made, keys=KEYS, to=CaseState.CLOSED, grounds="solved")
    with pytest.raises(StateError):
        amend_case(desk, ANNA, made, keys=KEYS, details=DETAILS, version=1)
    move_case(desk, ANNA, made, keys=KEYS, to=CaseState.OPEN, grounds="new facts")
    changes = [moment.public["change"] for moment in read_timeline(desk, ANNA, made)]
    assert changes == ["opened", "closed", "reopened"]


def test_f14_the_timeline_has_every_event_under_the_case_s_handle(desk: Desk, log: Log) -> None:
    """Even of a part of the desk that never heard of timelines."""
    from countenance.desk.service import Doing
    from countenance.record import leaf_hash

    made = case(desk)

    def stranger(doing: Doing) -> None:
        doing.record.add(
            doing.db, "probe-refused", about=f"case:{made}", public={"sort": "sketch"}
        )

    desk.act(ANNA, "request.withdraw", stranger)
    moments = read_timeline(desk, ANNA, made)
    assert [moment.kind for moment in moments] == ["case-changed", "probe-refused"]
    assert moments[-1].leaf == leaf_hash(log.entry(log.size - 1)).hex()


def test_what_a_case_says_is_in_no_file_of_the_database(desk: Desk) -> None:
    case(desk)
    path = desk.store.engine.url.database
    assert path is not None
    from pathlib import Path

    held = b"".join(each.read_bytes() for each in Path(path).parent.glob("desk.db*"))
    for word in (b"Mack Avenue", b"750.529", b"bottle"):
        assert word not in held


def test_f17_no_case_without_training(desk: Desk) -> None:
    with pytest.raises(NotAllowedError):
        open_case(desk, dataclasses.replace(ANNA, training={}), keys=KEYS, number="24-1234",
                  details=DETAILS)  # fmt: skip
    with desk.store.reading() as db:
        assert db.scalar(select(Case.id)) is None


def test_how_long_a_list_is_waits_for_the_witnesses(desk: Desk) -> None:
    """Invariant 2: an empty list is a result, and so is a number."""
    from countenance.desk.service import Doing

    made, digest = case(desk), "d" * 64
    public = {
        "returned": {
            "request": digest, "jurisdiction": "US-MI", "engine": digest, "audit": digest,
            "gallery": "g", "gallery_size": 10, "candidates": 0,
        },
        "opened": {"request": digest, "checkpoint": 5, "candidates": 0},
    }  # fmt: skip
    shown = []
    for what, fields in public.items():

        def tell(doing: Doing, what: str = what, fields: dict[str, object] = fields) -> None:
            doing.record.add(doing.db, f"search-{what}", about=f"case:{made}", public=fields)

        desk.act(ANNA, "request.withdraw", tell)
        (found,) = (m for m in read_timeline(desk, ANNA, made) if m.kind == "search-returned")
        shown.append(found.public.get("candidates"))
    assert shown == [None, 0]


def _filled(desk: Desk, number: str, numbers: range) -> str:
    """A case with events of these numbers: every tenth is a list, which is opened later."""
    narrative = NARRATIVE if number == "24-1" else OTHER_NARRATIVE
    made = case(desk, number=number, details=told(narrative=narrative))

    def work(db):  # type: ignore[no-untyped-def]
        for n in numbers:
            kind = {0: "search-returned", 5: "search-opened"}.get(n % 10, "request-moved")
            public = {"request": f"{n // 10:064x}", "candidates": 3, "change": "voided"}
            db.add(CaseEvent(number=n, case_id=made, at=desk.now(), kind=kind,
                             public=json.dumps(public), leaf=f"{n:064x}"))  # fmt: skip

    desk.store.write(work)
    return made


@pytest.mark.parametrize("most", [1, 7, 50, 500])
def test_parts_of_a_timeline_are_the_timeline(desk: Desk, most: int) -> None:
    made = _filled(desk, "24-1", range(1000, 1064))
    _filled(desk, "24-2", range(1064, 1100))  # of another case, between and around
    whole = read_timeline(desk, ANNA, made)
    assert len(whole) == 65
    backward: list[object] = []
    part = read_stretch(desk, ANNA, made, Window(most=most))
    assert not part.newer
    while True:
        backward[:0] = part.moments
        assert len(part.moments) <= most
        if not part.older:
            break
        part = read_stretch(desk, ANNA, made, Window(before=part.moments[0].number, most=most))
        assert part.newer
    assert backward == whole
    forward: list[object] = []
    last = 0
    while True:
        part = read_stretch(desk, ANNA, made, Window(after=last, most=most))
        assert part.older == bool(forward)
        forward += part.moments
        if not part.newer:
            break
        last = part.moments[-1].number
    assert forward == whole
    hidden = [one.number for one in whole if one.kind == "search-returned"
              and "candidates" not in one.public]  # fmt: skip
    assert hidden == [1060]  # its list is not opened
    past = read_stretch(desk, ANNA, made, Window(before=0))
    assert (past.moments, past.older, past.newer) == ((), False, True)
    with pytest.raises(NotAllowedError):
        read_stretch(desk, EMMA, made, Window())


def test_the_log_has_nothing_that_a_copy_of_the_case_could_be_held_against(
    desk: Desk, log: Log
) -> None:
    """A digest without salt would outlive the erasure: who has the words could confirm them."""
    made = case(desk)
    data = picture()
    upload_probe(desk, ANNA, made, house=house(), engine=FakeEngine(), data=data,
                 sort="cctv-frame", provenance=PROVENANCE)  # fmt: skip
    raw = b"".join(log.entry(n) for n in range(log.size))
    public = [parse_entry(log.entry(n), kinds=KINDS).public for n in range(log.size)]
    assert DETAILS.digest.encode() not in raw
    assert hashlib.sha256(data).hexdigest().encode() not in raw
    assert len(data) not in [value for fields in public for value in fields.values()]
