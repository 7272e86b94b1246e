"""Rule packs: what one instrument says, as data.

A pack is one TOML file, ``packs/<jurisdiction>/<instrument>.toml``. It holds no code: reading it
makes values, and the only words it may use are those of the vocabulary and of this module.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import msgspec

from countenance.core import sha256_bytes
from countenance.law.conditions import (
    ALWAYS,
    NEVER,
    AnyOf,
    Atom,
    Condition,
    Not,
    both,
    negated,
    read_condition,
)
from countenance.law.errors import PackError
from countenance.law.vocabulary import Vocabulary, vocabulary

MAX_PACK_BYTES = 1 << 20
_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")

Level = Literal[
    "union", "country", "state", "county", "city", "court", "agency", "vendor", "model"
]
Status = Literal["in-force", "sunset", "expired", "bill", "policy", "contract", "model"]
Require = Literal[
    "record", "review", "training", "test", "disclosure", "report", "notice", "authority", "evidence"
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
            return NEVER if self.duty is not None and self.kind not in _BANS else self.scope
        return both(self.scope, negated(self.must))


_BANS = (Kind.PROHIBIT, Kind.LIVE_BAN)


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """What one instrument says. Two are the same where their files have the same bytes."""

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
    text: bytes = field(repr=False, default=b"")
    notes: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pack) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def binding(self) -> bool:
        """Whether it governs by itself. A bill or a model governs only where it is named."""
        return self.status not in ("bill", "model")

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

    def rule(self, name: str) -> Rule:
        """One rule. KeyError where there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)


# ---- the file ------------------------------------------------------------------------------------


