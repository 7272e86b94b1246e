"""A lead in a browser: whole or not at all, checked, cited, followed up."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from reviewsite import SHOWN, XSS, Bureau, bureaus
from webkit import Site, Visitor

from countenance.desk import reviewing
from countenance.desk.checklist import Question
from countenance.desk.leads import FOLLOW_UP_DAYS
from countenance.desk.reliance import NO_SOLE_BASIS
from countenance.desk.roles import Role


@pytest.fixture
def bureau(site: Site, monkeypatch: pytest.MonkeyPatch) -> Bureau:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    return Bureau(site)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bureau, str]]:
    """A prepared lead, for tests that leave it so."""
    with bureaus(tmp_path_factory.mktemp("site")) as made:
        yield made, made.lead()


def answers(**other: str) -> dict[str, str]:
    fields = {f"answer-{each}": "not-known" for each in Question}
    fields |= {f"words-{each}": "asked the employer, no answer yet" for each in Question}
    return {**fields, **other}


def item(**other: str) -> dict[str, str]:
    return {
        "kind": "fingerprint", "relation": "independent", "what": "a print on the counter",
        "source": "the laboratory's report 12", "obtained_on": "2026-11-05", **other,
    }  # fmt: skip


def text_of(page: str) -> str:
    """The words of a page, as they are read."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def issued(bureau: Bureau) -> str:
    lead = bureau.lead()
    bureau.requester.post(f"/leads/{lead}/checklist", answers())
    bureau.approver.post(f"/leads/{lead}/supervise", confirm="lead.supervise")
    done = bureau.requester.post(f"/leads/{lead}/issue", confirm="lead.issue")
    assert "This lead is given out" in done.text
    return lead


def test_a_lead_is_shown_whole_and_never_as_an_identification(quiet: tuple[Bureau, str]) -> None:
    bureau, lead = quiet
    assert f'href="/leads/{lead}"' in bureau.requester.get("/leads").text
    page = bureau.requester.get(f"/leads/{lead}")
    assert page.status_code == 200
    said = text_of(page.text)
    for part in (
        NO_SOLE_BASIS,
        "Rank 1",
        "years old at the search",
        "other candidates",
        "score this high (",
        "false candidates",
        "NOT ANSWERED",
        "Evidence entered: 0",
    ):
        assert part in said
    lowered = said.replace(NO_SOLE_BASIS, "").lower()
    assert not re.search(r"\bmatch|\bidentified\b|\d\s*%|probability", lowered)
    assert "<img" not in page.text
    assert "24-1234" in page.text


def test_the_gallery_s_record_is_for_whoever_asked_and_begins_with_the_warning(
    bureau: Bureau,
) -> None:
    lead = bureau.lead()
    page = bureau.requester.get(f"/leads/{lead}/record")
    assert "s30" in page.text
    assert text_of(page.text).index(NO_SOLE_BASIS) < text_of(page.text).index("s30")
    for name in ("probe", "candidate"):
        answer = bureau.requester.get(f"/leads/{lead}/{name}")
        assert answer.headers["content-type"] == "image/png"
        assert answer.content == bureau.picture
    bureau.requester.post(f"/leads/{lead}/checklist", answers())
    for visitor in (bureau.approver, bureau.auditor, bureau.eve):
        assert visitor.get(f"/leads/{lead}").status_code == 200
        for name in ("record", "probe", "candidate"):
            assert visitor.get(f"/leads/{lead}/{name}").status_code == 403


