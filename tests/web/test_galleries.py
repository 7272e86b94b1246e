"""Galleries in a browser: made, imported into, looked at, and emptied; never a person shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import deskgalleries
import pytest
from casework import KEYS
from clockkit import MovingClock
from people import entries
from webkit import Engine, Site, Visitor, fields_of

from countenance.desk import imports, purging
from countenance.desk.jobs import Worker
from countenance.desk.roles import Role

TEXT = "<script>alert(1)</script> Public Records Act"
GOOD: dict[str, Any] = {
    "code": "wanted-2026", "holder": "own-agency", "sources": ["wanted-persons", "booking-photos"],
    "basis": TEXT, "purpose": TEXT, "keep_days": "3650", "notice": "yes",
}  # fmt: skip
ENTRY = re.compile(r"/galleries/booking/entries/([0-9a-f]{32})")
NOBODY = "0" * 32
draw = deskgalleries.picture


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures light enough for the site's engine, but for those that are to be black."""

    def light(path: Path, colour: tuple[int, int, int]) -> None:
        draw(path, (colour[0], colour[1] + 100, colour[2]) if any(colour) else colour)

    monkeypatch.setattr(deskgalleries, "picture", light)


def work(site: Site) -> bool:
    root = site.folder / "in"
    return Worker(site.desk, {imports.IMPORT: imports.handler(KEYS, root, Engine())}).run_once()


def plan_of(admin: Visitor, folder: str = "batch", gallery: str = "wanted-2026") -> str:
    return admin.get(f"/galleries/{gallery}/import?{urlencode({'folder': folder})}").text


def made(site: Site) -> Visitor:
    admin = site.administrator()
    done = admin.post("/galleries/new", GOOD, confirm="gallery.create")
    assert done.status_code == 303, done.text
    return admin


def test_a_gallery_is_made_and_everybody_sees_what_it_stands_on(site: Site) -> None:
    admin = made(site)
    for visitor in (admin, site.joined("Rita Ray", Role.REQUESTER)):
        assert "wanted-2026" in visitor.get("/galleries").text
        page = visitor.get("/galleries/wanted-2026")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert page.text.count("&lt;script&gt;alert(1)") == 2
        assert "0 people in 0 images" in page.text
        assert "never: " in page.text
    again = admin.post("/galleries/new", GOOD, confirm="gallery.create")
    assert again.status_code == 409
    assert "&lt;script&gt;alert(1)" in again.text
    assert "<script>alert" not in again.text
    assert re.search(r'value="wanted-persons" checked', again.text)


def test_a_gallery_that_may_not_be_is_refused_at_its_field(site: Site) -> None:
    admin = site.administrator()
    for name, wrong in (
        ("code", "new"), ("code", "../etc"), ("code", "Wanted"), ("code", "-x"), ("code", "a/b"),
        ("holder", "clearview"), ("sources", []), ("sources", ["scraped-web"]), ("basis", "law"),
        ("purpose", "<b>"), ("keep_days", "0"), ("keep_days", "99999"), ("keep_days", "1e3"),
        ("notice", "perhaps"), ("basis", "x" * 501),
    ):  # fmt: skip
        answer = admin.post("/galleries/new", {**GOOD, name: wrong}, confirm="gallery.create")
        assert answer.status_code == 422, wrong
        assert f'href="#f-{name}"' in answer.text
        assert "<script>alert" not in answer.text
    assert "There is no gallery yet" in admin.get("/galleries").text


def test_size_composition_and_age_are_always_shown(site: Site) -> None:
    site.with_gallery(3)
    page = site.joined("Emma Lee", Role.EXAMINER, train=False).get("/galleries/booking").text
    assert "3 people in 3 images, the oldest of 1 May 2024" in page
    assert re.search(r'1 to 5 years</td><td class="n">3</td>', page)
    assert re.search(r'10 years and more</td><td class="n">0</td>', page)
    assert 'width="100.00"' in page
    assert re.search(r'booking photos</td><td class="n">3</td>', page)
    assert re.search(r'convicted</td><td class="n">3</td>', page)
    assert "/entries" not in page
    assert "/import" not in page
    assert "Last looked through" in page


