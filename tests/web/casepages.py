"""A case on its way through pages, for tests: each step as a visitor sends its form."""

from __future__ import annotations

import contextlib
import html
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from casework import CARD, NARRATIVE, base, picture
from clockkit import MovingClock
from webkit import Site, Visitor, fields_of

from countenance.desk.facts import REQUESTER
from countenance.desk.roles import Role

HOSTILE = "<script>alert(1)</script>"
CASE = {
    "number": "24-1234", "purpose": "identify-suspect", "offence": "MCL 750.529",
    "offences": ["felony", "serious", "violent", "part-1-violent"], "narrative": NARRATIVE,
}  # fmt: skip
PROBE = {
    "sort": "cctv-frame", "shows": "shown-by-record", "known_by": "recording-of-the-act",
    "provenance": "frame 1204 of the camera above the door", "captured_on": "2026-11-04",
}  # fmt: skip


_NUMBERS = itertools.count()


def another() -> str:
    """An account of the facts that stands in no other case."""
    n = next(_NUMBERS)
    mark = chr(97 + n % 26) + chr(97 + n // 26) + "x"
    return " ".join(f"{word}{mark}" for word in NARRATIVE.split())


def opened(visitor: Visitor, **other: object) -> str:
    """The path of a new case."""
    answer = visitor.post("/cases/new", {**CASE, **other})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


def opened_anew(visitor: Visitor) -> str:
    """The path of a new case that is like no other on a site that several tests use."""
    return opened(visitor, number=f"25-{next(_NUMBERS):04}", narrative=another())


def uploaded(visitor: Visitor, case: str, data: bytes | None = None, **other: str) -> str:
    """The path of a new probe."""
    files = {"file": ("a.png", picture() if data is None else data, "image/png")}
    answer = visitor.post(f"{case}/probes/new", {**PROBE, **other}, files=files)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


def judged(
    examiner: Visitor, probe: str, suitable: str = "yes", reason: str = "clear-enough"
) -> Any:
    """The answer to a judgement of the picture that the page shows."""
    page = examiner.get(f"{probe}/judge")
    assert page.status_code == 200, page.text
    image = fields_of(page.text)["image"]
    return examiner.post(
        f"{probe}/judge", {"image": image, "suitable": suitable, "reason": reason}
    )


def request_fields(probe: str, **other: object) -> dict[str, object]:
    """A request's form, filled in as lawfully as can be."""
    stated: dict[str, object] = {}
    for name, value in base().items():
        if name not in REQUESTER:
            continue
        if isinstance(value, bool):
            stated[name] = "yes" if value else "no"
        elif isinstance(value, list):
            stated[name] = value or ["none-of-these"]
        else:
            stated[name] = str(value)
    documents: dict[str, object] = {}
    for n, (kind, reference, by) in enumerate(
        [("warrant", "W-77", "Judge Roe"), ("court-order", "O-12", "Judge Roe"),
         ("supervisor", "memo", "Lt. Poe")], 1,
    ):  # fmt: skip
        documents |= {f"kind-{n}": kind, f"reference-{n}": reference, f"issued_by-{n}": by,
                      f"issued_on-{n}": "2026-11-20"}  # fmt: skip
    return {
        "probe": probe.rpartition("/")[2], "gallery": "booking", **stated, **documents,
        "elsewhere_none": "yes", **other,
    }  # fmt: skip


def hidden_of(page: str, form: str) -> dict[str, list[str]]:
    """The hidden fields of the form that has `form` in its tag, but for the token."""
    inside = page.partition(form)[2].partition("</form>")[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', inside):
        if name != "token":
            found.setdefault(name, []).append(html.unescape(value))
    return found


@dataclass
class Cast:
    """The people of a case at a site that could search, and the case so far."""

    site: Site
    rita: Visitor
    app: Visitor
    emma: Visitor
    ulf: Visitor
    case: str = ""
    probe: str = ""
    number: str = "24-1234"
    narrative: str = NARRATIVE

    @classmethod
    def at(cls, site: Site, people: int = 26) -> Cast:
        """Everybody, a gallery, an audit and settings in force."""
        site.with_gallery(people)
        ulf = site.joined("Ulf Audit", Role.AUDITOR, train=False)
        other = site.joined("Otto Prove", Role.APPROVER)
        site.with_audit(ulf, other)
        ulf.sign_in()
        return cls(
            site, site.joined("Rita Ray", Role.REQUESTER), site.joined("Ann Prove", Role.APPROVER),
            site.joined("Emma Eye", Role.EXAMINER), ulf,
        )  # fmt: skip

    def fresh(self) -> Cast:
        """The same people with another case: a test of its own on a site that others use."""
        return replace(self, number=f"25-{next(_NUMBERS):04}", narrative=another()).with_probe()

    def with_probe(self) -> Cast:
        """A case whose probe, picture 24 of the gallery, was found suitable."""
        self.case = opened(self.rita, number=self.number, narrative=self.narrative)
        data = (self.site.folder / "in" / "batch" / "24.png").read_bytes()
        self.probe = uploaded(self.rita, self.case, data)
        assert judged(self.emma, self.probe).status_code == 303
        return self

    def submitted(self, **other: object) -> str:
        """The path of a request that was submitted."""
        answer = self.rita.post(
            f"{self.case}/requests/submit", request_fields(self.probe, **other),
            confirm="request.submit",
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"]).partition("?")[0]

    def approved(self, request: str) -> Any:
        """The answer to an approval of the request as its page shows it."""
        path = "/approvals/" + request.rpartition("/")[2]
        page = self.app.get(path)
        assert page.status_code == 200, page.text
        digest = re.search(r'data-digest="([0-9a-f]{64})"', page.text)
        assert digest
        return self.app.post(path, {"digest": digest[1]}, sign=("request.approve", digest[1]))


__all__ = ["CARD", "Cast"]


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[Cast]:
    """Everybody at one site that several tests use, each with a case of its own."""
    with Site.opened(folder, MovingClock()) as site:
        yield Cast.at(site)
