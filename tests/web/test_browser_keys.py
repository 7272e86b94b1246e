"""The whole way of one case with the keyboard alone, by everybody in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browserkeys import Keys
from browserpeople import OTHER, SAME, Room, local_site, room, says
from casepages import CASE, PROBE, request_fields
from clockkit import MovingClock
from people import joined
from playwright.sync_api import expect
from webkit import Visitor

from countenance.desk import reviewing
from countenance.desk.features import Component
from countenance.desk.roles import Role


@pytest.fixture
def people(tmp_path: Path, clock: MovingClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A desk that could search; no known answer is mixed in."""
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    with local_site(tmp_path, clock) as site:
        auditor = joined(site.admin.sign_in(), "Ulf Audit", Role.AUDITOR)
        other = joined(site.admin.sign_in(), "Otto Prove", Role.APPROVER)
        site.with_gallery(30).with_audit(Visitor(site.app, auditor), Visitor(site.app, other))
        with room(site, "keys") as made:
            yield made


def test_the_way_of_a_case_by_the_keyboard_alone(people: Room) -> None:
    rita = _joined(people, "Rita Ray", Role.REQUESTER)
    emma = _joined(people, "Emma Eye", Role.EXAMINER)
    elias = _joined(people, "Elias Eye", Role.EXAMINER)
    ann = _joined(people, "Ann Prove", Role.APPROVER)

    rita.enter("main a[href='/cases/new']")
    rita.fill(CASE)
    rita.enter("main form button")
    case = rita.watched.here
    rita.enter("main a[href$='/probes/new']")
    rita.fill({**PROBE, "file": people.site.folder / "in" / "batch" / "24.png"})
    rita.enter("main form button")
    probe = rita.watched.here
    assert probe.startswith("/probes/")

    emma.enter("header a[href='/probes']")
    emma.enter("main a[href$='/judge']")
    emma.fill({"suitable": "yes", "reason": "clear-enough"})
    emma.enter("main form button")

    request = _requested(rita, case, probe)
    ann.enter("header a[href='/approvals']")
    ann.enter(f"main a[href='/approvals/{request}']")
    ann.enter("form[data-sign] button")
    expect(ann.page.get_by_role("status")).to_be_visible()

    rita.enter("header a[href='/tasks']")
    rita.enter(f"main a[href='/requests/{request}']")
    rita.enter("main form[action$='/search'] button")
    says(rita.watched, "There is a list with")
    for examiner in (emma, elias):
        _examined(examiner)
    rita.enter("header a[href='/leads']")
    rita.enter("main a[href^='/leads/']")
    says(rita.watched, "This is a lead to examine and nothing more")
    rita.enter("header form button", back=True)
    rita.page.wait_for_url("**/sign-in*")


def _joined(people: Room, name: str, role: Role) -> Keys:
    """With a code, the passkey, and the first sign-in."""
    keys = Keys(people.person())
    keys.watched.came("/join")
    keys.write("#f-code", people.code(name, role))
    keys.page.keyboard.press("Enter")
    expect(keys.page.get_by_role("status")).to_contain_text("registered")
    keys.reach("form[data-passkey] button")
    keys.page.keyboard.press("Enter")
    keys.page.wait_for_url("**/tasks")
    people.train(name, role)
    return keys


def _requested(rita: Keys, case: str, probe: str) -> str:
    """The request's form is filled in, its folded questions too, and submitted. Its id."""
    rita.enter("header a[href='/cases']")
    rita.enter(f"main a[href='{case}']")
    rita.enter("main a[href$='/requests/new']")
    wanted = {name: value for name, value in request_fields(probe).items() if value}
    open_ = dict(wanted)
    for _ in range(2):  # a third row for documents comes when two are filled in
        if rita.page.locator("form > details:not([open])").count():
            rita.open("form > details > summary")
        there = rita.page.eval_on_selector_all("main [name]", "all => all.map((one) => one.name)")
        now = {name: value for name, value in open_.items() if name in there}
        rita.fill(now)
        open_ = {name: value for name, value in open_.items() if name not in there}
        rita.enter("main form .send button")
    rita.enter("#decision-go-on")
    rita.enter("form[data-confirm] button")
    found = re.search(r"/requests/([0-9a-f]{32})", rita.page.url)
    assert found, rita.page.content()
    return found[1]


def _examined(them: Keys) -> None:
    """The probe's notes, then every candidate; what fits the probe is thought the same."""
    them.enter("header a[href='/reviews']")
    them.enter("main form button")
    them.fill({**{str(one): "clear" for one in Component},
               "words": "seen from the front, in even light"})  # fmt: skip
    them.enter("main form button")
    conclude = them.page.get_by_role("button", name="Conclude all")
    same = SAME
    while not conclude.count():
        number = them.page.locator('main form [name="candidate"]').input_value()
        said = {f"{one}-{number}": "agree" for one in Component if one != Component.NECK}
        them.fill({**said, f"neck-{number}": "differ", f"conclusion-{number}": same,
                   f"grounds-{number}": "the brows, the nose and the jaw"})  # fmt: skip
        # Going back, nothing lies under the pictures, which stay at the top.
        them.reach("main details summary", back=True)
        them.enter("main form button[name=go]")
        same = OTHER
    them.enter("form[data-confirm] button")