def test_a_folder_is_shown_before_it_is_imported(site: Site) -> None:
    admin = made(site)
    assert "There is no folder to import from" in admin.get("/galleries/wanted-2026/import").text
    deskgalleries.folder(site.folder / "in", [
        {"subject": "Jane Doe"}, {"source": "scraped-web"}, {"source": "scraped-web"},
        {"born": "2010-01-01"}, {"black": "yes"},
    ], "one batch")  # fmt: skip
    assert 'value="one batch"' in admin.get("/galleries/wanted-2026/import").text
    page = plan_of(admin, "one batch")
    assert "2 of 5 rows may come into wanted-2026" in page
    assert re.search(r'no lawful source</td><td class="n">2</td>', page)
    assert re.search(r'minor when it was taken</td><td class="n">1</td>', page)
    assert "Jane Doe" not in page
    assert not list(entries(site.deployment.log, "gallery-import-begun"))
    fields = fields_of(page)
    begun = admin.post(
        "/galleries/wanted-2026/import", {"folder": "one batch", "plan": fields["plan"]},
        confirm="gallery.import",
    )  # fmt: skip
    assert begun.status_code == 303
    path = begun.headers["location"].partition("?")[0]
    waits = admin.get(path)
    assert "It waits for its turn" in waits.text
    assert waits.headers["refresh"] == "5"
    assert "refresh" not in admin.get(f"{path}?still=yes").headers
    assert work(site)
    done = admin.get(path)
    assert "refresh" not in done.headers
    assert "1 image came in" in done.text
    assert re.search(r'no.face</td><td class="n">1</td>', done.text)
    assert "by Ada First" in done.text
    assert "1 person in 1 image," in admin.get("/galleries/wanted-2026").text
    assert path in admin.get("/galleries/wanted-2026").text
    after = plan_of(admin, "one batch")
    assert "1 of 5 rows may come" in after  # the other one is there


def test_only_what_was_shown_is_imported(site: Site) -> None:
    admin = made(site)
    folder = deskgalleries.folder(site.folder / "in", [{}, {}])
    fields = fields_of(plan_of(admin))
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("s1", "s9"))
    answer = admin.post(
        "/galleries/wanted-2026/import", {"folder": "batch", "plan": fields["plan"]},
        confirm="gallery.import",
    )  # fmt: skip
    assert answer.status_code == 409
    assert "not what the dry run showed" in answer.text
    assert not work(site)
    no_passkey = admin.sign_in().post(
        "/galleries/wanted-2026/import",
        {"folder": "batch", "plan": fields_of(plan_of(admin))["plan"]},
    )
    assert no_passkey.status_code == 403
    assert not work(site)


def test_two_imports_into_a_gallery_do_not_run_at_once(site: Site) -> None:
    admin = made(site)
    deskgalleries.folder(site.folder / "in", [{}, {}])
    typed = {"folder": "batch", "plan": fields_of(plan_of(admin))["plan"]}
    path = "/galleries/wanted-2026/import"
    assert admin.post(path, typed, confirm="gallery.import").status_code == 303
    second = admin.post(path, typed, confirm="gallery.import")
    assert second.status_code == 409
    assert "under way" in second.text


def test_an_import_is_cancelled_from_its_page(site: Site) -> None:
    admin = made(site)
    deskgalleries.folder(site.folder / "in", [{} for _ in range(3)])
    begun = admin.post(
        "/galleries/wanted-2026/import",
        {"folder": "batch", "plan": fields_of(plan_of(admin))["plan"]}, confirm="gallery.import",
    )  # fmt: skip
    path = begun.headers["location"].partition("?")[0]
    auditor = site.joined("Uma Upp", Role.AUDITOR, train=False)
    assert f'action="{path}/cancel"' in admin.get(path).text
    assert "/cancel" not in auditor.get(path).text
    assert auditor.post(f"{path}/cancel").status_code == 403
    elsewhere = admin.post(f"/galleries/booking/imports/{path[-32:]}/cancel")
    nothing = admin.post(f"/galleries/wanted-2026/imports/{NOBODY}/cancel")
    assert elsewhere.status_code == nothing.status_code == 403
    done = admin.post(f"{path}/cancel")
    assert done.headers["location"] == f"{path}?done=import-cancelled"
    page = admin.get(done.headers["location"])
    assert "nothing more comes in" in page.text
    assert "It was cancelled. 0 images that had come in by then stay" in page.text
    assert "refresh" not in page.headers
    assert f"{path}/cancel" not in page.text
    again = admin.post(f"{path}/cancel")
    assert again.status_code == 409
    assert "this import has ended" in again.text.lower()
    assert not work(site)
    (told,) = entries(site.deployment.log, "gallery-import-cancelled")
    assert told.public["added"] == 0


