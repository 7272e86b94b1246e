# ruff: noqa: ARG002 - stand-ins take what the real ones take
"""A desk with an approved request, a gallery that answers, and two examiners: for tests."""

from __future__ import annotations

import datetime
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy.orm import Session

from countenance.audit import Audit
from countenance.core import ScoreUnit
from countenance.desk import reviewing
from countenance.desk.checklist import Answer, Checked, Question
from countenance.desk.errors import NotAllowedError
from countenance.desk.features import (
    Agreement,
    Comparison,
    Component,
    Conclusion,
    ProbeNotes,
    Visible,
)
from countenance.desk.leads import LeadMeans
from countenance.desk.leadviews import Sources
from countenance.desk.reviews import Examination, Reference
from countenance.desk.roles import Role
from countenance.desk.searches import Clearance, Found, Order, ReadyRequest, Search
from countenance.desk.searching import Means, SearchView, run_search
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk
from countenance.law import Request, decide, request_of
from countenance.record import Log

UNIT = ScoreUnit("cosine", "cosine similarity", 4000)
LIST = (("p-1", 9_000_000), ("p-2", 8_000_000), ("p-3", 8_000_000), ("p-4", 7_000_000))
PROBE = b"\x89 the probe"

READY = ReadyRequest(
    id="1" * 32, digest="d" * 64, case="c" * 32, handle="case:" + "c" * 32,
    requester="requester", approver="approver", probe="b" * 64, gallery="booking",
    engine="e" * 64, threshold=6_000_000, list_length=20, place="US-MD",
)  # fmt: skip


def person(account: str, *roles: Role, now: datetime.datetime) -> Actor:
    later = now + datetime.timedelta(days=400)
    return Actor(account, frozenset(roles), "s", now, dict.fromkeys(Role, later))


@dataclass
class StubGate:
    """Clears its requests, but for what a test takes away."""

    requests: dict[str, ReadyRequest] = field(default_factory=lambda: {READY.id: READY})
    changes: dict[str, Any] = field(default_factory=dict)

    def clearance(self, db: Session, request: str, now: datetime.datetime) -> Clearance:
        if request not in self.requests:
            raise NotAllowedError("there is no such request for you")
        ready = self.requests[request]
        cleared = Clearance(
            request=ready, permits=True, decision="9" * 64, approved=ready.digest,
            audit="a" * 64, settings_approved=True,
        )  # fmt: skip
        return replace(cleared, **self.changes)


@dataclass
class StubSearcher:
    """Gives the same list each time; fails, or does something first, where a test says so."""

    found: tuple[tuple[str, int], ...] = LIST
    orders: list[Order] = field(default_factory=list)
    error: Exception | None = None
    meanwhile: Any = None

    def search(self, order: Order) -> Found:
        self.orders.append(order)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.error is not None:
            raise self.error
        return Found("f" * 64, 50_000, UNIT.to_json(), self.found)


