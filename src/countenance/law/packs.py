"""Rule packs: reading them from files.

A pack is one TOML file, ``packs/<jurisdiction>/<instrument>.toml``. It holds no code: reading it
makes values, and the only words it may use are those of the vocabulary and of this module.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from countenance.core import sha256_bytes
from countenance.law.conditions import ALWAYS, Condition, both, negated, read_condition
from countenance.law.errors import PackError, shown
from countenance.law.rules import (
    AS_OF,
    BANS,
    Checked,
    Duty,
    Kind,
    Level,
    Pack,
    Require,
    Rule,
    Status,
    Tag,
    Window,
    day_number,
)
from countenance.law.vocabulary import Vocabulary, vocabulary

__all__ = [
    "AS_OF", "MAX_PACK_BYTES", "Checked", "Duty", "Kind", "Level", "Pack", "PackFile", "Require",
    "Rule", "Status", "Tag", "Window", "day_number", "load_pack", "read_pack",
]  # fmt: skip

MAX_PACK_BYTES = 1 << 18  # ten times the longest: a pack is read by people
MAX_RULES = 500
MAX_TEXT = 2000
MAX_DAYS = 100 * 366
_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_MAX_ID = 120


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


def load_pack(path: Path, *, root: Path | None = None, words: Vocabulary | None = None) -> Pack:
    """Read a pack from a file; under `root`, its id must be its place there.

    Raises PackError naming the file, and the rule where it is one rule's fault.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise PackError(f"cannot be read: {error.strerror}", where=str(path)) from error
    expected = path.relative_to(root).with_suffix("").as_posix() if root is not None else None
    return read_pack(data, where=str(path), expected_id=expected, words=words)


def read_pack(
    data: bytes, *, where: str = "pack", expected_id: str | None = None,
    words: Vocabulary | None = None,
) -> Pack:  # fmt: skip
    """Read a pack from the bytes of its file, with this version's vocabulary or another.

    Raises PackError.
    """
    if len(data) > MAX_PACK_BYTES:
        raise PackError("too long for a pack", where=where, expected=f"{MAX_PACK_BYTES} bytes")
    words = vocabulary() if words is None else words
    try:
        file = msgspec.toml.decode(data, type=PackFile)
    except msgspec.ValidationError as error:
        raise PackError(_plain(str(error), data), where=where, do=_SCHEMA) from error
    except (ValueError, RecursionError) as error:
        raise PackError(f"not TOML: {shown(str(error))}", where=where) from error
    head = file.pack
    _check_head(head, where, expected_id)
    window = _window(head.start, head.end, where)
    if head.status in ("expired", "sunset") and head.end is None:
        raise PackError(f"a pack that is {head.status} says when it ends: `to`", where=where)
    checked = Checked(
        head.checked.tag, head.checked.source, head.checked.on, head.checked.source_date,
        head.checked.by,
    )  # fmt: skip
    applies = _applies(head, words, where)
    if not 0 < len(file.rule) <= MAX_RULES:
        raise PackError(f"a pack has 1 to {MAX_RULES} rules, not {len(file.rule)}", where=where)
    rules: dict[str, Rule] = {}
    for entry in file.rule:
        place = f"{where}, rule `{entry.id[:_MAX_ID]}`"
        if entry.id in rules:
            raise PackError("two rules have this id", where=place)
        rules[entry.id] = _rule(entry, head.id, checked, window, applies, words, place)
    return Pack(
        head.id, head.name, head.jurisdiction, head.level, head.instrument, head.citation,
        head.status, head.version, window, checked, head.summary, applies, tuple(rules.values()),
        sha256_bytes(data), words, data, tuple(head.notes),
    )  # fmt: skip


_SCHEMA = "compare with `countenance law template`, or see `countenance law schema`"


def _is_id(text: str) -> bool:
    return len(text) <= _MAX_ID and all(_ID.fullmatch(part) for part in text.split("/"))


def _check_head(head: _Pack, where: str, expected_id: str | None) -> None:
    for name in (head.id, head.jurisdiction):
        if not _is_id(name):
            raise PackError(f"{shown(name)} is no id", where=where, expected="us/md/crim-proc-2-5")
    if expected_id is not None and head.id != expected_id:
        raise PackError(
            f"the pack is called `{head.id}`", where=where, expected=f"its place: {expected_id}"
        )
    if not head.id.startswith(head.jurisdiction + "/") and head.level != "model":
        raise PackError(
            f"`{head.id}` is not in the jurisdiction `{head.jurisdiction}`", where=where,
            expected="an id that begins with its jurisdiction",
        )  # fmt: skip
    if (head.level == "vendor") != bool(re.fullmatch(r"vendor/[^/]+", head.jurisdiction)):
        raise PackError(
            "a vendor's own terms have the level and jurisdiction of a vendor", where=where,
            expected='level = "vendor", jurisdiction = "vendor/amazon"',
        )  # fmt: skip
    if (head.level == "model") != (head.status == "model"):
        raise PackError("a model has the level and the status `model`", where=where)
    checked = head.checked
    _check_texts(
        where, name=head.name, instrument=head.instrument, citation=head.citation,
        version=head.version, summary=head.summary, source=checked.source,
    )  # fmt: skip
    _check_texts(where, empty=True, by=checked.by, source_date=checked.source_date)
    _check_texts(where, empty=True, notes=" ".join(head.notes))


