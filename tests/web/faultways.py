"""Ways through the desk, in steps that can each be done again after the service died in it."""

from __future__ import annotations

import html
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faultpeople import AwayError, Caller, GoneError, People
from reviewsite import finding, seen

from countenance.desk.checklist import Question
from countenance.web.demo.drawings import Invented, portrait
from countenance.web.demo.scenery import read_script

_LEAF = re.compile(r"class=\"proof\">.*?<code>([0-9a-f]{64})</code>")
Steps = list[tuple[str, Callable[[], bool]]]


@dataclass
class Way:
    """Steps to an end.

    `acknowledged` counts what was answered or shown as done, by the kind of event that tells of
    it; `shown` are the leaves of events on pages that were answered. While what the service needs
    is away, each step is tried again for `patience_s`.
    """

    people: People
    number: str
    patience_s: float = 60.0
    acknowledged: Counter[str] = field(default_factory=Counter)
    shown: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    gone: str = ""

    def steps(self) -> Steps:
        raise NotImplementedError

    def go(self) -> bool:
        """Go on until the service dies, or the end; whether it is at its end."""
        try:
            for name, step in self.steps():
                if name not in self.done:
                    assert self._tried(step), f"{name} does not go on"
                    self.done.append(name)
                    self._tried(self.look)
        except GoneError as gone:
            self.gone = str(gone)
            return False
        return True

    @property
    def at_its_end(self) -> bool:
        return len(self.done) == len(self.steps())

    @property
    def at(self) -> str:
        """The step that comes next."""
        return [*(name for name, _ in self.steps()), "between"][len(self.done)]

    def look(self) -> bool:
        """See what the desk shows of what was done."""
        return True

    def _tried(self, step: Callable[[], bool]) -> bool:
        ends = time.monotonic() + self.patience_s
        while True:
            try:
                return step()
            except AwayError:
                assert time.monotonic() < ends, "what was away is not back"
                time.sleep(0.1)

    def _found(self, pattern: str, text: str) -> str:
        found = re.findall(pattern, text)
        return found[-1] if found else ""


