"""What is stated of a gallery, in a browser: who may, what counts, and how it ends."""

from __future__ import annotations

import re

import deskgalleries
from casework import CARD
from clockkit import MovingClock
from webkit import Site, Visitor

from countenance.desk.roles import Role

REASON = "looked through the whole list <script>alert(1)</script> with the records office"
TYPED = {"question": "justified", "holds": "yes", "until": "2027-01-31", "reason": REASON}
PATH = "/galleries/booking/statements"
NOBODY = "0" * 32


def administrator(site: Site) -> Visitor:
    deskgalleries.made(site.desk, code="booking", engine=CARD.identity, engine_name="fake",
                       actor=site.admin.to("gallery.create"))  # fmt: skip
    return site.administrator()


def stated(visitor: Visitor, **other: str) -> str:
    done = visitor.post(f"{PATH}/new", {**TYPED, **other}, confirm="gallery.state")
    assert done.status_code == 303, done.text
    found = re.search(rf"{PATH}/([0-9a-f]{{32}})/withdraw", visitor.get(PATH).text)
    assert found
    return found[1]


def test_what_is_stated_counts_until_it_ends(site: Site, clock: MovingClock) -> None:
    admin = administrator(site)
    assert admin.get(PATH).text.count("nobody says") == 4
    stated(admin)
    page = admin.get(PATH).text
    assert page.count("nobody says") == 3
    assert "yes, until 2027-01-31 23:59 UTC" in page
    assert "Ada First" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    clock.move(minutes=1)
    stated(admin, holds="no")
    page = admin.get(PATH).text
    assert "no, until 2027-01-31 23:59 UTC" in page
    assert "overtaken" in page
    clock.move(days=100)
    late = admin.sign_in().get(PATH).text
    assert late.count("nobody says") == 4


def test_a_statement_is_taken_back(site: Site, clock: MovingClock) -> None:
    admin = administrator(site)
    identity = stated(admin)
    path = f"{PATH}/{identity}/withdraw"
    short = admin.post(path, {"reason": "<b>no"}, confirm="gallery.state")
    assert short.status_code == 422
    assert "&lt;b&gt;no</textarea>" in short.text
    assert admin.post(path, {"reason": REASON}).status_code == 303  # confirmed, not yet spent
    page = admin.get(PATH).text
    assert "taken back" in page
    assert page.count("nobody says") == 4
    assert admin.post(path, {"reason": REASON}).status_code == 403  # spent
    assert admin.post(path, {"reason": REASON}, confirm="gallery.state").status_code == 409
    clock.move(seconds=1)
    deskgalleries.made(site.desk, code="other", actor=site.admin.sign_in().to("gallery.create"))
    admin.sign_in()
    other = admin.get(f"/galleries/other/statements/{identity}/withdraw")
    none = admin.get(f"/galleries/other/statements/{NOBODY}/withdraw")
    assert (other.status_code, none.status_code) == (403, 403)
    assert other.content == none.content
    assert admin.get("/galleries/none/statements").status_code == 403
    assert admin.get("/galleries/none/statements/new").status_code == 403


def test_what_cannot_be_stated_is_refused_at_its_field(site: Site) -> None:
    admin = administrator(site)
    for name, wrong in (
        ("question", "beautiful"), ("question", ""), ("holds", "perhaps"), ("until", "2026-11-22"),
        ("until", "2099-01-01"), ("until", "soon"), ("reason", "<b>"), ("reason", "x" * 2001),
    ):  # fmt: skip
        answer = admin.post(f"{PATH}/new", {**TYPED, name: wrong}, confirm="gallery.state")
        assert answer.status_code == 422, wrong
        assert f'href="#f-{name}"' in answer.text
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text


def test_who_may_state_something(site: Site) -> None:
    admin = administrator(site)
    identity = stated(admin)
    for role in Role:
        visitor = (
            site.joined(f"The {role}", role, train=False)
            if role != "administrator"
            else admin.sign_in()
        )
        may = role in (Role.ADMINISTRATOR, Role.AUDITOR)
        page = visitor.get(PATH)
        assert page.status_code == 200
        assert ("State something" in page.text) is may
        for door in (f"{PATH}/new", f"{PATH}/{identity}/withdraw"):
            assert visitor.get(door).status_code == (200 if may else 403)
            assert visitor.post(door, TYPED).status_code == 403  # not theirs, or no passkey
