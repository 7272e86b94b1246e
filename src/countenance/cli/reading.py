"""What an audit says of one score: how often two different people score as high.

Never a chance that two images show one person: that depends on who else could have been in the
picture, which no score and no audit knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.audit.sentences import count, number, percent
from countenance.cli.terminal import plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from countenance.audit import Audit
    from countenance.cli.onfile import AuditOnFile
    from countenance.faces import EngineCard

PER = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """False matches of one group at a point of its curve beside a score.

    Attributes
    ----------
    group
        Empty for everybody.
    events, trials
        Comparisons of different people of the group at or above that point, and all.
    value
        The point, in the engine's unit.
    reached
        Whether the point is at most as strict as the score. If not, the curve begins above the
        score, this is its first point, and more comparisons score as high than it says.
    rate, low, high
        The FMR there and its interval; None where it cannot be said.
    """

    group: str
    events: int
    trials: int
    value: float
    reached: bool
    rate: float | None
    low: float | None
    high: float | None


def read_score(audit: Audit, value: float, *, higher_is_more_similar: bool) -> list[Reading]:
    """What the curves of an audit's headline grouping say of a score in the engine's unit.

    Taken at the strictest point of the curve that is not stricter than the score, so that the
    rate is never understated by the spacing of the curve. Everybody first, then the groups, worst
    first; groups in which no two people were compared are left out.
    """
    headline = audit.groupings[audit.headline].label if audit.groupings else ""
    sign = 1 if higher_is_more_similar else -1
    found = []
    for curve in audit.curves:
        if not curve.fmr_trials or (curve.group and curve.grouping != headline):
            continue
        within = sum(sign * point <= sign * value for point in curve.values)  # strictest is last
        at = max(within - 1, 0)
        found.append(
            Reading(
                curve.group,
                curve.fmr_events[at],
                curve.fmr_trials,
                curve.values[at],
                within > 0,
                curve.fmr[at],
                curve.fmr_low[at],
                curve.fmr_high[at],
            )
        )
    return sorted(found, key=lambda r: (r.group != "", -(r.low or 0.0), -(r.rate or 0.0), r.group))


def show_score(out: Console, card: EngineCard, score: int, *, probe: str, reference: str) -> None:
    """The score in the engine's unit, beside the engine's default threshold."""
    unit = card.unit
    threshold = unit.threshold(card.default_threshold)
    side = "at or above" if unit.higher_is_more_similar else "at or below"
    other = "below" if unit.higher_is_more_similar else "above"
    verdict = (
        f"The score is {side} it: with this threshold the pair is a candidate, a lead to examine."
        if score >= threshold
        else f"The score is {other} it: with this threshold the pair is no candidate."
    )
    out.print(f"\n[bold]{plain(probe)} and {plain(reference)}[/bold]")
    out.print(f"engine     {card.name} {card.version}, identity {card.identity[:16]}")
    out.print(f"score      {unit.name} {unit.to_unit(score):.4f}")
    out.print(f"threshold  {card.default_threshold}, the engine's default")
    out.print(f"\n{verdict}")


def show_reading(out: Console, on_file: AuditOnFile | None, card: EngineCard, score: int) -> None:
    """How often different people score as high, by the audit on file; or that none is."""
    if on_file is None:
        out.print(
            f"\nNo audit of this engine is on file, so nothing can be said of what such a score "
            f"means.\nMake one: countenance audit FOLDER --engine {card.name} --group ..."
        )
        return
    audit = on_file.audit
    counts = audit.counts
    out.print(
        f"\n[bold]What the audit on file says of such a score[/bold]\n{plain(on_file.about)}"
    )
    out.print(
        f"{count(counts.people)} people, {count(counts.nonmated)} comparisons of different people"
    )
    unit = card.unit
    readings = read_score(
        audit, unit.to_unit(score), higher_is_more_similar=unit.higher_is_more_similar
    )
    if not readings:
        out.print("\nIt compared no two different people, so it says nothing of this score.")
        return
    view = table(f"Of {count(PER)} comparisons of two different people, at least this alike")
    view.add_column("both people are")
    view.add_column("about", justify="right")
    view.add_column(f"{percent(audit.settings.level)} % interval", justify="right")
    view.add_column("seen in the audit", justify="right")
    for reading in readings:
        view.add_row(
            plain(reading.group or "any two people"),
            number(PER * reading.rate, 2) if reading.events and reading.rate else "–",
            _ends(reading),
            f"{count(reading.events)} of {count(reading.trials)}",
        )
    out.print()
    out.print(view)
    point = f"{unit.name} {number(readings[0].value, 4)}"
    out.print(
        f"\nRead off the audit's curves at {point}."
        if readings[0].reached
        else f"\nThe audit's curves begin at {point}: more comparisons than that are this alike."
    )
    out.print(
        "This is no chance that the two are one person: that also depends on who else it could "
        "have been."
    )
    if audit.same_session:
        out.print(
            "The audit's images of one person are from one sitting, so it cannot say how one "
            "person's images from different days score."
        )


def _ends(reading: Reading) -> str:
    low, high = reading.low, reading.high
    if low is None or high is None or (low <= 0 and high >= 1):
        return "too few people"
    if reading.events == 0:
        return f"at most {number(PER * high, 2)}"
    return f"{number(PER * low, 2)} to {number(PER * high, 2)}"
