"""What a rule pack is: one instrument's rules, as values. `packs` reads them from files."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from countenance.law.conditions import ALWAYS, NEVER, AnyOf, Atom, Condition, Not, both, negated
from countenance.law.vocabulary import Vocabulary

Level = Literal[
    "union", "country", "state", "county", "city", "court", "agency", "vendor", "model"
]
Status = Literal["in-force", "sunset", "expired", "bill", "policy", "contract", "model"]
Require = Literal[
    "record", "review", "training", "test", "disclosure", "report", "notice", "authority",
    "evidence",
]  # fmt: skip


AS_OF = "as-of"
"""The day a request is judged as of: known to every decision, in no vocabulary."""


def day_number(day: datetime.date) -> int:
    """A day as a number that sorts: 20260701."""
    return day.year * 10_000 + day.month * 100 + day.day


class Kind(StrEnum):
    """What a rule does. `PERMIT_IF` grants; all others can only restrict, oblige or warn."""

    PROHIBIT = "prohibit"
    LIVE_BAN = "live-ban"
    PERMIT_IF = "permit-if"
    REQUIRE = "require"
    RETENTION = "retention"
    GALLERY_LIMIT = "gallery-limit"
    NO_SOLE_BASIS = "no-sole-basis"
    PENALTY = "penalty"


class Tag(StrEnum):
    """How far a fact of law was checked."""

    VERIFIED = "V"  # the operative text itself was read
    SECOND_HAND = "V2"  # somebody else's page says so
    UNVERIFIED = "U"  # from memory: may deny, require or warn, never permit

    @property
    def words(self) -> str:
        """For a reader."""
        return {"V": "text read", "V2": "checked at second hand", "U": "not verified"}[self.value]


@dataclass(frozen=True, slots=True)
class Checked:
    """How, against what and when a statement was checked."""

    tag: Tag
    source: str
    on: datetime.date
    source_date: str = ""  # the date the source itself carries, if any
    by: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """From a date, to the day before another."""

    start: datetime.date | None = None
    end: datetime.date | None = None

    def holds(self, day: datetime.date) -> bool:
        """Whether a day is in it."""
        return not (self.start and day < self.start) and not (self.end and day >= self.end)

    @property
    def condition(self) -> Condition:
        """The same, as a condition on the day of the request (`AS_OF`, as 20260701)."""
        parts: list[Condition] = []
        if self.start:
            parts.append(Atom(AS_OF, ">=", (day_number(self.start),)))
        if self.end:
            parts.append(Not(Atom(AS_OF, ">=", (day_number(self.end),))))
        return both(*parts) if parts else ALWAYS

    def within(self, other: Window) -> Window:
        """The days in both."""
        starts = [day for day in (self.start, other.start) if day]
        ends = [day for day in (self.end, other.end) if day]
        return Window(max(starts, default=None), min(ends, default=None))


@dataclass(frozen=True, slots=True)
class Duty:
    """What must be done, by when, towards whom.

    Attributes
    ----------
    what
        A short stable word: ``two-reviewers``, ``notice-to-defendant``, ``quarantine``.
    to
        Who receives it, in plain words.
    within_hours, within_days
        After the request's time.
    yearly
        Month and day (``02-01``): the next one after the request.
    before
        An event in words: ``trial``.
    every
        A period in words: ``week``, ``quarter``.
    keep_days
        Of a retention: for how long; `at_most` says that it is the longest, else the shortest.
    items
        What it must hold, in words of the facts ``disclosure.items`` or ``report.items``.
    attaches
        To a permission, a denial, or both.
    """

    what: str
    to: str = ""
    within_hours: int | None = None
    within_days: int | None = None
    yearly: str = ""
    before: str = ""
    every: str = ""
    keep_days: int | None = None
    at_most: bool = False
    items: tuple[str, ...] = ()
    attaches: Literal["permit", "deny", "always"] = "permit"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack.

    A rule's *scope* is where it speaks (its pack applies, `when` holds and `unless` does not). A
    `PERMIT_IF` grants in its scope. Every other rule is broken in its scope unless `must` holds;
    one with a duty and no `must` cannot be broken, it only obliges.
    """

    pack: str
    name: str
    kind: Kind
    says: str
    cite: str
    acts: tuple[str, ...]
    checked: Checked
    window: Window
    scope: Condition
    must: Condition | None = None
    duty: Duty | None = None
    of: str = ""
    caution: str = ""
    note: str = ""

    @property
    def id(self) -> str:
        """Unique among all packs: ``us/md/crim-proc-2-5#offence-list``."""
        return f"{self.pack}#{self.name}"

    @property
    def grants(self) -> bool:
        """Whether it may permit: an unverified rule never does."""
        return self.kind is Kind.PERMIT_IF and self.checked.tag is not Tag.UNVERIFIED

    @property
    def broken(self) -> Condition:
        """The condition under which it forbids; never, for one that grants or only obliges."""
        if self.kind in (Kind.PERMIT_IF, Kind.PENALTY):
            return NEVER
        if self.must is None:
            return NEVER if self.duty is not None and self.kind not in BANS else self.scope
        return both(self.scope, negated(self.must))


BANS = (Kind.PROHIBIT, Kind.LIVE_BAN)


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """What one instrument says.

    Two are the same where their files have the same bytes and were read with the same words.
    """

    id: str
    name: str
    jurisdiction: str
    level: Level
    instrument: str
    citation: str
    status: Status
    version: str
    window: Window
    checked: Checked
    summary: str
    applies: Condition
    rules: tuple[Rule, ...]
    digest: str  # SHA-256 of the file's bytes, in hex
    words: Vocabulary = field(repr=False)  # those it was read with
    text: bytes = field(repr=False, default=b"")
    notes: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Pack)
            and self.digest == other.digest
            and self.words.digest == other.words.digest
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def binding(self) -> bool:
        """Whether it governs by itself. A bill or a model governs only where it is named."""
        return self.status not in ("bill", "model")

    @property
    def names_grounds(self) -> bool:
        """Whether it grants anything. One that does not can only restrict."""
        return any(rule.kind is Kind.PERMIT_IF for rule in self.rules)

    def grounds(self, act: str) -> tuple[Rule, ...]:
        """Its permit-if rules for an act: where there are any, nothing else is permitted."""
        return tuple(r for r in self.rules if r.kind is Kind.PERMIT_IF and act in r.acts)

    def granted(self, act: str) -> Condition:
        """Where it grants an act: one of its verified grounds holds."""
        return AnyOf(tuple(r.scope for r in self.grounds(act) if r.grants))

    def ungranted(self, act: str) -> Condition:
        """Where it applies, has grounds for the act, and none of them holds."""
        if not self.grounds(act):
            return NEVER
        return both(self.window.condition, self.applies, negated(self.granted(act)))

    def ungranted_as_policy(self, act: str) -> Condition:
        """Where it grants nothing, whether or not it applies: then, as a policy, it forbids."""
        return negated(self.granted(act))

    def rule(self, name: str) -> Rule:
        """One rule. KeyError where there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)
