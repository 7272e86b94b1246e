"""A site with an open search and everybody who has to do with it; what examiners type."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casework import DETAILS, PROVENANCE, form
from clockkit import MovingClock
from reviewkit import comparison, notes
from webkit import Site, Visitor

from countenance.desk import reviewing
from countenance.desk.approval_signatures import begin_approval, finish_approval
from countenance.desk.approvals import approve
from countenance.desk.cases import open_case
from countenance.desk.decisions import begin
from countenance.desk.features import Component, Conclusion
from countenance.desk.leadviews import list_leads
from countenance.desk.probe_steps import judge_probe, upload_probe
from countenance.desk.probes import Judgement, Probe
from countenance.desk.requests import submit
from countenance.desk.roles import Role
from countenance.desk.searching import SearchView, run_search
from countenance.desk.sessions import authenticate

XSS = "<script>alert(1)</script> & \"so\" 'on'"
SHOWN = html.escape(XSS).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


@contextlib.contextmanager
def bureaus(folder: Path) -> Iterator[Bureau]:
    """One for several tests that leave it as it is; no known answer is mixed in."""
    with pytest.MonkeyPatch.context() as patch, Site.opened(folder, MovingClock()) as site:
        patch.setattr(reviewing, "KNOWN_ONE_IN", 2**62)
        yield Bureau(site)


class Bureau:
    """The people of one site, each with a browser, and one case with an open search."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.requester = site.joined("Rita Ray", Role.REQUESTER)
        self.approver = site.joined("Abe Roe", Role.APPROVER)
        self.auditor = site.joined("Ulf Uhl", Role.AUDITOR, train=False)
        self.eve = site.joined("Eve Ent", Role.EXAMINER)
        self.fay = site.joined("Fay Fox", Role.EXAMINER)
        site.with_gallery(40).with_audit(self.auditor, self.approver)
        self.picture = (site.folder / "in" / "batch" / "30.png").read_bytes()
        self.case = self._case()
        self.search = self._searched()
        for each in (self.requester, self.approver, self.auditor, self.eve, self.fay):
            each.sign_in()

    def _case(self) -> str:
        person = self.requester.person
        assert person is not None
        return open_case(
            self.site.desk, person.sign_in().to("case.open"), keys=self.site.deployment.keys,
            number="24-1234", details=DETAILS,
        )  # fmt: skip

    def _searched(self) -> SearchView:
        desk, house = self.site.desk, self.site.deployment.house
        asks, approves, judges = self.requester.person, self.approver.person, self.eve.person
        assert asks is not None
        assert approves is not None
        assert judges is not None
        probe = upload_probe(
            desk, asks.to("probe.upload"), self.case, house=house, sort="cctv-frame",
            engine=self.site.deployment.engine, data=self.picture, provenance=PROVENANCE,
        )  # fmt: skip
        assert isinstance(probe, str)
        with desk.store.reading() as db:
            image = db.get_one(Probe, probe).image
        judge_probe(desk, judges.sign_in().to("probe.judge"), probe, image=image, suitable=True,
                    reason=Judgement.CLEAR_ENOUGH)  # fmt: skip
        made = submit(desk, asks.to("request.submit"), house=house, form=form(self.case, probe))
        assert made.decision.permitted, made.decision.reasons
        party = self.site.deployment.party
        token = approves.sign_in().token
        ceremony = begin_approval(desk, party, token, action="request.approve", digest=made.digest)
        approves.token = finish_approval(
            desk, party, token, ceremony.id, approves.device.get(ceremony.options)
        ).token
        actor = authenticate(desk, approves.token, action="request.approve")
        approve(desk, actor, made.id, house=house, digest=made.digest, assertion=None)
        begin(desk, asks.to("search.run"), made.id, house=house)
        return run_search(
            desk, asks.to("search.run"), made.id, means=self.site.deployment.means
        )  # fmt: skip

    def examined(self, visitor: Visitor, *, pick: bool = True) -> str:
        """Examine through the pages, and pick the candidate that is the probe's picture."""
        task = take(visitor)
        noted(visitor, task)
        numbers = pictures(visitor, task)
        drafts = {
            number: finding("features-support-one-person")
            if pick and data == self.picture else finding() for number, data in numbers.items()
        }  # fmt: skip
        done = visitor.post(f"/reviews/{task}/conclude", {"drafts": json.dumps(drafts)},
                            confirm="review.conclude")  # fmt: skip
        assert done.status_code == 303, done.text
        return task

    def lead(self) -> str:
        """A prepared lead, both examinations made by library calls."""
        for visitor in (self.eve, self.fay):
            self._examined_unseen(visitor)
        assert self.requester.person is not None
        actor = self.requester.person.sign_in().to("lead.read")
        ((lead, _, _),) = list_leads(self.site.desk, actor)
        return lead

    def _examined_unseen(self, visitor: Visitor) -> None:
        desk, keys, person = self.site.desk, self.site.deployment.keys, visitor.person
        assert person is not None
        person.sign_in()
        task = reviewing.take(desk, person.to("review.take"))
        assert task is not None
        reviewing.note_probe(desk, person.to("review.note-probe"), task, notes(), keys=keys)
        actor = person.to("review.read")
        images = self.site.deployment.pictures
        found = {
            label: reviewing.see_candidate(desk, actor, task, label, keys=keys, pictures=images)
            for label in reviewing.see_candidates(desk, actor, task, keys=keys)
        }
        said = {
            label: comparison(Conclusion.SAME if data == self.picture else Conclusion.DIFFERENT)
            for label, data in found.items()
        }
        reviewing.conclude(desk, person.to("review.conclude"), task, said, keys=keys)


def take(visitor: Visitor) -> str:
    done = visitor.post("/reviews/take")
    assert done.status_code == 303, done.text
    return str(done.headers["location"]).removeprefix("/reviews/")


def seen(**other: str) -> dict[str, str]:
    """The fields of the notes on a probe."""
    fields = {str(each): "clear" for each in Component}
    return {**fields, "words": "taken from above, left side in shadow", **other}


def noted(visitor: Visitor, task: str, **other: str) -> None:
    done = visitor.post(f"/reviews/{task}/notes", seen(**other))
    assert done.status_code == 303, done.text


def pictures(visitor: Visitor, task: str) -> dict[str, bytes]:
    """The pictures of all candidates by their numbers, as the pages show them."""
    found: dict[str, bytes] = {}
    page = visitor.get(f"/reviews/{task}").text
    heading = re.search(r"Candidate 1 of (\d+)", page)
    assert heading
    for number in range(1, int(heading[1]) + 1):
        page = visitor.post(f"/reviews/{task}/compare", {"go": str(number)}).text
        source = re.search(r'src="(/reviews/[0-9a-f]{32}/candidates/[0-9a-f]{24})"', page)
        assert source
        answer = visitor.get(source[1])
        assert answer.headers["content-type"] == "image/png"
        found[str(number)] = answer.content
    return found


def finding(conclusion: str = "features-support-different-people", **other: str) -> dict[str, str]:
    features: dict[str, Any] = {str(each): "agree" for each in Component}
    return {
        **features, "neck": "differ", "conclusion": conclusion,
        "grounds": "what is said of ears, nose and lines above", **other,
    }  # fmt: skip


def named(draft: dict[str, str], number: str) -> dict[str, str]:
    """A finding as the fields of one candidate's form."""
    return {f"{name}-{number}": value for name, value in draft.items()}
