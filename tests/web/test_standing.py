"""The switch in a browser: it takes two people either way, and its history says for how long."""

from __future__ import annotations

import re

import pytest
from clockkit import MovingClock
from webkit import Site, Visitor

from countenance.desk.roles import Role

TYPED = {"reason": "incident", "grounds": "a wrong lead <script>alert(1)</script> was issued"}
CONFIRM = re.compile(r'action="(/standing/[0-9a-f]{32}/confirm-(?:down|up))"')
NOBODY = "0" * 32


def asked(admin: Visitor, way: str = "down") -> None:
    action = "desk.stand-down" if way == "down" else "desk.take-up"
    done = admin.post(f"/standing/{way}", TYPED, confirm=action)
    assert done.status_code == 303, done.text


def confirmed(approver: Visitor, way: str = "down") -> None:
    found = CONFIRM.search(approver.get("/standing").text)
    assert found
    action = "desk.confirm-stand-down" if way == "down" else "desk.confirm-take-up"
    assert approver.post(found[1], confirm=action).status_code == 303


def test_suspending_and_resuming_take_two_and_the_history_says_for_how_long(
    site: Site, clock: MovingClock
) -> None:
    site.with_gallery(1)
    admin, approver = site.administrator(), site.joined("Ben App", Role.APPROVER)
    admin.sign_in()
    assert "The desk is at work" in admin.get("/standing").text
    assert "Never." in admin.get("/standing").text
    asked(admin)
    own = admin.get("/standing").text
    assert "you cannot confirm it" in own
    assert not CONFIRM.search(own)
    assert "/standing/down" not in own
    assert "<script>alert" not in own
    assert "&lt;script&gt;alert(1)" in own
    twice = admin.post("/standing/down", TYPED, confirm="desk.stand-down")
    assert twice.status_code == 409
    assert "&lt;script&gt;alert(1)" in twice.text
    assert "The desk is at work" in approver.get("/standing").text
    found = CONFIRM.search(approver.get("/standing").text)
    assert found
    assert approver.post(found[1]).status_code == 403  # no passkey
    up = approver.post(found[1].replace("-down", "-up"), confirm="desk.confirm-take-up")
    assert up.status_code == 403
    confirmed(approver)
    down = approver.get("/standing").text
    assert "The desk is suspended" in down
    assert "less than a minute" in down
    assert admin.get("/galleries/booking/import?folder=batch").status_code == 503
    clock.move(hours=26, minutes=5)
    for who in (admin, approver):
        who.sign_in()
    assert "for 1 day 2 hours" in admin.get("/standing").text
    asked(admin, "up")
    confirmed(approver, "up")
    page = approver.get("/standing").text
    assert "The desk is at work" in page
    assert re.search(r"<td>1 day 2 hours</td><td>incident</td>", page)
    late = approver.post(found[1], confirm="desk.confirm-stand-down")
    assert late.status_code == 409


@pytest.mark.parametrize(("way", "action"), [("down", "desk.stand-down"), ("up", "desk.take-up")])
def test_what_is_no_reason_is_refused_at_its_field(site: Site, way: str, action: str) -> None:
    admin = site.administrator()
    for name, wrong in (
        ("reason", "bored"), ("grounds", ""), ("grounds", "<b>"), ("grounds", "x" * 2001)
    ):  # fmt: skip
        answer = admin.post(f"/standing/{way}", {**TYPED, name: wrong}, confirm=action)
        assert answer.status_code == 422
        assert f'href="#f-{name}"' in answer.text
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text


def test_who_asked_takes_it_back_and_all_that_was_asked_is_told(
    site: Site, clock: MovingClock
) -> None:
    admin, approver = site.administrator(), site.joined("Ben App", Role.APPROVER)
    auditor = site.joined("Uma Upp", Role.AUDITOR, train=False)
    other = site.joined("Ada Two", Role.ADMINISTRATOR, train=False)
    asked(admin.sign_in())
    found = re.search(r'action="(/standing/[0-9a-f]{32}/withdraw)"', admin.get("/standing").text)
    assert found
    for who in (approver, auditor, other):
        assert "/withdraw" not in who.get("/standing").text
        assert who.post(found[1]).status_code == 403
    switch = CONFIRM.search(approver.get("/standing").text)
    assert switch
    done = admin.post(found[1])  # no passkey: it undoes a wish, and nothing else
    assert done.headers["location"] == "/standing?done=standing-withdrawn"
    assert "It is withdrawn; nothing was changed." in admin.get(done.headers["location"]).text
    assert admin.post(found[1]).status_code == 409
    assert approver.post(switch[1], confirm="desk.confirm-stand-down").status_code == 409
    assert admin.post(f"/standing/{NOBODY}/withdraw").status_code == 403
    clock.move(minutes=1)
    asked(admin)
    confirmed(approver)
    asked(admin, "up")
    page = auditor.get("/standing").text.partition("What was asked for")[2]
    cells = re.findall(r'<td><span class="state[^"]*">(\w+)</span></td><td>([^<,]+)', page)
    assert cells == [("confirmed", "Ada First"), ("withdrawn", "Ada First")]
    assert "Ben App, " in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_desk_at_work_is_not_resumed(site: Site) -> None:
    answer = site.administrator().post("/standing/up", TYPED, confirm="desk.take-up")
    assert answer.status_code == 409


def test_what_nobody_confirmed_in_a_day_is_over(site: Site, clock: MovingClock) -> None:
    admin, approver = site.administrator(), site.joined("Ben App", Role.APPROVER)
    asked(admin.sign_in())
    found = CONFIRM.search(approver.get("/standing").text)
    assert found
    clock.move(hours=24)
    approver.sign_in()
    assert "is asked for" not in approver.get("/standing").text
    assert approver.post(found[1], confirm="desk.confirm-stand-down").status_code == 409


def test_who_may_see_and_turn_it(site: Site) -> None:
    admin = site.administrator()
    for role in Role:
        visitor = (
            site.joined(f"The {role}", role, train=False)
            if role != "administrator"
            else admin.sign_in()
        )
        sees = role in (Role.ADMINISTRATOR, Role.APPROVER, Role.AUDITOR)
        assert visitor.get("/standing").status_code == (200 if sees else 403)
        for way in ("down", "up"):
            may = role is Role.ADMINISTRATOR
            assert visitor.get(f"/standing/{way}").status_code == (200 if may else 403)
            if not may:
                assert visitor.post(f"/standing/{way}", TYPED).status_code == 403
            answer = visitor.post(f"/standing/{NOBODY}/confirm-{way}")
            assert answer.status_code == 403
        if role is Role.APPROVER:
            answer = visitor.post(f"/standing/{NOBODY}/confirm-down",
                                  confirm="desk.confirm-stand-down")  # fmt: skip
            assert answer.status_code == 403
            assert "nothing for you to confirm" in answer.text.lower()
