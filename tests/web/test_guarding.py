"""What every request passes before any page: other sites, large bodies, wrong hosts, headers."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from casepages import CASE, uploaded
from casework import picture
from webkit import Site, Visitor

from countenance.desk.roles import Role
from countenance.web.at import SESSION_COOKIE
from countenance.web.guarding import MOST_BODY_BYTES


@pytest.fixture
def rita(site: Site) -> Visitor:
    return site.joined("Rita Ray", Role.REQUESTER)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://desk.example.evil.example"},
        {"origin": "http://desk.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(
    site: Site, rita: Visitor, headers: dict[str, str]
) -> None:
    before = site.deployment.log.size
    for path in ("/cases/new", "/sign-out", "/passkey/sign-in/begin", "/api/v1/cases"):
        answer = rita.http.post(path, data={"token": rita.page_token, **CASE}, headers=headers)
        assert answer.status_code == 403
    assert site.deployment.log.size == before


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_calls_take_no_type_that_a_form_can_send(rita: Visitor, kind: str) -> None:
    for path in ("/passkey/confirm/begin", "/api/v1/cases"):
        answer = rita.http.post(path, content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415


def test_another_session_s_token_opens_no_form(site: Site, rita: Visitor) -> None:
    other = site.joined("Ravi Roe", Role.REQUESTER)
    assert other.page_token != rita.page_token
    rita.page_token = other.page_token
    assert rita.post("/cases/new", CASE).status_code == 403


def test_a_session_that_was_brought_along_is_not_taken_on(site: Site) -> None:
    """Session fixation: whatever cookie a browser came with, signing in gives it a new one."""
    visitor = site.joined("Rita Ray", Role.REQUESTER)
    visitor.http.cookies.clear()
    planted = "planted-by-somebody-else"
    visitor.http.cookies.set(SESSION_COOKIE, planted, domain="desk.example", path="/")
    visitor.sign_in()
    values = {cookie.value for cookie in visitor.http.cookies.jar if cookie.name == SESSION_COOKIE}
    assert planted not in values
    assert len(values) == 1


def test_signing_in_again_ends_the_session_before(site: Site, rita: Visitor) -> None:
    before = rita.http.cookies[SESSION_COOKIE]
    rita.sign_in()
    rita.http.cookies.set(SESSION_COOKIE, before, domain="desk.example", path="/")
    assert rita.get("/account").status_code == 303


@pytest.mark.parametrize(
    "host", ["evil.example", "desk.example.evil.example", "", "desk.example:1"]
)
def test_another_host_is_not_this_desk(site: Site, host: str) -> None:
    answer = site.public().get("/sign-in", headers={"host": host})
    assert answer.status_code == 421


def test_a_body_that_is_too_large_is_not_read(rita: Visitor) -> None:
    claimed = rita.http.post(
        "/cases/new", content=b"a=b",
        headers={"content-length": str(MOST_BODY_BYTES + 1),
                 "content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert claimed.status_code == 413


def test_fields_without_end_are_refused(rita: Visitor) -> None:
    many = {f"field-{n}": "x" for n in range(2_000)}
    answer = rita.http.post("/cases/new", data={"token": rita.page_token, **many})
    assert answer.status_code in (400, 403, 413, 422)


def test_a_picture_that_unpacks_without_end_is_refused(site: Site, rita: Visitor) -> None:
    """A PNG that says it is 60,000 pixels square, and a zip that calls itself a picture."""
    case = rita.post("/cases/new", CASE).headers["location"].partition("?")[0]
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"\0" * 10_000_000)
    fields = {
        "sort": "cctv-frame", "shows": "shown-by-record", "known_by": "recording-of-the-act",
        "provenance": "frame 1204 of the camera above the door", "captured_on": "2026-11-04",
    }  # fmt: skip
    before = site.deployment.log.size
    for data in (bomb, zipped.getvalue(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a"):
        files = {"file": ("../../../etc/passwd.png", data, "image/png")}
        answer = rita.post(f"{case}/probes/new", fields, files=files)
        assert answer.status_code == 422, data[:20]
    assert site.deployment.log.size == before


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages/door.py", "/static/%2e%2e/pages/door.py", "/static/..%2fapp.py",
        "/static//etc/passwd", "/static/%00", "/galleries/..%2f..%2fetc", "/packs/../../secret",
    ],
)  # fmt: skip
def test_no_path_leads_out(site: Site, path: str) -> None:
    answer = site.public().http.get(path)
    assert answer.status_code in (303, 404)
    assert b"import" not in answer.content
    assert b"root:" not in answer.content


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil", "/a\r\nx: y"])
def test_nobody_is_led_elsewhere_or_given_a_header(site: Site, to: str) -> None:
    page = site.public().http.get("/sign-in", params={"to": to})
    assert page.status_code == 200
    assert 'data-to="/tasks"' in page.text
    assert "x" not in page.headers
    answer = site.public().http.get(f"/cases/{'0' * 32}%0d%0ax:%20y")
    assert "x" not in answer.headers


def test_every_answer_has_its_headers(site: Site, rita: Visitor) -> None:
    for path in ("/", "/sign-in", "/tasks", "/nothing", "/static/desk.css", "/healthz"):
        answer = rita.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "max-age" in answer.headers["strict-transport-security"]
    assert rita.get("/tasks").headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in rita.get("/tasks").headers
    assert site.public().get("/policy").headers["access-control-allow-origin"] == "*"


def test_a_page_that_calls_itself_a_picture_is_no_picture(site: Site, rita: Visitor) -> None:
    """MIME confusion: bytes that are a picture and a page come back as a picture only."""
    case = rita.post("/cases/new", CASE).headers["location"].partition("?")[0]
    both = picture() + b"<html><script>alert(1)</script></html>"
    page = rita.get(uploaded(rita, case, both)).text
    source = re.search(r'src="(/probes/[^"]+)"', page)
    assert source, page
    answer = rita.get(source[1])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"]
