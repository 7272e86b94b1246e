"""The way of a case in real browsers, one for each person, with Chromium's own authenticator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browserkit import WIDE, Watched, browser
from casepages import CASE, PROBE, request_fields
from clockkit import MovingClock
from demosite import free_port, served
from people import joined
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from webkit import Site, Visitor

from countenance.desk import reviewing
from countenance.desk.approvals import Approval
from countenance.desk.features import Component
from countenance.desk.invitations import invite
from countenance.desk.passkeys import RelyingParty
from countenance.desk.proofs import check_approval
from countenance.desk.roles import Role

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.fixture
def local(tmp_path: Path, clock: MovingClock) -> Iterator[Site]:
    """A site at an address of this machine, which a browser takes passkeys for."""
    party = RelyingParty(id="localhost", name="Desk", origins=(f"http://localhost:{free_port()}",))
    with Site.opened(tmp_path, clock, party=party) as site, served(site.app, party.origins[0]):
        yield site


def person(chromium: Browser, site: Site) -> Watched:
    context = chromium.new_context(viewport={"width": WIDE, "height": 900})
    return Watched(context, site.deployment.party.origins[0]).with_device()


def join(watched: Watched, code: str) -> Watched:
    """With a code that was shown, and then the sign-in with the passkey that was made."""
    watched.go("/join")
    watched.page.get_by_label("Code").fill(code)
    watched.page.get_by_role("button", name="Make my passkey").click()
    expect(watched.page.get_by_role("status")).to_contain_text("Your passkey is registered")
    watched.page.get_by_role("button", name="Sign in with your passkey").click()
    watched.page.wait_for_url("**/tasks")
    return watched


def fill(page: Page, fields: Mapping[str, Any]) -> None:
    """Each field by its name, as what it is."""
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            one = page.locator(f'[name="{name}"]')
            sort = one.first.evaluate("one => one.type")
            if sort in ("radio", "checkbox"):
                page.locator(f'[name="{name}"][value="{each}"]').check(force=True)
            elif sort.startswith("select"):
                one.select_option(str(each))
            else:
                one.fill(str(each))


def press(watched: Watched, name: str) -> None:
    """A form is sent, after the passkey where it asks for that; the next page is there."""
    with watched.page.expect_navigation():
        watched.page.get_by_role("button", name=name, exact=True).click()


def follow(watched: Watched, link: str) -> None:
    """The first link of these; its page is there."""
    with watched.page.expect_navigation():
        watched.page.locator(link).first.click()


def test_the_way_of_a_case_in_browsers(
    local: Site, clock: MovingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    site = local.with_gallery(30)
    auditor = joined(site.admin.sign_in(), "Ulf Audit", Role.AUDITOR)
    other = joined(site.admin.sign_in(), "Otto Prove", Role.APPROVER)
    site.with_audit(Visitor(site.app, auditor), Visitor(site.app, other))
    code = invite(
        site.desk, site.admin.sign_in().to("account.invite"), name="Bea Browser",
        roles=frozenset({Role.ADMINISTRATOR}),
    )  # fmt: skip
    with browser() as chromium:
        admin = join(person(chromium, site), code)
        rita = _invited(admin, chromium, site, "Rita Ray", "requester")
        ann = _invited(admin, chromium, site, "Ann Prove", "approver")
        emma = _invited(admin, chromium, site, "Emma Eye", "examiner")
        elias = _invited(admin, chromium, site, "Elias Eye", "examiner")

        rita.go("/cases/new")
        fill(rita.page, CASE)
        press(rita, "Open the case")
        expect(rita.page.get_by_role("status")).to_be_visible()
        case = rita.page.url.partition("?")[0].removeprefix(rita.address)
        rita.go(f"{case}/probes/new")
        fill(rita.page, PROBE)
        rita.page.set_input_files("[name=file]", site.folder / "in" / "batch" / "24.png")
        rita.page.locator("main form button").first.click()
        rita.page.wait_for_url("**/probes/*")
        probe = rita.page.url.partition("?")[0].removeprefix(rita.address)

        emma.go(f"{probe}/judge")
        fill(emma.page, {"suitable": "yes", "reason": "clear-enough"})
        press(emma, "Record my judgement")

        rita.go(f"{case}/requests/new")
        wanted = request_fields(probe)
        for _ in range(2):  # a third row for documents comes when two are filled in
            rita.page.eval_on_selector_all("details", "all => all.forEach((one) => one.open = 1)")
            there = {name for name in wanted if rita.page.locator(f'[name="{name}"]').count()}
            fill(rita.page, {name: wanted[name] for name in there})
            press(rita, "Show the decision")
        rita.shot("way-decision")
        press(rita, "Go on to submit")
        press(rita, "Submit the request")
        request = re.search(r"/requests/([0-9a-f]{32})", rita.page.url)
        assert request, rita.page.content()

        ann.go(f"/approvals/{request[1]}")
        ann.shot("way-approval")
        press(ann, "Approve exactly this")
        expect(ann.page.get_by_role("status")).to_be_visible()
        with site.desk.store.reading() as db:
            proof = db.scalars(select(Approval)).one()
        # What Chromium's authenticator signed is the digest, and anybody can check that.
        check_approval(
            proof.public_key, proof.digest, proof.authenticator_data, proof.client_data_json,
            proof.signature, rp_id="localhost", origins=site.deployment.party.origins,
        )  # fmt: skip

        rita.go(f"/requests/{request[1]}")
        press(rita, "Search now")
        assert "There is a list with" in rita.page.content()
        for examiner in (emma, elias):
            _examine(examiner)
        rita.go("/leads")
        follow(rita, "main a[href^='/leads/']")
        expect(rita.page).to_have_title(re.compile("lead", re.IGNORECASE))
        rita.shot("way-lead")
        for each in (admin, rita, ann, emma, elias):
            assert not each.faults
            each.context.close()


def _invited(admin: Watched, chromium: Browser, site: Site, name: str, role: str) -> Watched:
    """Through the administrator's pages: the code, and the training afterwards."""
    admin.go("/accounts/invite")
    fill(admin.page, {"name": name, "roles": role})
    press(admin, "Invite")
    code = admin.page.locator(".code").text_content()
    assert code
    them = join(person(chromium, site), code.strip())
    admin.go("/accounts")
    follow(admin, f"main a:has-text('{name}')")
    follow(admin, "main a[href$='/training']")
    fill(admin.page, {"kind": role, "until": "2027-06-01", "evidence": "certificate 17 of 2026"})
    press(admin, "Record the training")
    return them