def test_from_prepared_to_given_out_and_what_may_be_done_then(bureau: Bureau) -> None:
    lead = bureau.lead()
    path = f"/leads/{lead}"
    early = bureau.requester.post(f"{path}/issue", confirm="lead.issue")
    assert early.status_code == 409
    assert "prepared" in early.text
    form = bureau.requester.get(f"{path}/checklist")
    assert "Was this person in custody" in form.text
    missing = answers(**{"words-physique": XSS, "answer-custody": ""})
    refused = bureau.requester.post(f"{path}/checklist", missing)
    assert refused.status_code == 422
    assert 'href="#f-answer-custody"' in refused.text
    assert SHOWN in refused.text
    short = bureau.requester.post(f"{path}/checklist", answers(**{"words-custody": "no"}))
    assert 'href="#f-words-custody"' in short.text
    told = answers(**{"answer-location": "contradicts", "words-location": XSS})
    assert bureau.requester.post(f"{path}/checklist", told).status_code == 303
    assert bureau.requester.post(f"{path}/checklist", told).status_code == 409
    page = bureau.requester.get(path).text
    assert "Speaks against this candidate: location" in page
    assert SHOWN in page
    assert "<script>alert" not in page

    alone = bureau.requester.post(f"{path}/issue", confirm="lead.issue")
    assert alone.status_code == 200
    assert "This lead may not be given out" in alone.text
    assert "supervisor" in alone.text
    assert "checked" in bureau.approver.get("/leads").text
    assert bureau.approver.get(path).status_code == 200
    assert bureau.approver.post(f"{path}/supervise").status_code == 403  # no passkey
    done = bureau.approver.post(f"{path}/supervise", confirm="lead.supervise")
    assert done.status_code == 303
    again = bureau.approver.post(f"{path}/supervise", confirm="lead.supervise")
    assert again.status_code == 409
    given = bureau.requester.post(f"{path}/issue", confirm="lead.issue")
    assert "This lead is given out" in given.text
    assert 'class="decision"' in given.text

    arrest = bureau.requester.post(
        f"{path}/rely", {"step": "arrest", "in_affidavit": "yes", "rests_on_result": "no"},
        confirm="lead.rely",
    )  # fmt: skip
    assert "Arrest: refused" in arrest.text
    assert "Speaks against this candidate: location" in arrest.text
    assert NO_SOLE_BASIS in text_of(arrest.text)
    assert bureau.requester.post(f"{path}/rely", {"step": "hang"}).status_code == 422
    assert bureau.requester.get(f"{path}/rely").status_code == 200
    assert "evidence obtained" in text_of(bureau.requester.get(path).text)


def test_evidence_built_on_the_candidate_never_counts_as_independent(bureau: Bureau) -> None:
    lead = bureau.lead()
    path = f"/leads/{lead}/evidence"
    assert bureau.requester.post(path, item(kind="line-up", what=XSS)).status_code == 303
    form = bureau.requester.get(path).text
    found = re.search(r'name="derived_from" value="([0-9a-f]{32})"', form)
    assert found
    assert "<script>alert" not in form
    derived = item(kind="witness-account", derived_from=found[1])
    assert bureau.requester.post(path, derived).status_code == 303
    assert bureau.requester.post(path, item()).status_code == 303
    page = bureau.requester.get(f"/leads/{lead}").text
    assert SHOWN in page
    assert "Evidence entered: 3 items, 1 of them independent." in page
    rows = re.findall(r'<td class="n">(\d)</td><td>(\w+)</td><td>(\w+)</td>', page)
    assert rows == [
        ("1", "derived", "independent"), ("2", "derived", "independent"),
        ("3", "independent", "independent"),
    ]  # fmt: skip
    assert "item 1" in page
    for wrong, where in (
        (item(kind="hunch"), "kind"), (item(relation="both"), "relation"),
        (item(what="x"), "what"), (item(source=""), "source"),
        (item(obtained_on="2026-11-24"), "obtained_on"), (item(obtained_on="soon"), "obtained_on"),
        (item(derived_from="0" * 32), "derived_from"), (item(what="a\x07b and c"), "what"),
    ):  # fmt: skip
        refused = bureau.requester.post(path, {**wrong, "token": bureau.requester.page_token})
        assert refused.status_code == 422, where
        assert f'href="#f-{where}"' in refused.text
    kept = bureau.requester.post(path, item(what=XSS, obtained_on="x"))
    assert SHOWN in kept.text


