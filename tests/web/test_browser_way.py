"""The whole way in real browsers, from an empty desk to a wrong lead's incident, for each role."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import webkit
from browserfaces import CULPRIT, PEOPLE, Acquainted, drawn, folder_of
from browserkit import Watched
from browserpeople import (
    examine,
    fill,
    follow,
    local_site,
    press,
    room,
    says,
    sign_in,
)
from casepages import CASE, PROBE, request_fields
from casework import KEYS, audit
from clockkit import MovingClock
from people import entries
from playwright.sync_api import expect
from sqlalchemy import select
from webkit import Site

from countenance.desk import purging, reviewing
from countenance.desk.approvals import Approval
from countenance.desk.background import handlers
from countenance.desk.checklist import Question
from countenance.desk.jobs import Worker
from countenance.desk.proofs import check_approval
from countenance.desk.roles import Role
from countenance.web.pages import imports

BASIS = "Public Records Act, section 5"


@pytest.fixture
def site(tmp_path: Path, clock: MovingClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty desk whose engine knows drawn people; no known answer is mixed in."""
    monkeypatch.setattr(webkit, "Engine", Acquainted)
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    monkeypatch.setattr(imports, "REFRESH_S", 1)
    with local_site(tmp_path, clock) as made:
        folder_of(made.folder / "in")
        yield made


def test_the_whole_way_in_browsers(site: Site, clock: MovingClock) -> None:
    with room(site, "way") as people:
        bea = people.joined("Bea Browser", Role.ADMINISTRATOR)
        rita = people.invited(bea, "Rita Ray", Role.REQUESTER)
        uma = people.invited(bea, "Uma Audit", Role.AUDITOR)
        ann = people.joined("Ann Prove", Role.APPROVER)
        amy = people.joined("Amy Apt", Role.APPROVER)
        emma = people.joined("Emma Eye", Role.EXAMINER)
        elias = people.joined("Elias Eye", Role.EXAMINER)

        _gallery(bea, site)
        _engine_in_use(uma, bea, ann, site)
        case, probe = _case_and_probe(rita, emma, site)
        request = _requested(rita, probe)
        _approved(ann, request, site)
        _others(rita, ann, amy, case)
        rita.came(f"/requests/{request}")
        press(rita, "Search now")
        says(rita, "There is a list with 3 candidates")
        for examiner in (emma, elias):
            examine(examiner, lambda picture: picture == drawn(CULPRIT))
        lead = _lead(rita, ann)
        _wrong(rita, amy, lead, clock)
        _record(sign_in(uma), site)
    told = {entry.kind for entry in entries(site.deployment.log)}
    assert told >= {
        "account-joined", "training-recorded", "gallery-import-begun", "gallery-import-ended",
        "audit-accepted", "setting-changed", "probe-edited", "probe-judged", "request-moved",
        "outside-asked", "outside-received", "quarantine-decided",
        "search-returned", "examination-changed", "review-settled", "evidence-added",
        "reliance-decided", "lead-outcome", "incident-opened", "incident-closed", "opened",
    }  # fmt: skip


def _gallery(bea: Watched, site: Site) -> None:
    """A gallery is made; a folder is tried, then imported, and the page tells how far it is."""
    bea.came("/galleries")
    follow(bea, "main a.button")
    fill(bea.page, {
        "code": "booking", "holder": "own-agency", "sources": "booking-photos", "basis": BASIS,
        "purpose": "leads in investigations of serious crime", "keep_days": "3650",
        "notice": "yes",
    })  # fmt: skip
    press(bea, "Make the gallery")
    bea.came("/galleries/booking/import")
    fill(bea.page, {"folder": "spring"})
    press(bea, "Make a dry run")
    says(bea, f"{PEOPLE + 1} of {PEOPLE + 3} rows may come into booking")
    says(bea, "no lawful source")
    assert not list(entries(site.deployment.log, "gallery-import-begun"))
    press(bea, "Import what may come in")
    says(bea, "It waits for its turn")
    engine = Acquainted(waits_after=8)  # a batch
    made, root = site.deployment, site.folder / "in"
    jobs = Worker(site.desk, handlers(
        site.desk, keys=KEYS, engine=engine, imports_root=root, galleries=site.folder / "files",
        issuer=site.issuer.public,
    ))  # fmt: skip

    def work() -> None:
        while jobs.run_once():
            pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        says(bea, f"10 of {PEOPLE + 3} rows are done")  # the page looks again by itself
        assert bea.page.locator("progress").get_attribute("value") == "10"
        bea.look()
    finally:
        engine.go_on.set()
        thread.join(60)
    says(bea, f"{PEOPLE} images came in")
    says(bea, "no face")
    purging.purge(made.desk, "booking", keys=KEYS)  # as every night
    bea.came("/galleries/booking")
    says(bea, f"{PEOPLE} people in {PEOPLE} images")


