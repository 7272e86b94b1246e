"""Beside the way, in real browsers: standing down, a lost device, who asks about themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browserpeople import Room, fill, follow, join, local_site, press, room, says
from casepages import CASE
from clockkit import MovingClock
from playwright.sync_api import expect

from countenance.desk.roles import Role


@pytest.fixture
def people(tmp_path: Path, clock: MovingClock, request: pytest.FixtureRequest) -> Iterator[Room]:
    story = request.node.name.removeprefix("test_")[:16].rstrip("_")
    with local_site(tmp_path, clock) as site, room(site, story) as made:
        yield made


def test_the_desk_is_suspended_and_resumed_by_two(people: Room) -> None:
    people.story = "suspended"
    bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
    ann = people.joined("Ann Prove", Role.APPROVER)
    rita = people.joined("Rita Ray", Role.REQUESTER)
    anybody = people.person()
    for way, reason, confirm, after in (
        ("down", "incident", "Suspend the desk now", "The desk is suspended"),
        ("up", "resolved", "Resume now", "The desk is at work"),
    ):
        bea.came("/standing")
        follow(bea, "main a.button")
        first = bea.page.locator("[name=reason] option").nth(1).get_attribute("value")
        fill(bea.page, {"reason": first, "grounds": f"a wrong lead was issued: {reason}"})
        press(bea, "Ask for it")
        says(bea, "so you cannot confirm it")
        ann.came("/tasks")
        follow(ann, "main a[href='/standing']")
        press(ann, confirm)
        expect(ann.page.locator("h1")).to_have_text(after)
        rita.go("/cases/new")
        fill(rita.page, {**CASE, "number": f"24-{way}"})
        with rita.page.expect_navigation():
            rita.page.get_by_role("button", name="Open the case").click()
        if way == "down":
            expect(rita.page.get_by_role("alert")).to_contain_text("suspended")
            assert rita.page.locator("[name=number]").input_value() == "24-down"
            assert "status of 503" in rita.faults.pop()
        else:
            expect(rita.page.get_by_role("status")).to_be_visible()
        rita.look()
        anybody.came("/")
        warned = anybody.page.get_by_text("Nobody is searched for now")
        expect(warned).to_have_count(1 if way == "down" else 0)


def test_a_lost_device_is_replaced_by_two_administrators(people: Room) -> None:
    people.story = "lost-device"
    bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
    rita = people.joined("Rita Ray", Role.REQUESTER)
    ada = people.first()
    bea.came("/accounts")
    follow(bea, "main a:text-is('Rita Ray')")
    account = bea.here
    follow(bea, "main a[href$='/revoke']")
    fill(bea.page, {"grounds": "the telephone was left in a tram"})
    press(bea, "Revoke the passkey")
    rita.go("/cases")
    expect(rita.page).to_have_url(f"{rita.address}/sign-in?to=/cases")
    rita.page.get_by_role("button", name="Sign in with your passkey").click()
    expect(rita.page.locator("form .problem")).to_be_visible()  # whoever found it comes to nothing
    rita.faults.clear()

    bea.came(account)
    follow(bea, "main a[href$='/replace']")
    fill(bea.page, {"grounds": "a new telephone was handed out, number 17"})
    press(bea, "Ask for a new passkey")
    ada.came("/tasks")
    follow(ada, "main a[href^='/accounts/requests/']")
    press(ada, "Confirm")
    code = ada.page.locator(".code").text_content()
    assert code
    again = join(people.person(), code.strip())
    again.came("/account")
    states = again.page.locator("table").first.locator("tbody tr")
    assert sorted(states.nth(n).locator("td").nth(1).inner_text() for n in range(2)) == [
        "active", "revoked"
    ]  # fmt: skip


def test_anybody_asks_what_is_held_of_them_and_is_answered_on_paper(people: Room) -> None:
    people.story = "asked"
    people.site.with_gallery(30)
    bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
    ada = people.first()
    paula = people.person()
    paula.came("/")
    follow(paula, "main a[href='/subject-requests/ask']")
    fill(paula.page, {"name": "Paula Poe", "contact": "12 Elm Street", "known_as": "s28",
                      "words": "since May"})  # fmt: skip
    press(paula, "Send the request")
    reference = paula.page.locator(".code").inner_text()
    bea.came("/tasks")
    follow(bea, "main a[href^='/subject-requests/']")
    fill(bea.page, {"shown": "document-in-person", "how": "Passport seen at the counter"})
    press(bea, "Record that they showed it")
    says(bea, "another administrator makes the answer")
    ada.came("/tasks")
    follow(ada, "main a[href^='/subject-requests/']")
    press(ada, "Make the answer")
    says(ada, "1 image in galleries")
    ada.printed("asked-on-paper")
    says(ada, "The answer is made and kept")
    ada.page.emulate_media(media="print")
    expect(ada.page.get_by_text("The answer is made and kept")).to_be_hidden()
    ada.page.emulate_media(media="screen")
    paula.came("/subject-requests/status")
    fill(paula.page, {"reference": reference})
    press(paula, "Look")
    expect(paula.page.get_by_role("status")).to_contain_text("answer")
    assert "booking" not in paula.page.locator("main").inner_text()
