"""People at a desk, each in a browser of their own with Chromium's own authenticator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from browserkit import WIDE, Watched, browser
from clockkit import MovingClock
from demosite import free_port, served
from people import Person, trained
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from webkit import Site

from countenance.desk.account_tables import Account
from countenance.desk.features import Component
from countenance.desk.invitations import invite
from countenance.desk.passkeys import RelyingParty
from countenance.desk.roles import Role
from countenance.desk.training import KINDS_OF_TRAINING

SAME, OTHER = "features-support-one-person", "features-support-different-people"


@contextlib.contextmanager
def local_site(folder: Path, clock: MovingClock) -> Iterator[Site]:
    """A site at an address of this machine, which a browser takes passkeys for."""
    party = RelyingParty(id="localhost", name="Desk", origins=(f"http://localhost:{free_port()}",))
    with Site.opened(folder, clock, party=party) as site, served(site.app, party.origins[0]):
        yield site


@dataclass
class Room:
    """A site, and everybody's browser. Pages that look the same are looked at once."""

    chromium: Browser
    site: Site
    story: str
    """What its pictures are called."""
    seen: set[str] = field(default_factory=set)
    people: list[Watched] = field(default_factory=list)

    def person(self) -> Watched:
        """Somebody with a device, and without an account."""
        context = self.chromium.new_context(
            viewport={"width": WIDE, "height": 900}, locale="en-US"
        )
        address = self.site.deployment.party.origins[0]
        them = Watched(context, address, seen=self.seen, story=self.story).with_device()
        self.people.append(them)
        return them

    def code(self, name: str, *roles: Role) -> str:
        """The code that the first administrator has on their screen."""
        actor = self.site.admin.sign_in().to("account.invite")
        return invite(self.site.desk, actor, name=name, roles=frozenset(roles))

    def joined(self, name: str, *roles: Role) -> Watched:
        """Somebody who joined in their browser; their training is recorded without one."""
        them = join(self.person(), self.code(name, *roles))
        self.train(name, *roles)
        return them

    def first(self) -> Watched:
        """The first administrator goes on in a browser, and only there."""
        them = self.person()
        them.takes_over(self.site.admin.device, self.site.deployment.party.id)
        return sign_in(them)

    def train(self, name: str, *roles: Role) -> None:
        """What their roles need."""
        with self.site.desk.store.reading() as db:
            account = db.scalars(select(Account.id).where(Account.name == name)).one()
        for kind in KINDS_OF_TRAINING.intersection(role.value for role in roles):
            somebody = Person(self.site.desk, name, account=account)
            trained(self.site.admin, somebody, kind, days=300)

    def invited(self, admin: Watched, name: str, role: Role) -> Watched:
        """Through the administrator's pages: the code, and the training afterwards."""
        admin.came("/accounts/invite")
        fill(admin.page, {"name": name, "roles": role.value})
        press(admin, "Invite")
        code = admin.page.locator(".code").text_content()
        assert code
        them = join(self.person(), code.strip())
        admin.came("/accounts")
        follow(admin, f"main a:has-text('{name}')")
        if role.value in KINDS_OF_TRAINING:
            follow(admin, "main a[href$='/training']")
            fill(admin.page, {"kind": role.value, "until": "2027-06-01",
                              "evidence": "certificate 17 of 2026"})  # fmt: skip
            press(admin, "Record the training")
        return them


@contextlib.contextmanager
def room(site: Site, story: str) -> Iterator[Room]:
    """Whoever is in it has met no fault when they leave."""
    with browser() as chromium:
        made = Room(chromium, site, story)
        yield made
        for each in made.people:
            assert not each.faults
            each.context.close()


def join(watched: Watched, code: str) -> Watched:
    """With a code that was shown, and then the sign-in with the passkey that was made."""
    watched.came("/join")
    watched.page.get_by_label("Code").fill(code)
    watched.page.get_by_role("button", name="Make my passkey").click()
    expect(watched.page.get_by_role("status")).to_contain_text("Your passkey is registered")
    return sign_in(watched)


def sign_in(watched: Watched) -> Watched:
    """With the passkey, from the page of the sign-in."""
    if watched.here != "/sign-in":
        watched.go("/sign-in")
    watched.page.get_by_role("button", name="Sign in with your passkey").click()
    watched.page.wait_for_url("**/tasks")
    watched.look()
    return watched


def fill(page: Page, fields: Mapping[str, Any]) -> None:
    """Each field by its name, as what it is."""
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            one = page.locator(f'main [name="{name}"]')
            sort = one.first.evaluate("one => one.type")
            if sort in ("radio", "checkbox"):
                page.locator(f'main [name="{name}"][value="{each}"]').check(force=True)
            elif sort.startswith("select"):
                one.select_option(str(each))
            elif sort == "file":
                one.set_input_files(each)
            else:
                one.fill(str(each))


def press(watched: Watched, name: str) -> None:
    """A form is sent, after the passkey where it asks for that; the next page is there."""
    with watched.page.expect_navigation():
        watched.page.get_by_role("button", name=name, exact=True).click()
    watched.look()


def follow(watched: Watched, link: str) -> None:
    """The first link of these; its page is there."""
    with watched.page.expect_navigation():
        watched.page.locator(link).first.click()
    watched.look()


def says(watched: Watched, words: str) -> None:
    """The page has these words, now or in a moment."""
    expect(watched.page.locator("main")).to_contain_text(words)


def examine(them: Watched, same: Callable[[bytes], bool]) -> None:
    """Every candidate is compared, by the page's own form."""
    them.came("/reviews")
    press(them, "Take the next list")
    fill(them.page, {str(one): "clear" for one in Component})
    fill(them.page, {"words": "seen from the front, in even light"})
    press(them, "Keep these notes and see the candidates")
    page = them.page
    conclude = page.get_by_role("button", name="Conclude all")
    while not conclude.count():
        number = page.locator('main form [name="candidate"]').input_value()
        alike = same(shown(them, f"Candidate {number}"))
        fill(page, {f"{one}-{number}": "agree" for one in Component if one != Component.NECK})
        fill(page, {
            f"neck-{number}": "differ", f"conclusion-{number}": SAME if alike else OTHER,
            f"grounds-{number}": "the brows, the nose and the line of the jaw",
        })  # fmt: skip
        with page.expect_navigation():
            page.locator('main form button[name="go"]').first.click()
        them.look()
    with page.expect_navigation():
        conclude.click()
    them.look()


def shown(watched: Watched, words: str) -> bytes:
    """The picture that the page shows under these words."""
    source = watched.page.get_by_role("img", name=words, exact=True).get_attribute("src")
    answer = watched.context.request.get(f"{watched.address}{source}")
    assert answer.ok
    return answer.body()
