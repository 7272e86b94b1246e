"""Pages of requests: the form and its decision, the submission, the refusal, the withdrawal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from casepages import (
    HOSTILE,
    Cast,
    another,
    hidden_of,
    judged,
    opened,
    request_fields,
    shared,
    uploaded,
)
from casework import base

from countenance.desk.facts import REQUESTER
from countenance.desk.roles import Role
from countenance.law import bundled_vocabulary
from countenance.web.frozen import decision_of
from countenance.web.requestform import MOST_DOCUMENTS

SUBMIT = "request.submit"


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with shared(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def cast(everybody: Cast) -> Cast:
    return everybody.fresh()


def test_the_form_asks_first_what_the_rules_of_this_place_turn_on(cast: Cast) -> None:
    page = cast.rita.get(f"{cast.case}/requests/new").text
    first, _, folded = page.partition("further questions")
    words = bundled_vocabulary()
    for name in REQUESTER:
        assert page.count(f'name="{name}"') >= 1, name  # every question is there, once or folded
        assert html.escape(words[name].ask, quote=False)[:30] in html.unescape(page)
    assert 'name="suspicion.level"' in first
    assert 'name="emergency.terrorism-risk-found"' in folded
    for name in ("probe.suitable", "authority.given", "approval.second-person", "agency.kind"):
        assert f'name="{name}"' not in page  # not the requester's to state
    picked = cast.rita.get(f"{cast.case}/requests/new", params={"probe": cast.probe[-32:]}).text
    assert f'<option value="{cast.probe[-32:]}" selected>' in picked


def test_the_decision_follows_what_is_filled_in(cast: Cast) -> None:
    fields = request_fields(cast.probe)
    whole = cast.rita.post(f"{cast.case}/requests/new", fields).text
    assert "Nothing but a second person's approval is missing" in whole
    assert whole.count("<li>A search may be made for a person") == 1
    hunch = cast.rita.post(f"{cast.case}/requests/new", {**fields, "suspicion.level": "hunch"})
    assert "this would be refused" in hunch.text
    assert 'value="hunch" selected' in hunch.text
    unknown = {**fields, "suspicion.level": ""}
    assert "on what is not known yet" in cast.rita.post(
        f"{cast.case}/requests/new", unknown
    ).text  # fmt: skip
    for page in (whole, hunch.text):
        for value in ("W-77", "O-12", "Judge Roe", "Lt. Poe", "2026-11-20"):
            assert f'value="{value}"' in page
        assert 'name="targeting.traits" value="none-of-these" checked' in page
        assert 'name="elsewhere_none" value="yes" checked' in page
    size = cast.site.deployment.log.size
    cast.rita.post(f"{cast.case}/requests/new", fields)
    assert cast.site.deployment.log.size == size  # nothing is kept of a preview


def test_the_decision_alone_is_the_part_of_the_page(cast: Cast) -> None:
    size = cast.site.deployment.log.size
    for changed in ({}, {"suspicion.level": ""}, {"suspicion.level": "hunch"}, {"gallery": ""}):
        fields = {**request_fields(cast.probe), **changed}
        page = cast.rita.post(f"{cast.case}/requests/new", fields).text
        part = cast.rita.post(f"{cast.case}/requests/decision", fields)
        assert part.status_code == 200
        assert part.text.strip() in page
        assert "<html" not in part.text
        assert 'id="decision-said" aria-live="polite"' in part.text
        assert ("Go on to submit" in part.text) == ("gallery" not in changed)
    assert cast.site.deployment.log.size == size


def test_what_is_half_typed_is_missing_and_not_wrong(cast: Cast) -> None:
    half = {**request_fields(cast.probe), "kind-4": "warrant", "probe": ""}
    part = cast.rita.post(f"{cast.case}/requests/decision", half)
    assert part.status_code == 200
    text = html.unescape(re.sub(r"<[^>]+>", "", part.text))
    assert "Document 4: its number or reference: still missing" in text
    assert "Probe: still missing" in text
    assert "not counted" not in text.lower()
    assert "2 fields are still open" in text
    assert "Go on to submit" not in text
    # the rest is judged as it stands, and what cannot be read says why
    whole = request_fields(cast.probe)
    wrong = {**whole, "issued_on-1": "soon", "suspicion.level": "certain", "documents_none": "yes"}
    text = cast.rita.post(f"{cast.case}/requests/decision", wrong).text
    assert "Document 1: issued on</a>: not counted: not a date (year-month-day)" in text
    assert 'href="#f-suspicion.level"' in text
    assert "certain" not in text
    assert "by the rules of" in text


def test_the_decision_alone_is_guarded_as_every_form_is(cast: Cast) -> None:
    path, fields = f"{cast.case}/requests/decision", request_fields(cast.probe)
    assert cast.rita.get(path).status_code == 405
    assert cast.rita.post(path, {**fields, "token": ""}).status_code == 403
    far = {"origin": "https://evil.example"}
    sent = {"token": cast.rita.page_token, **fields}
    assert cast.rita.http.post(path, data=sent, headers=far).status_code == 403
    assert cast.rita.http.post(path, data=sent).status_code == 200
    for other in (cast.app, cast.emma, cast.ulf, cast.site.public()):
        answer = other.post(path, fields)
        assert answer.status_code in (401, 403)
        assert "decision-said" not in answer.text
    hostile = cast.rita.post(path, {**fields, "issued_on-1": HOSTILE, "gallery": HOSTILE})
    assert HOSTILE not in hostile.text


def test_what_is_submitted_is_what_was_reviewed(cast: Cast) -> None:
    fields = request_fields(cast.probe, elsewhere_none="", elsewhere="State Police, 3 May\n\nFBI")
    page = cast.rita.post(f"{cast.case}/requests/review", fields).text
    sent = hidden_of(page, 'data-confirm="request.submit"')
    again = hidden_of(page, f'action="{cast.case}/requests/new"')
    assert sent == again
    for name, value in fields.items():
        several = value if isinstance(value, list) else [value]
        assert sent.get(name, [""]) == [str(each) for each in several], name
    answer = cast.rita.post(f"{cast.case}/requests/submit", sent, confirm=SUBMIT)
    shown = cast.rita.get(answer.headers["location"]).text
    for part in ("State Police, 3 May", "<li>FBI</li>", "W-77", "20 November 2026", "0.363",
                 "at most 20 candidates", "us/mi/detroit", "a second person until"):  # fmt: skip
        assert part in shown
    assert len(re.findall(r"<td>[^<]+\?[^<]*</td>", shown)) >= len(
        [name for name in base() if name in REQUESTER]
    )


def test_a_refusal_is_a_page_with_reasons_and_final(cast: Cast) -> None:
    hunch = {"suspicion.level": "hunch"}
    review = cast.rita.post(f"{cast.case}/requests/review", request_fields(cast.probe, **hunch))
    assert "Submit it, to be refused" in review.text
    path = cast.submitted(**hunch)
    page = cast.rita.get(path + "?done=request-refused").text
    assert "The request was refused. That, too, is in the log." in page
    assert re.search(r"Refused, by the rules of 2026-11-23", page)
    assert re.search(r"<li>[^<]+\[[^\]<]+\]", page)  # a reason, and its citation
    assert "Withdraw" not in page
    again = cast.rita.post(
        f"{cast.case}/requests/submit", request_fields(cast.probe, **hunch), confirm=SUBMIT
    )
    assert again.status_code == 409
    assert "nothing has changed since" in again.text
    assert 'value="hunch" selected' in again.text
    assert cast.rita.post(f"{path}/withdraw").status_code == 409


def test_a_request_is_withdrawn_by_whoever_asked(cast: Cast) -> None:
    path = cast.submitted()
    assert cast.app.post(f"{path}/withdraw").status_code == 403
    assert cast.rita.post(f"{path}/withdraw").status_code == 303
    page = cast.rita.get(path).text
    assert "took it back" in page
    assert cast.rita.post(f"{path}/withdraw").status_code == 409
    assert path[-32:] not in cast.app.get("/approvals").text


def test_nothing_is_submitted_without_the_passkey(cast: Cast) -> None:
    fields = request_fields(cast.probe)
    answer = cast.rita.post(f"{cast.case}/requests/submit", fields)
    assert answer.status_code == 403
    assert "passkey" in answer.text
    assert 'value="W-77"' in answer.text
    cast.rita.confirm("search.run")  # another action's
    assert cast.rita.post(f"{cast.case}/requests/submit", fields).status_code == 403
    assert "Nobody has asked for a search" in cast.rita.get(cast.case).text


BAD: tuple[tuple[str, object], ...] = (
    ("probe", "7"), ("gallery", "x" * 65), ("kind-1", "rumour"), ("reference-1", ""),
    ("issued_by-2", ""), ("issued_on-1", "soon"), ("documents_none", "yes"),
    ("elsewhere", "somebody"), ("suspicion.level", "certain"), ("subject.is-minor", "perhaps"),
    ("authority.hours-after-use", "-1"), ("targeting.traits", ["religion", "none-of-these"]),
    ("targeting.traits", "height"),
)  # fmt: skip


def test_a_bad_field_is_named_and_the_rest_stays(cast: Cast) -> None:
    for n, (field, value) in enumerate(BAD):
        fields = {**request_fields(cast.probe), "reference-3": HOSTILE, field: value}
        where = {"elsewhere": "elsewhere_none"}.get(field, field)
        way = ("new", "review", "submit")[n % 3]
        answer = cast.rita.post(f"{cast.case}/requests/{way}", fields)
        assert answer.status_code == 422, (way, answer.text)
        assert f'href="#f-{where}"' in answer.text
        assert f'id="f-{where}"' in answer.text
        assert HOSTILE not in answer.text
        assert html.escape(HOSTILE) in answer.text


def test_hostile_text_is_shown_as_text(cast: Cast) -> None:
    more = {"reference-1": HOSTILE, "issued_by-1": HOSTILE, "elsewhere": HOSTILE,
            "elsewhere_none": ""}  # fmt: skip
    review = cast.rita.post(
        f"{cast.case}/requests/review", request_fields(cast.probe, **more)
    ).text  # fmt: skip
    path = cast.submitted(**more)
    for page in (review, cast.rita.get(path).text, cast.app.get(
            "/approvals/" + path[-32:]).text):  # fmt: skip
        assert HOSTILE not in page
        assert page.count(html.escape(HOSTILE)) >= 3
    for name in sorted(REQUESTER)[::5]:  # where words are chosen, others are refused, escaped
        answer = cast.rita.post(f"{cast.case}/requests/new", {name: HOSTILE})
        assert answer.status_code == 422, name
        assert HOSTILE not in answer.text
    places = cast.rita.post(f"{cast.case}/requests/new", {"behalf_places": HOSTILE})
    assert places.status_code == 422
    assert 'href="#f-behalf_places"' in places.text
    assert HOSTILE not in places.text


def test_a_form_begins_with_two_documents_and_grows(cast: Cast) -> None:
    page = cast.rita.get(f"{cast.case}/requests/new").text
    assert 'name="kind-2"' in page
    assert 'name="kind-3"' not in page
    full = {f"{part}-{n}": value for n in range(1, MOST_DOCUMENTS + 1) for part, value in (
        ("kind", "warrant"), ("reference", f"R{n}"), ("issued_by", "X"),
        ("issued_on", "2026-01-01"))}  # fmt: skip
    page = cast.rita.post(f"{cast.case}/requests/new", full).text
    assert f'name="kind-{MOST_DOCUMENTS}"' in page
    assert f'name="kind-{MOST_DOCUMENTS + 1}"' not in page


def test_what_is_another_s_cannot_be_asked_with(cast: Cast) -> None:
    rolf = cast.site.joined("Rolf Roe", Role.REQUESTER)
    none = "/cases/" + "0" * 32
    fields = request_fields(cast.probe)
    for way in ("new", "decision", "review", "submit"):
        theirs = rolf.post(f"{cast.case}/requests/{way}", fields)
        nothing = rolf.post(f"{none}/requests/{way}", fields)
        assert theirs.status_code == nothing.status_code == 403
        assert theirs.text == nothing.text
    own = opened(rolf, number="24-77", narrative=another())
    mixed = rolf.post(f"{own}/requests/new", fields)  # Rita's probe in Rolf's case
    assert mixed.status_code == 403
    invented = rolf.post(f"{own}/requests/new", {**fields, "probe": "0" * 32})
    assert mixed.text.replace(cast.probe[-32:], "0" * 32) == invented.text
    alone = rolf.post(f"{own}/requests/decision", fields)
    assert alone.status_code == 403
    assert "There is no decision." in alone.text
    assert alone.text == rolf.post(
        f"{own}/requests/decision", {**fields, "probe": "0" * 32}
    ).text  # fmt: skip
    no_gallery = rolf.post(f"{own}/requests/new", {"gallery": "secret"})
    assert no_gallery.status_code == 403
    path = cast.submitted()
    for method in (rolf.get, rolf.post):
        way = "" if method == rolf.get else "/withdraw"
        theirs, nothing = method(path + way), method("/requests/" + "0" * 32 + way)
        assert theirs.status_code == nothing.status_code == 403
        assert theirs.text == nothing.text
    assert rolf.get("/requests/x").status_code == 404


def test_of_many_requests_the_newest_are_listed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for n in range(3):
        paths.append(cast.submitted(**{"reference-1": f"W-{n}"}))
        cast.rita.post(f"{paths[-1]}/withdraw")
        assert cast.rita.get(paths[-1]).status_code == 200
    paths.sort()  # the clock stands still, so that ids decide
    whole = cast.rita.get(cast.case).text
    assert re.findall(r"/requests/[0-9a-f]{32}", whole) == paths
    assert "all of them" not in whole
    monkeypatch.setattr("countenance.web.pages.cases._NEWEST", 2)
    page = cast.rita.get(cast.case).text
    assert re.findall(r'(/requests/[0-9a-f]{32})">(Request \d)', page) == [
        (paths[1], "Request 2"), (paths[2], "Request 3"),
    ]  # fmt: skip
    assert "The newest 2 of 3" in page
    assert re.findall(
        r"/requests/[0-9a-f]{32}", cast.rita.get(f"{cast.case}?every=yes").text
    ) == paths  # fmt: skip
    api = cast.rita.get(f"/api/v1{cast.case}/file?most=1").json()
    assert [one["id"] for one in api["requests"]] == [paths[2][-32:]]
    assert api["earlier_requests"] == 2


def test_who_may_read_a_request(cast: Cast) -> None:
    path = cast.submitted()
    assert "Decide on it" in cast.app.get(path).text
    assert "Decide on it" not in cast.ulf.get(path).text
    assert cast.emma.get(path).status_code == 403
    for other in (cast.app, cast.emma, cast.ulf):
        assert other.get(f"{cast.case}/requests/new").status_code == 403
        assert other.post(f"{cast.case}/requests/submit", {}).status_code == 403
    assert "<form" not in cast.ulf.get(path).text.partition("<main")[2]


def test_an_unsuitable_probe_is_refused(cast: Cast) -> None:
    data = (cast.site.folder / "in" / "batch" / "25.png").read_bytes()
    probe = uploaded(cast.rita, cast.case, data)
    judged(cast.emma, probe, "no", "too-blurred")
    page = cast.rita.post(f"{cast.case}/requests/new", request_fields(probe)).text
    assert "this would be refused" in page
    assert "Find a better probe" in cast.rita.get("/tasks").text


def test_a_closed_case_is_asked_nothing(cast: Cast) -> None:
    cast.rita.post(f"{cast.case}/move", {"to": "closed", "grounds": "over"})
    answer = cast.rita.post(
        f"{cast.case}/requests/submit", request_fields(cast.probe), confirm=SUBMIT
    )
    assert answer.status_code == 409


def test_a_decision_is_read_back_as_it_was(cast: Cast) -> None:
    from countenance.law import Request, decide

    for facts in ({"act": "search"}, {}, {"act": "search", "probe.kind": "sketch"}):
        made = decide(Request(cast.site.clock(), ("us/mi/detroit",), (), facts))
        assert decision_of(made.to_json()) == made