def test_a_folder_elsewhere_is_none(site: Site) -> None:
    admin = made(site)
    outside = site.folder / "outside"
    deskgalleries.folder(outside, [{}])
    (site.folder / "in" / "link").symlink_to(outside / "batch")
    deskgalleries.folder(site.folder / "in", [{}])
    for folder in (
        "..", "../..", "/etc", "batch/../..", "link", "none", ".", "<script>", "x" * 2000, "\x00",
        "x" * 300,
    ):  # fmt: skip
        answer = admin.get(f"/galleries/wanted-2026/import?{urlencode({'folder': folder})}")
        assert answer.status_code == 422, folder
        assert 'href="#f-folder"' in answer.text
        assert str(site.folder) not in answer.text
        assert "<script>" not in answer.text
        assert 'value="link"' not in answer.text
        typed = {"folder": folder, "plan": "0" * 64}
        posted = admin.post("/galleries/wanted-2026/import", typed, confirm="gallery.import")
        assert posted.status_code == 422, folder


def test_a_manifest_that_cannot_be_read_is_told_without_the_server_s_paths(site: Site) -> None:
    admin = made(site)
    folder = deskgalleries.folder(site.folder / "in", [{}])
    (folder / "manifest.csv").write_text("picture,name\n1.png,x\n")
    answer = admin.get("/galleries/wanted-2026/import?folder=batch")
    assert answer.status_code == 422
    assert "batch/manifest.csv" in answer.text
    assert str(site.folder) not in answer.text


