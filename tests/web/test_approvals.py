"""Pages of approvals: exactly what is approved, by whom, and what becomes of what changed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from casepages import CASE, HOSTILE, Cast, another, judged, opened, shared, uploaded
from webkit import Site

from countenance.desk.roles import Role

APPROVE, REFUSE = "request.approve", "request.refuse"
GROUNDS = "the other way of finding out was not tried"


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with shared(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def cast(everybody: Cast) -> Cast:
    return everybody.fresh()


def digest_of(page: str) -> str:
    found = re.search(r'data-digest="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def paths(request: str) -> tuple[str, str]:
    return "/approvals/" + request[-32:], request


def test_an_approver_sees_exactly_what_the_passkey_signs(cast: Cast) -> None:
    path, request = paths(cast.submitted())
    assert f'href="{path}"' in cast.app.get("/approvals").text
    page = cast.app.get(path).text
    for part in ("Rita Ray asks to search", html.escape(cast.narrative), "W-77",
                 "probable cause", "booking",
                 "at most 20 candidates", "0.363", "the original", "us/mi/detroit",
                 'data-sign="request.approve"'):  # fmt: skip
        assert part in page, part
    picture = re.search(r'<img src="([^"]+)"', page)
    assert picture
    shown = cast.app.get(picture[1])
    assert shown.content == (cast.site.folder / "in" / "batch" / "24.png").read_bytes()
    digest = digest_of(page)
    assert f'name="digest" value="{digest}"' in page
    answer = cast.app.post(path, {"digest": digest}, sign=(APPROVE, digest))
    assert answer.headers["location"] == f"{request}?done=request-approved"
    assert "approved exactly this" in cast.app.get(request).text
    assert cast.app.get(path).headers["location"] == request  # decided: nothing to decide


def test_a_signature_over_something_else_approves_nothing(cast: Cast) -> None:
    path, request = paths(cast.submitted())
    digest = digest_of(cast.app.get(path).text)
    other = "0" * 64
    assert cast.app.post(path, {"digest": digest}).status_code == 403  # no passkey
    assert cast.app.post(path, {"digest": digest}, confirm=APPROVE).status_code == 403
    assert cast.app.post(path, {"digest": digest}, sign=(APPROVE, other)).status_code == 403
    assert cast.app.post(path, {"digest": other}, sign=(APPROVE, other)).status_code == 409
    assert cast.app.post(path, {"digest": "x"}, sign=(APPROVE, digest)).status_code == 422
    assert "waits for a second person" in cast.rita.get(request).text
    assert cast.app.post(path, {"digest": digest}, sign=(APPROVE, digest)).status_code == 303
    assert cast.app.post(path, {"digest": digest}, confirm=APPROVE).status_code == 409


def test_declined_with_reason_and_grounds(cast: Cast) -> None:
    path, request = paths(cast.submitted())
    fields = {"reason": "other-means-first", "grounds": GROUNDS}
    assert cast.app.post(f"{path}/decline", fields).status_code == 403  # no passkey
    for wrong, where in (
        ({"reason": "other", "grounds": HOSTILE[:15]}, "grounds"),
        ({"reason": HOSTILE, "grounds": GROUNDS}, "reason"),
        ({"reason": "other", "grounds": ""}, "grounds"),
    ):
        answer = cast.app.post(f"{path}/decline", wrong, confirm=REFUSE)
        assert answer.status_code == 422
        assert f'href="#f-{where}"' in answer.text
        assert wrong["grounds"] in html.unescape(answer.text)
        assert HOSTILE[:15] not in answer.text
    assert cast.app.post(f"{path}/decline", fields, confirm=REFUSE).status_code == 303
    page = cast.rita.get(request).text
    assert "A second person said no" in page
    case = cast.rita.get(cast.case).text
    assert "other means first" in case
    assert GROUNDS not in case  # sealed
    assert cast.app.post(f"{path}/decline", fields, confirm=REFUSE).status_code == 409


def test_nobody_approves_their_own(cast: Cast) -> None:
    site = cast.site
    both = site.joined("Bo Both", Role.REQUESTER, Role.APPROVER)
    case = opened(both, number="24-9", narrative=another())
    probe = uploaded(both, case, (site.folder / "in" / "batch" / "25.png").read_bytes())
    judged(cast.emma, probe)
    path, _ = paths(replace(cast, rita=both, case=case, probe=probe).submitted())
    assert path not in both.get("/approvals").text
    assert path not in both.get("/tasks").text
    page = both.get(path)
    assert page.status_code == 403
    assert "Nobody decides on their own request" in page.text
    digest = digest_of(cast.app.get(path).text)
    assert both.post(path, {"digest": digest}, sign=(APPROVE, digest)).status_code == 403
    fields = {"reason": "other", "grounds": GROUNDS}
    assert both.post(f"{path}/decline", fields, confirm=REFUSE).status_code == 403


def test_what_changed_meanwhile_falls_and_says_what(cast: Cast) -> None:
    path, request = paths(cast.submitted())
    digest = digest_of(cast.app.get(path).text)
    cast.rita.post(f"{cast.case}/amend", {**CASE, "narrative": another(), "version": "1"})
    page = cast.app.get(path).text
    assert "The case was amended after this was submitted" in page
    answer = cast.app.post(path, {"digest": digest}, sign=(APPROVE, digest))
    assert answer.status_code == 200
    assert "The request is void" in answer.text
    assert "Different by now: case." in answer.text
    assert "counts no longer" in cast.rita.get(request).text


def test_time_runs_out(site: Site) -> None:
    cast = Cast.at(site).with_probe()
    path, request = paths(cast.submitted())
    digest = digest_of(cast.app.get(path).text)
    site.clock.move(hours=73)
    cast.app.sign_in()
    assert "No request waits" in cast.app.get("/approvals").text
    page = cast.app.get(path).text
    assert "can no longer be decided on" in page
    assert "Approve exactly this" not in page
    answer = cast.app.post(path, {"digest": digest}, sign=(APPROVE, digest))
    assert "The request is lapsed" in answer.text
    assert "Its time was over" in cast.rita.sign_in().get(request).text


def test_only_approvers_and_no_other_s_ids(cast: Cast) -> None:
    path, _ = paths(cast.submitted())
    for other in (cast.rita, cast.emma, cast.ulf, cast.site.administrator()):
        assert other.get("/approvals").status_code == 403
        assert other.get(path).status_code == 403
        assert other.post(path, {"digest": "0" * 64}).status_code == 403
        assert other.post(f"{path}/decline", {}).status_code == 403
    none = "/approvals/" + "0" * 32
    assert cast.app.get(none).status_code == 403
    assert cast.app.post(none, {"digest": "0" * 64}, confirm=APPROVE).status_code == 403
    assert cast.app.get("/approvals/1").status_code == 404
    assert cast.app.post(path, {"digest": "0" * 64, "token": ""}).status_code == 403
