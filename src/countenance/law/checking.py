"""What is wrong, or going stale, in packs: before anybody relies on them.

Every finding is shown, not guessed: an overlap means that no facts exist that break one rule and
keep the other, a contradiction that no facts keep both, and where facts exist they are shown.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

from countenance.core import Progress, no_progress
from countenance.law.cedar import validate
from countenance.law.conditions import NEVER, Condition, Not
from countenance.law.decision import Cited
from countenance.law.library import Library
from countenance.law.rules import AS_OF, BANS, Kind, Pack, Rule, Tag
from countenance.law.scenarios import Scenario, run_scenarios, undecided_rules
from countenance.law.solve import SearchTooLongError, solve
from countenance.law.vocabulary import Value
from countenance.law.whatif import shown

FAULTS = (
    "invalid", "unreachable", "contradiction", "permits-nothing", "misdated", "scenario",
    "decides-nothing",
)  # fmt: skip
NOTICES = ("overlap", "shadowed", "stale", "unverified", "expired", "not-yet", "not-settled")
DEFAULT_MAX_AGE_DAYS = 365


@dataclass(frozen=True, slots=True)
class Finding(Cited):
    """One thing found. `code` is of `FAULTS` (to be mended) or `NOTICES` (to be known).

    `example` are facts that show it, where facts can.
    """

    code: str
    rules: tuple[str, ...]
    says: str
    cite: str
    example: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_fault(self) -> bool:
        """Whether the pack must be mended."""
        return self.code in FAULTS

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        example = {
            k: sorted(v) if isinstance(v, frozenset) else v for k, v in self.example.items()
        }
        return {
            "code": self.code, "fault": self.is_fault, "rules": list(self.rules),
            "says": self.says, "cite": self.cite, "example": example,
        }  # fmt: skip

    @property
    def shown_example(self) -> str:
        """Its facts, for a reader."""
        return "; ".join(f"{name}: {shown(value)}" for name, value in self.example.items())


def check(
    library: Library, *, as_of: datetime.date, max_age_days: int = DEFAULT_MAX_AGE_DAYS,
    only: Iterable[str] | None = None, progress: Progress = no_progress,
) -> list[Finding]:  # fmt: skip
    """Everything found, faults first.

    Parameters
    ----------
    library
        All packs: contradictions are looked for between packs that can govern together.
    as_of
        The day it is judged on: what has expired or gone stale by then.
    max_age_days
        How long a verification stays fresh.
    only
        Ids of the packs to report on; all, if not given.
    progress
        Told of each pack that is done.
    """
    wanted = set(library if only is None else only)
    findings: list[Finding] = []
    for done, pack_id in enumerate(sorted(wanted), 1):
        findings += _of_pack(library[pack_id], as_of, max_age_days)
        progress("packs", done, len(wanted))
    for one, other in combinations(library.values(), 2):
        if {one.id, other.id} & wanted and _meet(one, other):
            findings += _between(one, other)
    order = {code: n for n, code in enumerate((*FAULTS, *NOTICES))}
    return sorted(findings, key=lambda finding: (order[finding.code], finding.rules))


_SILENT = (Kind.PERMIT_IF, Kind.PENALTY)
_IDLE = "Without it every scenario comes out the same."


def check_scenarios(
    library: Library, scenarios: Sequence[Scenario], *, only: Iterable[str] | None = None,
    progress: Progress = no_progress,
) -> list[Finding]:  # fmt: skip
    """Scenarios that fail, and rules without which every scenario comes out the same.

    A pack without a scenario of its own is left out: `check` is about what is written.
    """
    wanted = set(library if only is None else only)
    mine = [scenario for scenario in scenarios if not scenario.pack or scenario.pack in wanted]
    findings = [
        Finding(
            "scenario",
            (result.scenario.file,),
            f"{result.scenario.title}: {fault}.",
            result.scenario.pack or result.scenario.file,
        )
        for result in run_scenarios(mine, library)
        for fault in result.faults
    ]
    told = sorted({scenario.pack for scenario in mine} & wanted)
    for done, pack_id in enumerate(told, 1):
        findings += [
            Finding("decides-nothing", (rule.id,), _IDLE, rule.cite)
            for rule in undecided_rules(library[pack_id], mine, library)
        ]
        progress("scenarios", done, len(told))
    return findings


def _of_pack(pack: Pack, day: datetime.date, max_age_days: int) -> Iterator[Finding]:
    for error in validate(pack):
        yield Finding(
            "invalid", (pack.id,), f"Cedar refuses the policies: {error}.", pack.citation
        )
    yield from _dates(pack, day)
    for rule in pack:
        yield from _reach(rule)
        age = (day - rule.checked.on).days
        if age > max_age_days:
            yield Finding(
                "stale", (rule.id,), f"Last checked {age} days ago, on {rule.checked.on}, against "
                f"{rule.checked.source}.", rule.cite,
            )  # fmt: skip
        if rule.checked.tag is Tag.UNVERIFIED:
            yield Finding(
                "unverified", (rule.id,), "Nobody has read the text; it can deny, require and "
                "warn, and never permit.", rule.cite,
            )  # fmt: skip
    for one, other in permutations(pack.rules, 2):
        yield from _overlap(one, other)
    for one, other in combinations(pack.rules, 2):
        yield from _contradiction(one, other)
    yield from _nothing_left(pack)


def _dates(pack: Pack, day: datetime.date) -> Iterator[Finding]:
    start, end = pack.window.start, pack.window.end
    if pack.status == "expired" and end is not None and end > max(day, pack.checked.on):
        yield Finding("misdated", (pack.id,), f"It is said to be expired, and ends on {end}.",
                      pack.citation)  # fmt: skip
    if pack.status == "in-force" and end is not None and end <= day:
        yield Finding("misdated", (pack.id,), f"It is said to be in force, and ended on {end}.",
                      pack.citation)  # fmt: skip
    if end is not None and end <= day:
        yield Finding("expired", (pack.id,), f"It ended on {end}.", pack.citation)
    if start is not None and start > day:
        yield Finding("not-yet", (pack.id,), f"It begins on {start}.", pack.citation)
    for rule in pack:
        begins, ends = rule.window.start, rule.window.end
        if begins and ends and begins >= ends:
            yield Finding("unreachable", (rule.id,), "Its days and those of its pack do not meet.",
                          rule.cite)  # fmt: skip
        elif ends is not None and ends <= day and ends != end:
            yield Finding("expired", (rule.id,), f"It ended on {ends}.", rule.cite)


def _reach(rule: Rule) -> Iterator[Finding]:
    """Whether anything at all can bring the rule about; of its days `_dates` tells."""
    if rule.window.start and rule.window.end and rule.window.start >= rule.window.end:
        return
    try:
        if solve([rule.scope]) is None:
            yield Finding("unreachable", (rule.id,), "No facts exist under which it applies.",
                          rule.cite)  # fmt: skip
        elif rule.must is not None and solve([rule.broken]) is None:
            yield Finding("unreachable", (rule.id,), "No facts exist that break it.", rule.cite)
    except SearchTooLongError:
        yield _not_settled(rule.id, cite=rule.cite)


def _overlap(one: Rule, other: Rule) -> Iterator[Finding]:
    """Whether `one` adds nothing to `other`."""
    mine, its = _effect(one), _effect(other)
    same_kind = (one.kind is Kind.PERMIT_IF) == (other.kind is Kind.PERMIT_IF)
    if NEVER in (mine, its) or not same_kind or not set(one.acts) <= set(other.acts):
        return
    if one.kind is Kind.PERMIT_IF and one.grants and not other.grants:
        return
    if one.duty is not None and one.duty != other.duty:
        return
    try:
        if solve([mine]) is None or solve([mine, Not(its)]) is not None:
            return
        alike = set(one.acts) == set(other.acts) and one.duty == other.duty
        twins = alike and solve([its, Not(mine)]) is None
    except SearchTooLongError:
        yield _not_settled(one.id, other.id, cite=one.cite)
        return
    if not twins:
        verb = "permits" if one.kind is Kind.PERMIT_IF else "forbids"
        yield Finding("overlap", (one.id, other.id), f"All that the first {verb}, the second "
                      f"{verb} too.", f"{one.cite}; {other.cite}")  # fmt: skip
    elif one.id < other.id:
        yield Finding("overlap", (one.id, other.id), "The two rules say the same.",
                      f"{one.cite}; {other.cite}")  # fmt: skip


def _contradiction(one: Rule, other: Rule) -> Iterator[Finding]:
    """Whether two rules that may both apply can never both be kept.

    Where one of them cannot be kept at all while the other applies, the other is only shadowed: it
    is denied there anyway.
    """
    if not set(one.acts) & set(other.acts) or one.kind in _SILENT or other.kind in _SILENT:
        return
    if one.must is None or other.must is None:
        if one.must is not None or other.must is not None:
            asks, bans = (one, other) if one.must is not None else (other, one)
            yield from _asked_and_banned(asks, bans)
        return
    scopes = [one.scope, other.scope]
    cite = f"{one.cite}; {other.cite}"
    try:
        example = solve(scopes)
        if example is None or solve([*scopes, one.must, other.must]) is not None:
            return
        shadowing = next(
            (r for r in (one, other) if solve([*scopes, r.must or NEVER]) is None), None
        )
    except SearchTooLongError:
        yield _not_settled(one.id, other.id, cite=one.cite)
        return
    if shadowing is None:
        says = "Where both apply, no facts keep both."
        yield Finding("contradiction", (one.id, other.id), says, cite, _shown(example))
    else:
        shadowed = other if shadowing is one else one
        says = "Where the second applies too, the first can never be kept."
        yield Finding("shadowed", (shadowing.id, shadowed.id), says, cite, _shown(example))


def _asked_and_banned(asks: Rule, bans: Rule) -> Iterator[Finding]:
    """Whether a ban forbids just what a requirement asks for, and not what it is asked of."""
    if bans.kind not in BANS or asks.must is None:
        return
    kept = Not(bans.broken)
    try:
        example = solve([asks.scope, kept])
        if example is None or solve([asks.scope, asks.must, kept]) is not None:
            return
        if solve([asks.scope, asks.must]) is None:
            return
    except SearchTooLongError:
        yield _not_settled(asks.id, bans.id, cite=asks.cite)
        return
    yield Finding(
        "contradiction", (asks.id, bans.id), "The second forbids whatever the first asks for.",
        f"{asks.cite}; {bans.cite}", _shown(example),
    )  # fmt: skip


def _nothing_left(pack: Pack) -> Iterator[Finding]:
    """Grounds of a pack that its own rules take back, and acts of which nothing is left."""
    for rule in pack:
        if rule.kind is not Kind.PERMIT_IF:
            continue
        lost = [
            act for act in rule.acts
            if _unsolvable([rule.scope, *(Not(other.broken) for other in _restricting(pack, act))])
        ]  # fmt: skip
        if lost:
            yield Finding(
                "permits-nothing", (rule.id,), "Whatever it permits, other rules of its own pack "
                f"forbid ({', '.join(lost)}).", rule.cite,
            )  # fmt: skip


def _between(one: Pack, other: Pack) -> Iterator[Finding]:
    for mine in one:
        for its in other:
            yield from _contradiction(mine, its)


def _restricting(pack: Pack, act: str) -> Iterator[Rule]:
    return (rule for rule in pack if act in rule.acts and rule.broken != NEVER)


def _effect(rule: Rule) -> Condition:
    return rule.scope if rule.kind is Kind.PERMIT_IF else rule.broken


def _unsolvable(conditions: list[Condition]) -> bool:
    try:
        return solve(conditions) is None
    except SearchTooLongError:
        return False


def _meet(one: Pack, other: Pack) -> bool:
    """Whether two packs can govern one request of one place."""
    if not (one.binding and other.binding) or "vendor" in (one.level, other.level):
        return False
    inner, outer = sorted((one.jurisdiction, other.jurisdiction), key=len, reverse=True)
    if inner != outer and not inner.startswith(outer + "/"):
        return False
    window = one.window.within(other.window)
    return not (window.start and window.end and window.start >= window.end)


def _shown(example: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in example.items() if name != AS_OF}


def _not_settled(*rules: str, cite: str) -> Finding:
    return Finding("not-settled", rules, "Too many cases to settle; a person must look.", cite)