@dataclass
class CaseWay(Way):
    """One case from its opening to what became of a lead that was given out."""

    who: int = 4
    case: str = ""
    probe: str = ""
    request: str = ""
    lead: str = ""

    def steps(self) -> Steps:
        return [
            ("opened", self.open), ("uploaded", self.upload), ("judged", self.judge),
            ("submitted", self.submit), ("approved", self.approve), ("searched", self.search),
            ("examined", self.examine), ("checked", self.check), ("evidenced", self.prove),
            ("supervised", self.supervise), ("issued", self.issue), ("ended", self.end),
        ]  # fmt: skip

    def look(self) -> bool:
        """The case file: every event on it has to be in the log."""
        page = self.people["Rita"].get(self.case)
        assert page.status_code == 200, page.text
        leaves = _LEAF.findall(page.text)
        assert leaves, page.text
        self.shown |= set(leaves)
        return True

    def open(self) -> bool:
        rita, script = self.people["Rita"], read_script()
        listed = rita.get(f"/cases?after={self.number[:-1]}").text
        self.case = self._found(rf'href="(/cases/[0-9a-f]{{32}})"[^>]*>\s*{self.number}<', listed)
        if not self.case:
            text = html.unescape(script.cases[0]["narrative"]).split()
            words = [f"{each}{chr(97 + ord(letter) % 26)}" for each, letter in
                     zip(text, (self.number * 40)[: len(text)], strict=True)]  # fmt: skip
            made = rita.post("/cases/new", {
                "number": self.number, "purpose": "identify-suspect", "offence": "MCL 750.529",
                "offences": list(script.offences["robbery"]), "narrative": " ".join(words),
            })  # fmt: skip
            assert made.status_code == 303, made.text
            self.case = made.headers["location"].partition("?")[0]
        self.acknowledged["case-changed"] += 1
        return True

    def upload(self) -> bool:
        rita = self.people["Rita"]
        self.probe = self._found(r'href="(/probes/[0-9a-f]{32})"', rita.get(self.case).text)
        if not self.probe:
            made = rita.post(
                f"{self.case}/probes/new",
                {"sort": "cctv-frame", "shows": "shown-by-record",
                 "known_by": "recording-of-the-act", "provenance": "the frame of the act",
                 "captured_on": "2026-11-04"},
                files={"file": ("a.png", portrait(Invented(self.who), 1), "image/png")},
            )  # fmt: skip
            assert made.status_code == 303, made.text
            self.probe = made.headers["location"].partition("?")[0]
        self.acknowledged["probe-received"] += 1
        return True

    def judge(self) -> bool:
        emma = self.people["Emma"]
        page = emma.get(f"{self.probe}/judge").text
        image = self._found(r'name="image" value="([0-9a-f]{64})"', page)
        if image:
            emma.post(f"{self.probe}/judge",
                      {"image": image, "suitable": "yes", "reason": "clear-enough"})  # fmt: skip
        if "suitable" not in self.people["Rita"].get(self.case).text:
            return False
        self.acknowledged["probe-judged"] += 1
        return True

    def submit(self) -> bool:
        rita = self.people["Rita"]
        self.request = self._found(r'href="(/requests/[0-9a-f]{32})"', rita.get(self.case).text)
        if not self.request:
            made = rita.post(f"{self.case}/requests/submit", request_fields(self.probe),
                             confirm="request.submit")  # fmt: skip
            assert made.status_code == 303, made.text
            self.request = made.headers["location"].partition("?")[0]
        self.acknowledged["search-requested"] += 1
        return True

    def approve(self) -> bool:
        asa, path = self.people["Asa"], "/approvals/" + self.request.rpartition("/")[2]
        digest = self._found(r'data-digest="([0-9a-f]{64})"', asa.get(path).text)
        if digest:
            asa.post(path, {"digest": digest}, sign=("request.approve", digest))
        if "approved exactly this" not in self.people["Rita"].get(self.request).text:
            return False
        self.acknowledged["request-moved"] += 1
        return True

    def search(self) -> bool:
        rita = self.people["Rita"]
        for _ in range(100):
            rita.post(f"{self.request}/search", confirm="search.run")
            page = rita.get(f"{self.request}/search").text
            if "There is a list with" in page:
                self.acknowledged["search-returned"] += 1
                self.acknowledged["search-opened"] += 1
                return True
            assert "The list is empty" not in page
            time.sleep(0.1)
        return False

    def examine(self) -> bool:
        for name in ("Emma", "Elias", "Esi"):
            for _ in range(6):
                if not self._examined(self.people[name]):
                    break
            if "/leads/" in self.people["Rita"].get(f"{self.request}/search").text:
                break
        page = self.people["Rita"].get(f"{self.request}/search").text
        self.lead = self._found(r'href="(/leads/[0-9a-f]{32})"', page)
        if self.lead:
            self.acknowledged["review-settled"] += 1
        return bool(self.lead)

    def _examined(self, examiner: Caller) -> bool:
        """Conclude the next task, if there is one."""
        tasks = re.findall(r'href="/reviews/([0-9a-f]{32})"', examiner.get("/reviews").text)
        if tasks:
            task = tasks[0]
        else:
            taken = examiner.post("/reviews/take").headers["location"]
            task = self._found(r"/reviews/([0-9a-f]{32})", taken)
            if not task:
                return False
        examiner.post(f"/reviews/{task}/notes", seen())
        page = examiner.get(f"/reviews/{task}").text
        count = re.search(r"Candidate 1 of (\d+)", page)
        if count is None:
            return False
        drafts, sought = {}, portrait(Invented(self.who), 0)
        for number in range(1, int(count[1]) + 1):
            shown = examiner.post(f"/reviews/{task}/compare", {"go": str(number)}).text
            source = self._found(r'src="(/reviews/[0-9a-f]{32}/candidates/[0-9a-f]{24})"', shown)
            same = examiner.get(source).content == sought
            drafts[str(number)] = finding("features-support-one-person") if same else finding()
        examiner.post(f"/reviews/{task}/conclude", {"drafts": json.dumps(drafts)},
                      confirm="review.conclude")  # fmt: skip
        return True

    def check(self) -> bool:
        rita = self.people["Rita"]
        if "looked it up in the file" not in rita.get(self.lead).text:
            answers = {f"answer-{each}": "agrees" for each in Question}
            answers |= {f"words-{each}": "looked it up in the file of the case"
                        for each in Question}  # fmt: skip
            rita.post(f"{self.lead}/checklist", answers)
        if "looked it up in the file" not in rita.get(self.lead).text:
            return False
        self.acknowledged["lead-changed"] += 1
        return True

    def supervise(self) -> bool:
        amir = self.people["Amir"]
        done = amir.post(f"{self.lead}/supervise", confirm="lead.supervise")
        return done.status_code in (303, 409)

    def issue(self) -> bool:
        rita = self.people["Rita"]
        rita.post(f"{self.lead}/issue", confirm="lead.issue")
        return "issued" in rita.get(self.lead).text

    def prove(self) -> bool:
        rita, what = self.people["Rita"], "a print on the cash box"
        if what not in rita.get(self.lead).text:
            rita.post(f"{self.lead}/evidence", {
                "kind": "fingerprint", "relation": "independent", "what": what,
                "source": "laboratory report 77", "obtained_on": "2026-11-05",
            })  # fmt: skip
        if what not in rita.get(self.lead).text:
            return False
        self.acknowledged["evidence-added"] += 1
        return True

    def end(self) -> bool:
        rita = self.people["Rita"]
        if "not followed" not in rita.get(self.lead).text:
            fields = {"outcome": "not-followed", "grounds": "there was nobody to follow it"}
            rita.post(f"{self.lead}/outcome", fields)
        if "not followed" not in rita.get(self.lead).text:
            return False
        self.acknowledged["lead-outcome"] += 1
        return True


def request_fields(probe: str) -> dict[str, Any]:
    """A request's form, filled in lawfully."""
    stated: dict[str, Any] = {}
    for name, value in read_script().stated.items():
        if isinstance(value, bool):
            stated[name] = "yes" if value else "no"
        elif isinstance(value, list):
            stated[name] = value or ["none-of-these"]
        else:
            stated[name] = str(value)
    for n, (kind, reference, by) in enumerate(
        [("warrant", "W-77", "Judge Roe"), ("court-order", "O-12", "Judge Roe"),
         ("supervisor", "memo", "Lt. Poe")], 1,
    ):  # fmt: skip
        stated |= {f"kind-{n}": kind, f"reference-{n}": reference, f"issued_by-{n}": by,
                   f"issued_on-{n}": "2026-11-20"}  # fmt: skip
    return {"probe": probe.rpartition("/")[2], "gallery": "booking", **stated,
            "elsewhere_none": "yes"}  # fmt: skip
