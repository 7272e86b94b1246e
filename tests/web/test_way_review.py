"""From an open search to a lead, given out, followed to its outcome: through the pages alone."""

from __future__ import annotations

import html
import re

import pytest
from clockkit import MovingClock
from people import entries
from reviewsite import Bureau
from webkit import Site

from countenance.desk import reviewing
from countenance.desk.checklist import Question
from countenance.desk.reliance import NO_SOLE_BASIS
from countenance.desk.roles import Role


def test_from_an_open_search_to_an_incident_closed(
    site: Site, clock: MovingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
    bureau = Bureau(site)
    asks, approves = bureau.requester, bureau.approver

    bureau.examined(bureau.eve)
    assert asks.get(f"/reviews/settled/{bureau.search.id}").status_code == 403
    assert "none that is yours" in asks.get("/leads").text
    bureau.examined(bureau.fay)
    settled = asks.get(f"/reviews/settled/{bureau.search.id}").text
    assert "Both examiners, each alone, came to the same candidate" in settled
    found = re.search(r'href="(/leads/[0-9a-f]{32})"', asks.get("/leads").text)
    assert found
    lead = found[1]

    answers = {f"answer-{each}": "agrees" for each in Question}
    answers |= {f"words-{each}": "looked it up in the file of the case" for each in Question}
    assert asks.post(f"{lead}/checklist", answers).status_code == 303
    clock.move(minutes=5)
    done = approves.post(f"{lead}/supervise", confirm="lead.supervise")
    assert "lead-supervised" in done.headers["location"]
    assert "This lead is given out" in asks.post(f"{lead}/issue", confirm="lead.issue").text

    step = {"step": "arrest-warrant", "in_affidavit": "yes", "rests_on_result": "no"}
    alone = asks.post(f"{lead}/rely", step, confirm="lead.rely").text
    assert "Arrest warrant: refused" in alone
    item = {
        "kind": "fingerprint", "relation": "independent", "what": "a print on the counter",
        "source": "the laboratory's report 12", "obtained_on": "2026-11-05",
    }  # fmt: skip
    assert asks.post(f"{lead}/evidence", item).status_code == 303
    page = html.unescape(re.sub(r"<[^>]+>", " ", asks.get(lead).text))
    assert NO_SOLE_BASIS in page
    assert "Evidence entered: 1 items, 1 of them independent." in page
    assert asks.post(f"{lead}/rely", step, confirm="lead.rely").status_code == 200

    clock.move(days=31)
    for visitor in (asks, approves):
        visitor.sign_in()
    assert "asked for since" in asks.get(lead).text
    words = {"outcome": "somebody-else", "grounds": "the print is of another person"}
    incident = asks.post(f"{lead}/outcome", words).headers["location"].partition("?")[0]
    assert "1 of 1 open" in asks.get("/incidents").text
    closing = {"finding": "corrected", "grounds": "the threshold was looked at again"}
    refused = approves.post(f"{incident}/close", closing, confirm="incident.close")
    assert refused.status_code == 403  # they approved the search
    other = site.joined("Amy Apt", Role.APPROVER)
    assert other.post(f"{incident}/close", closing, confirm="incident.close").status_code == 303
    assert "0 of 1 open" in asks.get("/incidents").text
    told = [entry.kind for entry in entries(site.deployment.log)]
    for kind in (
        "examination-changed",
        "review-settled",
        "lead-changed",
        "evidence-added",
        "reliance-decided",
        "lead-outcome",
        "incident-opened",
        "incident-closed",
    ):
        assert kind in told
