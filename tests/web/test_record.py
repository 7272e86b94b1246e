"""The record: events, proofs that the command line takes, and fields that open one at a time."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select
from webkit import Site, Visitor
from witnessed import Witnessed, ran, witnessed

from countenance.desk.cases import Case
from countenance.desk.events import Outgoing
from countenance.desk.kinds import KINDS
from countenance.desk.roles import Role
from countenance.desk.subjects import SubjectRequest
from countenance.desk.unsealing import entry_of
from countenance.record import QuorumError, seal
from countenance.web.rendering import plain

EVIL = "<script>alert(1)</script>"
OPEN = {"field": "author", "basis": "court-order", "reader": "Judge Roe"}


@pytest.fixture
def publisher(site: Site) -> Witnessed:
    return witnessed(site)


@pytest.fixture
def auditor(site: Site, publisher: Witnessed) -> Visitor:
    found = site.joined("Uma Audit", Role.AUDITOR, train=False)
    publisher.cover(None)
    return found


def entry_with(site: Site, field: str) -> int:
    log = site.deployment.log
    return next(n for n in range(log.size) if field in entry_of(log, n).sealed)


def test_every_entry_is_listed_once_the_newest_first(site: Site, auditor: Visitor) -> None:
    for n in range(55):
        site.deployment.log.append([site.deployment.log.entry(n % 3)])
    seen: list[int] = []
    at = "/record"
    while at:
        page = auditor.get(at)
        assert page.status_code == 200
        seen += map(int, re.findall(r'href="/record/(\d+)"', page.text))
        more = re.search(r'<a href="(/record\?before=\d+)">', page.text)
        at = more[1] if more else ""
    assert seen == list(range(site.deployment.log.size))[::-1]


@pytest.mark.parametrize(("value", "says"), [
    (True, "yes"), (False, "no"), (12345, "12,345"), ("known-by-record", "known by record"),
    ("part-1-violent", "part 1 violent"), ("us/mi/detroit/directive-307-5",) * 2, ("US-MI",) * 2,
    ("2026-06-30T05:11:07Z", "2026-06-30 05:11 UTC"), ("2026-06-30",) * 2, ([], "none"),
    (["booking-photos", "us/mi"], "booking photos, us/mi"),
])  # fmt: skip
def test_a_public_field_is_read_as_what_it_is(value: object, says: str) -> None:
    assert plain(value) == says


@pytest.mark.parametrize("before", ["-1", "x", "1e3", "%3Cscript%3E", "9" * 30])
def test_another_page_than_there_is(auditor: Visitor, before: str) -> None:
    assert auditor.get(f"/record?before={before}").status_code == 422


def test_a_proof_verifies_offline_with_the_policy_that_the_desk_gives(
    site: Site, auditor: Visitor, tmp_path: Path
) -> None:
    index = entry_with(site, "author")
    page = auditor.get(f"/record/{index}")
    assert f"/record/{index}/proof" in page.text
    proof, policy = tmp_path / "a.tlog-proof", tmp_path / "policy"
    answer = auditor.get(f"/record/{index}/proof")
    assert answer.headers["content-disposition"] == f'attachment; filename="{index}.tlog-proof"'
    proof.write_bytes(answer.content)
    policy.write_bytes(site.public().get("/policy").content)
    done = ran("verify", proof, "--policy", policy, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert said["index"] == index
    assert [one["witness"] for one in said["cosigned"]] == ["w1"]
    proof.write_bytes(answer.content.replace(b"index ", b"index 1", 1))
    assert ran("verify", proof, "--policy", policy).exit_code == 1


def test_an_opened_field_verifies_against_the_proof(
    site: Site, auditor: Visitor, tmp_path: Path
) -> None:
    index = entry_with(site, "author")
    before = site.deployment.log.size
    opened = auditor.post(f"/record/{index}/open", OPEN, confirm="record.open-field")
    assert opened.status_code == 200, opened.text
    log = site.deployment.log
    told = [entry_of(log, n) for n in range(before, log.size)]
    (event,) = [one for one in told if one.kind == "opened"]
    assert event.public == {"fields": 1, "basis": "court-order"}
    assert b"Judge Roe" not in event.to_bytes()
    coded = re.search(r'href="data:application/json;base64,([A-Za-z0-9+/=]+)"', opened.text)
    assert coded
    opening, proof, policy = (tmp_path / name for name in ("o.json", "p.tlog-proof", "policy"))
    opening.write_bytes(base64.b64decode(coded[1]))
    proof.write_bytes(auditor.get(f"/record/{index}/proof").content)
    policy.write_text(site.deployment.policy)
    done = ran("verify", proof, "--policy", policy, "--opening", opening, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["opened"]["author"] in opened.text


def test_opening_is_asked_of_the_passkey_and_of_auditors_alone(
    site: Site, auditor: Visitor
) -> None:
    index = entry_with(site, "author")
    size = site.deployment.log.size
    fields = {**OPEN, "reader": EVIL}
    page = auditor.post(f"/record/{index}/open", fields)
    assert page.status_code == 403
    assert "passkey" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert EVIL not in page.text
    admin = site.administrator()
    assert "Open a sealed field" not in admin.get(f"/record/{index}").text
    assert admin.post(f"/record/{index}/open", OPEN).status_code == 403
    for n in range(size, site.deployment.log.size):
        assert entry_of(site.deployment.log, n).kind != "opened"


@pytest.mark.parametrize(
    ("bad", "where"),
    [({"field": "leaf"}, "field"), ({"basis": "curiosity"}, "basis"), ({"reader": ""}, "reader"),
     ({"reader": "x" * 300}, "reader"), ({"field": EVIL}, "field")],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_opened(
    site: Site, auditor: Visitor, bad: dict[str, str], where: str
) -> None:
    index = entry_with(site, "author")
    page = auditor.post(f"/record/{index}/open", {**OPEN, **bad}, confirm="record.open-field")
    assert page.status_code == 422
    assert f'href="#f-{where}"' in page.text
    assert EVIL not in page.text
    assert "base64" not in page.text


def test_nothing_is_opened_that_cannot_be_published(
    site: Site, auditor: Visitor, publisher: Witnessed
) -> None:
    index = entry_with(site, "author")
    publisher.error = QuorumError("no witness answers", outcomes=(), note=b"")
    auditor.confirm("record.open-field")
    page = auditor.post(f"/record/{index}/open", OPEN)
    assert page.status_code == 503
    assert "base64" not in page.text


def test_what_was_erased_opens_no_more(site: Site, auditor: Visitor) -> None:
    site.public().post("/subject-requests/ask", {"name": "Paula Poe", "contact": "12 Elm Street"})
    with site.desk.store.reading() as db:
        row = db.scalars(select(SubjectRequest)).one()
        place = db.scalars(select(Outgoing.place).where(Outgoing.about == row.handle)).one()
    assert place is not None
    site.desk.recorder._vault.erase_about(row.handle)
    page = auditor.post(
        f"/record/{place}/open", {**OPEN, "field": "details"}, confirm="record.open-field"
    )
    assert page.status_code == 409
    assert "erased" in page.text


def test_an_entry_that_is_not_there_and_one_that_is_not_published(
    site: Site, auditor: Visitor
) -> None:
    size = site.deployment.log.size
    for path in (f"/record/{size + 9}", f"/record/{size + 9}/proof"):
        assert auditor.get(path).status_code == 403
    for path in ("/record/-1", "/record/x", "/record/..%2f1"):
        assert auditor.get(path).status_code == 404
    site.public().post("/subject-requests/ask", {"name": "Paula Poe", "contact": "12 Elm Street"})
    new = site.deployment.log.size - 1
    page = auditor.get(f"/record/{new}")
    assert "no published checkpoint yet" in page.text
    assert auditor.get(f"/record/{new}/proof").status_code == 409


def test_others_have_no_business_here(site: Site, auditor: Visitor) -> None:
    for role in (Role.REQUESTER, Role.APPROVER, Role.EXAMINER):
        visitor = site.joined(f"Some {role}", role)
        for path in ("/record", "/record/0", "/record/0/proof"):
            assert visitor.get(path).status_code == 403
    assert site.public().get("/record").headers["location"].startswith("/sign-in")
    del auditor


def test_no_page_of_the_record_names_what_is_sealed(site: Site, auditor: Visitor) -> None:
    page = "".join(auditor.get(f"/record/{n}").text for n in range(site.deployment.log.size))
    assert "Rita Ray" not in page
    assert "Uma Audit" not in page
    with site.desk.store.reading() as db:
        assert not db.scalars(select(Case)).all()


def test_how_long_a_list_is_stands_nowhere_before_it_is_published(
    site: Site, auditor: Visitor, publisher: Witnessed
) -> None:
    digest = "a" * 64
    public = {"request": digest, "jurisdiction": "US-MI", "engine": digest, "audit": digest,
              "gallery": "booking", "gallery_size": 38, "candidates": 17}  # fmt: skip
    sealed = seal(KINDS["search-returned"][-1], time_s=1_795_000_000, public=public,
                  private={"case": "x", "list": {}})  # fmt: skip
    (index,) = site.deployment.log.append([sealed.entry.to_bytes()])
    for path in ("/record", f"/record/{index}"):
        page = auditor.get(path).text
        assert "gallery size" in page
        shown = re.sub(r"<[^>]+>|\d\d:\d\d", " ", page).split("gallery size")[1]
        assert not re.search(r"\b17\b", shown)  # a digest may well hold these two digits
        assert "candidates" not in page
    assert "candidates" not in auditor.get("/api/v1/record/events").text
    publisher.cover(None)
    assert "candidates" in auditor.get(f"/record/{index}").text
