"""Pages of cases: opened, read, amended, closed; and what a stranger sees of them."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from casepages import CASE, HOSTILE, opened
from casework import NARRATIVE, OTHER_NARRATIVE
from webkit import Site

from countenance.desk.roles import Role
from countenance.desk.timeline import CaseEvent


def test_a_case_is_opened_and_read_as_a_timeline(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    form = rita.get("/cases/new")
    assert form.status_code == 200
    assert "find missing person" in form.text
    path = opened(rita)
    page = rita.get(path + "?done=case-opened")
    assert "The case is open." in page.text
    for part in ("24-1234", "identify suspect", "MCL 750.529", "took a bag", "By Rita Ray"):
        assert part in page.text
    assert "The case was opened" in page.text
    assert re.search(r"leaf .*<code>[0-9a-f]{64}</code>", page.text)
    assert "24-1234" in rita.get("/cases").text


def test_a_case_is_amended_as_it_was_seen_or_not_at_all(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = opened(rita)
    assert "took a bag" in rita.get(path + "/amend").text
    changed = {**CASE, "narrative": OTHER_NARRATIVE, "version": "1"}
    assert rita.post(path + "/amend", changed).status_code == 303
    assert "bakery near Gratiot" in rita.get(path).text
    late = rita.post(path + "/amend", {**changed, "offence": "typed late"})
    assert late.status_code == 409
    assert "amended meanwhile" in late.text
    assert "typed late" in late.text


def test_a_case_is_closed_and_opened_again(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = opened(rita)
    why = {"to": "closed", "grounds": "charged by other evidence"}
    assert rita.post(path + "/move", why).status_code == 303
    page = rita.get(path).text
    assert "Open the case again" in page
    assert "Upload a probe" not in page
    assert "charged by other evidence" not in page  # sealed
    again = rita.post(path + "/move", why)
    assert again.status_code == 409
    assert "charged by other evidence" in again.text  # typed text stays
    assert rita.post(path + "/amend", {**CASE, "version": "1"}).status_code == 409
    assert rita.post(path + "/move", {"to": "open", "grounds": "new film"}).status_code == 303
    assert rita.post(path + "/move", {"to": "elsewhere", "grounds": "x"}).status_code == 422


def test_what_was_typed_stays_and_is_escaped(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    wrong = rita.post("/cases/new", {
        "number": HOSTILE, "purpose": "identify-suspect", "offence": HOSTILE,
        "offences": ["violent"], "narrative": HOSTILE * 3,
    })  # fmt: skip
    assert wrong.status_code == 422
    assert HOSTILE not in wrong.text
    assert wrong.text.count(html.escape(HOSTILE)) == 5
    assert 'value="violent" checked' in wrong.text
    assert 'aria-invalid="true"' in wrong.text
    for field, value in (("purpose", "because"), ("offences", ["no-such"])):
        answer = rita.post("/cases/new", {**CASE, field: value})
        assert answer.status_code == 422
        assert f'href="#f-{field}"' in answer.text
    short = rita.post("/cases/new", {**CASE, "narrative": "investigation"})
    assert short.status_code == 422
    assert "at least 25 words" in short.text
    path = opened(rita, narrative=NARRATIVE + HOSTILE, offence=HOSTILE)
    shown = rita.get(path).text
    assert HOSTILE not in shown
    assert shown.count(html.escape(HOSTILE)) == 2
    assert rita.post("/cases/new", {**CASE, "narrative": OTHER_NARRATIVE}).status_code == 422


def test_another_s_case_is_the_same_as_none(site: Site) -> None:
    path = opened(site.joined("Rita Ray", Role.REQUESTER))
    none = "/cases/" + "0" * 32
    rolf = site.joined("Rolf Roe", Role.REQUESTER)
    for way in ("", "/amend"):
        theirs, nothing = rolf.get(path + way), rolf.get(none + way)
        assert theirs.status_code == nothing.status_code == 403
        assert theirs.text == nothing.text
    for way, fields in (
        ("/amend", {**CASE, "version": "1"}), ("/move", {"to": "closed", "grounds": "mine now"}),
    ):  # fmt: skip
        theirs, nothing = rolf.post(path + way, fields), rolf.post(none + way, fields)
        assert theirs.status_code == nothing.status_code == 403
        assert theirs.text == nothing.text
    assert "24-1234" not in rolf.get("/cases").text
    for bad in ("/cases/7", "/cases/..%2f..%2fetc", "/cases/" + "g" * 32):
        assert rolf.get(bad).status_code == 404


def test_who_may_read_and_who_may_write(site: Site) -> None:
    path = opened(site.joined("Rita Ray", Role.REQUESTER))
    for role in (Role.APPROVER, Role.AUDITOR):
        reader = site.joined(f"A {role.value}", role, train=role is Role.APPROVER)
        page = reader.get(path)
        assert page.status_code == 200
        assert '<form method="post" action="/cases' not in page.text
        assert "24-1234" in reader.get("/cases").text
        for way in ("/cases/new", path + "/amend"):
            assert reader.get(way).status_code == 403
            assert reader.post(way, CASE).status_code == 403
        assert reader.post(path + "/move", {"to": "closed", "grounds": "x"}).status_code == 403
    examiner = site.joined("Emma Eye", Role.EXAMINER)
    assert examiner.get(path).status_code == 403
    assert site.administrator().get(path).status_code == 403
    assert site.public().get(path).status_code == 303


def test_a_form_without_its_token_does_nothing(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    answer = rita.post("/cases/new", {**CASE, "token": "0" * 64})
    assert answer.status_code == 403
    assert "24-1234" not in rita.get("/cases").text


def test_a_long_case_comes_in_pages(site: Site) -> None:
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = opened(rita)
    case = path.rpartition("/")[2]
    assert "the newest first" in rita.get(path).text
    assert ">Older<" not in rita.get(path).text

    def work(db: Any) -> None:
        for n in range(2000):
            db.add(CaseEvent(
                number=10**6 + n, case_id=case, at=site.desk.now(), kind="request-moved",
                public=json.dumps({"request": f"{n:064x}"}), leaf=f"{n:064x}",
            ))  # fmt: skip

    site.desk.store.write(work)
    seen: list[int] = []
    here = path
    while here:
        page = rita.get(here)
        assert len(page.content) < 60_000
        found = [int(leaf, 16) for leaf in re.findall(
            r'proof">leaf.*?<code>([0-9a-f]{64})</code>', page.text)]  # fmt: skip
        assert len(found) <= 50
        seen += found
        assert (">Newer<" in page.text) == (here != path)
        older = re.search(r'href="([^"]+)#events" rel="next"', page.text)
        here = html.unescape(older[1]) if older else ""
    assert seen[:2000] == list(range(2000))[::-1]
    assert len(seen) == 2001  # and the first: that the case was opened
    middle = rita.get(f"{path}?before=1001000").text
    newer = re.search(r'href="([^"]+)#events" rel="prev"', middle)
    assert newer
    assert f"{1000:064x}" in rita.get(newer[1]).text
    assert f"{999:064x}" not in rita.get(newer[1]).text
    for odd in ("before=x", "after=-1", "before=" + "9" * 40, "before=0", "after=99999999"):
        assert rita.get(f"{path}?{odd}").status_code == 200
    api = rita.get(f"/api/v1/cases/{case}/timeline?after=1000000&most=3").json()
    assert [one["number"] for one in api["moments"]] == [10**6 + 1, 10**6 + 2, 10**6 + 3]
    assert (api["older"], api["newer"]) == (True, True)
    assert len(rita.get(f"/api/v1/cases/{case}/file?most=5").json()["events"]["moments"]) == 5
    assert rita.get(f"/api/v1/cases/{case}/timeline?most=201").status_code == 422


def test_cases_come_in_pages(site: Site) -> None:
    from dataclasses import replace

    from casework import DETAILS

    from countenance.desk.cases import open_case

    rita = site.joined("Rita Ray", Role.REQUESTER)
    assert rita.person is not None
    actor = rita.person.sign_in().to("case.open")
    for n in range(52):
        # words of its own, so that no two accounts are alike
        told = " ".join(f"{a}{chr(97 + n % 26)}{chr(97 + n // 26)}x" for a in NARRATIVE.split())
        open_case(site.desk, actor, keys=site.deployment.keys, number=f"25-{n:04}",
                  details=replace(DETAILS, narrative=told))  # fmt: skip
    rita.sign_in()
    first = rita.get("/cases").text
    assert "25-0049" in first
    assert "25-0050" not in first
    more = html.unescape(re.search(r'href="(/cases\?after=[^"]+)"', first)[1])  # type: ignore[index]
    second = rita.get(more).text
    assert "25-0050" in second
    assert "25-0051" in second
    assert "25-0049</a>" not in second
    assert HOSTILE not in rita.get("/cases", params={"after": HOSTILE}).text