def _check_texts(where: str, empty: bool = False, **texts: str) -> None:
    """Text is for readers: no control characters, no novel, and not nothing where it is owed."""
    for name, text in texts.items():
        if not text.replace("\n", " ").isprintable() or len(text) > MAX_TEXT:
            raise PackError(
                f"`{name}` is not text to read", where=where,
                expected=f"at most {MAX_TEXT} characters, none of them for control",
            )  # fmt: skip
        if not empty and not text.strip():
            raise PackError(f"`{name}` is empty", where=where)


def _applies(head: _Pack, words: Vocabulary, where: str) -> Condition:
    """Whom a pack binds; a vendor's terms, whoever uses what that vendor makes."""
    applies = _condition(head.applies, words, f"{where}, applies")
    if head.level != "vendor":
        return applies
    vendor = head.jurisdiction.removeprefix("vendor/").replace("-", " ")
    made = _condition({"engine.vendor": {"mentions": vendor}}, words, f"{where}, applies")
    return made if applies == ALWAYS else both(made, applies)


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
    if not _is_id(entry.id) or "/" in entry.id:
        raise PackError(
            f"{shown(entry.id)} is no id", where=where, expected="small letters and dashes"
        )
    _check_texts(where, says=entry.says, cite=entry.cite)
    _check_texts(where, empty=True, caution=entry.caution, note=entry.note,
                 source=entry.source or "", source_date=entry.source_date or "")  # fmt: skip
    if not entry.says.endswith(".") or len(entry.says) > 400 or not entry.says.isprintable():
        raise PackError(
            "`says` is not one plain sentence", where=where,
            expected="a sentence of at most 400 characters that ends in a full stop",
        )  # fmt: skip
    for fault, met in _faults(entry, words).items():
        if met:
            raise PackError(fault, where=where)


def _faults(entry: _Rule, words: Vocabulary) -> dict[str, bool]:
    """What would be wrong with a rule's shape, and whether it is."""
    kind, must, duty = entry.kind, entry.must is not None, entry.duty is not None
    return {
        "`acts`: expected some of " + ", ".join(words.acts): (
            not entry.acts
            or not set(entry.acts) <= set(words.acts)
            or len(set(entry.acts)) != len(entry.acts)
        ),
        "a permit-if has `when` and `unless`, no `must`": kind is Kind.PERMIT_IF and must,
        "a prohibition has `when` and `unless`, no `must`": kind in BANS and must,
        "a requirement says `of` what, and has a `must`, a `duty` or both": (
            kind is Kind.REQUIRE and (entry.of is None or not (must or duty))
        ),
        "`of` belongs to requirements": kind is not Kind.REQUIRE and entry.of is not None,
        f"a {kind} has a `duty`": kind in (Kind.RETENTION, Kind.PENALTY) and not (must or duty),
        "a penalty has no `must`": kind is Kind.PENALTY and must,
        f"a {kind} says what `must` hold": (
            kind in (Kind.GALLERY_LIMIT, Kind.NO_SOLE_BASIS) and not must
        ),
    }


def _duty(entry: _Duty, words: Vocabulary, where: str) -> Duty:
    known = [
        word
        for name in ("disclosure.items", "report.items")
        if name in words
        for word in words[name].words
    ]
    unknown = [item for item in entry.items if item not in known]
    if unknown:
        raise PackError(
            f"{shown(unknown[0])} is nothing a packet or report holds", where=where,
            expected="words of disclosure.items or report.items",
        )  # fmt: skip
    if not _is_id(entry.what) or "/" in entry.what:
        raise PackError("`what` is a short word with dashes", where=where)
    _check_texts(where, empty=True, to=entry.to, before=entry.before, every=entry.every)
    if entry.yearly:
        try:
            datetime.date.fromisoformat(f"2023-{entry.yearly}")
        except ValueError as error:
            raise PackError(
                "`yearly` is no day", where=where, expected="month-day: 02-01"
            ) from error
    for number, most in (
        (entry.within_days, MAX_DAYS), (entry.keep_days, MAX_DAYS),
        (entry.within_hours, MAX_DAYS * 24),
    ):  # fmt: skip
        if number is not None and not 0 <= number <= most:
            raise PackError(f"{shown(number)} is no time that a duty can take", where=where)
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
    """A message of msgspec with the rule's id in place of its number."""
    found = re.search(r"\$\.rule\[(\d+)\]", message)
    if found is None:
        return shown(message)
    rule = tomllib.loads(data.decode())["rule"][int(found[1])]
    name = rule.get("id") if isinstance(rule, dict) else None
    label = f"rule `{name[:_MAX_ID]}`" if isinstance(name, str) else f"rule {int(found[1]) + 1}"
    return message[:200].replace(found[0], label)
