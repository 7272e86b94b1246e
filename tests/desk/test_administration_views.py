"""What pages of administration read: with names, whole, and nothing to whoever may not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import deskgalleries
import pytest
from casework import ANNA, BEN, CARD, KEYS, MIA, POLICY, ULF, audit, audited, set_up
from clockkit import MovingClock

from countenance.core import InputError
from countenance.desk import imports
from countenance.desk.administration import (
    count_administrators,
    names_of,
    read_account,
    read_standing,
)
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.galleries import erase_person, set_disposition
from countenance.desk.galleryviews import (
    MOST_DEPTH,
    import_folders,
    list_removals,
    read_entry,
    read_import,
)
from countenance.desk.jobs import Worker
from countenance.desk.listings import page_entries
from countenance.desk.service import Desk
from countenance.desk.settings import propose_setting, read_settings
from countenance.desk.settingviews import (
    compare_threshold,
    current_judged,
    judge_audit,
    list_settings,
    read_audit_file,
    read_setting,
)
from countenance.desk.standing import Direction, Reason, ask, confirm

REASON = "as the engine's documentation has it"
NOBODY = "0" * 32


def filled(desk: Desk, root: Path, rows: list[dict[str, str]]) -> str:
    """A gallery with one import, done; the import's id."""
    deskgalleries.made(desk, actor=MIA)
    deskgalleries.folder(root, rows)
    plan = imports.dry_run(desk, MIA, "bookings", "batch", root=root, keys=KEYS)
    made, _ = imports.begin_import(desk, MIA, "bookings", "batch", plan=plan, root=root)
    toy = deskgalleries.Toy()
    assert Worker(desk, {imports.IMPORT: imports.handler(KEYS, root, toy)}).run_once()
    return made


def test_what_is_compared_is_what_is_proposed(desk: Desk) -> None:
    with pytest.raises(StateError):
        compare_threshold(desk, MIA, engine=CARD.identity, threshold="0.4")
    audited(desk)
    first = compare_threshold(desk, MIA, engine=CARD.identity, threshold="0.4")
    assert first.before is None
    set_up(desk, list_length=12)
    found = compare_threshold(desk, MIA, engine=CARD.identity, threshold=" 0.40")
    assert (found.threshold, found.before) == ("0.4", ("0.363", 12))
    made = propose_setting(desk, MIA, keys=KEYS, engine=CARD.identity, threshold="0.4",
                           list_length=7, reason=REASON)  # fmt: skip
    view = read_setting(desk, BEN, made, keys=KEYS)
    assert view.consequences == _as_json(found.consequences)
    assert view.before == found.before
    assert view.reason == REASON
    (whole,) = [one for one in read_settings(desk, BEN, keys=KEYS, engine=CARD.identity)
                if one.id == made]  # fmt: skip
    assert (view.digest, view.engine) == (whole.digest, whole.engine)
    assert view.mine is False
    assert read_setting(desk, MIA, made, keys=KEYS).mine is True
    lines = list_settings(desk, ANNA, engine=CARD.identity)
    assert sorted(one.list_length for one in lines) == [7, 12]
    assert list_settings(desk, ANNA, engine="0" * 64) == []
    for text in ("-1", "1e400", "x", ""):
        with pytest.raises(InputError):
            compare_threshold(desk, MIA, engine=CARD.identity, threshold=text)
    with pytest.raises(NotAllowedError):
        read_setting(desk, MIA, NOBODY, keys=KEYS)


def test_an_audit_is_judged_where_searches_are_made(desk: Desk) -> None:
    data = audit().to_json().encode()
    before = judge_audit(desk, ULF, data, card=CARD, policy=POLICY)
    assert (before.threshold, before.in_force, before.shortfalls) == ("0.363", False, ())
    assert current_judged(desk, ULF, card=CARD, policy=POLICY) is None
    made = audited(desk)
    set_up(desk, threshold="0.5")
    strict = dataclasses.replace(POLICY, least_people=13)
    now = current_judged(desk, ULF, card=CARD, policy=strict)
    assert now is not None
    assert now.line.id == made
    assert (now.judged.threshold, now.judged.in_force) == ("0.5", True)
    assert {each.code for each in now.judged.shortfalls} == {"people", "threshold"}
    assert read_audit_file(desk, ANNA, made, card=CARD, policy=strict) == now
    other = judge_audit(desk, ULF, audit(engine="ab" * 32).to_json().encode(), card=CARD,
                        policy=POLICY)  # fmt: skip
    assert not other.of_this_engine
    with pytest.raises(NotAllowedError):
        read_audit_file(desk, ULF, NOBODY, card=CARD, policy=POLICY)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 200_000, b"\xff"])
