"""A served deployment that is killed and started again, and a case that goes on through it."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
from reviewsite import finding, seen

from countenance.desk.checklist import Question
from countenance.desk.configuration import read_configuration
from countenance.desk.kinds import KINDS
from countenance.desk.parts import open_log
from countenance.record import leaf_hash, parse_entry
from countenance.web.demo.cast import Cast
from countenance.web.demo.device import SimulatedDevice
from countenance.web.demo.drawings import Invented, portrait
from countenance.web.demo.making import CAST
from countenance.web.demo.scenery import read_script

RUNNER = Path(__file__).parent / "faultrunner.py"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
_LEAF = re.compile(r"class=\"proof\">.*?<code>([0-9a-f]{64})</code>")


class GoneError(Exception):
    """The service died before it answered, or is not there."""


class Service:
    """The service of a folder, as a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found = read_configuration(folder)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, number: int = 0, *, limit_bytes: int = 0, **env: str) -> None:
        """Start it, to be killed at a step where one is given."""
        tail = [str(number)] if number else []

        def limited() -> None:
            import resource

            if limit_bytes:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        with (self.folder / "served.txt").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(RUNNER), str(self.folder), *tail], stdout=out, stderr=out,
                env={**os.environ, **env}, preexec_fn=limited if limit_bytes else None,
            )  # fmt: skip
        ends = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.found.origins[0]}/healthz", timeout=5).status_code < 600:
                    return
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "served.txt").read_text()[-2000:])
            assert time.monotonic() < ends
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9, and whatever it left."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(40)
            self.process = None

    def is_dead(self) -> bool:
        """Whether it was killed."""
        assert self.process is not None
        return self.process.poll() is not None

    def events(self) -> tuple[Counter[str], set[str]]:
        """Of the log on the disk: events by kind, and all leaves. Only while nobody serves."""
        with open_log(self.found) as log:
            entries = [log.entry(index) for index in range(log.size)]
        kinds = Counter(parse_entry(each, kinds=KINDS).kind for each in entries)
        return kinds, {leaf_hash(each).hex() for each in entries}


@dataclass
class Caller:
    """Somebody at a browser, over HTTP."""

    origin: str
    device: SimulatedDevice
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask; raises GoneError where nobody answers."""
        headers = {"cookie": "; ".join(f"{a}={b}" for a, b in self.cookies.items())}
        try:
            answer = httpx.request(method, self.origin + path, headers=headers, timeout=30, **more)
        except httpx.HTTPError as error:
            raise GoneError(str(error)) from error
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def ceremony(self, kind: str, body: dict[str, str] | None = None) -> httpx.Response:
        begun = self.send("POST", f"/passkey/{kind}/begin", json=body or {})
        if begun.status_code != 200:
            return begun
        answer = self.device.get(begun.json()["options"])
        return self.send("POST", f"/passkey/{kind}/finish", json={"answer": answer})

    def sign_in(self) -> Caller:
        done = self.ceremony("sign-in")
        assert done.status_code == 200, done.text
        found = _TOKEN.search(self.get("/account").text)
        assert found
        self.token = found[1]
        return self

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, confirm: str = "",
        sign: tuple[str, str] | None = None, **more: Any,
    ) -> httpx.Response:  # fmt: skip
        """Send a form, the passkey asked before where the form would have it asked."""
        if confirm:
            self.ceremony("confirm", {"action": confirm})
        if sign:
            self.ceremony("sign", {"action": sign[0], "digest": sign[1]})
        return self.send("POST", path, data={"token": self.token, **(fields or {})}, **more)


class People:
    """The demonstration's people, who sign in again when their session is gone."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._cast = Cast.read(folder / CAST)
        self._origin = origin
        self._in: dict[str, Caller] = {}

    def __getitem__(self, name: str) -> Caller:
        if name not in self._in:
            caller = Caller(self._origin, self._cast[name].device)
            self._in[name] = caller.sign_in()
        return self._in[name]

    def forget(self) -> None:
        """Everybody signs in anew."""
        self._in.clear()


@dataclass
class CaseWay:
    """One case from its opening to a lead that is given out; each step can be done again.

    `acknowledged` counts what was answered or shown as done, by the kind of event that tells of
    it; `shown` are the leaves of events on pages that were answered.
    """

    people: People
    number: str
    who: int = 4
    acknowledged: Counter[str] = field(default_factory=Counter)
    shown: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    case: str = ""
    probe: str = ""
    request: str = ""
    lead: str = ""

    def steps(self) -> list[tuple[str, Callable[[], bool]]]:
        return [
            ("opened", self.open), ("uploaded", self.upload), ("judged", self.judge),
            ("submitted", self.submit), ("approved", self.approve), ("searched", self.search),
            ("examined", self.examine), ("checked", self.check), ("supervised", self.supervise),
            ("issued", self.issue),
        ]  # fmt: skip

    def go(self) -> bool:
        """Go on until the service dies, or the end; whether it is at its end."""
        try:
            for name, step in self.steps():
                if name not in self.done:
                    assert step(), f"{name} does not go on"
                    self.done.append(name)
                    self.look()
        except GoneError:
            return False
        return True

    def look(self) -> None:
        """The case file: every event on it has to be in the log."""
        page = self.people["Rita"].get(self.case)
        assert page.status_code == 200, page.text
        leaves = _LEAF.findall(page.text)
        assert leaves, page.text
        self.shown |= set(leaves)

    def _found(self, pattern: str, text: str) -> str:
        found = re.findall(pattern, text)
        return found[-1] if found else ""

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
        for _ in range(40):
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


def held(service: Service, before: Counter[str], ways: list[CaseWay]) -> None:
    """What was acknowledged or shown is in the log on the disk. Only while nobody serves."""
    kinds, leaves = service.events()
    for kind in {kind for way in ways for kind in way.acknowledged}:
        told = sum(way.acknowledged[kind] for way in ways)
        assert kinds[kind] - before[kind] >= told, (kind, kinds[kind] - before[kind], told)
    for way in ways:
        missing = way.shown - leaves
        assert not missing, missing


@contextlib.contextmanager
def service_of(folder: Path) -> Iterator[Service]:
    """A service that is not left running."""
    made = Service(folder)
    try:
        yield made
    finally:
        made.kill()