def test_an_outcome_is_asked_for_and_a_wrong_lead_opens_an_incident(
    bureau: Bureau, site: Site
) -> None:
    lead = issued(bureau)
    path = f"/leads/{lead}/outcome"
    form = bureau.requester.get(path).text
    assert "It was somebody else" in form
    opened = {"outcome": "still-open", "grounds": "the laboratory has not answered yet"}
    assert bureau.requester.post(path, opened).headers["location"].startswith(f"/leads/{lead}?")
    site.clock.move(days=FOLLOW_UP_DAYS, hours=1)
    bureau.requester.sign_in()
    assert "asked for since" in bureau.requester.get("/leads").text
    short = bureau.requester.post(path, {"outcome": "somebody-else", "grounds": "no"})
    assert short.status_code == 422
    assert 'href="#f-grounds"' in short.text
    wrong = {"outcome": "somebody-else", "grounds": XSS + " he was abroad",
             "suspend_gallery": "yes"}  # fmt: skip
    done = bureau.requester.post(path, wrong)
    assert done.headers["location"].startswith("/incidents/")
    incident = bureau.requester.get(done.headers["location"])
    assert "A wrong lead opened this incident" in incident.text
    assert "wrong lead" in incident.text
    assert "booking" in incident.text
    again = bureau.requester.post(path, wrong)
    assert again.status_code == 409
    assert "nothing more can be said" in again.text
    assert "somebody else" in bureau.requester.get(f"/leads/{lead}").text


def test_another_s_lead_is_as_none(quiet: tuple[Bureau, str]) -> None:
    bureau, lead = quiet
    stranger = bureau.site.joined("Sol Sea", Role.REQUESTER)
    assert lead not in stranger.get("/leads").text
    assert lead not in bureau.eve.get("/leads").text
    assert "24-1234" not in bureau.eve.get(f"/leads/{lead}").text
    none = "0" * 32
    for name in (
        "",
        "/record",
        "/probe",
        "/candidate",
        "/checklist",
        "/evidence",
        "/rely",
        "/outcome",
    ):
        other = stranger.get(f"/leads/{lead}{name}")
        missing = stranger.get(f"/leads/{none}{name}")
        assert other.status_code == missing.status_code == 403, name
        assert other.content == missing.content
    assert bureau.approver.get(f"/leads/{lead}").status_code == 403  # not checked yet
    posts = {
        "checklist": answers(), "evidence": item(), "issue": {}, "rely": {"step": "arrest"},
        "outcome": {"outcome": "not-followed", "grounds": "there was no time for it"},
    }  # fmt: skip
    confirms = {"issue": "lead.issue", "rely": "lead.rely"}
    more = {"in_affidavit": "yes", "rests_on_result": "no"}
    for name, fields in posts.items():
        answer = [
            stranger.post(f"/leads/{each}/{name}", {**fields, **more},
                          confirm=confirms.get(name, ""))
            for each in (lead, none)
        ]  # fmt: skip
        assert [each.status_code for each in answer] == [403, 403], name
        assert answer[0].content == answer[1].content


def test_whoever_may_read_a_lead_is_shown_no_form_of_another_s(bureau: Bureau, site: Site) -> None:
    lead = bureau.lead()
    bureau.requester.post(f"/leads/{lead}/checklist", answers())
    both = site.joined("Bo Both", Role.REQUESTER, Role.APPROVER)
    page = both.get(f"/leads/{lead}")
    assert page.status_code == 200
    assert "I have checked this lead" in page.text
    assert "/issue" not in page.text
    for name in ("record", "probe", "candidate", "checklist", "evidence", "rely", "outcome"):
        assert both.get(f"/leads/{lead}/{name}").status_code == 403, name
    given = {"outcome": "not-followed", "grounds": "there was no time for it"}
    assert both.post(f"/leads/{lead}/outcome", given).status_code == 403
    assert both.post(f"/leads/{lead}/evidence", item()).status_code == 403


def test_each_step_is_its_role_s(quiet: tuple[Bureau, str]) -> None:
    bureau, lead = quiet

    def refused(visitor: Visitor, *names: str) -> None:
        for name in names:
            assert visitor.post(f"/leads/{lead}/{name}").status_code == 403

    refused(bureau.eve, "checklist", "evidence", "issue", "rely", "outcome", "supervise")
    refused(bureau.auditor, "checklist", "evidence", "issue", "rely", "outcome", "supervise")
    refused(bureau.approver, "checklist", "evidence", "issue", "rely", "outcome")
    refused(bureau.requester, "supervise")
    public = bureau.site.public()
    assert public.get(f"/leads/{lead}").headers["location"].startswith("/sign-in")
    assert public.post(f"/leads/{lead}/issue").status_code == 401
