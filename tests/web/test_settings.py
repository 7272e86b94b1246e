"""Thresholds and audits in a browser: what a change means is seen before anybody decides."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from typing import Any

import pytest
from casework import CARD, POLICY, audit
from clockkit import MovingClock
from people import entries
from webkit import Site, Visitor, fields_of

from countenance.desk.roles import Role

REASON = "a reason of a sentence & <script>alert(1)</script>"
TYPED = {"threshold": "0.4", "list_length": "10", "reason": REASON}
NOBODY = "0" * 32


def with_audit(site: Site) -> tuple[Visitor, Visitor, Visitor]:
    """An administrator, an approver and an auditor, of a desk that could search."""
    approver, auditor = (
        site.joined("Ben App", Role.APPROVER),
        site.joined("Ulf Aud", Role.AUDITOR, train=False),
    )
    site.with_audit(auditor, approver)
    return site.administrator(), approver.sign_in(), auditor.sign_in()


def proposed(admin: Visitor, **other: str) -> str:
    done = admin.post("/settings/propose", {**TYPED, **other}, confirm="setting.propose")
    assert done.status_code == 303, done.text
    return str(done.headers["location"].partition("?")[0])


def file_of(**other: Any) -> dict[str, Any]:
    return {"audit": ("audit.json", audit(**other).to_json().encode(), "text/html")}


def test_without_an_audit_nothing_can_be_proposed(site: Site) -> None:
    admin = site.administrator()
    page = admin.get("/settings").text
    assert "No threshold is in force" in page
    assert "no current audit" in page
    assert CARD.identity in page
    answer = admin.post("/settings/compare", TYPED)
    assert answer.status_code == 409
    assert 'value="0.4"' in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    again = admin.post("/settings/propose", TYPED, confirm="setting.propose")
    assert again.status_code == 409


def test_what_it_means_stands_before_the_proposal_and_before_the_approval(site: Site) -> None:
    admin, approver, _ = with_audit(site)
    before = admin.get("/settings").text
    assert "the threshold 0.363 and a list of at most 20 candidates" in before
    compared = admin.post("/settings/compare", {**TYPED, "threshold": " 0.30 "})
    assert compared.status_code == 200
    assert not list(entries(site.deployment.log, "setting-changed"))[2:]
    for words in ("female", "male", "False matches at 0.3", "False matches at 0.363, now"):
        assert words in compared.text
    assert re.search(r"at most [\d,]+ of [\d,]+ comparisons \(95 % interval up to ", compared.text)
    assert re.search(r"[\d,]+ of [\d,]+ comparisons \(95 % interval [\d.]+–[\d.]+ %\)",
                     compared.text)  # fmt: skip
    assert "<script>alert" not in compared.text
    fields = {name: html.unescape(value) for name, value in fields_of(compared.text).items()}
    assert fields["reason"] == REASON
    done = admin.post("/settings/propose", fields, confirm="setting.propose")
    path = done.headers["location"].partition("?")[0]
    table = re.search(r"<tbody>.*?</tbody>", compared.text, re.DOTALL)
    assert table
    for visitor in (admin, approver):
        page = visitor.get(path).text
        assert table[0] in page  # the same table
        assert "&lt;script&gt;alert(1)" in page
        assert "by Ada First" in page
    assert "is proposed by Ada First" in approver.get("/settings").text
    assert f'action="{path}/approve"' not in admin.get(path).text
    digest = fields_of(approver.get(path).text)["digest"]
    assert approver.post(f"{path}/approve", {"digest": digest}).status_code == 403  # no passkey
    wrong = approver.post(f"{path}/approve", {"digest": "0" * 64}, confirm="setting.approve")
    assert wrong.status_code == 409
    assert admin.post(f"{path}/approve", {"digest": digest}).status_code == 403
    approved = approver.post(f"{path}/approve", {"digest": digest}, confirm="setting.approve")
    assert approved.status_code == 303
    after = approver.get("/settings").text
    assert "the threshold 0.3 and a list of at most 10 candidates" in after
    assert "replaced" in after
    twice = approver.post(f"{path}/approve", {"digest": digest}, confirm="setting.approve")
    assert twice.status_code == 409


def test_a_proposal_is_refused_with_a_reason_or_withdrawn(site: Site) -> None:
    admin, approver, auditor = with_audit(site)
    path = proposed(admin)
    short = approver.post(f"{path}/refuse", {"reason": "<b>no"}, confirm="setting.refuse")
    assert short.status_code == 422
    assert "&lt;b&gt;no</textarea>" in short.text
    done = approver.post(f"{path}/refuse", {"reason": REASON}, confirm="setting.refuse")
    assert done.status_code == 303
    page = auditor.get(path).text
    assert "refused" in page
    assert "by Ben App" in page
    assert approver.post(f"{path}/refuse", {"reason": REASON},
                         confirm="setting.refuse").status_code == 409  # fmt: skip
    path = proposed(admin)
    assert admin.post(f"{path}/withdraw").status_code == 303
    assert admin.post(f"{path}/withdraw").status_code == 409
    assert "withdrawn" in auditor.get("/settings").text
    assert "0.363" in auditor.get("/settings").text


@pytest.mark.parametrize("path", ["/settings/compare", "/settings/propose"])
def test_what_is_no_setting_is_refused_at_its_field(site: Site, path: str) -> None:
    admin, _, _ = with_audit(site)
    for name, wrong in (
        ("threshold", ""), ("threshold", "<b>"), ("threshold", "nan"), ("threshold", "1e400"),
        ("threshold", "-0.5"), ("threshold", "9" * 33), ("list_length", "0"),
        ("list_length", "51"), ("list_length", "1.5"), ("reason", "more leads"), ("reason", ""),
    ):  # fmt: skip
        answer = admin.post(path, {**TYPED, name: wrong}, confirm="setting.propose")
        assert answer.status_code == 422, wrong
        assert f'href="#f-{name}"' in answer.text
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text


def test_who_may_see_and_decide(site: Site) -> None:
    admin, _, _ = with_audit(site)
    path = proposed(admin)
    for role in Role:
        visitor = (
            site.joined(f"The {role}", role, train=False)
            if role != "administrator"
            else admin.sign_in()
        )
        found = re.search(r"/audits/[0-9a-f]{32}", visitor.get("/settings").text)
        assert found
        for each in ("/settings", path, "/audits", found[0], f"{found[0]}/audit.json"):
            assert visitor.get(each).status_code == 200, each
        doors = {
            ("GET", "/settings/propose"): Role.ADMINISTRATOR,
            ("POST", "/settings/compare"): Role.ADMINISTRATOR,
            ("POST", "/settings/propose"): Role.ADMINISTRATOR,
            ("POST", f"{path}/withdraw"): Role.ADMINISTRATOR,
            ("POST", f"{path}/approve"): Role.APPROVER,
            ("GET", f"{path}/refuse"): Role.APPROVER,
            ("POST", f"{path}/refuse"): Role.APPROVER,
            ("GET", "/audits/accept"): Role.AUDITOR,
            ("POST", "/audits/accept"): Role.AUDITOR,
            ("POST", "/audits/check"): Role.AUDITOR,
            ("GET", f"{found[0]}/withdraw"): Role.AUDITOR,
            ("POST", f"{found[0]}/withdraw"): Role.AUDITOR,
        }
        for (method, door), may in doors.items():
            if may is not role:
                answer = visitor.get(door) if method == "GET" else visitor.post(door)
                assert answer.status_code == 403, door
                if method == "GET":
                    assert f'"{door}"' not in visitor.get("/settings").text
        assert visitor.get(f"/settings/{NOBODY}").status_code == 403
        assert visitor.get(f"/audits/{NOBODY}").status_code == 403
        assert visitor.get(f"/audits/{NOBODY}/audit.json").status_code == 403
        assert visitor.get("/settings/nonsense").status_code == 404


def test_an_audit_is_looked_at_accepted_and_withdrawn(site: Site) -> None:
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    checked = auditor.post("/audits/check", files=file_of())
    assert checked.status_code == 200
    assert "It meets the policy" in checked.text
    assert "Nothing is accepted yet" in checked.text
    assert not list(entries(site.deployment.log, "audit-accepted"))
    assert "None was accepted yet" in auditor.get("/audits").text
    unsure = auditor.post("/audits/accept", files=file_of(), confirm="audit.accept")
    assert unsure.status_code == 422
    assert 'href="#f-operational"' in unsure.text
    done = auditor.post("/audits/accept", {"operational": "yes"}, files=file_of())
    assert done.status_code == 303
    path = done.headers["location"].partition("?")[0]
    page = auditor.get(path).text
    for words in ("female", "male", "everybody", "It meets the policy", "by Ulf Aud"):
        assert words in page
    assert re.search(r"\d+ of [\d,]+ comparisons \(", page)
    kept = auditor.get(f"{path}/audit.json")
    assert kept.content == audit().to_json().encode()
    assert kept.headers["content-type"] == "application/json"
    assert kept.headers["content-disposition"].startswith("attachment")
    again = auditor.post("/audits/accept", {"operational": "no"}, files=file_of(),
                         confirm="audit.accept")  # fmt: skip
    assert again.status_code == 409
    wrong = auditor.post(f"{path}/withdraw", {"reason": "error-found", "grounds": "<b>"},
                         confirm="audit.withdraw")  # fmt: skip
    assert wrong.status_code == 422
    assert "&lt;b&gt;</textarea>" in wrong.text
    gone = auditor.post(f"{path}/withdraw", {"reason": "error-found", "grounds": REASON},
                        confirm="audit.withdraw")  # fmt: skip
    assert gone.status_code == 303
    assert "it is withdrawn" in auditor.get(path).text
    assert "no current audit" in auditor.get("/settings").text
    assert auditor.post(f"{path}/withdraw", {"reason": "other", "grounds": REASON},
                        confirm="audit.withdraw").status_code == 409  # fmt: skip


def test_what_an_audit_falls_short_in_is_said(site: Site, clock: MovingClock) -> None:
    house = dataclasses.replace(
        site.deployment.house,
        audit_policy=dataclasses.replace(POLICY, least_people=500, most_worst_fmr=1e-9),
    )
    site.app.state.deployment = dataclasses.replace(site.deployment, house=house)
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    checked = auditor.post("/audits/check", files=file_of()).text
    done = auditor.post("/audits/accept", {"operational": "no"}, files=file_of(),
                        confirm="audit.accept")  # fmt: skip
    page = auditor.get(done.headers["location"]).text
    for each in (checked, page, auditor.get("/settings").text):
        assert "It does not meet the policy" in each
        assert "at least 500 are asked for" in each
        assert re.search(r"FMR of (fe)?male: up to [\d.]+ \([\d,]+ of [\d,]+, \d+ people", each)
    clock.move(days=400)
    late = auditor.sign_in().get(done.headers["location"]).text
    assert "too old" in late
    assert "at most 365" in late


def test_an_audit_of_another_engine_is_said_to_be(site: Site) -> None:
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    answer = auditor.post("/audits/check", files=file_of(engine="ab" * 32))
    assert "of another engine than this desk searches with" in answer.text


def test_labels_of_an_audit_are_text(site: Site) -> None:
    bad = "</td><script>alert(1)</script>"
    data = audit().to_json().replace('"female"', json.dumps(bad))
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    files = {"audit": ("<script>.json", data.encode(), "application/json")}
    checked = auditor.post("/audits/check", files=files)
    done = auditor.post("/audits/accept", {"operational": "no"}, files=files,
                        confirm="audit.accept")  # fmt: skip
    pages = [checked, auditor.get(done.headers["location"])]
    admin = site.administrator()
    pages.append(admin.post("/settings/compare", TYPED))
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text


def broken() -> list[bytes]:
    good = json.loads(audit().to_json())
    return [
        b"<script>alert(1)</script>",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps({**good, "performed_on": "yesterday"}).encode(),
        json.dumps({**good, "performed_on": None}).encode(),
        json.dumps({**good, "unit": {}}).encode(),
        json.dumps({**good, "unit": {"kind": "x", "name": "<b>", "scale": 1}}).encode(),
        json.dumps({**good, "headline": 99}).encode(),
        json.dumps({**good, "headline": -7}).encode(),
        json.dumps({**good, "operating": 99}).encode(),
        json.dumps({**good, "results": []}).encode(),
        json.dumps({**good, "groupings": []}).encode(),
        json.dumps({**good, "engine": None}).encode(),
        json.dumps({**good, "engine": {"identity": ["x"]}}).encode(),
    ]


def test_what_is_no_audit_is_refused_and_never_a_fault(site: Site) -> None:
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    taken = 0
    for data in broken():
        files = {"audit": ("audit.json", data, "application/json")}
        checked = auditor.post("/audits/check", files=files)
        assert checked.status_code in (200, 422), checked.text
        accepted = auditor.post("/audits/accept", {"operational": "no"}, files=files,
                                confirm="audit.accept")  # fmt: skip
        assert accepted.status_code in (303, 422), data[:100]
        if accepted.status_code == 303:
            assert auditor.get(accepted.headers["location"]).status_code == 200
            taken += 1
        else:
            assert 'href="#f-audit"' in accepted.text
        assert auditor.get("/settings").status_code == 200
        for page in (checked, accepted):
            assert "<script>alert" not in page.text
            assert "<b>" not in page.text
    assert taken == 2  # it says nothing at any threshold; its own threshold is none of its results


def test_no_file_is_said_at_its_field(site: Site) -> None:
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    answer = auditor.post("/audits/check")
    assert answer.status_code == 422
    assert 'href="#f-audit"' in answer.text
