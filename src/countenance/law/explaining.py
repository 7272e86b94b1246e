"""A decision, a way out of a denial, or a pack, as text that fits a screen and a plain letter."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from countenance.law.decision import Decision, Obligation, Outcome, Reason
from countenance.law.whatif import Way, WhatIf

WIDTH = 80
_HEADS = {
    Outcome.PERMIT: "PERMITTED",
    Outcome.DENY: "DENIED",
    Outcome.NEEDS: "DENIED until more is known",
}


def explain(decision: Decision, *, width: int = WIDTH) -> str:
    """The whole decision: what, why, what is missing, what follows, and what was read."""
    lines = [_HEADS[decision.outcome] + (f", as of {decision.as_of}" if decision.as_of else "")]
    head = "On these grounds" if decision.permitted else "Because"
    lines += _section(head, (_reason(reason) for reason in decision.reasons), width)
    asked = (
        f"{need.sentence}{' (can be done)' if need.to_do else ''} ({need.fact})"
        for need in decision.needs
    )
    lines += _section("Not known", asked, width)
    head = "What you must do" if decision.permitted else "What follows from the denial"
    lines += _section(head, (_obligation(duty) for duty in decision.obligations), width)
    lines += _section("Take care", _caveats(decision), width)
    used = (
        f"{use.id} {use.version}: {use.says}{' (policy)' if use.policy else ''}"
        for use in decision.packs
    )
    lines += _section("Packs read", used, width)
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
    for number, way in enumerate(found.ways, 1):
        lines += _section(
            f"{number}. {_kind(way)}", (change.sentence for change in way.changes), width
        )
    return "\n".join(lines) + "\n"


def _no_way(found: WhatIf, width: int) -> list[str]:
    """Why there is none: a law that nothing lifts, or a request that says too little."""
    if found.unstated:
        asked = (f"{need.sentence} ({need.fact})" for need in found.unstated)
        return _section("First it has to be stated who asks, and for whom", asked, width)
    head = "No facts would change this." if found.complete else "No way was found."
    return [head, *_section("Because", map(_reason, found.why_none), width)]


def _kind(way: Way) -> str:
    if way.honest:
        return "If all of this is done, or is so"
    return (
        "Only if the case were another one: a fact may be corrected where it was stated\n"
        "   wrongly, never chosen"
    )


def _reason(reason: Reason) -> str:
    return f"{reason.sentence}{f' ({reason.rule or reason.pack})' if reason.pack else ''}"


def _obligation(duty: Obligation) -> str:
    when = " ".join(part for part in (duty.when, duty.due and f"by {duty.due}") if part)
    return f"{f'{when}: ' if when else ''}{duty.sentence} ({duty.rule})"


def _caveats(decision: Decision) -> Iterator[str]:
    """Each caveat once, with all the rules it is said of."""
    rules: dict[tuple[str, str], list[str]] = {}
    for caveat in decision.warnings:
        key = (caveat.says, caveat.cite) if caveat.code == "caution" else (caveat.says, "")
        rules.setdefault(key, []).append(caveat.cite)
    for (says, _), cites in rules.items():
        yield f"{says} [{'; '.join(dict.fromkeys(cites))}]"


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
