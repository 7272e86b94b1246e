"""Examining in a browser: alone, the probe first, nothing of case, rank, score or the other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from reviewsite import SHOWN, XSS, Bureau, finding, named, noted, pictures, seen, take
from webkit import Site, fields_of

from countenance.desk import reviewing
from countenance.desk.features import Component
from countenance.desk.roles import Role


@pytest.fixture
def bureau(site: Site, monkeypatch: pytest.MonkeyPatch) -> Bureau:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return Bureau(site)


def test_the_probe_comes_first_and_the_page_tells_nothing_of_the_case(bureau: Bureau) -> None:
    task = take(bureau.eve)
    assert f"/reviews/{task}" in bureau.eve.get("/reviews").text
    page = bureau.eve.get(f"/reviews/{task}")
    assert page.status_code == 200
    assert "/candidates/" not in page.text
    for told in (bureau.case, bureau.search.id, "24-1234", "Rita", "Fay"):
        assert told not in page.text
    probe = bureau.eve.get(f"/reviews/{task}/probe")
    assert probe.headers["content-type"] == "image/png"
    assert probe.headers["cache-control"] == "no-store"
    assert probe.content == bureau.picture


def test_candidates_are_not_there_before_the_probe_is_noted(bureau: Bureau) -> None:
    task = take(bureau.eve)
    assert bureau.eve.get(f"/reviews/{task}/candidates/{'0' * 24}").status_code == 409
    early = bureau.eve.post(f"/reviews/{task}/compare", {"go": "1"})
    assert "/candidates/" not in early.text
    done = bureau.eve.post(
        f"/reviews/{task}/conclude", {"drafts": json.dumps({"1": finding()})},
        confirm="review.conclude",
    )  # fmt: skip
    assert "The probe" in done.text
    assert "/candidates/" not in done.text


def test_notes_are_refused_by_field_and_what_was_typed_stays(bureau: Bureau) -> None:
    task = take(bureau.eve)
    fields = seen(words=XSS)
    del fields["nose"]
    refused = bureau.eve.post(f"/reviews/{task}/notes", fields)
    assert refused.status_code == 422
    assert 'href="#f-nose"' in refused.text
    assert SHOWN in refused.text
    assert "<script>alert" not in refused.text
    assert refused.text.count('value="clear" checked') == len(Component) - 1
    short = bureau.eve.post(f"/reviews/{task}/notes", seen(words="dark"))
    assert short.status_code == 422
    assert 'href="#f-words"' in short.text
    odd = bureau.eve.post(f"/reviews/{task}/notes", seen(**{"nose": "crooked"}))
    assert odd.status_code == 422
    noted(bureau.eve, task)
    for sent in ("notes", "compare", "conclude"):
        back = bureau.eve.get(f"/reviews/{task}/{sent}")
        assert back.headers["location"] == f"/reviews/{task}"
        assert bureau.fay.get(f"/reviews/{task}/{sent}").status_code == 403
    again = bureau.eve.post(f"/reviews/{task}/notes", seen())
    assert again.status_code == 409
    assert "Candidate 1 of" in again.text


def test_candidates_hide_rank_and_score_and_come_in_an_order_of_one_s_own(bureau: Bureau) -> None:
    mine, others = take(bureau.eve), take(bureau.fay)
    noted(bureau.eve, mine, words=XSS)
    noted(bureau.fay, others)
    page = bureau.eve.get(f"/reviews/{mine}").text
    assert SHOWN in page  # what was noted of the probe
    assert "Fay" not in page
    assert others not in page
    text = re.sub(r"<[^>]+>", " ", page)
    assert not re.search(r"0\.\d{2,}", text)
    assert "The numbers are by chance" in text
    first, second = pictures(bureau.eve, mine), pictures(bureau.fay, others)
    assert sorted(first.values()) == sorted(second.values())
    assert len(first) > 2
    assert list(first.values()) != list(second.values())


def test_what_is_typed_goes_along_from_candidate_to_candidate(bureau: Bureau) -> None:
    task = take(bureau.eve)
    noted(bureau.eve, task, **{"neck": "not-visible"})
    first = bureau.eve.get(f"/reviews/{task}").text
    assert 'name="neck-1"' not in first
    assert "Not visible in the probe, so not compared: neck" in first
    draft = finding("inconclusive", grounds=XSS)
    page = bureau.eve.post(
        f"/reviews/{task}/compare", {"candidate": "1", "go": "2", **named(draft, "1")}
    ).text
    assert "Candidate 2 of" in page
    assert "checked" not in page
    assert "<script>alert" not in page
    import html

    carried = html.unescape(fields_of(page)["drafts"])
    assert json.loads(carried)["1"]["grounds"] == XSS
    fields = {"drafts": carried, "candidate": "2", "go": "1", "nose-2": "differ"}
    back = bureau.eve.post(f"/reviews/{task}/compare", fields).text
    assert "Candidate 1 of" in back
    assert SHOWN in back
    assert back.count("checked") == len(Component) - 1 + 1
    overview = bureau.eve.post(
        f"/reviews/{task}/compare", {"drafts": html.unescape(fields_of(back)["drafts"]),
                                     "go": "all"},
    ).text  # fmt: skip
    assert "15 of 16 features, conclusion, grounds" in overview
    assert re.search(r"again\">1</button></th><td>inconclusive</td><td>nothing</td>", overview)


def test_a_hostile_draft_is_an_empty_one(bureau: Bureau) -> None:
    task = take(bureau.eve)
    noted(bureau.eve, task)
    number = len(pictures(bureau.eve, task))
    for sent in ("[" * 100_000, '{"1": 7}', "null", '{"1": {"nose": ["agree"]}}', "?", "{"):
        page = bureau.eve.post(f"/reviews/{task}/compare", {"drafts": sent, "go": "all"})
        assert page.status_code == 200
        assert f"{number} of {number} are not complete" in page.text


def test_concluding_leaves_none_out_and_shows_the_one_that_is_wrong(bureau: Bureau) -> None:
    task = take(bureau.eve)
    noted(bureau.eve, task, **{"neck": "not-visible"})
    found = pictures(bureau.eve, task)
    drafts = {number: finding(nose="differ") for number in found}

    def conclude(**other: dict[str, str] | None) -> Any:
        changed = {n: d for n, d in {**drafts, **other}.items() if d is not None}
        return bureau.eve.post(
            f"/reviews/{task}/conclude", {"drafts": json.dumps(changed)}, confirm="review.conclude"
        )  # fmt: skip

    left_out = conclude(**{"2": None})
    assert left_out.status_code == 422
    assert "<h1>Candidate 2 of" in left_out.text
    for wrong, where in (
        (finding(nose="agree"), "conclusion-3"),  # nothing differs but what could not be seen
        (finding(nose="differ", grounds="no"), "grounds-3"),
        (finding(nose="differ", grounds="a" * 2001), "grounds-3"),
        (finding(nose="differ", grounds="a\x00b" * 20), "grounds-3"),
        (finding("surely"), "conclusion-3"),
        (finding(nose="maybe"), "nose-3"),
    ):
        refused = conclude(**{"3": wrong})
        assert refused.status_code == 422
        assert "<h1>Candidate 3 of" in refused.text
        assert f'href="#f-{where}"' in refused.text
    two = conclude(**{n: finding("features-support-one-person", nose="differ") for n in "12"})
    assert two.status_code == 422
    assert "More than one candidate is said to be the person" in two.text
    assert "<h1>All" in two.text
    unconfirmed = bureau.eve.post(f"/reviews/{task}/conclude", {"drafts": json.dumps(drafts)})
    assert unconfirmed.status_code == 403
    assert conclude().status_code == 303
    assert conclude().status_code == 409
    assert "never changes" in bureau.eve.get(f"/reviews/{task}").text
    assert task not in bureau.eve.get("/reviews").text


def test_the_list_is_shown_once_both_have_concluded_and_to_whom_it_may(bureau: Bureau) -> None:
    path = f"/reviews/settled/{bureau.search.id}"
    bureau.examined(bureau.eve)
    nothing = bureau.requester.get(f"/reviews/settled/{'0' * 32}")
    early = bureau.requester.get(path)
    assert (early.status_code, early.text) == (403, nothing.text.replace("0" * 32, ""))
    bureau.examined(bureau.fay)
    for visitor in (bureau.requester, bureau.auditor, bureau.eve):
        page = visitor.get(path)
        assert page.status_code == 200
        assert "Rank 1" in page.text
        assert "years old at the search" in page.text
        assert "score this high (" in page.text
        assert "interval at level" in page.text
        assert "false candidates" in page.text
    assert bureau.approver.get(path).status_code == 403
    stranger = bureau.site.joined("Sol Sea", Role.REQUESTER)
    assert stranger.get(path).status_code == 403
    assert stranger.get(path).text == stranger.get(f"/reviews/settled/{'0' * 32}").text


def test_nothing_waits_when_all_is_taken_and_one_s_own_is_not_another_s(bureau: Bureau) -> None:
    task = take(bureau.eve)
    take(bureau.fay)
    done = bureau.eve.post("/reviews/take")
    assert done.headers["location"] == "/reviews?done=no-review-waits"
    noted(bureau.eve, task)
    for path in ("", "/probe", f"/candidates/{'a' * 24}"):
        others = bureau.fay.get(f"/reviews/{task}{path}")
        none = bureau.fay.get(f"/reviews/{'0' * 32}{path}")
        assert others.status_code == none.status_code == 403
        assert others.content == none.content
    for path, fields in (("notes", seen()), ("compare", {}), ("conclude", {"drafts": "{}"})):
        confirm = "review.conclude" if path == "conclude" else ""
        answers = [
            bureau.fay.post(f"/reviews/{each}/{path}", fields, confirm=confirm)
            for each in (task, "0" * 32)
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert answers[0].content == answers[1].content
    assert bureau.eve.get("/reviews/1").status_code == 404


def test_examining_is_for_trained_examiners(bureau: Bureau) -> None:
    for visitor in (bureau.requester, bureau.approver, bureau.auditor):
        assert visitor.get("/reviews").status_code == 403
        assert visitor.post("/reviews/take").status_code == 403
        assert visitor.get(f"/reviews/{'0' * 32}").status_code == 403
    untrained = bureau.site.joined("Una Ull", Role.EXAMINER, train=False)
    assert untrained.get("/reviews").status_code == 403
    assert untrained.post("/reviews/take").status_code == 403
    no_token = bureau.eve.http.post("/reviews/take", data={})
    assert no_token.status_code == 403
    assert "not of your session" in no_token.text