def _engine_in_use(uma: Watched, bea: Watched, ann: Watched, site: Site) -> None:
    """An audit is looked at and accepted, and a threshold proposed and approved by its table."""
    file = site.folder / "audit.json"
    file.write_text(audit().to_json())
    uma.came("/audits/accept")
    uma.page.set_input_files("#f-check", file)
    press(uma, "Look at it")
    says(uma, "Nothing is accepted yet")
    follow(uma, "main a[href='/audits/accept']")
    uma.page.set_input_files("#f-audit", file)
    fill(uma.page, {"operational": "yes"})
    press(uma, "Accept the audit")
    expect(uma.page.get_by_role("status")).to_be_visible()

    for threshold, reason in (
        ("0.2", "wide, until it is known how many candidates that gives"),
        ("0.363", "as the engine's documentation has it"),
    ):
        bea.came("/settings/propose")
        fill(bea.page, {"threshold": threshold, "list_length": "20", "reason": reason})
        press(bea, "Show what it means")
        table = "[aria-label='What it means for each group'] tbody"
        shown = bea.page.locator(table).inner_text()
        press(bea, "Propose this")
        ann.came("/settings")
        follow(ann, "main p.warning a")
        assert ann.page.locator(table).inner_text() == shown
        press(ann, "Approve")
    expect(ann.page.locator(".facts .state")).to_have_text("in force")
    rows = ann.page.locator(f"{table} tr")
    assert {rows.nth(n).locator("th").inner_text() for n in range(rows.count())} == {
        "female", "male"
    }  # fmt: skip
    expect(ann.page.locator("[aria-label='What it means for each group'] thead")).to_contain_text(
        "False matches at 0.2, now"
    )


def _case_and_probe(rita: Watched, emma: Watched, site: Site) -> tuple[str, str]:
    """A case; its probe as it came, made brighter in the page, and judged. Their paths."""
    rita.came("/tasks")
    follow(rita, "main a.button")
    fill(rita.page, CASE)
    press(rita, "Open the case")
    expect(rita.page.get_by_role("status")).to_be_visible()
    case = rita.here
    follow(rita, "main a[href$='/probes/new']")
    original = site.folder / "frame.png"
    original.write_bytes(drawn(CULPRIT, 3))
    fill(rita.page, {**PROBE, "file": original})
    press(rita, "Upload the probe")
    probe = rita.here
    assert re.fullmatch(r"/probes/[0-9a-f]{32}", probe)
    follow(rita, "main a[href$='/edit']")
    follow(rita, "main a:text-is('Brightness')")
    fill(rita.page, {"percent": "110", "reason": "the eyes lie in shadow"})
    press(rita, "Make the edit")
    says(rita, "Step 1: brightness")
    says(rita, "percent = 110")
    assert rita.page.locator("main section img").count() == 2  # before and after
    emma.came("/tasks")
    follow(emma, "main a[href$='/judge']")
    fill(emma.page, {"suitable": "yes", "reason": "clear-enough"})
    press(emma, "Record my judgement")
    return case, probe


def _requested(rita: Watched, probe: str) -> str:
    """The request's form, its decision, and the request. Its id."""
    rita.came(probe)
    follow(rita, "main a.button")
    wanted = request_fields(probe)
    for _ in range(2):  # a third row for documents comes when two are filled in
        rita.page.eval_on_selector_all("details", "all => all.forEach((one) => one.open = 1)")
        there = {name for name in wanted if rita.page.locator(f'main [name="{name}"]').count()}
        fill(rita.page, {name: wanted[name] for name in there})
        press(rita, "Show the decision")
    press(rita, "Go on to submit")
    press(rita, "Submit the request")
    request = re.search(r"/requests/([0-9a-f]{32})", rita.page.url)
    assert request, rita.page.content()
    return request[1]


def _approved(ann: Watched, request: str, site: Site) -> None:
    """What Chromium's authenticator signed is the digest, and anybody can check that."""
    ann.came("/tasks")
    follow(ann, f"main a[href='/approvals/{request}']")
    ann.printed("way-approval-on-paper")
    press(ann, "Approve exactly this")
    expect(ann.page.get_by_role("status")).to_be_visible()
    with site.desk.store.reading() as db:
        proof = db.scalars(select(Approval)).one()
    check_approval(
        proof.public_key, proof.digest, proof.authenticator_data, proof.client_data_json,
        proof.signature, rp_id="localhost", origins=site.deployment.party.origins,
    )  # fmt: skip