class LocalPublisher:
    """Publishes without witnesses; refuses while a test says so."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.error: Exception | None = None

    def cover(self, index: int | None) -> int:
        if self.error is not None:
            raise self.error
        self.log.publish()
        return self.log.size


class StubPictures:
    """Pictures that name themselves."""

    def probe(self, db: Session, search: Search) -> bytes:
        return PROBE

    def reference(self, db: Session, gallery: str, candidate: str) -> bytes:
        return f"picture of {candidate}".encode()

    def about(self, db: Session, gallery: str, candidate: str) -> Reference:
        taken = datetime.date(2019, 11, 23) if candidate == "p-1" else None
        return Reference(taken, {})


@dataclass
class StubAudits:
    found: Audit | None = None

    def audit(self, db: Session, digest: str) -> Audit | None:
        return self.found


class StubFacts:
    """A complete, lawful request in Maryland."""

    def request(self, db: Session, search: Search) -> Request:
        return lawful()


def lawful(**facts: Any) -> Request:
    text = resources.files("countenance.law").joinpath("scenarios/bases.toml").read_text("utf-8")
    base = tomllib.loads(text)["search"]["facts"]
    value = {"at": "2026-11-23T09:00:00-05:00", "jurisdictions": ["us/md"], "facts": base}
    return request_of(value).knowing(facts)


@dataclass
class World:
    """Everything together."""

    desk: Desk
    clock: Any
    log: Log
    gate: StubGate = field(default_factory=StubGate)
    searcher: StubSearcher = field(default_factory=StubSearcher)
    audits: StubAudits = field(default_factory=StubAudits)

    def __post_init__(self) -> None:
        self.keys = Secrets(bytes(range(32)))
        self.publisher = LocalPublisher(self.log)
        self.means = Means(self.keys, self.gate, self.searcher, self.publisher)
        self.pictures = StubPictures()
        self.lead_means = LeadMeans(self.keys, StubFacts(), decide, self.pictures)
        self.sources = Sources(self.keys, self.pictures, self.audits)

    def who(self, account: str, *roles: Role) -> Actor:
        return person(account, *roles, now=self.clock())

    @property
    def requester(self) -> Actor:
        return self.who("requester", Role.REQUESTER)

    @property
    def approver(self) -> Actor:
        return self.who("another approver", Role.APPROVER)

    @property
    def auditor(self) -> Actor:
        return self.who("auditor", Role.AUDITOR)

    def examiner(self, name: str) -> Actor:
        return self.who(name, Role.EXAMINER)

    def search(self, request: str = READY.id) -> SearchView:
        return run_search(self.desk, self.requester, request, means=self.means)

    def take(self, name: str) -> str:
        task = reviewing.take(self.desk, self.examiner(name))
        assert task is not None
        return task

    def note(self, name: str, task: str, **visible: Visible) -> None:
        reviewing.note_probe(
            self.desk, self.examiner(name), task, notes(**visible), keys=self.keys
        )

    def labels(self, name: str, task: str) -> list[str]:
        return reviewing.see_candidates(self.desk, self.examiner(name), task, keys=self.keys)

    def shown(self, name: str, task: str) -> dict[str, str]:
        """Candidate to label, by the picture under each."""
        return {
            name_of(reviewing.see_candidate(
                self.desk, self.examiner(name), task, label, keys=self.keys,
                pictures=self.pictures,
            )): label
            for label in self.labels(name, task)
        }  # fmt: skip

    def conclude(self, name: str, task: str, pick: str | None, **more: Conclusion) -> None:
        self.desk_conclude(name, task, self.findings(name, task, pick, **more))

    def findings(
        self, name: str, task: str, pick: str | None, other: Conclusion = Conclusion.DIFFERENT
    ) -> Mapping[str, Comparison]:
        return {
            label: comparison(Conclusion.SAME if candidate == pick else other)
            for candidate, label in self.shown(name, task).items()
        }

    def desk_conclude(self, name: str, task: str, found: Mapping[str, Comparison]) -> None:
        reviewing.conclude(self.desk, self.examiner(name), task, found, keys=self.keys)

    def examine(self, name: str, pick: str | None, **more: Conclusion) -> str:
        task = self.take(name)
        self.note(name, task)
        self.conclude(name, task, pick, **more)
        return task

    def lead(self, pick: str = "p-2") -> str:
        """A prepared lead."""
        from countenance.desk.leadviews import list_leads

        self.search()
        self.examine("first", pick)
        self.examine("second", pick)
        return list_leads(self.desk, self.requester)[0][0]

    def row(self, task: str) -> Examination:
        with self.desk.store.reading() as db:
            return db.get_one(Examination, task)


def called(name: str) -> bytes:
    """A picture that says in its bytes what it is called."""
    says, out = PngInfo(), io.BytesIO()
    says.add_text("name", name)
    Image.new("RGB", (8, 8), "grey").save(out, "PNG", pnginfo=says)
    return out.getvalue()


def name_of(data: bytes) -> str:
    """What a picture is called, of this sort or of `Pictures` of these tests."""
    if not data.startswith(b"\x89PNG"):
        return data.decode().removeprefix("picture of ")
    with Image.open(io.BytesIO(data)) as image:
        return str(image.info["name"])


def notes(**visible: Visible) -> ProbeNotes:
    seen = dict.fromkeys(Component, Visible.CLEAR)
    seen |= {Component(name.replace("_", "-")): how for name, how in visible.items()}
    return ProbeNotes(seen, "taken from above, left side in shadow")


def comparison(
    conclusion: Conclusion = Conclusion.INCONCLUSIVE, how: Agreement = Agreement.AGREE,
    **features: Agreement,
) -> Comparison:  # fmt: skip
    agreement = dict.fromkeys(Component, how)
    agreement[Component.NECK] = Agreement.DIFFER
    agreement |= {Component(name.replace("_", "-")): how for name, how in features.items()}
    return Comparison(agreement, conclusion, "what is said of ears, nose and lines above")


ANSWERS = {
    each: Checked(Answer.NOT_KNOWN, "asked the employer, no answer yet") for each in Question
}
