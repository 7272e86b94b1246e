"""Subject requests: one public answer for everybody, two people behind it, nothing unescaped."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import event
from webkit import Site, Visitor

from countenance.desk.gallery_tables import Enrolled
from countenance.desk.roles import Role
from countenance.desk.subjects import KEEP_DAYS, forget
from countenance.web.at import At
from countenance.web.callers import source_of
from countenance.web.fields import Fields

ASKED = {"name": "Paula Poe", "contact": "12 Elm Street", "known_as": "s28", "words": "since May"}
EVIL = "<script>alert(1)</script>"
HOW = "Passport seen at the counter, with R. Roe"


def sent(visitor: Visitor, **other: str) -> str:
    """A request from the public form; its reference."""
    answer = visitor.post("/subject-requests/ask", {**ASKED, **other})
    assert answer.status_code == 201, answer.text
    return reference_of(answer.text)


def reference_of(page: str) -> str:
    found = re.search(r'<p class="code">([0-9a-f ]+)</p>', page)
    assert found
    return found[1].replace(" ", "")


def listed(visitor: Visitor) -> list[str]:
    page = visitor.get("/subject-requests").text
    return re.findall(r'href="/subject-requests/([0-9a-f]{32})"', page)


def checked(site: Site, by: Visitor) -> str:
    """A request of somebody who showed who they are."""
    sent(site.public())
    (request,) = listed(by)
    done = by.post(
        f"/subject-requests/{request}/check", {"shown": "document-in-person", "how": HOW},
        confirm="subject.check",
    )  # fmt: skip
    assert done.status_code == 303, done.text
    return request


def test_anybody_asks_and_learns_where_it_stands(site: Site) -> None:
    reference = sent(site.public())
    page = site.public().post("/subject-requests/status", {"reference": reference[:8] + " " +
                                                           reference[8:].upper()})  # fmt: skip
    assert page.status_code == 200
    assert "Your request is here" in page.text
    assert "Paula" not in page.text


def test_a_reference_that_is_none_is_told_so(site: Site) -> None:
    for reference in ("f" * 32, "", EVIL):
        page = site.public().post("/subject-requests/status", {"reference": reference})
        assert page.status_code == 422
        assert "no request with this reference" in page.text
        assert EVIL not in page.text


def test_what_is_missing_is_named_and_what_was_typed_stays(site: Site) -> None:
    page = site.public().post("/subject-requests/ask", {**ASKED, "name": "", "words": EVIL})
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert "12 Elm Street" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert EVIL not in page.text
    many = site.public().post("/subject-requests/ask", {**ASKED, "known_as": "1\n2\n3\n4\n5\n6"})
    assert many.status_code == 422


def test_whoever_knocks_too_often_is_told_when_to_come_again(site: Site) -> None:
    answers = [site.public().post("/subject-requests/ask", ASKED) for _ in range(7)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "12 Elm Street" in answers[-1].text


def test_one_checks_and_another_answers(site: Site) -> None:
    site.with_gallery(30)
    first, second = site.administrator(), site.joined("Bo Second", Role.ADMINISTRATOR, train=False)
    request = checked(site, first)
    shown = first.get(f"/subject-requests/{request}").text
    assert HOW in shown
    assert "Ada First" in shown
    assert "another administrator makes the answer" in shown
    alone = first.post(
        f"/subject-requests/{request}/answer", {"subjects": "s28"}, confirm="subject.answer"
    )
    assert alone.status_code == 403
    done = second.post(
        f"/subject-requests/{request}/answer", {"subjects": "s28\n"}, confirm="subject.answer"
    )
    assert done.headers["location"] == f"/subject-requests/{request}/answer?done=subject-answered"
    paper = first.get(f"/subject-requests/{request}/answer").text
    assert "1 image in galleries" in paper
    assert "booking" in paper
    again = second.post(
        f"/subject-requests/{request}/answer", {"subjects": "s4"}, confirm="subject.answer"
    )
    assert again.status_code == 409
    assert request not in listed(second)
    assert request in second.get("/subject-requests?all=yes").text


def test_a_picture_finds_the_entry_with_the_same_file(site: Site) -> None:
    site.with_gallery(30)
    second = site.joined("Bo Second", Role.ADMINISTRATOR, train=False)
    request = checked(site, site.administrator())
    picture = (site.folder / "in" / "batch" / "28.png").read_bytes()
    done = second.post(
        f"/subject-requests/{request}/answer", {"subjects": ""}, confirm="subject.answer",
        files={"picture": ("me.png", picture, "image/png")},
    )  # fmt: skip
    assert done.status_code == 303, done.text
    assert "1 image in galleries" in second.get(f"/subject-requests/{request}/answer").text


def test_a_request_can_be_closed_without_an_answer(site: Site) -> None:
    reference = sent(site.public())
    admin = site.administrator()
    (request,) = listed(admin)
    done = admin.post(
        f"/subject-requests/{request}/refuse",
        {"reason": "identity-not-shown", "grounds": f"Nobody came in sixty days {EVIL}"},
        confirm="subject.refuse",
    )  # fmt: skip
    assert done.status_code == 303
    page = admin.get(f"/subject-requests/{request}")
    assert "Nobody came" in page.text
    assert EVIL not in page.text
    assert admin.get(f"/subject-requests/{request}/answer").status_code == 403
    said = site.public().post("/subject-requests/status", {"reference": reference}).text
    assert "closed without an answer" in said
    assert "Nobody came" not in said


def test_what_was_written_is_gone_a_year_after_its_end(site: Site) -> None:
    reference = sent(site.public())
    admin = site.administrator()
    (request,) = listed(admin)
    admin.post(
        f"/subject-requests/{request}/refuse",
        {"reason": "withdrawn", "grounds": "They wrote that they need it no more"},
        confirm="subject.refuse",
    )  # fmt: skip
    site.clock.move(days=KEEP_DAYS + 1)
    assert forget(site.desk, keys=site.deployment.keys) == 1
    later = site.administrator()
    page = later.get(f"/subject-requests/{request}")
    assert page.status_code == 409
    assert "erased" in page.text
    assert "12 Elm" not in page.text
    assert request in later.get("/subject-requests?all=yes").text
    said = site.public().post("/subject-requests/status", {"reference": reference}).text
    assert "closed without an answer" in said


def test_addresses_of_one_network_are_one_caller(site: Site) -> None:
    def source(host: str) -> str:
        scope = {"type": "http", "client": (host, 1), "headers": [], "query_string": b""}
        return source_of(At(Request(scope), site.deployment, Fields(), ""))

    assert source("2001:db8:1:2::1") == source("2001:db8:1:2:ffff::9")
    assert source("2001:db8:1:3::1") != source("2001:db8:1:2::1")
    assert source("192.0.2.1") != source("192.0.2.2")
    assert re.fullmatch(r"[0-9a-f]{64}", source("192.0.2.1"))
    assert source("") != source("192.0.2.1")


def test_a_request_from_the_counter(site: Site) -> None:
    admin = site.administrator()
    made = admin.post("/subject-requests/enter", ASKED, confirm="subject.enter")
    assert made.status_code == 201
    status = site.public().post("/subject-requests/status", {"reference": reference_of(made.text)})
    assert "Your request is here" in status.text


@pytest.mark.parametrize("step", ["check", "refuse", "answer"])
def test_the_passkey_is_asked_for_and_the_form_keeps_what_was_typed(site: Site, step: str) -> None:
    admin = site.administrator()
    request = checked(site, admin) if step == "answer" else ""
    if not request:
        sent(site.public())
        (request,) = listed(admin)
    fields = {"how": HOW + EVIL, "grounds": HOW + EVIL, "subjects": "s1", "shown": "court",
              "reason": "other"}  # fmt: skip
    page = admin.post(f"/subject-requests/{request}/{step}", fields)
    assert page.status_code == 403
    assert "passkey" in page.text
    assert EVIL not in page.text
    bad = admin.post(
        f"/subject-requests/{request}/{step}", {**fields, "shown": "x", "reason": "x",
                                                "subjects": ""}, confirm=f"subject.{step}"
    )  # fmt: skip
    assert bad.status_code == 422


def test_only_administrators_read_what_was_written(site: Site) -> None:
    sent(site.public())
    (request,) = listed(site.administrator())
    auditor = site.joined("Uma Audit", Role.AUDITOR, train=False)
    assert auditor.get("/subject-requests").status_code == 200
    for role in (Role.REQUESTER, Role.APPROVER, Role.EXAMINER):
        assert site.joined(f"Other {role}", role).get("/subject-requests").status_code == 403
    for path in ("", "/answer"):
        assert auditor.get(f"/subject-requests/{request}{path}").status_code == 403
    assert site.public().get(f"/subject-requests/{request}").status_code == 303


def test_a_request_of_nobody_is_like_one_that_is_not_yours(site: Site) -> None:
    admin = site.administrator()
    sent(site.public())
    (request,) = listed(admin)
    there = admin.get(f"/subject-requests/{request}/answer")  # not answered
    nowhere = admin.get(f"/subject-requests/{'f' * 32}/answer")
    assert there.status_code == nowhere.status_code == 403
    assert admin.get(f"/subject-requests/{'f' * 32}").status_code == 403
    assert admin.get("/subject-requests/..%2f..%2fetc").status_code == 404


def test_whatever_is_written_is_shown_as_text(site: Site) -> None:
    sent(site.public(), **dict.fromkeys(ASKED, EVIL))
    admin = site.administrator()
    (request,) = listed(admin)
    page = admin.get(f"/subject-requests/{request}")
    assert EVIL not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") >= len(ASKED)


def test_the_public_answers_are_the_same_whoever_is_in_a_gallery(site: Site) -> None:
    """The same bytes, and the same work of the database: no statement reads a gallery."""
    site.with_gallery(30)
    visitor = site.public()
    read: list[str] = []
    engine = site.desk.store.engine

    def note(_a: Any, _b: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    seen = []
    for known_as in ("s28", "x28"):  # in the gallery, and not
        read.clear()
        answer = visitor.post("/subject-requests/ask", {**ASKED, "known_as": known_as})
        reference = reference_of(answer.text)
        page = visitor.post("/subject-requests/status", {"reference": reference})
        shown = [each.replace(reference, "") for each in (page.text,)]
        seen.append((re.sub(r"[0-9a-f]{8}( [0-9a-f]{8}){3}", "", answer.text), shown, [*read]))
    event.remove(engine, "before_cursor_execute", note)
    assert seen[0][:2] == seen[1][:2]
    assert len(seen[0][2]) == len(seen[1][2])
    tables = {Enrolled.__tablename__, "gallery_entries", "galleries", "searches"}
    assert not any(table in each for table in tables for _, _, found in seen for each in found)


@pytest.mark.parametrize("known", ["s28", "x28"])
def test_how_long_the_status_takes_says_nothing(site: Site, known: str) -> None:
    site.with_gallery(30)
    visitor = site.public()
    mine, other = sent(visitor, known_as=known), "f" * 32
    took: dict[str, list[float]] = {mine: [], other: []}
    for _ in range(15):
        for reference in took:
            began = time.perf_counter()
            visitor.post("/subject-requests/status", {"reference": reference})
            took[reference].append(time.perf_counter() - began)
    apart = abs(statistics.median(took[mine]) - statistics.median(took[other]))
    assert apart < 0.05  # seconds: a reference has 128 bits, and neither reads a gallery
