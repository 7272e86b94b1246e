"""What changes in effect between two days: rules that begin or end, and decisions that turn."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from countenance.law.decision import Decision
from countenance.law.judging import decide_many
from countenance.law.library import Library
from countenance.law.packs import Pack, Rule
from countenance.law.request import Request
from countenance.law.scenarios import Scenario, law_alone


@dataclass(frozen=True, slots=True)
class Change:
    """A rule that begins or ends to bind. `day` is its first, or the first without it."""

    begins: bool
    day: datetime.date
    pack: Pack
    rule: Rule

    @property
    def sentence(self) -> str:
        """What a person reads: it ends in a citation."""
        verb = "begins" if self.begins else "ends"
        return f"{self.day} {verb}: {self.rule.says} [{self.rule.cite}]"


@dataclass(frozen=True, slots=True)
class Turn:
    """A request on which the two days differ, under a policy."""

    title: str
    request: Request
    policy: tuple[str, ...]
    before: Decision
    after: Decision


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that changed from one day to another."""

    start: datetime.date
    end: datetime.date
    changes: tuple[Change, ...]
    turns: tuple[Turn, ...]
    tried: int

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "from": self.start.isoformat(), "to": self.end.isoformat(),
            "changes": [
                {
                    "begins": change.begins, "day": change.day.isoformat(),
                    "rule": change.rule.id, "says": change.rule.says, "cite": change.rule.cite,
                    "tag": change.rule.checked.tag.value,
                }
                for change in self.changes
            ],
            "turns": [
                {
                    "title": turn.title, "policy": list(turn.policy),
                    "before": turn.before.outcome.value, "after": turn.after.outcome.value,
                    "because": [reason.sentence for reason in turn.after.reasons],
                }
                for turn in self.turns
            ],
            "tried": self.tried,
        }  # fmt: skip


def difference(
    library: Library, start: datetime.date, end: datetime.date, *,
    scenarios: Sequence[Scenario] = (), places: Sequence[str] = (),
) -> Difference:  # fmt: skip
    """What is in force on `end` and was not on `start`, and the other way round.

    Every scenario's request is judged on both days, under each policy that the scenario names,
    and those that come out otherwise are listed. `places` limits it to packs of these places and
    what is inside and around them. The days may come in either order.
    """
    packs = [pack for pack in library.values() if pack.binding and _concerns(pack, places)]
    changes = [
        change for pack in packs for rule in pack for change in _changes(pack, rule, start, end)
    ]
    tried = dict.fromkeys(
        (expect.policy, scenario.title, scenario.request)
        for scenario in scenarios
        if not places or any(_concerns_place(place, places) for place in _all_places(scenario))
        for expect in scenario.expects
    )
    turns = _turns(library.adding(law_alone()), list(tried), start, end)
    ordered = sorted(changes, key=lambda change: (change.day, change.rule.id))
    return Difference(start, end, tuple(ordered), tuple(turns), len(tried))


def _changes(pack: Pack, rule: Rule, start: datetime.date, end: datetime.date) -> Iterable[Change]:
    before, after = rule.window.holds(start), rule.window.holds(end)
    if before == after:
        return
    # The day it turned: its own beginning or end, whichever lies between the two days.
    later, earlier = max(start, end), min(start, end)
    edges = [day for day in (rule.window.start, rule.window.end) if day and earlier < day <= later]
    yield Change(after, edges[-1] if edges else end, pack, rule)


_Tried = tuple[tuple[str, ...], str, Request]


def _turns(
    library: Library, tried: list[_Tried], start: datetime.date, end: datetime.date
) -> Iterable[Turn]:
    for policy in sorted({policy for policy, _, _ in tried}):
        mine = [(title, request) for its, title, request in tried if its == policy]
        on = [
            decide_many([request.on(day) for _, request in mine], library=library, policy=policy)
            for day in (start, end)
        ]
        for (title, request), before, after in zip(mine, *on, strict=True):
            if before.outcome is not after.outcome:
                yield Turn(title, request, policy, before, after)


def _all_places(scenario: Scenario) -> tuple[str, ...]:
    return scenario.request.jurisdictions + scenario.request.behalf_jurisdictions


def _concerns(pack: Pack, places: Sequence[str]) -> bool:
    return not places or _concerns_place(pack.jurisdiction, places)


def _concerns_place(place: str, places: Sequence[str]) -> bool:
    return any(
        (place + "/").startswith(p + "/") or (p + "/").startswith(place + "/") for p in places
    )
