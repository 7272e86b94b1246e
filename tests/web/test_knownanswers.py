"""Known answers in a browser: registered by auditors, looking like any other, counted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from casework import picture
from reviewsite import SHOWN, XSS, finding, noted, take
from webkit import Site, Visitor

from countenance.desk.reviewing import mix_in
from countenance.desk.roles import Role
from countenance.desk.store import Store

PROBE, SAME, OTHER = picture(90), picture(91, seed=2), picture(200, seed=3, kind="JPEG")


def register(auditor: Visitor, **other: Any) -> Any:
    files = {"probe": PROBE, "picture-1": OTHER, "picture-4": SAME, **other.pop("files", {})}
    fields = {"answer": "4", "consent": f"form 12 {XSS}", **other}
    return auditor.post(
        "/known-answers/new", fields, confirm="known-answer.register",
        files={name: ("../../etc/passwd.html", data, "text/html")
               for name, data in files.items() if data is not None},
    )  # fmt: skip


@pytest.fixture
def auditor(site: Site) -> Visitor:
    return site.joined("Ulf Uhl", Role.AUDITOR, train=False)


def handed_out(site: Site) -> None:
    """As when the review of a real list begins and chance has it."""
    from types import SimpleNamespace

    def work(db: Any) -> None:
        mix_in(SimpleNamespace(db=db, now=site.clock()))  # type: ignore[arg-type]

    store: Store = site.desk.store
    store.write(work)


def test_registered_examined_as_any_other_and_counted(site: Site, auditor: Visitor) -> None:
    assert 'href="/known-answers"' in auditor.get("/leads").text
    assert "None is registered" in auditor.get("/known-answers").text
    assert auditor.get("/known-answers/new").status_code == 200
    assert register(auditor).status_code == 303
    page = auditor.get("/known-answers").text
    assert "1 of 1 are handed out" in page
    assert "Nobody has concluded one yet" in page
    handed_out(site)
    for name, right in (("Eve Ent", True), ("Fay Fox", False)):
        examiner = site.joined(name, Role.EXAMINER)
        task = take(examiner)
        assert "known" not in examiner.get(f"/reviews/{task}").text.lower()
        assert examiner.get(f"/reviews/{task}/probe").content == PROBE
        noted(examiner, task)
        page = examiner.get(f"/reviews/{task}").text
        assert "known" not in re.sub("not known", "", page.lower())
        drafts = {}
        for number in ("1", "2"):
            shown = examiner.post(f"/reviews/{task}/compare", {"go": number}).text
            source = re.search(r'src="(/reviews/\w+/candidates/\w+)"', shown)
            assert source
            same = examiner.get(source[1]).content == (SAME if right else OTHER)
            drafts[number] = finding("features-support-one-person") if same else finding()
        done = examiner.post(f"/reviews/{task}/conclude", {"drafts": json.dumps(drafts)},
                             confirm="review.conclude")  # fmt: skip
        assert done.status_code == 303
        assert "Nobody has concluded" not in examiner.get("/reviews").text
    page = auditor.get("/known-answers").text
    assert "1 of 1 (100 %, 95 % interval 2–100 %)" in page  # Eve right, Fay wrong
    assert "1 of 2 (50 %, 95 % interval 1–99 %)" in page
    for told in ("Eve Ent", "Fay Fox", "All together"):
        assert told in page


def test_a_list_that_is_not_right_is_asked_for_again(auditor: Visitor) -> None:
    bomb = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
    for wrong, where in (
        ({"files": {"probe": None}}, "probe"), ({"files": {"probe": b"<script>"}}, "probe"),
        ({"files": {"picture-4": bomb}}, "picture-4"),
        ({"files": {"picture-1": None, "picture-4": None}, "answer": "none"}, "picture-1"),
        ({"answer": "2"}, "answer"), ({"answer": "0"}, "answer"), ({"answer": ""}, "answer"),
        ({"consent": ""}, "consent"), ({"consent": "a"}, "consent"),
        ({"consent": XSS + "a" * 200}, "consent"),
    ):  # fmt: skip
        refused = register(auditor, **wrong)
        assert refused.status_code == 422, where
        assert f'href="#f-{where}"' in refused.text
        assert "<script>alert" not in refused.text
    assert SHOWN in register(auditor, answer="7").text
    assert "None is registered" in auditor.get("/known-answers").text


def test_retired_it_is_handed_out_no_more(site: Site, auditor: Visitor) -> None:
    register(auditor)
    found = re.search(r"/known-answers/([0-9a-f]{32})/retire", auditor.get("/known-answers").text)
    assert found
    path = found[0]
    assert auditor.post(path).status_code == 403  # no passkey
    assert auditor.post(path, confirm="known-answer.register").status_code == 303
    assert auditor.post(path, confirm="known-answer.register").status_code == 409
    assert "0 of 1 are handed out" in auditor.get("/known-answers").text
    handed_out(site)
    examiner = site.joined("Eve Ent", Role.EXAMINER)
    assert examiner.post("/reviews/take").headers["location"].startswith("/reviews?done")
    none = auditor.post(f"/known-answers/{'0' * 32}/retire", confirm="known-answer.register")
    assert none.status_code == 403


def test_known_answers_are_for_auditors(site: Site, auditor: Visitor) -> None:
    assert auditor.get("/known-answers").status_code == 200
    for role in (Role.REQUESTER, Role.APPROVER, Role.EXAMINER):
        other = site.joined(f"Una {role}", role)
        for path in ("/known-answers", "/known-answers/new"):
            assert other.get(path).status_code == 403
        assert other.post("/known-answers/new", {"answer": "none"}).status_code == 403


def test_a_list_is_erased_by_an_auditor_and_an_administrator(site: Site, auditor: Visitor) -> None:
    assert register(auditor).status_code == 303
    known = re.search(r"/known-answers/(\w{32})/retire", auditor.get("/known-answers").text)
    assert known
    retire, ask = (f"/known-answers/{known[1]}/{what}" for what in ("retire", "erase"))
    assert auditor.post(retire, {}, confirm="known-answer.register").status_code == 303
    assert f'href="{ask}"' in auditor.get("/known-answers").text
    said = {"basis": "consent-withdrawn", "grounds": f"a letter of today {XSS}"}
    wrong = {**said, "grounds": "no"}
    assert auditor.post(ask, wrong, confirm="known-answer.ask-erasure").status_code == 422
    assert auditor.post(ask, said, confirm="known-answer.ask-erasure").status_code == 303
    page = auditor.get("/known-answers/erasures").text
    assert XSS not in page
    assert "Withdraw it" in page
    assert "Erase it for good" not in page
    admin = site.administrator()
    assert "/known-answers/erasures" in admin.get("/tasks").text
    assert "/known-answers/erasures" in admin.get("/erasures").text
    path = re.search(r"/known-answers/erasures/\w{32}/confirm", admin.get(
        "/known-answers/erasures").text)  # fmt: skip
    assert path
    assert admin.post(path[0], {}, confirm="known-answer.confirm-erasure").status_code == 303
    assert "None." in admin.get("/known-answers/erasures").text
    assert "erased" in auditor.get("/known-answers").text
    assert "/known-answers/erasures" not in admin.get("/tasks").text
    again = admin.post(path[0], {}, confirm="known-answer.confirm-erasure")
    assert again.status_code == 409
    assert admin.get("/known-answers").status_code == 403
