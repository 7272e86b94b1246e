"""A decision, or a way out of a denial, as text that fits a screen and a plain letter."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from countenance.law.decision import Decision, Effect, Need, Obligation, Outcome, Reason
from countenance.law.whatif import Change, Way, WhatIf

WIDTH = 80
MOST = 8  # of a kind, where not everything is asked for: then it fits a screen
MOST_BESIDE = 3  # questions, where it is denied whatever their answers are
_HEADS = {
    Outcome.PERMIT: "PERMITTED",
    Outcome.DENY: "DENIED",
    Outcome.NEEDS: "DENIED until more is known",
}
_SAID = {  # what a rule's own sentence leaves unsaid where it is a reason for a denial
    Effect.LACKS: "Not met: ",
    Effect.OPEN: "Open: ",
    Effect.UNVERIFIED: "Nobody has verified that it permits: ",
}
_OPEN = (Effect.OPEN, Effect.INCOMPLETE)
_CASE = (
    "Only if the case were another one (a fact may be corrected where it was stated wrongly; it "
    "is never chosen)"
)


def explain(decision: Decision, *, width: int = WIDTH, full: bool = False) -> str:
    """What was decided, why, what is missing, what follows from it, and what was read.

    What is only open is told by its questions, and of many questions the first; `full` tells all.
    """
    lines = [_HEADS[decision.outcome] + (f", as of {decision.as_of}" if decision.as_of else "")]
    told = [r for r in decision.reasons if full or r.effect not in _OPEN or not r.facts]
    head = "On these grounds" if decision.permitted else "Because"
    lines += _section(head, _some([_reason(reason) for reason in told], full), width)
    asked = [_need(need) for need in decision.needs]
    most = MOST_BESIDE if told and not decision.permitted else MOST
    lines += _section(_not_known(decision), _some(asked, full, most), width)
    head = "What you must do" if decision.permitted else "What follows from the denial"
    duties = [_obligation(duty) for duty in decision.obligations]
    lines += _section(head, _some(duties, full), width)
    lines += _section("Take care", _caveats(decision), width)
    lines += _section("Packs read", _packs(decision), width)
    return "\n".join(lines) + "\n"


def explain_ways(found: WhatIf, *, width: int = WIDTH) -> str:
    """What would turn a denial into a permission."""
    if found.decision.permitted:
        return "It is permitted as it is.\n"
    if not found.ways:
        return "\n".join(_no_way(found, width)).lstrip("\n") + "\n"
    count = len(found.ways)
    more = "" if found.complete else " There may be more."
    lines = [f"{count} smallest way{'s' if count > 1 else ''} to a permission.{more}"]
    first, *others = found.ways
    shared = [c for c in first.changes if all(c in way.changes for way in others)]
    if count == 1 or not shared:
        for number, way in enumerate(found.ways, 1):
            lines += _title(way, str(number) if count > 1 else "", width)
            lines += _changes(way.changes, width)
    else:
        lines += _title(first, "All of them share this", width)
        lines += _changes(shared, width)
        for number, way in enumerate(found.ways, 1):
            lines += ["", f"{number}. Besides"]
            lines += _changes([c for c in way.changes if c not in shared], width)
    return "\n".join(lines) + "\n"


def _title(way: Way, name: str, width: int) -> list[str]:
    """A way's name, and that it is no honest one, where it is none."""
    parts = [part for part in (name, "" if way.honest else _CASE) if part]
    return ["", *textwrap.wrap(". ".join(parts), width)]


def _changes(changes: Sequence[Change], width: int) -> list[str]:
    """What is to do, what to state if it is so, and what would have to be otherwise."""
    parts = (
        ("Do", [c for c in changes if c.to_do]),
        ("State, if it is so", [c for c in changes if not c.to_do and c.was is None]),
        ("Otherwise than it is", [c for c in changes if not c.to_do and c.was is not None]),
    )
    return [
        line
        for head, mine in parts
        for line in _section(head, (_cited(change.sentence) for change in mine), width)[1:]
    ]


def _no_way(found: WhatIf, width: int) -> list[str]:
    """Why there is none: a law that nothing lifts, or a request that says too little."""
    if found.unstated:
        asked = (f"{_cited(need.sentence)} ({need.fact})" for need in found.unstated)
        head = "First it has to be stated who asks, for whom, what, where and when"
        return _section(head, asked, width)
    head = "No facts would change this." if found.complete else "No way was found."
    return [head, *_section("Because", map(_reason, found.why_none), width)]


def _reason(reason: Reason) -> str:
    whose = f" ({reason.rule or reason.pack}, {reason.tag})" if reason.pack else ""
    return f"{_SAID.get(reason.effect, '') if reason.rule else ''}{reason.sentence}{whose}"


def _need(need: Need) -> str:
    return f"{_cited(need.sentence)} ({need.fact}{'; can be done' if need.to_do else ''})"


def _not_known(decision: Decision) -> str:
    count = sum(reason.effect in _OPEN for reason in decision.reasons)
    return f"Not known, which leaves {count} rule{'s' if count != 1 else ''} open"


def _obligation(duty: Obligation) -> str:
    when = " ".join(part for part in (duty.when, duty.due and f"by {duty.due}") if part)
    return f"{f'{when}: ' if when else ''}{duty.sentence} ({duty.rule}, {duty.tag})"


def _caveats(decision: Decision) -> Iterator[str]:
    """Each caveat once, with all the rules it is said of."""
    rules: dict[tuple[str, str], list[str]] = {}
    for caveat in decision.warnings:
        key = (caveat.says, caveat.cite) if caveat.code == "caution" else (caveat.says, "")
        rules.setdefault(key, []).append(caveat.cite)
    for (says, _), cites in rules.items():
        yield _cited(f"{says} [{'; '.join(dict.fromkeys(cites))}]")


def _cited(sentence: str) -> str:
    """The same with sections of one code cited together: Code §§ 1, 2 for Code § 1; Code § 2."""
    says, bracket, cites = sentence.rpartition(" [")
    sections: dict[tuple[str, str], list[str]] = {}
    for cite in cites.removesuffix("]").split("; "):
        code, sign, section = cite.partition(" § ")
        sections.setdefault((code, sign), []).append(section)
    told = (
        code + (" §§ " if sign and len(mine) > 1 else sign) + ", ".join(filter(None, mine))
        for (code, sign), mine in sections.items()
    )
    return f"{says}{bracket}{'; '.join(told)}]"


def _packs(decision: Decision) -> Iterator[str]:
    """What each pack alone says, those that say the same together."""
    for what in ("forbids", "open", "permits", "silent"):
        uses = [use for use in decision.packs if use.says == what]
        if uses:
            named = (f"{u.id} {u.version}{' (policy)' if u.policy else ''}" for u in uses)
            yield f"{what}: {', '.join(named)}"


def _some(items: Sequence[str], full: bool, most: int = MOST) -> Sequence[str]:
    """The first of many, and how many are left out."""
    left = len(items) - most
    return items if full or left <= 1 else [*items[:most], f"and {left} more (--full, --json)"]


def _section(head: str, items: Iterable[str], width: int) -> list[str]:
    lines = [
        line
        for item in items
        for line in textwrap.wrap(
            item, width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False,
            break_long_words=False,
        )
    ]  # fmt: skip
    return ["", head, *lines] if lines else []
