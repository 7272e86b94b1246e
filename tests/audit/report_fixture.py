"""Synthetic audits for the report's tests: real arithmetic on invented scores.

People have a look-alike tendency; every pair of different people is compared once in each
direction. The intervals are simple stand-ins: the report only shows what it is given.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from countenance.audit.types import (
    SCHEMA,
    SCHEMA_VERSION,
    Audit,
    Cell,
    Concentration,
    Counts,
    Curve,
    Differential,
    Distribution,
    EnrolmentResult,
    Group,
    Grouping,
    GroupingEnrolment,
    GroupingResult,
    GroupResult,
    GroupThreshold,
    HighComparison,
    InputFile,
    MeasureResult,
    Planned,
    Protocol,
    Rate,
    Ratio,
    Reason,
    Settings,
    Software,
    Threshold,
    ThresholdResult,
)
from countenance.core import Note

RICH = {
    ("female", "black"): (5, 0.9),
    ("female", "east asian"): (10, 1.0),
    ("female", "west asian"): (4, 0.4),
    ("female", "white"): (30, 0.2),
    ("male", "black"): (8, 2.2),
    ("male", "east asian"): (9, 1.1),
    ("male", "west asian"): (2, 0.5),
    ("male", "white"): (34, 0.0),
}
HOSTILE = {
    ("<script>alert(1)</script>", "=1+1"): (12, 1.0),
    ("</style><img src=x onerror=alert(2)>", "+cmd|' /C calc'!A0"): (9, 0.5),
    ("\u202eقهوة #strong[x] $x$ \\", "@SUM(A1)"): (11, 0.2),
    ("a very long label that goes on and on " * 4, "-2+3"): (14, 0.1),
    ("{{ 7*7 }} ${7*7} {% raw %}", "quote \" and ' & ampersand"): (6, 0.0),
}


def rate(
    events: float, trials: int, people: int, *, level: float = 0.95, independent: int | None = None
) -> Rate:
    """A stand-in for the audit's interval."""
    if trials == 0:
        return Rate(
            events=0,
            trials=0,
            people=people,
            estimate=None,
            low=None,
            high=None,
            level=level,
            method="none",
            supported=False,
            note="nothing was compared",
        )
    p = events / trials
    n = max(1.0, people / 2 if independent is None else independent)
    if events == 0:
        low, high = 0.0, 1 - (1 - level) ** (1 / n)
    elif events == trials:
        low, high = (1 - level) ** (1 / n), 1.0
    else:
        z, m = 1.96, min(trials, n * 4)
        centre = (p + z * z / (2 * m)) / (1 + z * z / m)
        half = z * math.sqrt(p * (1 - p) / m + z * z / (4 * m * m)) / (1 + z * z / m)
        low, high = max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))
    supported = 10 <= events <= trials - 10
    return Rate(
        events=int(events),
        trials=trials,
        people=people,
        estimate=p,
        low=low,
        high=high,
        level=level,
        method="wilson" if supported else "guaranteed",
        supported=supported,
        note="" if supported else f"{int(events)} errors: fewer than 10",
        effective_n=float(n),
        design_effect=trials / n,
        naive_low=p * 0.9,
        naive_high=min(1.0, p * 1.1),
    )


