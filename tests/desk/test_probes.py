"""Probes: the original first, a chain of recorded edits, a person's judgement."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from casework import (
    ANNA,
    BEN,
    DETAILS,
    EMMA,
    KEYS,
    OTHER_NARRATIVE,
    PROVENANCE,
    ULF,
    FakeEngine,
    audited,
    case,
    form,
    house,
    judge,
    person,
    picture,
    probe,
    set_up,
)  # fmt: skip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.core import InputError, IntegrityError, sha256_bytes
from countenance.desk.cases import CaseState, move_case, read_timeline
from countenance.desk.edits import ALTERING, MADE_HERE, Edit, Operation, make
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.probe_steps import (
    ProbeRefused,
    add_edit,
    judge_probe,
    make_edit,
    picture_to_judge,
    read_image,
    upload_probe,
    waiting_probes,
)  # fmt: skip
from countenance.desk.probes import (
    REFUSED_KINDS,
    Judgement,
    KnownBy,
    Probe,
    ProbeEdit,
    ProbeImage,
    ProbeState,
    Provenance,
    chain_holds,
    probe_facts,
)  # fmt: skip
from countenance.desk.quality import MOST_BYTES, read_upload
from countenance.desk.requests import RequestState, submit
from countenance.desk.roles import Role
from countenance.desk.service import Desk
from countenance.law import bundled_vocabulary
from countenance.record import Log

ENGINE = FakeEngine()
STEP = Edit(Operation.CONTRAST, {"percent": 120}, "GIMP", "3.0", "to see the chin")


def upload(desk: Desk, case_id: str, data: bytes, sort: str = "cctv-frame", **other: Any) -> Any:
    provenance = other.pop("provenance", PROVENANCE)
    return upload_probe(desk, other.pop("by", ANNA), case_id, house=house(), engine=ENGINE,
                        data=data, sort=sort, provenance=provenance)  # fmt: skip


def facts(desk: Desk, probe_id: str) -> dict[str, Any]:
    with desk.store.reading() as db:
        return probe_facts(db, db.get_one(Probe, probe_id))


def edit(desk: Desk, probe_id: str, before: str, data: bytes, step: Edit = STEP) -> str:
    return add_edit(desk, ANNA, probe_id, house=house(), engine=ENGINE, before=before, data=data,
                    edit=step)  # fmt: skip


@pytest.mark.parametrize("sort", sorted(REFUSED_KINDS))
def test_f4_what_is_no_photograph_of_the_person_is_refused_and_not_kept(
    desk: Desk, log: Log, sort: str
) -> None:
    case_id = case(desk)
    out = upload(desk, case_id, picture(), sort)
    assert isinstance(out, ProbeRefused)
    assert any("Countenance model policy § 4(a)" in each for each in out.sentences)
    with desk.store.reading() as db:
        assert db.scalars(select(ProbeImage)).all() == []
    assert read_timeline(desk, ANNA, case_id)[-1].public == {"sort": sort}


def test_f4_every_sort_is_taken_or_refused_knowingly() -> None:
    taken = {"photograph", "cctv-frame", "document-photo", "social-media-image",
             "body-camera-frame", "drone-frame", "screen-photograph"}  # fmt: skip
    assert taken | REFUSED_KINDS == set(bundled_vocabulary()["probe.kind"].words)


def test_the_original_is_kept_to_the_byte_and_encrypted(desk: Desk) -> None:
    case_id = case(desk)
    data = picture(kind="JPEG")
    made = upload(desk, case_id, data)
    read = read_image(desk, ANNA, made, house=house(), sha256=sha256_bytes(data))
    assert read == data
    with desk.store.reading() as db:
        row = db.scalars(select(ProbeImage)).one()
        assert data[20:60] not in row.box
        assert row.sha256 == sha256_bytes(data)
    assert facts(desk, made) == {
        "probe.kind": "cctv-frame", "probe.original-kept": True, "probe.edited": False,
        "probe.edits-recorded": True, "probe.substantially-altered": False,
        "probe.shows-actor": "shown-by-record", "probe.suitable": False,
    }  # fmt: skip


class NotToBeAsked(FakeEngine):
    """Nothing is to be decoded for these people."""

    def enrol(self, pictures: Any) -> Any:
        raise AssertionError(f"{len(pictures)} decoded")


def test_nothing_is_decoded_for_whom_it_is_not_to_be_done(desk: Desk) -> None:
    case_id = case(desk)
    made = upload(desk, case_id, data := picture())
    first = sha256_bytes(data)
    untrained = dataclasses.replace(ANNA, training={})
    other = person("other", Role.REQUESTER)
    of = house()
    for who in (untrained, other, BEN, EMMA):
        for call in (
            lambda who=who: upload_probe(
                desk, who, case_id, house=of, engine=NotToBeAsked(), data=picture(seed=2),
                sort="cctv-frame", provenance=PROVENANCE,
            ),
            lambda who=who: add_edit(
                desk, who, made, house=of, engine=NotToBeAsked(), before=first,
                data=picture(seed=3), edit=STEP,
            ),
            lambda who=who: make_edit(
                desk, who, made, house=of, engine=NotToBeAsked(), before=first,
                operation=Operation.GREY, parameters={}, reason="to see the chin",
            ),
        ):  # fmt: skip
            with pytest.raises(NotAllowedError):
                call()


def test_a_probe_is_shown_to_be_judged_and_not_to_be_looked_at(desk: Desk) -> None:
    made = upload(desk, case_id := case(desk), picture())
    picture_to_judge(desk, EMMA, made, house=house())
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="no longer followed")
    with pytest.raises(NotAllowedError):
        picture_to_judge(desk, EMMA, made, house=house())
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.OPEN, grounds="followed again")
    judge(desk, made)
    with pytest.raises(NotAllowedError):
        picture_to_judge(desk, EMMA, made, house=house())


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10_000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), (n, n, n)) for n in (90, 120)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a" + bytes(50), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>",
     b"%PDF-1.7",
     picture()[:-200], bomb(), animated(), b"\xff\xd8\xff" + bytes(100),
     b"PK\x03\x04" + bytes(30)],
    ids=["empty", "gif", "svg", "html", "pdf", "cut", "bomb", "frames", "jpeg", "zip"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_whatever_it_calls_itself(
    desk: Desk, log: Log, data: bytes
) -> None:
    case_id = case(desk)
    size = log.size
    with pytest.raises(InputError):
        upload(desk, case_id, data)
    assert log.size == size


def test_an_upload_has_a_limit() -> None:
    with pytest.raises(InputError, match="bytes"):
        read_upload(bytes(MOST_BYTES + 1))


def test_f5_that_it_is_known_whom_it_shows_takes_a_how() -> None:
    for wrong in (
        {"shows": "surely"},
        {"shows": "shown-by-witness", "known_by": KnownBy.NOT_KNOWN},
        {"shows": "shown-by-record", "explanation": "cctv"},
        {"explanation": "x" * 2001},
    ):
        with pytest.raises(InputError):
            dataclasses.replace(PROVENANCE, **wrong)
    Provenance("assumed", KnownBy.NOT_KNOWN, "")


def test_f5_assumed_is_not_enough_for_a_search(desk: Desk) -> None:
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    guess = Provenance("assumed", KnownBy.ACCOUNT_IN_SOCIAL_MEDIA, "a picture of an account")
    made = upload(desk, case_id, picture(), provenance=guess)
    judge(desk, made)
    out = submit(desk, ANNA, house=house(), form=form(case_id, made))
    assert out.state is RequestState.REFUSED
    assert "model#probe-shows-actor" in {reason.rule for reason in out.decision.reasons}


def test_f6_no_search_without_a_person_s_judgement(desk: Desk) -> None:
    audited(desk)
    set_up(desk)
    case_id = case(desk)
    made = upload(desk, case_id, picture())
    out = submit(desk, ANNA, house=house(), form=form(case_id, made))
    assert out.state is RequestState.REFUSED
    judge(desk, made)
    assert submit(desk, ANNA, house=house(), form=form(case_id, made)).state is (
        RequestState.PENDING
    )


def test_f6_nobody_calls_a_picture_without_a_face_suitable(desk: Desk) -> None:
    made = upload(desk, case(desk), dark := picture(4))
    image = sha256_bytes(dark)
    with pytest.raises(StateError, match="no face"):
        judge_probe(desk, EMMA, made, image=image, suitable=True, reason=Judgement.CLEAR_ENOUGH)
    judge_probe(desk, EMMA, made, image=image, suitable=False, reason=Judgement.TOO_DARK)
    assert facts(desk, made)["probe.suitable"] is False


@pytest.mark.parametrize(
    ("suitable", "reason"), [(True, Judgement.TOO_DARK), (False, Judgement.CLEAR_ENOUGH)]
)
def test_a_judgement_and_its_reason_agree(desk: Desk, suitable: bool, reason: Judgement) -> None:
    made = upload(desk, case(desk), data := picture())
    with pytest.raises(InputError):
        judge_probe(desk, EMMA, made, image=sha256_bytes(data), suitable=suitable, reason=reason)


def test_f9_who_judges_has_not_to_do_with_the_case_and_sees_the_picture_only(
    desk: Desk,
) -> None:
    made = upload(desk, case(desk), data := picture())
    both = person("anna", Role.REQUESTER, Role.EXAMINER)
    image = sha256_bytes(data)
    assert waiting_probes(desk, both) == []
    for target in (made, "0" * 32):
        with pytest.raises(NotAllowedError):
            judge_probe(desk, both, target, image=image, suitable=True,
                        reason=Judgement.CLEAR_ENOUGH)  # fmt: skip
        with pytest.raises(NotAllowedError):
            picture_to_judge(desk, both, target, house=house())
        with pytest.raises(NotAllowedError):
            read_image(desk, EMMA, target, house=house(), sha256=image)
    assert waiting_probes(desk, EMMA) == [(made, image)]
    seen, quality = picture_to_judge(desk, EMMA, made, house=house())
    assert seen == data
    assert quality.ok
    assert quality.sharpness is not None


def test_a_judgement_is_of_the_image_that_was_seen_and_is_given_once(desk: Desk) -> None:
    made = probe(desk, house(), case(desk), data := picture())
    first = sha256_bytes(data)
    with pytest.raises(StateError):
        judge_probe(desk, EMMA, made, image=first, suitable=False, reason=Judgement.COVERED)
    second = edit(desk, made, first, picture(130))
    assert facts(desk, made)["probe.suitable"] is False  # the judgement was of another image
    with pytest.raises(StateError):
        judge_probe(desk, EMMA, made, image=first, suitable=True, reason=Judgement.CLEAR_ENOUGH)
    judge_probe(desk, EMMA, made, image=second, suitable=True, reason=Judgement.CLEAR_ENOUGH)
    assert facts(desk, made)["probe.suitable"] is True


def test_f4_each_edit_hangs_on_an_image_that_is_there(desk: Desk) -> None:
    made = upload(desk, case(desk), data := picture())
    first = sha256_bytes(data)
    with pytest.raises(StateError, match="no such image"):
        edit(desk, made, "0" * 64, picture(130))
    with pytest.raises(StateError, match="already"):
        edit(desk, made, first, data)
    second = edit(desk, made, first, picture(130))
    third = edit(desk, made, second, picture(140))
    with pytest.raises(StateError, match="already"):
        edit(desk, made, third, picture(130))
    with desk.store.reading() as db:
        row = db.get_one(Probe, made)
        assert (row.image, chain_holds(db, row)) == (third, True)
    assert facts(desk, made)["probe.edited"] is True
    for sha, shade in ((second, 130), (third, 140)):
        assert read_image(desk, BEN, made, house=house(), sha256=sha) == picture(shade)


def test_f4_a_chain_broken_behind_the_desk_s_back_is_no_record_of_edits(desk: Desk) -> None:
    made = upload(desk, case(desk), data := picture())
    second = edit(desk, made, sha256_bytes(data), picture(130))
    edit(desk, made, second, picture(140))
    breaks: tuple[Callable[[Session], None], ...] = (
        lambda db: setattr(db.get(ProbeEdit, (made, 1)), "before", "0" * 64),
        lambda db: setattr(db.get(ProbeEdit, (made, 2)), "after", "0" * 64),
        lambda db: db.delete(db.get(ProbeEdit, (made, 2))),
        lambda db: setattr(db.get(Probe, made), "image", "0" * 64),
        lambda db: setattr(db.get(Probe, made), "original", "0" * 64),
    )
    for broken in breaks:

        def look(db: Session, broken: Callable[[Session], None] = broken) -> None:
            assert chain_holds(db, db.get_one(Probe, made))
            broken(db)
            db.flush()
            assert not chain_holds(db, db.get_one(Probe, made))
            raise LookupError  # nothing of it stays

        with pytest.raises(LookupError):
            desk.store.write(look)


@pytest.mark.parametrize("operation", sorted(ALTERING))
def test_f4_an_edit_that_changes_the_face_is_kept_and_stops_the_search(
    desk: Desk, operation: Operation
) -> None:
    made = upload(desk, case_id := case(desk), data := picture())
    audited(desk)
    set_up(desk)
    step = dataclasses.replace(STEP, operation=operation)
    edit(desk, made, sha256_bytes(data), picture(130), step)
    judge(desk, made)
    assert facts(desk, made)["probe.substantially-altered"] is True
    out = submit(desk, ANNA, house=house(), form=form(case_id, made))
    assert "model#probe-not-altered" in {reason.rule for reason in out.decision.reasons}


def test_f4_a_harmless_word_does_not_hide_what_its_operator_says(desk: Desk) -> None:
    made = upload(desk, case(desk), data := picture())
    edit(desk, made, sha256_bytes(data), picture(130), dataclasses.replace(STEP, alters=True))
    assert facts(desk, made)["probe.substantially-altered"] is True


def test_an_altering_step_to_the_side_is_kept_and_does_not_count(desk: Desk) -> None:
    made = upload(desk, case(desk), data := picture())
    first = sha256_bytes(data)
    edit(desk, made, first, picture(130), dataclasses.replace(STEP, alters=True))
    edit(desk, made, first, picture(140))  # from the original again
    assert facts(desk, made)["probe.substantially-altered"] is False
    assert facts(desk, made)["probe.edits-recorded"] is True


@pytest.mark.parametrize(
    ("operation", "parameters", "size"),
    [(Operation.CROP, {"left": 3, "top": 4, "width": 20, "height": 10}, (20, 10)),
     (Operation.TURN, {"quarters": 1}, (40, 40)), (Operation.GREY, {}, (40, 40)),
     (Operation.BRIGHTNESS, {"percent": 150}, (40, 40)),
     (Operation.CONTRAST, {"percent": 50}, (40, 40))],
)  # fmt: skip
def test_an_edit_made_here_can_be_made_again(
    desk: Desk, operation: Operation, parameters: dict[str, int], size: tuple[int, int]
) -> None:
    made = upload(desk, case(desk), data := picture())
    after = make_edit(desk, ANNA, made, house=house(), engine=ENGINE, before=sha256_bytes(data),
                      operation=operation, parameters=parameters, reason="to see it")  # fmt: skip
    kept = read_image(desk, ANNA, made, house=house(), sha256=after)
    assert kept == make(read_upload(data), operation, parameters)
    assert Image.open(io.BytesIO(kept)).size == size
    with desk.store.reading() as db:
        row = db.get_one(ProbeEdit, (made, 1))
        details = json.loads(KEYS.open(db, f"case:{db.get_one(Probe, made).case_id}", row.details,
                                       purpose=f"edit {made} 1"))  # fmt: skip
    assert (row.made_here, row.operator, details["parameters"]) == (True, "anna", parameters)
    assert details["tool"] == "countenance"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [(Operation.CROP, {"left": 30, "top": 0, "width": 20, "height": 10}),
     (Operation.CROP, {"left": 0, "top": 0, "width": 20}), (Operation.TURN, {"quarters": 2.0}),
     (Operation.TURN, {"quarters": True}), (Operation.BRIGHTNESS, {"percent": 10**9}),
     (Operation.SHARPEN, {}), (Operation.GREY, {"x": 1})],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(
    operation: Operation, parameters: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        make(read_upload(picture()), operation, parameters)


def test_every_operation_is_harmless_altering_or_made_here() -> None:
    assert not ALTERING & MADE_HERE
    assert {Operation.GENERATIVE_UPSCALE, Operation.FILL_IN, Operation.TURN_HEAD} <= ALTERING
    assert {Operation.CROP, Operation.GREY} <= MADE_HERE
    assert Operation.COLOUR not in MADE_HERE | ALTERING


@pytest.mark.parametrize(
    "wrong",
    [{"tool": ""}, {"reason": " "}, {"reason": "x\ny"}, {"tool_version": "1" * 201},
     {"parameters": {"a": "x" * 201}}, {"parameters": {"": 1}},
     {"parameters": {str(n): n for n in range(17)}}, {"parameters": {"a": 2**60}}],
)  # fmt: skip
def test_an_edit_says_tool_version_and_reason(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(STEP, **wrong)


def test_nothing_is_done_to_another_s_probe_or_in_a_closed_case(desk: Desk) -> None:
    case_id = case(desk)
    made = upload(desk, case_id, data := picture())
    olga = person("olga", Role.REQUESTER)
    for who, target in ((olga, made), (ANNA, "0" * 32)):
        with pytest.raises(NotAllowedError):
            add_edit(desk, who, target, house=house(), engine=ENGINE, before=sha256_bytes(data),
                     data=picture(130), edit=STEP)  # fmt: skip
        with pytest.raises(NotAllowedError):
            make_edit(desk, who, target, house=house(), engine=ENGINE, before=sha256_bytes(data),
                      operation=Operation.GREY, parameters={}, reason="x")  # fmt: skip
    with pytest.raises(NotAllowedError):
        upload(desk, case_id, picture(131), by=olga)
    move_case(desk, ANNA, case_id, keys=KEYS, to=CaseState.CLOSED, grounds="solved")
    with pytest.raises(StateError):
        upload(desk, case_id, picture(131))
    with pytest.raises(StateError):
        edit(desk, made, sha256_bytes(data), picture(130))
    assert read_image(desk, ULF, made, house=house(), sha256=sha256_bytes(data)) == data


def test_an_image_moved_to_another_probe_does_not_open(desk: Desk) -> None:
    one = upload(desk, case(desk), data := picture())
    other_case = case(desk, "24-2", dataclasses.replace(DETAILS, narrative=OTHER_NARRATIVE))
    two = upload(desk, other_case, picture(130))

    def swap(db: Any) -> None:
        db.get(ProbeImage, (one, 0)).box = db.get(ProbeImage, (two, 0)).box

    desk.store.write(swap)
    with pytest.raises(IntegrityError):
        read_image(desk, ANNA, one, house=house(), sha256=sha256_bytes(data))


def test_the_same_picture_in_two_cases_is_two_probes(desk: Desk) -> None:
    one = upload(desk, case(desk), picture())
    other_case = case(desk, "24-2", dataclasses.replace(DETAILS, narrative=OTHER_NARRATIVE))
    assert upload(desk, other_case, picture()) != one


@settings(deadline=None, max_examples=12,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(froms=st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_whatever_the_tree_of_edits_its_chain_holds(desk: Desk, froms: list[int]) -> None:
    with desk.store.reading() as db:
        here = db.scalar(select(Probe.case_id))
    case_id = here or case(desk)
    made = upload(desk, case_id, picture())
    shas = [sha256_bytes(picture())]
    for n, start in enumerate(froms):
        shas.append(edit(desk, made, shas[start % len(shas)], picture(60 + n)))
    with desk.store.reading() as db:
        row = db.get_one(Probe, made)
        assert chain_holds(db, row)
        assert row.image == shas[-1]
        assert row.state == ProbeState.WAITING
