"""What a browser must not do: run what somebody wrote into a field, act without the passkey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browserpeople import Room, fill, local_site, room
from clockkit import MovingClock
from playwright.sync_api import expect

from countenance.desk.roles import Role

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.fixture
def people(tmp_path: Path, clock: MovingClock) -> Iterator[Room]:
    with local_site(tmp_path, clock) as site, room(site, "door") as made:
        yield made


def test_what_is_written_into_fields_never_runs(people: Room) -> None:
    bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
    for path, fields in (
        ("/standing/down", {"reason": "review", "grounds": HOSTILE}),
        (
            "/incidents/new",
            {"cause": "complaint", "grounds": HOSTILE, "engine": "", "gallery": ""},
        ),
    ):
        bea.go(path)
        fill(bea.page, fields)
        with bea.page.expect_navigation():
            bea.page.locator("main form button").first.click()
        assert "onerror" in bea.page.locator("main").inner_text()
    for path in ("/standing", "/incidents", "/tasks", "/"):
        bea.came(path)


def test_a_passkey_that_is_not_used_does_nothing(people: Room) -> None:
    bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
    size = people.site.deployment.log.size
    bea.cdp.send("WebAuthn.disable")
    bea.page.add_init_script(
        "navigator.credentials.get = async () => { throw new DOMException('', 'NotAllowedError') }"
    )
    bea.go("/accounts/invite")
    fill(bea.page, {"name": "Nobody Yet", "roles": "requester"})
    bea.page.get_by_role("button", name="Invite", exact=True).click()
    expect(bea.page.locator("form .problem")).to_contain_text("Nothing was done")
    assert bea.page.locator("[name=name]").input_value() == "Nobody Yet"
    assert people.site.deployment.log.size == size