def make(
    people: dict[tuple[str, ...], tuple[int, float]] | None = None,
    *,
    attributes: tuple[str, ...] = ("gender", "ethnicity"),
    distance: bool = False,
    mated: bool = True,
    nonmated: bool = True,
    default: float | None = None,
    targets: tuple[str, ...] = ("0.01", "0.001", "0.000001"),
    claimed: str | None = "0.001",
    seed: int = 7,
    fte: bool = True,
) -> Audit:
    """A whole synthetic audit; `people` maps a group's values to (people, shift of its scores)."""
    people = RICH if people is None else people
    random = np.random.Generator(np.random.PCG64(seed))
    keys = list(people)
    member = np.concatenate([np.full(people[k][0], i) for i, k in enumerate(keys)])
    n = len(member)
    shift = np.array([people[k][1] for k in keys])
    tendency = random.normal(0, 0.5, n)
    alike = np.array(
        [[sum(x == y for x, y in zip(a, b, strict=True)) / len(a) for b in keys] for a in keys]
    )
    latent = (
        tendency[:, None]
        + tendency[None, :]
        + random.normal(0, 0.8, (n, n))
        + alike[member][:, member] * (0.6 + (shift[member][:, None] + shift[member][None, :]) / 2)
    )
    score = 0.11 + 0.085 * latent
    own = 0.62 + 0.13 * random.normal(0, 1, n)
    np.fill_diagonal(score, own)
    score = np.clip(score, -1, 0.999)
    value = np.sqrt(2 - 2 * score) * 0.55 if distance else score
    internal = -value if distance else value
    off = ~np.eye(n, dtype=bool) if nonmated else np.zeros((n, n), dtype=bool)
    diagonal = np.eye(n, dtype=bool) if mated else np.zeros((n, n), dtype=bool)
    default = default if default is not None else (0.6 if distance else 0.363)
    toward = -1.0 if distance else 1.0

    groupings, masks = [], []
    for attrs in (
        [attributes] if len(attributes) == 1 else [(a,) for a in attributes] + [attributes]
    ):
        index = [attributes.index(a) for a in attrs]
        values = sorted({tuple(k[i] for i in index) for k in keys})
        mask = [
            np.isin(member, [i for i, k in enumerate(keys) if tuple(k[j] for j in index) == v])
            for v in values
        ]
        masks.append(mask)
        groupings.append(
            Grouping(
                attributes=attrs,
                label=" x ".join(attrs),
                groups=tuple(
                    Group(
                        label=", ".join(v), values=v, people=int(m.sum()), images=int(2 * m.sum())
                    )
                    for v, m in zip(values, mask, strict=True)
                ),
                not_stated=1,
            )
        )

    def one(label: str, mask: Any, other: Any, line: float | None) -> GroupResult:
        t = math.inf if line is None else line
        inside = off & mask[:, None] & mask[None, :]
        crossing = off & mask[:, None] & ~mask[None, :]
        same = diagonal & mask[:, None]
        hit = internal >= t
        size = int(mask.sum())
        return GroupResult(
            group=label,
            fmr=rate(int((hit & inside).sum()), int(inside.sum()), size),
            fmr_any=rate(int((hit & crossing).sum()), int(crossing.sum()), n),
            fnmr=rate(int((~hit & same).sum()), int(same.sum()), size, independent=size),
            gfar=None,
            gfrr=None,
            smallest_rate=1 - 0.05 ** (1 / max(1, size // 2)) if nonmated else None,
            people_needed=math.ceil(2 * 3 / 0.004) if nonmated else None,
            people_needed_alike=200 if nonmated else None,
        )

    def threshold_result(threshold: Threshold) -> ThresholdResult:
        t = threshold.score
        everyone = np.ones(n, dtype=bool)
        made = []
        for grouping, mask in zip(groupings, masks, strict=True):
            rows = [one(g.label, m, None, t) for g, m in zip(grouping.groups, mask, strict=True)]
            rows.sort(key=lambda r: (-(r.fmr.estimate or 0.0), -(r.fmr.high or 0.0), r.group))
            cells = []
            for g, m in zip(grouping.groups, mask, strict=True):
                for h, k in zip(grouping.groups, mask, strict=True):
                    block = np.ix_(m, k)
                    pool = internal[block][off[block]]
                    hits = int((pool >= (math.inf if t is None else t)).sum())
                    cells.append(
                        Cell(
                            probe=g.label,
                            reference=h.label,
                            fmr=rate(hits, len(pool), int((m | k).sum())),
                        )
                    )
            made.append(
                GroupingResult(
                    grouping=grouping.label,
                    groups=tuple(rows),
                    cells=tuple(cells),
                    fmr=differential("fmr", rows),
                    fnmr=differential("fnmr", rows),
                )
            )
        hits = off & (internal >= (math.inf if t is None else t))
        per = np.sort(hits.sum(0) + hits.sum(1))[::-1]
        total = max(1, int(per.sum()))
        return ThresholdResult(
            threshold=threshold,
            overall=one("", everyone, None, t),
            groupings=tuple(made),
            concentration=Concentration(
                people=n,
                people_in_any=int((per > 0).sum()),
                most=int(per[0]) if n else 0,
                shares=tuple(float(x) for x in np.cumsum(per) / total) if per.sum() else (),
            ),
        )

    sign = "<=" if distance else ">="
    unit = "Euclidean distance" if distance else "cosine similarity"
    rule = f"candidate iff {unit} {sign} threshold"
    thresholds = [
        Threshold(
            label=f"engine default {default}",
            source="default",
            value=default,
            score=toward * default,
            rule=rule,
            documented="https://example.org/engine#threshold",
        )
    ]
    flat = np.sort(internal[off])[::-1]
    group_thresholds = []
    headline_masks = masks[-1]
    for target in targets:
        f = float(target)

        at = _solve(flat, f) if len(flat) else None
        thresholds.append(
            Threshold(
                label=f"FMR {target} on all",
                source="target",
                value=None if at is None else toward * at,
                score=at,
                rule=rule,
                target=target,
                population="all",
                achieved=None if at is None else rate(int((flat >= at).sum()), len(flat), n),
                note="set on the data it is judged on"
                if at is not None
                else f"{len(flat):,} comparisons cannot show a rate of {target}",
            )
        )
        for g, m in zip(groupings[-1].groups, headline_masks, strict=True):
            pool = internal[off & m[:, None] & m[None, :]]
            line = _solve(pool, f) if len(pool) else None
            everyone = one("", np.ones(n, dtype=bool), None, line)
            group_thresholds.append(
                GroupThreshold(
                    grouping=groupings[-1].label,
                    group=g.label,
                    target=target,
                    value=None if line is None else toward * line,
                    achieved=None
                    if line is None
                    else rate(int((pool >= line).sum()), len(pool), g.people),
                    fnmr=None if line is None else everyone.fnmr,
                    note=""
                    if line is not None
                    else f"{len(pool):,} comparisons cannot show a rate of {target}",
                )
            )

    low, high = float(value.min()), float(value.max())
    grid = np.linspace(low, high, 80)
    if distance:
        grid = grid[::-1]
    curves, distributions = [], []
    edges = np.linspace(low, high, 61)
    for grouping, mask in zip(
        [
            *groupings,
            Grouping(
                attributes=(),
                label="",
                groups=(Group(label="", values=(), people=n, images=2 * n),),
                not_stated=0,
            ),
        ],
        [*masks, [np.ones(n, dtype=bool)]],
        strict=True,
    ):
        for g, m in zip(grouping.groups, mask, strict=True):
            inside = off & m[:, None] & m[None, :]
            same = diagonal & m[:, None]
            pool, own_pool = internal[inside], internal[same]
            fm = [rate(int((pool >= toward * v).sum()), len(pool), g.people) for v in grid]
            fn = [rate(int((own_pool < toward * v).sum()), len(own_pool), g.people) for v in grid]
            curves.append(
                Curve(
                    grouping=grouping.label,
                    group=g.label,
                    values=tuple(float(v) for v in grid),
                    fmr_events=tuple(r.events for r in fm),
                    fmr_trials=int(inside.sum()),
                    fmr=tuple(r.estimate for r in fm),
                    fmr_low=tuple(r.low for r in fm),
                    fmr_high=tuple(r.high for r in fm),
                    fnmr_events=tuple(r.events for r in fn),
                    fnmr_trials=int(same.sum()),
                    fnmr=tuple(r.estimate for r in fn),
                    fnmr_low=tuple(r.low for r in fn),
                    fnmr_high=tuple(r.high for r in fn),
                )
            )
            if not grouping.label:
                continue
            q = [0.01, 0.05, 0.5, 0.95, 0.999]
            distributions.append(
                Distribution(
                    grouping=grouping.label,
                    group=g.label,
                    edges=tuple(float(e) for e in edges),
                    nonmated=tuple(int(c) for c in np.histogram(value[inside], edges)[0]),
                    mated=tuple(int(c) for c in np.histogram(value[same], edges)[0]),
                    nonmated_quantiles=tuple(float(x) for x in np.quantile(value[inside], q))
                    if inside.any()
                    else None,
                    mated_quantiles=tuple(float(x) for x in np.quantile(value[same], q))
                    if same.any()
                    else None,
                )
            )

    top = np.argsort(np.where(off, -internal, np.inf), axis=None)[:10] if nonmated else []
    highest = tuple(
        HighComparison(
            probe=f"p{int(i) // n:03d}n",
            reference=f"p{int(i) % n:03d}s",
            probe_subject=f"p{int(i) // n:03d}",
            reference_subject=f"p{int(i) % n:03d}",
            value=float(value.flat[i]),
        )
        for i in top
    )
    enrolment = tuple(
        GroupingEnrolment(
            grouping=grouping.label,
            groups=tuple(
                EnrolmentResult(
                    group=g.label,
                    fte=rate(1 if i == 0 and fte else 0, g.images, g.people, independent=g.people),
                    reasons=(Reason(status="no_face", images=1),) if i == 0 and fte else (),
                )
                for i, g in enumerate(grouping.groups)
            ),
        )
        for grouping in groupings
    )
    smallest = min(groupings[-1].groups, key=lambda g: g.people)
    audit = Audit(
        schema=SCHEMA,
        version=SCHEMA_VERSION,
        title=f"{'dlib' if distance else 'sface'} on an invented set",
        performed_on="2026-11-23",
        software=Software(
            name="countenance", version="0.1.0", python="3.11.9", parts={"numpy": "2.3.4"}
        ),
        engine={
            "name": "dlib" if distance else "sface",
            "version": "1",
            "unit": {"kind": "distance" if distance else "cosine", "name": unit, "scale": 4000},
            "digest": "d" * 64,
            "default_threshold": str(default),
            "default_source": "https://example.org/engine#threshold",
            "models": [
                {
                    "name": "detector",
                    "file": "a.onnx",
                    "sha256": "a" * 64,
                    "bytes": 123456,
                    "licence": "MIT",
                    "source": "https://example.org/a",
                    "note": "",
                }
            ],
        },
        dataset={
            "name": "An invented set",
            "version": "1",
            "source": "https://example.org/data",
            "licence": "CC BY 4.0",
            "consent": "invented people do not mind",
            "labels": "self-reported",
            "label_note": "in their own words",
            "citation": "Nobody (2026)",
            "warnings": ["invented"],
        },
        inputs=(InputFile(name="scores.parquet", sha256="b" * 64, rows=n * n),),
        unit={"kind": "distance" if distance else "cosine", "name": unit, "scale": 4000},
        protocol=Protocol(
            name="split",
            description="every neutral image against every smiling image, in both directions",
        ),
        counts=Counts(
            people=n,
            images=2 * n,
            comparisons=int(off.sum() + diagonal.sum()),
            mated=int(diagonal.sum()),
            nonmated=int(off.sum()),
            nonmated_same_group=int(sum((off & m[:, None] & m[None, :]).sum() for m in masks[-1])),
            failed_comparisons=0,
        ),
        notes=(
            Note(
                code="not-labelled",
                count=1,
                text="1 person has no stated ethnicity and is in no group",
                where=("row 17: p016",),
            ),
        ),
        groupings=tuple(groupings),
        enrolment=enrolment,
        results=tuple(threshold_result(t) for t in thresholds),
        operating=0,
        headline=len(groupings) - 1,
        curves=tuple(curves),
        group_thresholds=tuple(group_thresholds),
        distributions=tuple(distributions),
        highest_nonmated=highest,
        plan=Planned(
            fmr="0.001",
            ratio=2.0,
            people_per_group=389,
            smallest_group=smallest.label,
            smallest_group_people=smallest.people,
            sentence=(
                "To show that one group's false match rate of 0.1 % is twice another's takes "
                f"389 people in each group; the smallest here has {smallest.people}."
            ),
        ),
        same_session=True,
        settings=Settings(
            groups=attributes,
            bins={},
            thresholds=(),
            fmr_targets=targets,
            claimed_fmr=claimed,
            level=0.95,
            seed=1,
            failures="exclude",
            curve_points=80,
        ),
        command="countenance audit scores.parquet --group gender,ethnicity",
        summary="",
    )
    from countenance.audit.sentences import summary

    return replace(audit, summary=summary(audit))


def _solve(pool: Any, target: float) -> float | None:
    """The smallest score with at most the target's share at or above it."""
    k = int(target * len(pool))
    ordered = np.sort(pool)[::-1]
    return None if k == 0 or k >= len(ordered) else float(ordered[k - 1])


def differential(which: Any, rows: list[GroupResult]) -> Differential:
    """Plausible ratios of the groups that have at least ten errors."""
    rates = {r.group: getattr(r, which) for r in rows}
    enough = [g for g, r in rates.items() if r.events >= 10]
    ratios = []
    for i, a in enumerate(enough):
        for b in enough[i + 1 :]:
            p, q = rates[a].estimate, rates[b].estimate
            hi, lo, e = (a, b, p / q) if p >= q else (b, a, q / p)
            ratios.append(Ratio(a=hi, b=lo, estimate=e, low=e / 2.7, high=e * 2.7))
    at_least = max((r.low for r in ratios), default=None)
    at_most = max((r.high for r in ratios), default=None)
    verdict = (
        "undefined"
        if not ratios
        else "shown"
        if at_least is not None and at_least > 1
        else "inconclusive"
    )
    values = [r.estimate or 0.0 for r in rates.values()]
    defined = len(values) > 1 and min(values) > 0
    measure = [
        MeasureResult(
            name="max_min",
            title="largest over smallest",
            source="NIST FRTE, column 6",
            value=max(values) / min(values) if defined else None,
            reason="" if defined else "a group without errors has no ratio",
            floor_median=2.1 if defined else None,
            floor_p95=3.3 if defined else None,
            p_value=0.0004 if defined else None,
        ),
        MeasureResult(
            name="gini",
            title="Gini, corrected by n/(n - 1)",
            source="NIST FRTE, column 10",
            value=0.61 if any(values) else None,
            reason="" if any(values) else "no errors at all",
            floor_median=0.31,
            floor_p95=0.52,
            p_value=0.012,
        ),
    ]
    return Differential(
        rate=which,
        verdict=verdict,  # type: ignore[arg-type]
        sentence="Fewer than two groups have ten errors, so no ratio can be stated."
        if not ratios
        else "The ratio is inconclusive.",
        at_least=max(1.0, at_least) if at_least else None,
        at_most=at_most,
        ratios=tuple(sorted(ratios, key=lambda r: -r.estimate)),
        measures=tuple(measure),
        insufficient=tuple(g for g in rates if g not in enough),
        parity=None,
    )


def sixty() -> Audit:
    """Sixty groups: ten regions times six ages."""
    random = np.random.Generator(np.random.PCG64(3))
    return make(
        {
            (f"region {r:02d}", f"{20 + 10 * a} to {29 + 10 * a}"): (
                int(random.integers(3, 9)),
                float(random.uniform(0, 1.5)),
            )
            for r in range(10)
            for a in range(6)
        },
        attributes=("region", "age"),
    )


def shapes() -> dict[str, Audit]:
    """Every shape the report must survive."""
    rich = make()
    bare = replace(
        rich,
        engine=None,
        dataset=None,
        inputs=(),
        plan=None,
        notes=(),
        performed_on=None,
        enrolment=(),
        distributions=(),
        highest_nonmated=(),
        group_thresholds=(),
        curves=(),
        same_session=False,
    )
    return {
        "rich": rich,
        "distance": make(distance=True, default=0.6),
        "one_group": make({("everybody",): (20, 0.5)}, attributes=("group",)),
        "no_groups": replace(
            bare,
            groupings=(),
            results=tuple(replace(r, groupings=()) for r in rich.results),
            headline=0,
        ),
        "no_mated": make(mated=False),
        "no_nonmated": make(nonmated=False),
        "zero_events": make(default=0.99),
        "all_events": make(default=-0.9),
        "tiny": make({("a", "b"): (1, 0.0), ("c", "d"): (2, 0.0)}),
        "bare": bare,
        "sixty": sixty(),
        "hostile": make(HOSTILE),
    }