class _Checked(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    tag: Tag
    source: str
    on: datetime.date
    source_date: str = ""
    by: str = ""


class _Duty(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    what: str
    to: str = ""
    within_hours: int | None = None
    within_days: int | None = None
    yearly: str = ""
    before: str = ""
    every: str = ""
    keep_days: int | None = None
    at_most: bool = False
    items: list[str] = []
    attaches: Literal["permit", "deny", "always"] = "permit"


class _Rule(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    id: str
    kind: Kind
    says: str
    cite: str
    acts: list[str]
    when: dict[str, Any] | list[dict[str, Any]] | None = None
    unless: dict[str, Any] | list[dict[str, Any]] | None = None
    must: dict[str, Any] | list[dict[str, Any]] | None = None
    duty: _Duty | None = None
    of: Require | None = None
    tag: Tag | None = None
    source: str | None = None
    source_date: str | None = None
    checked_on: datetime.date | None = None
    start: datetime.date | None = msgspec.field(default=None, name="from")
    end: datetime.date | None = msgspec.field(default=None, name="to")
    caution: str = ""
    note: str = ""


class _Pack(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    id: str
    name: str
    jurisdiction: str
    level: Level
    instrument: str
    citation: str
    status: Status
    version: str
    summary: str
    checked: _Checked
    start: datetime.date | None = msgspec.field(default=None, name="from")
    end: datetime.date | None = msgspec.field(default=None, name="to")
    applies: dict[str, Any] | list[dict[str, Any]] | None = None
    notes: list[str] = []


class PackFile(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """A pack's file as it is written; its JSON schema is made from this."""

    pack: _Pack
    rule: list[_Rule]


def load_pack(path: Path, *, root: Path | None = None) -> Pack:
    """Read a pack from a file; under `root`, its id must be its place there.

    Raises PackError naming the file, and the rule where it is one rule's fault.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise PackError(f"cannot be read: {error.strerror}", where=str(path)) from error
    expected = path.relative_to(root).with_suffix("").as_posix() if root is not None else None
    return read_pack(data, where=str(path), expected_id=expected)


def read_pack(data: bytes, *, where: str = "pack", expected_id: str | None = None) -> Pack:
    """Read a pack from the bytes of its file. Raises PackError."""
    if len(data) > MAX_PACK_BYTES:
        raise PackError("too long for a pack", where=where, expected=f"{MAX_PACK_BYTES} bytes")
    try:
        file = msgspec.toml.decode(data, type=PackFile)
    except msgspec.ValidationError as error:
        raise PackError(_plain(str(error), data), where=where, do=_SCHEMA) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PackError(f"not TOML: {error}", where=where) from error
    head = file.pack
    if not all(_ID.fullmatch(part) for part in head.id.split("/")):
        raise PackError(f"`{head.id}` is no id", where=where, expected="us/md/crim-proc-2-5")
    if expected_id is not None and head.id != expected_id:
        raise PackError(
            f"the pack is called `{head.id}`", where=where, expected=f"its place: {expected_id}"
        )
    if not head.id.startswith(head.jurisdiction + "/") and head.level != "model":
        raise PackError(
            f"`{head.id}` is not in the jurisdiction `{head.jurisdiction}`", where=where,
            expected="an id that begins with its jurisdiction",
        )  # fmt: skip
    words = vocabulary()
    window = _window(head.start, head.end, where)
    checked = Checked(
        head.checked.tag, head.checked.source, head.checked.on, head.checked.source_date,
        head.checked.by,
    )  # fmt: skip
    applies = _condition(head.applies, words, f"{where}, applies")
    rules: list[Rule] = []
    for entry in file.rule:
        place = f"{where}, rule `{entry.id}`"
        if any(rule.name == entry.id for rule in rules):
            raise PackError("two rules have this id", where=place)
        rules.append(_rule(entry, head.id, checked, window, applies, words, place))
    if not rules:
        raise PackError("a pack without a rule", where=where)
    return Pack(
        head.id, head.name, head.jurisdiction, head.level, head.instrument, head.citation,
        head.status, head.version, window, checked, head.summary, applies, tuple(rules),
        sha256_bytes(data), data, tuple(head.notes),
    )  # fmt: skip


_SCHEMA = "compare with `countenance law template`, or see `countenance law schema`"


def _rule(
    entry: _Rule, pack: str, checked: Checked, window: Window, applies: Condition,
    words: Vocabulary, where: str,
) -> Rule:  # fmt: skip
    _check_shape(entry, words, where)
    window = _window(entry.start, entry.end, where).within(window)
    scope = [part for part in (window.condition, applies) if part != ALWAYS]
    if entry.when is not None:
        scope.append(_condition(entry.when, words, f"{where}, when"))
    if entry.unless is not None:
        scope.append(negated(_condition(entry.unless, words, f"{where}, unless")))
    must = None if entry.must is None else _condition(entry.must, words, f"{where}, must")
    return Rule(
        pack=pack, name=entry.id, kind=entry.kind, says=entry.says, cite=entry.cite,
        acts=tuple(entry.acts),
        checked=Checked(
            entry.tag or checked.tag, entry.source or checked.source,
            entry.checked_on or checked.on,
            checked.source_date if entry.source_date is None else entry.source_date, checked.by,
        ),
        window=window,
        scope=both(*scope) if scope else ALWAYS, must=must,
        duty=None if entry.duty is None else _duty(entry.duty, words, where),
        of=entry.of or "", caution=entry.caution, note=entry.note,
    )  # fmt: skip


def _check_shape(entry: _Rule, words: Vocabulary, where: str) -> None:
    """What the schema alone cannot say."""
    if not _ID.fullmatch(entry.id):
        raise PackError(f"`{entry.id}` is no id", where=where, expected="small letters and dashes")
    if not entry.says.endswith(".") or len(entry.says) > 400:
        raise PackError("`says` is not one plain sentence", where=where,
                        expected="a sentence of at most 400 characters that ends in a full stop")  # fmt: skip
    if not entry.cite.strip():
        raise PackError("a rule without a citation", where=where)
    try:
        acts = words["act"].words
        if not entry.acts or not set(entry.acts) <= set(acts):
            raise ValueError("`acts`: expected some of " + ", ".join(acts))
        if entry.kind is Kind.PERMIT_IF and entry.must is not None:
            raise ValueError("a permit-if has `when` and `unless`, no `must`")
        if entry.kind in _BANS and entry.must is not None:
            raise ValueError("a prohibition has `when` and `unless`, no `must`")
        if entry.kind is Kind.REQUIRE and (entry.of is None or not (entry.must or entry.duty)):
            raise ValueError("a requirement says `of` what, and has a `must`, a `duty` or both")
        if entry.kind is not Kind.REQUIRE and entry.of is not None:
            raise ValueError("`of` belongs to requirements")
        if entry.kind in (Kind.RETENTION, Kind.PENALTY) and not (entry.must or entry.duty):
            raise ValueError(f"a {entry.kind} has a `duty`")
        if entry.kind is Kind.PENALTY and entry.must is not None:
            raise ValueError("a penalty has no `must`")
        if entry.kind in (Kind.GALLERY_LIMIT, Kind.NO_SOLE_BASIS) and entry.must is None:
            raise ValueError(f"a {entry.kind} says what `must` hold")
    except ValueError as error:
        raise PackError(str(error), where=where) from None


def _duty(entry: _Duty, words: Vocabulary, where: str) -> Duty:
    known = (*words["disclosure.items"].words, *words["report.items"].words)
    unknown = [item for item in entry.items if item not in known]
    if unknown:
        raise PackError(
            f"`{unknown[0]}` is nothing a packet or report holds", where=where,
            expected="words of disclosure.items or report.items",
        )  # fmt: skip
    if not _ID.fullmatch(entry.what):
        raise PackError("`what` is a short word with dashes", where=where)
    if entry.yearly:
        try:
            datetime.date.fromisoformat(f"2023-{entry.yearly}")
        except ValueError as error:
            raise PackError(
                "`yearly` is no day", where=where, expected="month-day: 02-01"
            ) from error
    for number in (entry.within_days, entry.within_hours, entry.keep_days):
        if number is not None and not 0 <= number <= 100 * 366 * 24:
            raise PackError(f"{number} is no time that a duty can take", where=where)
    return Duty(
        entry.what, entry.to, entry.within_hours, entry.within_days, entry.yearly, entry.before,
        entry.every, entry.keep_days, entry.at_most, tuple(entry.items), entry.attaches,
    )  # fmt: skip


def _window(start: datetime.date | None, end: datetime.date | None, where: str) -> Window:
    if start and end and start >= end:
        raise PackError(f"it ends ({end}) before it begins ({start})", where=where)
    return Window(start, end)


def _condition(value: object, words: Vocabulary, where: str) -> Condition:
    if value is None:
        return ALWAYS
    try:
        return read_condition(value, words)
    except ValueError as error:
        raise PackError(str(error), where=where) from None


def _plain(message: str, data: bytes) -> str:
    """msgspec's message with the rule's id in place of its number."""
    found = re.search(r"\$\.rule\[(\d+)\]", message)
    if found is None:
        return message
    import tomllib

    rule = tomllib.loads(data.decode())["rule"][int(found[1])]
    return message.replace(found[0], f"rule `{rule.get('id', found[1])}`")