def _examine(them: Watched) -> None:
    """Every candidate is compared, by the page's own form; the first is thought the same."""
    them.go("/reviews")
    press(them, "Take the next list")
    them.shot("way-probe")
    fill(them.page, {str(one): "clear" for one in Component})
    fill(them.page, {"words": "seen from the front, in even light"})
    press(them, "Keep these notes and see the candidates")
    page = them.page
    while not page.get_by_role("button", name=re.compile("Conclude")).count():
        number = page.locator('main form [name="candidate"]').input_value()
        fill(page, {f"{one}-{number}": "agree" for one in Component if one != Component.NECK})
        fill(page, {
            f"neck-{number}": "differ",
            f"conclusion-{number}": "features-support-one-person",
            f"grounds-{number}": "the brows, the nose and the line of the jaw",
        })  # fmt: skip
        them.shot("way-candidate")
        with page.expect_navigation():
            page.locator('main form button[name="go"]').first.click()
    them.shot("way-conclude")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("Conclude")).click()


def test_by_the_keyboard_alone_a_case_is_opened(local: Site) -> None:
    code = invite(
        local.desk, local.admin.to("account.invite"), name="Rita Ray",
        roles=frozenset({Role.REQUESTER}),
    )  # fmt: skip
    with browser() as chromium:
        rita = person(chromium, local)
        keys = rita.page.keyboard
        rita.go("/join")
        _tab_to(rita.page, "#f-code")
        keys.type(code)
        keys.press("Enter")
        expect(rita.page.get_by_role("status")).to_contain_text("registered")
        _tab_to(rita.page, "form[data-passkey] button")
        keys.press("Enter")
        rita.page.wait_for_url("**/tasks")
        _tab_to(rita.page, "a[href='/account']")
        keys.press("Enter")
        rita.page.wait_for_url("**/account")
        _tab_to(rita.page, "header form button")
        keys.press("Space")
        rita.page.wait_for_url("**/sign-in*")
        assert not rita.faults
        rita.context.close()


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("([what]) => document.activeElement?.matches(what) ?? false", [selector]):
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def test_what_is_written_into_fields_never_runs(local: Site) -> None:
    site = local
    joined(site.admin.sign_in(), "Otto Prove", Role.APPROVER)
    code = invite(
        site.desk, site.admin.sign_in().to("account.invite"), name="Bea Browser",
        roles=frozenset({Role.ADMINISTRATOR}),
    )  # fmt: skip
    with browser() as chromium:
        bea = join(person(chromium, site), code)
        bea.go("/standing")
        for path, fields in (
            ("/standing/down", {"reason": "review", "grounds": HOSTILE}),
            ("/incidents/new", {"cause": "complaint", "grounds": HOSTILE}),
        ):
            bea.go(path)
            fill(bea.page, fields)
            with bea.page.expect_navigation():
                bea.page.locator("main form button").first.click()
        for path in ("/standing", "/incidents", "/tasks", "/"):
            bea.go(path)
        bea.go("/standing")
        assert "onerror" in bea.page.locator("main").inner_text()
        assert not bea.faults
        bea.context.close()


def test_a_passkey_that_is_not_used_does_nothing(local: Site) -> None:
    code = invite(
        local.desk, local.admin.to("account.invite"), name="Bea Browser",
        roles=frozenset({Role.ADMINISTRATOR}),
    )  # fmt: skip
    with browser() as chromium:
        bea = join(person(chromium, local), code)
        size = local.deployment.log.size
        bea.cdp.send("WebAuthn.disable")
        bea.page.add_init_script(
            "navigator.credentials.get = async () => {"
            " throw new DOMException('', 'NotAllowedError') }"
        )
        bea.go("/accounts/invite")
        fill(bea.page, {"name": "Nobody Yet", "roles": "requester"})
        bea.page.get_by_role("button", name="Invite", exact=True).click()
        expect(bea.page.locator("form .problem")).to_contain_text("Nothing was done")
        assert bea.page.locator("[name=name]").input_value() == "Nobody Yet"
        assert local.deployment.log.size == size
        bea.context.close()