def test_entries_are_ids_without_people(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.with_gallery(5)
    monkeypatch.setattr("countenance.web.pages.galleries.A_PAGE", 2)
    admin = site.administrator()
    seen: list[str] = []
    path = "/galleries/booking/entries"
    while path:
        page = admin.get(path).text
        seen += ENTRY.findall(page)
        assert not re.search(r">s\d<", page)
        found = re.search(r'href="(/galleries/booking/entries\?after=[0-9a-f]{32})"', page)
        path = found[1] if found else ""
    assert len(seen) == 5
    assert seen == sorted(set(seen))
    assert len(ENTRY.findall(admin.get("/galleries/booking/entries?after='--").text)) == 2


def test_on_some_dispositions_an_image_goes_at_once(site: Site) -> None:
    site.with_gallery(2)
    admin = site.administrator()
    first, second = ENTRY.findall(admin.get("/galleries/booking/entries").text)
    path = f"/galleries/booking/entries/{first}"
    wrong = admin.post(path, {"disposition": "sold", "grounds": TEXT},
                       confirm="gallery.disposition")  # fmt: skip
    assert wrong.status_code == 422
    assert "&lt;script&gt;alert(1)" in wrong.text
    assert admin.post(path, {"disposition": "charged", "grounds": TEXT},
                      confirm="gallery.disposition").status_code == 303  # fmt: skip
    assert "charged" in admin.get(path).text
    assert admin.post(path, {"disposition": "expunged", "grounds": TEXT},
                      confirm="gallery.disposition").status_code == 303  # fmt: skip
    page = admin.get(path).text
    assert "removed" in page
    assert '<form method="post" action="/galleries' not in page
    gone = admin.post(path, {"disposition": "expunged", "grounds": TEXT},
                      confirm="gallery.disposition")  # fmt: skip
    assert gone.status_code == 403
    removals = admin.get("/galleries/booking/removals").text
    assert re.search(r'the record is expunged</td><td class="n">1</td>', removals)
    assert second in admin.get("/galleries/booking/entries").text


def test_erasing_answers_the_same_whether_somebody_was_there(site: Site) -> None:
    site.with_gallery(3)
    admin = site.administrator()
    path = "/galleries/booking/erase"
    answers = [
        admin.post(path, {"subject": who, "grounds": TEXT}, confirm="gallery.erase-person")
        for who in ("nobody<script>", "s1")
    ]
    assert {(each.status_code, each.headers["location"]) for each in answers} == {
        (303, "/galleries/booking?done=erased")
    }
    assert answers[0].content == answers[1].content
    assert "2 people in 2 images" in admin.get("/galleries/booking").text
    empty = admin.post(path, {"subject": "s2", "grounds": "no"}, confirm="gallery.erase-person")
    assert empty.status_code == 422
    assert 'value="s2"' in empty.text


def test_whoever_was_erased_is_refused_until_a_new_basis_is_stated(site: Site) -> None:
    site.with_gallery(3)
    admin = site.administrator()
    erased = {"subject": "s1", "grounds": TEXT}
    admin.post("/galleries/booking/erase", erased, confirm="gallery.erase-person")
    assert "is kept out" in admin.get("/galleries/booking/import?folder=batch").text
    path = "/galleries/booking/readmit"
    assert f'href="{path}"' in admin.get("/galleries/booking").text
    said = {"subject": "s1", "basis": "arrested anew, booking 99", "grounds": TEXT}
    for wrong in ({"basis": "no"}, {"grounds": "no"}):
        answer = admin.post(path, {**said, **wrong}, confirm="gallery.readmit")
        assert answer.status_code == 422
    answers = [admin.post(path, {**said, "subject": who}, confirm="gallery.readmit")
               for who in ("nobody", "s1")]  # fmt: skip
    assert {(each.status_code, each.headers["location"]) for each in answers} == {
        (303, "/galleries/booking?done=readmitted")
    }
    assert "is kept out" not in admin.get("/galleries/booking/import?folder=batch").text


def test_what_fell_due_is_told_with_its_reason(site: Site, clock: MovingClock) -> None:
    site.with_gallery(2)
    clock.move(days=1900)
    purging.purge(site.desk, "booking", keys=KEYS)
    page = site.joined("Rita Ray", Role.REQUESTER, train=False).get("/galleries/booking/removals")
    assert re.search(r'its time was over</td><td class="n">2</td>', page.text)


def test_who_may_see_and_do_what(site: Site) -> None:
    site.with_gallery(1)
    admin = site.administrator()
    (entry,) = ENTRY.findall(admin.get("/galleries/booking/entries").text)
    for role in Role:
        visitor = (
            site.joined(f"The {role}", role, train=False)
            if role != "administrator"
            else admin.sign_in()
        )
        administers, enters = (
            role is Role.ADMINISTRATOR,
            role in (Role.ADMINISTRATOR, Role.AUDITOR),
        )
        expected = {
            "/galleries": True, "/galleries/booking": True, "/galleries/booking/removals": True,
            "/galleries/booking/entries": enters, f"/galleries/booking/entries/{entry}": enters,
            "/galleries/new": administers, "/galleries/booking/import": administers,
            "/galleries/booking/import?folder=batch": administers,
            "/galleries/booking/erase": administers,
            "/galleries/booking/readmit": administers,
        }  # fmt: skip
        for path, may in expected.items():
            assert visitor.get(path).status_code == (200 if may else 403), path
        if not administers:
            for path in ("new", "booking/import", "booking/erase", "booking/readmit",
                         f"booking/entries/{entry}"):  # fmt: skip
                answer = visitor.post(f"/galleries/{path}", {**GOOD, "folder": "batch"})
                assert answer.status_code == 403, path
            page = visitor.get(f"/galleries/booking/entries/{entry}").text
            assert 'action="/galleries' not in page


def test_what_is_not_there_is_not_told_apart(site: Site) -> None:
    site.with_gallery(1)
    admin = made(site)
    (entry,) = ENTRY.findall(admin.get("/galleries/booking/entries").text)
    found = re.search(r"/galleries/booking/imports/([0-9a-f]{32})",
                      admin.get("/galleries/booking").text)  # fmt: skip
    assert found
    for part, there in (("entries", entry), ("imports", found[1])):
        other = admin.get(f"/galleries/wanted-2026/{part}/{there}")
        none = admin.get(f"/galleries/wanted-2026/{part}/{NOBODY}")
        assert (other.status_code, none.status_code) == (403, 403)
        assert other.content == none.content
    for path in ("", "/removals", "/entries", "/import", "/erase", "/readmit"):
        assert admin.get(f"/galleries/none{path}").status_code == 403
    assert admin.get("/galleries/No..ne").status_code == 404