def test_what_is_no_audit_is_an_input_error(desk: Desk, data: bytes) -> None:
    with pytest.raises(InputError):
        judge_audit(desk, ULF, data, card=CARD, policy=POLICY)


def test_standing_says_who_asked_and_since_when(desk: Desk, clock: MovingClock) -> None:
    assert not read_standing(desk, ULF).down
    made = ask(desk, MIA, Direction.DOWN, reason=Reason.ORDER, grounds="the court has ordered it")
    for actor, mine in ((MIA, True), (BEN, False)):
        found = read_standing(desk, actor).asked
        assert found is not None
        assert (found.id, found.mine, found.grounds) == (made, mine, "the court has ordered it")
    confirm(desk, BEN, made, Direction.DOWN)
    down = read_standing(desk, ULF)
    assert (down.down, down.down_since, down.asked) == (True, clock(), None)
    assert [one.until for one in down.history] == [None]
    with pytest.raises(NotAllowedError):
        read_standing(desk, ANNA)


def test_accounts_are_read_by_administrators_and_auditors(desk: Desk) -> None:
    assert count_administrators(desk, ULF) == 0
    assert names_of(desk, ULF, "account.list", [NOBODY]) == {}
    with pytest.raises(NotAllowedError, match="no such account"):
        read_account(desk, MIA, NOBODY)
    for read in (count_administrators, lambda desk, who: read_account(desk, who, NOBODY)):
        with pytest.raises(NotAllowedError, match="not yours"):
            read(desk, ANNA)


def test_entries_imports_and_what_went(desk: Desk, tmp_path: Path, clock: MovingClock) -> None:
    made = filled(desk, tmp_path, [{}, {}, {}, {"black": "yes"}, {"source": "scraped-web"}])
    view = read_import(desk, ULF, "bookings", made)
    assert (view.added, view.not_imported, view.folder) == (3, {"no_face": 1}, "batch")
    first, *_ = page_entries(desk, ULF, "bookings")
    assert read_entry(desk, ULF, "bookings", first.id) == first
    assert list_removals(desk, ANNA, "bookings") == []
    clock.move(minutes=1)  # within the passkey's confirmation
    set_disposition(desk, MIA, "bookings", first.id, "acquitted", grounds="the verdict",
                    keys=KEYS)  # fmt: skip
    clock.move(seconds=30)
    for subject in ("s0", "s1", "s2", "nobody"):
        erase_person(desk, MIA, "bookings", subject, grounds="asked for it", keys=KEYS)
    gone = list_removals(desk, ANNA, "bookings")
    assert [(one.reason, one.entries) for one in gone] == [("asked", 2), ("acquitted", 1)]
    assert read_entry(desk, ULF, "bookings", first.id).reason == "acquitted"
    deskgalleries.made(desk, actor=MIA, code="other")
    for read, what in ((read_entry, first.id), (read_import, made)):
        for gallery, identity in (("other", what), ("bookings", NOBODY), ("none", what)):
            with pytest.raises(NotAllowedError):
                read(desk, ULF, gallery, identity)
        with pytest.raises(NotAllowedError, match="not yours"):
            read(desk, ANNA, "bookings", what)


def test_folders_to_import_from_are_below_and_have_a_manifest(tmp_path: Path) -> None:
    root = tmp_path / "in"
    outside = tmp_path / "outside"
    deep = "/".join("abcdefgh"[: MOST_DEPTH + 1])
    for name in ("one", "two/inner", ".hidden", deep, deep.rpartition("/")[0]):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "manifest.csv").touch()
    outside.mkdir()
    (outside / "manifest.csv").touch()
    (root / "link").symlink_to(outside)
    (root / "manifest.csv").touch()
    (root / "none").mkdir()
    assert import_folders(root) == sorted(["one", "two/inner", deep.rpartition("/")[0]])
    assert import_folders(tmp_path / "not-there") == []


def _as_json(table: Any) -> Any:
    import json

    return json.loads(json.dumps(table))
