"""What a report says, in what order: sections of blocks that the page and the PDF both render.

The outline follows measurement practice (ISO/IEC 19795-10's scope, model cards): the finding, the
rates and what they cost, how far apart, what the data can carry, what they cannot, what and who
was tested, how to do it again. A block is there only if the audit has data for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from countenance.audit.report import provenance
from countenance.audit.report.blocks import (
    Block,
    Drawn,
    Items,
    Part,
    Section,
    Text,
)
from countenance.audit.report.figures import between, curves, det, needed, rates, scores, support
from countenance.audit.report.model import NARROW, WIDE, Cell, Column, Figure, Table
from countenance.audit.report.view import View
from countenance.audit.sentences import count, quoted, say_rate
from countenance.audit.types import (
    Rate,
    ThresholdResult,
)
from countenance.core import Progress, no_progress

MOST_DIVISIONS = 4


def figures_of(view: View) -> dict[str, list[Figure]]:
    """The figures of each section, by its anchor; those without data left out."""
    result = view.result
    others = [
        g.label
        for g in view.audit.groupings
        if view.grouping is None or g.label != view.grouping.label
    ]
    made: dict[str, list[Figure | None]] = {
        "first": [rates.false_matches(view)],
        "missed": [rates.false_non_matches(view)],
        "needed": [needed.needed(view, t) for t in _targets(view) if _reached(view, t)],
        "curves": [
            curves.false_match_curves(view),
            curves.false_non_match_curves(view),
            det.det(view),
        ],
        "between": [between.heatmap(view)],
        "scores": [scores.distributions(view), scores.tail(view)],
        "enrol": [rates.failures_to_enrol(view)],
        "apart": [
            between.ratios(d, view.audit.settings.level)
            for d in ((result.fmr, result.fnmr) if result else ())
        ],
        "divisions": [
            rates.other_grouping(view, label, i + 1)
            for i, label in enumerate(others[:MOST_DIVISIONS])
        ],
        "concentration": [scores.concentration(view)],
        "support": [support.support(view)],
    }
    return {name: [f for f in figures if f is not None] for name, figures in made.items()}


def draw(
    view: View, *, only: str | None = None, progress: Progress = no_progress
) -> dict[str, list[Drawn]]:
    """Every figure of an audit (or of one section), drawn at both widths."""
    made = figures_of(view)
    if only is not None:
        made = {only: made[only]}
    total = sum(len(figures) for figures in made.values())
    done = 0
    drawn: dict[str, list[Drawn]] = {}
    for name, figures in made.items():
        drawn[name] = []
        for figure in figures:
            progress("drawing", done, total)
            drawn[name].append(Drawn(figure, figure.svg(WIDE), figure.svg(NARROW)))
            done += 1
    progress("drawing", total, total)
    return drawn


def sections(view: View, drawn: dict[str, list[Drawn]]) -> list[Section]:
    """The report after its opening sentence and first picture."""
    audit, result = view.audit, view.result
    made = [
        Section("missed", "Who is missed", _missed(view, drawn["missed"])),
        Section("needed", "What threshold each group would need", _needed(view, drawn["needed"])),
        Section("curves", "At every threshold", tuple(drawn["curves"])),
        Section("between", "Between groups", tuple(drawn["between"])),
        Section("scores", "The scores themselves", tuple(drawn["scores"])),
        Section("enrol", "Failures to enrol", tuple(drawn["enrol"])),
        Section("apart", "How far apart the groups are", _apart(view, drawn["apart"])),
        Section("divisions", "Divided otherwise", _divisions(drawn["divisions"])),
        Section("concentration", "On whom the false matches fall", tuple(drawn["concentration"])),
        Section(
            "support",
            "How much these data can support",
            (*([Text(audit.plan.sentence)] if audit.plan else []), *drawn["support"]),
        ),
        Section(
            "thresholds",
            "At each threshold",
            tuple(_threshold(view, r) for r in audit.results) if result or audit.results else (),
        ),
        Section("labels", "Labels to check", _labels(view)),
        Section("limits", "What these data cannot show", (Items(tuple(limits(view))),)),
        Section("tested", "What was tested", provenance.tested(view)),
        Section("who", "Who was tested", provenance.who(view)),
        Section("notes", "Met on the way", provenance.notes(view)),
        Section("again", "How to reproduce this", provenance.again(view)),
    ]
    return [section for section in made if section.blocks]


def limits(view: View) -> list[str]:
    """What these data cannot show, in sentences; each is there only if it holds of this audit."""
    audit = view.audit
    said = []
    if audit.same_session and audit.counts.mated:
        said.append(
            "The images of one person come from one sitting. How often the system misses a "
            "person after days or years, in other light or at another age, is not measured "
            "here: the false non-match rates are a best case."
        )
    if not audit.counts.mated:
        said.append("There are no two images of the same person, so nothing is said of misses.")
    if not audit.counts.nonmated:
        said.append(
            "There are no comparisons of different people, so nothing is said of false matches."
        )
    if view.grouping is not None and view.grouping.groups:
        smallest = min(view.grouping.groups, key=lambda g: g.people)
        people = "person" if smallest.people == 1 else "people"
        said += [
            f"The smallest group has {count(smallest.people)} {people}. Not seeing a difference "
            "in groups so small is not evidence that there is none.",
            "Groups differ in more than their label. Image quality, age, pose, camera and place "
            "are not removed by grouping: a difference shown here is a difference in what "
            "people meet, not its cause.",
            "Labels are the data set’s own "
            f"({(audit.dataset or {}).get('labels') or 'where they come from is not stated'}). "
            "No label was inferred from a face, and none can be checked here.",
        ]
    said.append(
        "These are comparisons of one image with one image. A search compares a face with "
        "everybody in a gallery, so false candidates add up with its size."
    )
    if any(r.threshold.source in ("target", "worst-group") for r in audit.results):
        said.append(
            "Thresholds set for a target rate were set on the same comparisons they are judged "
            "on; on other people they may not reach it."
        )
    return said


def _missed(view: View, drawn: list[Drawn]) -> tuple[Block, ...]:
    if not drawn:
        return ()
    said: tuple[Block, ...] = ()
    if view.audit.same_session:
        said = (
            Text(
                "The images of one person come from one sitting, so these misses are a best case."
            ),
        )
    return (*said, *drawn)


def _needed(view: View, drawn: list[Drawn]) -> tuple[Block, ...]:
    unreached = [
        Text(
            f"For a false match rate of {target} these data cannot set a threshold for any "
            "group: too few comparisons."
        )
        for target in _targets(view)
        if not _reached(view, target)
    ]
    return (*drawn, *unreached)


def _apart(view: View, drawn: list[Drawn]) -> tuple[Block, ...]:
    result = view.result
    if result is None:
        return ()
    both = [result.fmr] + ([result.fnmr] if view.audit.counts.mated else [])
    said: list[Block] = [Text(d.sentence) for d in both if d.sentence]
    said += [Text(d.parity.sentence) for d in both if d.parity]
    tables = [between.measures_table(d) for d in both if d.measures]
    if tables:
        tables_said: list[Block] = [
            Text(
                "Published measures, each beside what it would show if every group had the same "
                "true rate and the data set were this size. A value below the 95th percentile "
                "of parity shows nothing."
            )
        ]
    else:
        tables_said = []
    return (*said, *drawn, *tables_said, *tables)


def _divisions(drawn: list[Drawn]) -> tuple[Block, ...]:
    if not drawn:
        return ()
    return (
        Text(
            "Within wider groups people differ in other respects too; fewer of them look alike, "
            "and rates are usually lower."
        ),
        *drawn,
    )


def _labels(view: View) -> tuple[Block, ...]:
    rows = view.audit.highest_nonmated
    if not rows:
        return ()
    columns = (
        Column("probe", "Probe"),
        Column("reference", "Reference"),
        Column("probe_subject", "Probe’s person"),
        Column("reference_subject", "Reference’s person"),
        Column("value", view.unit.capitalize(), "value"),
    )
    return (
        Text(
            "The most alike of the comparisons of different people. A pair here may be two "
            "people who look alike, or one person under two labels; only someone who can see "
            "the images can tell. Each labelling error is one false match too many above."
        ),
        Table(
            "Highest scores of different people",
            columns,
            tuple(
                (r.probe, r.reference, r.probe_subject, r.reference_subject, r.value) for r in rows
            ),
        ),
    )


def _threshold(view: View, result: ThresholdResult) -> Part:
    """One threshold: where it comes from, what it gives everybody and every group."""
    t = result.threshold
    heading = f"{t.label} (operating)" if result is view.operating else t.label
    if t.value is None:
        why = t.note or "these data cannot reach the target"
        return Part(heading, (Text(f"Cannot be set: {why}."),))
    said = [f"Rule: {t.rule} {view.value(t.value)}."]
    if t.documented:
        said.append(f"Documented at {t.documented}.")
    if t.achieved is not None:
        where = ""
        if t.population:
            where = f" on {'all' if t.population == 'all' else quoted(t.population)}"
        given = say_rate(t.achieved, "comparisons of different people")
        said.append(f"It gives {given}{where}; asked for was {t.target}.")
    if t.note:
        said.append(f"{t.note[:1].upper()}{t.note[1:].rstrip('.')}.")
    said.append(
        "Of everybody, falsely matched: "
        f"{say_rate(result.overall.fmr, 'comparisons of different people')}; missed: "
        f"{say_rate(result.overall.fnmr, 'comparisons of the same person')}."
    )
    blocks: list[Block] = [Text(" ".join(said))]
    for grouping in result.groupings:
        if view.grouping is not None and grouping.grouping == view.grouping.label:
            blocks.append(_by_group(f"Rates by group at {t.label}, worst first", grouping.groups))
            blocks += [Text(d.sentence) for d in (grouping.fmr, grouping.fnmr) if d.sentence]
    return Part(heading, tuple(blocks))


def _by_group(caption: str, groups: Iterable[Any]) -> Table:
    columns = (
        Column("group", "Group"),
        Column("fm", "False matches"),
        Column("fmr", "FMR, %", "rate"),
        Column("fmr_low", "low, %", "low"),
        Column("fmr_high", "high, %", "rate"),
        Column("any", "Against all others"),
        Column("fnm", "Missed"),
        Column("fnmr", "FNMR, %", "rate"),
        Column("fnmr_low", "low, %", "low"),
        Column("fnmr_high", "high, %", "rate"),
        Column("gfar", "GFAR, %", "rate"),
        Column("gfrr", "GFRR, %", "rate"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            g.group,
            _counts(g.fmr),
            g.fmr.estimate,
            g.fmr.low,
            g.fmr.high,
            _counts(g.fmr_any),
            _counts(g.fnmr),
            g.fnmr.estimate,
            g.fnmr.low,
            g.fnmr.high,
            g.gfar,
            g.gfrr,
        )
        for g in groups
    ]
    return Table(caption, columns, tuple(rows))


def _counts(rate: Rate) -> str | None:
    return f"{count(rate.events)} of {count(rate.trials)}" if rate.trials else None


def _targets(view: View) -> list[str]:
    return list(dict.fromkeys(g.target for g in view.audit.group_thresholds))


def _reached(view: View, target: str) -> bool:
    return any(g.target == target and g.value is not None for g in view.audit.group_thresholds)