def _others(rita: Watched, ann: Watched, amy: Watched, case: str) -> None:
    """Others are asked once two agreed; what comes unasked is read by nobody."""
    comes = {"runner": "state-police", "who": "State Police, Lansing", "system": "theirs"}
    rita.came(case)
    follow(rita, "main a[href$='/outside']")
    follow(rita, "main a.button")
    fill(rita.page, {"runner": "state-police", "whom": comes["who"],
                     "what": "one search with the frame of the camera"})  # fmt: skip
    press(rita, "Submit this")
    says(rita, "A second person has to approve it")
    ann.came("/tasks")
    follow(ann, "main a[href^='/outside/asks/']")
    press(ann, "Approve that this is asked")
    says(ann, "It may be asked now")
    rita.came(f"{case}/outside/receive")
    rita.page.get_by_label(comes["who"]).check()
    fill(rita.page, {**comes, "request": "letter 12", "text": "nobody was found"})
    press(rita, "Take it in")
    says(rita, "It may be read")
    follow(rita, "main a[href^='/outside/results/']")
    says(rita, "nobody was found")
    rita.came(f"{case}/outside/receive")
    fill(rita.page, {**comes, "ask": "none", "system": "", "text": "it is Jon Roe, Elm Street"})
    press(rita, "Take it in")
    says(rita, "It is in quarantine")
    amy.came("/outside")
    expect(amy.page.locator("[aria-label='Quarantine']")).to_contain_text(CASE["number"])
    with amy.page.expect_navigation():
        amy.page.locator("[aria-label='Quarantine'] button").click()
    amy.look()
    says(amy, "It stays in quarantine")
    for each in (amy, ann, rita):
        each.came("/outside")
        assert "Jon Roe" not in each.page.content()


def _lead(rita: Watched, ann: Watched) -> str:
    """The checklist, the supervisor's look, evidence, and what may be done. The lead's path."""
    rita.came("/leads")
    follow(rita, "main a[href^='/leads/']")
    lead = rita.here
    says(rita, "NOT ANSWERED")
    follow(rita, "main a[href$='/record']")
    rita.came(f"{lead}/checklist")
    fill(rita.page, {f"answer-{each}": "agrees" for each in Question})
    fill(rita.page, {f"words-{each}": "looked it up in the file of the case" for each in Question})
    press(rita, "Keep these answers")
    press(rita, "Ask to give this lead out")
    says(rita, "This lead may not be given out")  # nobody else has looked at it
    ann.came("/tasks")
    follow(ann, f"main a[href='{lead}']")
    press(ann, "I have checked this lead")
    rita.came(lead)
    press(rita, "Ask to give this lead out")
    says(rita, "This lead is given out")
    step = {"step": "arrest-warrant", "in_affidavit": "yes", "rests_on_result": "no"}
    rita.came(f"{lead}/rely")
    fill(rita.page, step)
    press(rita, "Ask")
    says(rita, "Arrest warrant: refused")
    rita.came(f"{lead}/evidence")
    fill(rita.page, {
        "kind": "fingerprint", "relation": "independent", "what": "a print on the counter",
        "source": "the laboratory's report 12", "obtained_on": "2026-11-05",
    })  # fmt: skip
    press(rita, "Enter this item")
    rita.came(f"{lead}/evidence")
    fill(rita.page, {
        "kind": "line-up", "relation": "independent", "what": "the clerk chose number 3",
        "source": "a line-up with this candidate in it", "obtained_on": "2026-11-10",
    })  # fmt: skip
    press(rita, "Enter this item")
    counted = rita.page.locator("[aria-label='Evidence'] tbody tr")
    assert [counted.nth(n).locator("td").nth(1).inner_text() for n in range(2)] == [
        "independent", "derived"
    ]  # fmt: skip
    rita.came(f"{lead}/rely")
    fill(rita.page, step)
    press(rita, "Ask")
    expect(rita.page.locator(".decision")).to_be_visible()
    rita.came(lead)
    rita.printed("way-lead-on-paper")
    return lead


def _wrong(rita: Watched, amy: Watched, lead: str, clock: MovingClock) -> None:
    """What became of it is asked for; that it was wrong suspends engine and gallery."""
    clock.move(days=31)
    sign_in(rita)
    rita.came("/tasks")
    follow(rita, f"main a[href='{lead}']")
    says(rita, "asked for since")
    follow(rita, "main a[href$='/outcome']")
    fill(rita.page, {"outcome": "somebody-else", "suspend_gallery": "yes",
                     "grounds": "the print on the counter is of another person"})  # fmt: skip
    press(rita, "Keep this")
    incident = rita.here
    assert incident.startswith("/incidents/")
    says(rita, "the engine fake")
    says(rita, "the gallery booking")
    sign_in(amy)
    follow(amy, f"main a[href='{incident}']")
    fill(amy.page, {"finding": "corrected",
                    "grounds": "the threshold was looked at again, and raised"})  # fmt: skip
    press(amy, "Close the incident")
    says(amy, "corrected")


def _record(uma: Watched, site: Site) -> None:
    """The auditor reads what happened, and opens one sealed field to one reader."""
    uma.came("/record")
    size = site.deployment.log.size
    follow(uma, "main tr:has-text('incident') th a")
    fill(uma.page, {"field": "author", "basis": "court-order", "reader": "Judge Roe"})
    press(uma, "Open the field")
    says(uma, "Opened to Judge Roe")
    with uma.page.expect_download() as kept:
        uma.page.get_by_role("link", name="Keep the file").click()
    assert kept.value.suggested_filename.endswith("-author.json")
    uma.came("/cases")
    follow(uma, "main a[href^='/cases/']")
    uma.printed("way-case-on-paper")
    assert site.deployment.log.size > size
