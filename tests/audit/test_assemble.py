"""The audit as a whole: the published London counts, every odd kind of data, and invariances."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import jsonschema
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import countenance as cn
from countenance.audit import material
from countenance.audit.interval import needed
from countenance.audit.jsonform import digest, schema
from countenance.core import InputError, ScoreUnit
from countenance.scores import AllPairs, Scores, Split, compare, stream

BOTH = ["gender", "ethnicity"]


@pytest.fixture(scope="module")
def dlib():
    return cn.audit(cn.london_scores("dlib"), groups=BOTH)


@pytest.fixture(scope="module")
def sface():
    return cn.audit(cn.london_scores("sface"), groups=BOTH)


def headline(audit, place=None):
    result = audit.results[audit.operating if place is None else place]
    return {group.group: group for group in result.groupings[audit.headline].groups}


def table(
    people: dict[str, str | None],
    *,
    images: int = 2,
    seed: int = 0,
    shift: float = 0.0,
) -> Scores:
    """A score table of `people` (name to group) in which every image meets every other once."""
    rng = np.random.default_rng(seed)
    names = [(person, f"{person}-{i}") for person in people for i in range(images)]
    rows = []
    for a, (one, first) in enumerate(names):
        for other, second in names[a + 1 :]:
            score = rng.normal(3.0 if one == other else shift * (people[one] == people[other]))
            rows.append((first, second, one, other, round(float(score), 6)))
    frame = pl.DataFrame(
        rows,
        schema=["probe", "reference", "probe_subject", "reference_subject", "score"],
        orient="row",
    )
    attributes = pl.DataFrame({"subject": list(people), "group": list(people.values())})
    return cn.read_scores(frame, attributes=attributes, direction="similarity")


def groups_of(**sizes: int) -> dict[str, str | None]:
    return {f"{name}{i:03d}": name for name, size in sizes.items() for i in range(size)}


# --- the published experiment ------------------------------------------------------------------


def test_dlib_counts_at_its_documented_threshold(dlib):
    groups = headline(dlib)
    black, white = groups["male, black"], groups["male, white"]
    assert (black.fmr.events, black.fmr.trials, black.fmr.people) == (36, 56, 8)
    assert (white.fmr.events, white.fmr.trials, white.fmr.people) == (4, 1122, 34)
    overall = dlib.results[dlib.operating].overall
    assert (overall.fmr.events, overall.fmr.trials) == (91, 10302)
    assert (overall.fnmr.events, overall.fnmr.trials) == (0, 102)
    assert dlib.counts.nonmated_same_group == 2460


def test_the_interval_of_eight_people_is_wide_and_the_binomial_one_is_not(dlib):
    rate = headline(dlib)["male, black"].fmr
    assert rate.low < 0.35
    assert rate.high > 0.85
    assert rate.naive_high - rate.naive_low < 0.3
    assert rate.design_effect > 2


def test_no_false_match_is_a_bound_and_not_zero(sface):
    rate = headline(sface)["male, black"].fmr
    assert (rate.events, rate.trials, rate.estimate) == (0, 56, 0.0)
    assert rate.high == pytest.approx(1 - 0.05 ** (1 / 4))  # 4 pairs of 8 people share nobody
    assert rate.high_if_independent == pytest.approx(1 - 0.05 ** (1 / 28))
    assert not rate.supported


def test_cells_add_up(dlib):
    result = dlib.results[dlib.operating]
    grouping = result.groupings[dlib.headline]
    assert sum(cell.fmr.events for cell in grouping.cells) == result.overall.fmr.events
    assert sum(cell.fmr.trials for cell in grouping.cells) == result.overall.fmr.trials
    for group in grouping.groups:
        own = [cell for cell in grouping.cells if cell.probe == group.group]
        assert sum(cell.fmr.events for cell in own) == group.fmr_any.events
        assert sum(cell.fmr.trials for cell in own) == group.fmr_any.trials


def test_summary_is_written_from_the_numbers(dlib):
    assert "36 of 56" in dlib.summary
    assert "0.6" in dlib.summary


# --- thresholds --------------------------------------------------------------------------------


def test_targets_are_met_on_all_and_by_every_group(dlib):
    for place, result in enumerate(dlib.results):
        threshold = result.threshold
        if threshold.source == "target":
            assert Fraction(result.overall.fmr.events, 10302) <= Fraction(threshold.target)
            assert threshold.achieved.events == result.overall.fmr.events
        if threshold.source == "worst-group":
            for group in headline(dlib, place).values():
                assert Fraction(group.fmr.events, max(group.fmr.trials, 1)) <= Fraction(
                    threshold.target
                )


def test_a_looser_threshold_would_exceed_the_target():
    scores = cn.london_scores("dlib")
    audit = cn.audit(scores, groups=BOTH, fmr_targets=["0.01"])
    found = next(r for r in audit.results if r.threshold.source == "target").threshold
    other = np.sort(scores.score[~scores.mated])
    looser = other[other < found.score][-1]
    assert (other >= looser).sum() > 103 >= (other >= found.score).sum()


def test_the_first_given_threshold_is_the_operating_one():
    audit = cn.audit(cn.london_scores("dlib"), thresholds=["0.5", "0.45"])
    assert audit.results[audit.operating].threshold.value == 0.5
    assert audit.results[audit.operating].overall.fmr.events == 10
    again = cn.audit(cn.london_scores("dlib"), thresholds=["0.6"])
    assert again.results[again.operating].threshold.source == "default"


def test_ties_at_the_threshold_are_matches():
    scores = table(groups_of(a=4))
    other = scores.score[~scores.mated]
    tie = float(np.sort(other)[-3])
    audit = cn.audit(scores, thresholds=[repr(tie)])
    assert audit.results[audit.operating].overall.fmr.events == 3


@pytest.mark.parametrize("bad", ["0", "1", "-0.1", "nan", "a tenth", "1e-400000"])
def test_bad_targets_are_refused(bad):
    with pytest.raises(InputError):
        cn.audit(table(groups_of(a=4)), fmr_targets=[bad])


# --- odd data ----------------------------------------------------------------------------------


def test_one_group_only():
    audit = cn.audit(table(groups_of(a=6)), groups=["group"])
    grouping = audit.results[audit.operating].groupings[0]
    assert grouping.fmr.verdict == "undefined"
    assert not grouping.fmr.ratios
    assert all(m.value is None or m.name in ("worst_case", "sed") for m in grouping.fmr.measures)


def test_no_mated_comparisons():
    scores = table(groups_of(a=4, b=4), images=1)
    audit = cn.audit(scores, groups=["group"])
    overall = audit.results[audit.operating].overall
    assert overall.fnmr.trials == 0
    assert overall.fnmr.estimate is None
    assert overall.fmr.trials == 28
    assert all(curve.fnmr == (None,) * len(curve.values) for curve in audit.curves)


def test_no_nonmated_comparisons():
    scores = table(groups_of(a=1), images=4)
    with pytest.raises(InputError, match="no comparisons of different people"):
        cn.audit(scores)
    audit = cn.audit(scores, thresholds=["1"])
    overall = audit.results[audit.operating].overall
    assert overall.fmr.trials == 0
    assert overall.fmr.estimate is None
    assert overall.fnmr.trials == 6


def test_people_without_labels_count_for_everybody_and_for_no_group():
    people = groups_of(a=4, b=4) | {"x": None, "y": None}
    audit = cn.audit(table(people), groups=["group"])
    (grouping,) = audit.groupings
    assert grouping.not_stated == 2
    assert sum(group.people for group in grouping.groups) == 8
    assert audit.results[0].overall.fmr.people == 10
    note = next(n for n in audit.notes if n.code == "not-stated")
    assert (note.count, note.where) == (2, ("x", "y"))


def test_a_group_of_one_person_is_not_measured_and_not_lost():
    audit = cn.audit(table(groups_of(a=6, b=1)), groups=["group"])
    lonely = headline(audit)["b"]
    assert (lonely.fmr.trials, lonely.fmr.estimate, lonely.fmr.supported) == (0, None, False)
    assert lonely.fnmr.trials == 1


def test_no_groups_asked_for():
    audit = cn.audit(table(groups_of(a=6)))
    assert audit.groupings == ()
    assert audit.headline == -1
    assert audit.results[0].groupings == ()


@pytest.mark.parametrize(
    ("groups", "bins", "words"),
    [
        (["gender"], {}, "no attribute 'gender'"),
        (["group", "group"], {}, "twice"),
        (["group"], {"group": (1, 2)}, "not a number"),
        (["group"], {"age": (1, 2)}, "not grouped by"),
        (["group"], {"group": (2, 1)}, "do not rise"),
        (["group"], {"group": (float("nan"),)}, "do not rise"),
        (["group"], {"group": (1, float("inf"))}, "do not rise"),
    ],
)
def test_bad_groupings_are_refused(groups, bins, words):
    with pytest.raises(InputError, match=words):
        cn.audit(table(groups_of(a=4)), groups=groups, bins=bins)


@pytest.mark.parametrize("word", ["nan", "inf", "-Infinity"])
def test_words_that_python_takes_for_numbers_are_words(word):
    """Nobody whose age is "nan" is in the oldest group, and such labels sort as text does."""
    with pytest.raises(InputError, match="not a number"):
        cn.audit(table({"p": "31", "q": word, "r": "40"}), groups=["group"], bins={"group": (35,)})
    for people in ({"p": word, "q": "1", "r": "x"}, {"p": "x", "q": word, "r": "1"}):
        labels = [g.label for g in cn.audit(table(people), groups=["group"]).groupings[0].groups]
        assert labels == ["1", *sorted(["x", word])]


def test_every_bound_is_at_the_level_asked_for():
    audits = [
        cn.audit(cn.london_scores("dlib"), groups=BOTH, level=level) for level in (0.8, 0.95)
    ]
    loose, strict = (headline(audit)["male, black"] for audit in audits)
    assert loose.smallest_rate == pytest.approx(1 - 0.2 ** (1 / 4))
    assert strict.smallest_rate == pytest.approx(1 - 0.05 ** (1 / 4))
    assert loose.people_needed < strict.people_needed
    assert loose.people_needed_alike < strict.people_needed_alike
    assert "95 %" not in audits[0].to_html().split("<main", 1)[1].replace("1, 5, 50, 95", "")


def test_people_needed_are_for_the_rate_within_all_groups(dlib):
    groups = headline(dlib).values()
    events, trials = sum(g.fmr.events for g in groups), sum(g.fmr.trials for g in groups)
    assert (events, trials) == (72, 2460)
    assert {g.people_needed for g in groups} == {needed(events / trials)[0]}


def test_numbers_in_bins_keep_their_order():
    scores = cn.london_scores("sface")
    audit = cn.audit(scores, groups=["age"], bins={"age": (20, 30, 40)})
    labels = [group.label for group in audit.groupings[0].groups]
    assert labels == ["under 20", "20 to under 30", "30 to under 40", "40 and over"]


@pytest.mark.parametrize(
    ("failures", "events", "trials"),
    [("exclude", 0, 16), ("positive", 0, 20), ("negative", 4, 20)],
)
def test_failed_comparisons_count_as_asked(failures, events, trials):
    """A failure is below every threshold in a positive system, above it in a negative one."""
    rows = []
    for a, b in itertools.product("pqrst", repeat=2):
        score = 3.0 if a == b else 0.1 * len(rows)
        rows.append((f"{a}1", f"{b}2", a, b, None if a == "p" != b else score))
    frame = pl.DataFrame(
        rows,
        schema=["probe", "reference", "probe_subject", "reference_subject", "score"],
        orient="row",
        infer_schema_length=None,
    )
    scores = cn.read_scores(frame)
    audit = cn.audit(scores, thresholds=["2.9"], failures=failures)
    overall = audit.results[audit.operating].overall
    assert (overall.fmr.events, overall.fmr.trials) == (events, trials)
    assert audit.counts.failed_comparisons == 4


def test_a_negative_system_cannot_go_below_its_failures():
    test = table(groups_of(a=6))
    scores = replace(
        test,
        failed_probe=test.probe[:3],
        failed_reference=test.reference[-3:],
    )
    audit = cn.audit(scores, fmr_targets=["0.5", "0.001"], failures="negative")
    assert [r.threshold.target for r in audit.results] == ["0.5"]
    (note,) = (n for n in audit.notes if n.code == "target-unreachable")
    assert "0.001" in note.text


def test_no_threshold_is_set_on_the_worst_group_that_one_group_cannot_meet():
    """All comparisons of one group failed: in a negative system its FMR is 1 at any threshold."""
    test = table({"a1": "a", "a2": "a", "b1": "b", "b2": "b", "b3": "b"})
    owner = test.sample_subject
    within_a = (owner[test.probe] == 0) & (owner[test.reference] == 1)
    scores = replace(
        test,
        probe=test.probe[~within_a],
        reference=test.reference[~within_a],
        score=test.score[~within_a],
        failed_probe=test.probe[within_a],
        failed_reference=test.reference[within_a],
    )
    asked = {"groups": ["group"], "fmr_targets": ["0.5"]}
    audit = cn.audit(scores, **asked, failures="negative")
    assert [r.threshold.source for r in audit.results] == ["target"]
    assert any("the worst group" in note.text for note in audit.notes)
    audit = cn.audit(scores, **asked, failures="positive")
    assert [r.threshold.source for r in audit.results] == ["target", "worst-group"]


def test_labels_to_check_name_each_comparison_once():
    test = table({"p": "a", "q": "a"}, images=3)
    audit = cn.audit(replace(test, score=np.round(test.score)), thresholds=["2.5"])
    named = [(high.probe, high.reference) for high in audit.highest_nonmated]
    assert len(named) == len(set(named)) == 9


def test_generalised_rates_do_not_count_a_failure_twice(dlib):
    overall = dlib.results[dlib.operating].overall
    assert (overall.gfar, overall.gfrr) == (overall.fmr.estimate, overall.fnmr.estimate)
    for failures in ("positive", "negative"):
        audit = cn.audit(cn.london_scores("dlib"), failures=failures)
        overall = audit.results[audit.operating].overall
        assert audit.enrolment[0].groups[0].fte.estimate == 0
        assert overall.gfar is overall.gfrr is None


# --- invariances -------------------------------------------------------------------------------


def same_numbers(one, two) -> bool:
    return replace(one, inputs=()).to_json() == replace(two, inputs=()).to_json()


def test_the_order_of_rows_changes_no_byte():
    scores = cn.london_scores("dlib")
    order = np.random.default_rng(3).permutation(len(scores))
    shuffled = replace(
        scores,
        probe=scores.probe[order],
        reference=scores.reference[order],
        score=scores.score[order],
    )
    one, two = (cn.audit(s, groups=["gender"]) for s in (scores, shuffled))
    assert same_numbers(one, two)


def test_the_same_inputs_give_the_same_bytes():
    one, two = (cn.audit(cn.london_scores("sface"), groups=["gender"]) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert digest(one) == digest(two)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), a=st.integers(2, 9), b=st.integers(2, 9))
def test_renaming_groups_renames_the_results(seed, a, b):
    scores = table(groups_of(a=a, b=b), seed=seed, shift=0.5)
    swapped = replace(
        scores,
        attributes={"group": tuple({"a": "z", "b": "y"}[v] for v in scores.attributes["group"])},
    )
    one = headline(cn.audit(scores, groups=["group"], thresholds=["1"]))
    two = headline(cn.audit(swapped, groups=["group"], thresholds=["1"]))
    assert one["a"] == replace(two["z"], group="a")
    assert one["b"] == replace(two["y"], group="b")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_fmr_falls_and_fnmr_rises_along_every_curve(seed):
    audit = cn.audit(table(groups_of(a=5, b=4), seed=seed), groups=["group"])
    for curve in audit.curves:
        assert list(curve.fmr_events) == sorted(curve.fmr_events, reverse=True)
        assert list(curve.fnmr_events) == sorted(curve.fnmr_events)
        assert list(curve.values) == sorted(curve.values)


def test_every_rate_holds_its_estimate(dlib, sface):
    for audit in (dlib, sface):
        for result in audit.results:
            groups = [result.overall, *(g for r in result.groupings for g in r.groups)]
            rates = [r for g in groups for r in (g.fmr, g.fmr_any, g.fnmr)]
            rates += [c.fmr for r in result.groupings for c in r.cells]
            for rate in rates:
                if rate.estimate is not None and rate.low is not None:
                    assert 0 <= rate.low <= rate.estimate <= rate.high <= 1


def test_photographing_everybody_twice_does_not_narrow_the_interval():
    """More images of the same people are not more people."""
    one = table(groups_of(a=30), images=1, seed=4)
    probe, reference = one.probe, one.reference
    n = len(one.samples)
    twice = Scores(
        subjects=one.subjects,
        samples=(*one.samples, *(f"{s}'" for s in one.samples)),
        sample_subject=np.tile(one.sample_subject, 2),
        probe=np.concatenate([probe, probe + n, probe, probe + n]),
        reference=np.concatenate([reference, reference + n, reference + n, reference]),
        score=np.tile(one.score, 4),
        unit=one.unit,
        attributes=one.attributes,
        ordered=False,
    )
    single, double = (cn.audit(s, thresholds=["1"]).results[0].overall.fmr for s in (one, twice))
    assert double.trials == 4 * single.trials
    assert (double.low, double.high) == pytest.approx((single.low, single.high))
    assert double.naive_high - double.naive_low < 0.6 * (single.naive_high - single.naive_low)


# --- from templates ----------------------------------------------------------------------------


class Made:
    """As much of a template set as protocols and audits read."""

    def __init__(self, templates, subjects, attributes):
        self.templates = templates
        self.names = tuple(f"i{k:03d}" for k in range(len(templates)))
        self.subjects = tuple(subjects)
        self.failures = ()
        self.attempted = {s: self.subjects.count(s) for s in sorted(set(subjects))}
        self.unit = ScoreUnit("cosine", "cosine similarity", 4000)
        self.engine = {"name": "made", "default_threshold": "0.3"}
        self.dataset_digest = "0"
        self.notes = ()
        self.people = pl.DataFrame(
            {"subject": list(self.attempted), "g": [attributes[s] for s in self.attempted]}
        )
        side = ["a" if k % 2 else "b" for k in range(len(templates))]
        self.attributes = pl.DataFrame({"path": self.names, "side": side})
        self.dataset = self

    def __len__(self):
        return len(self.templates)

    def to_json(self):
        return {"name": "made", "sessions": "one"}


def made_templates(seed=0, people=24, images=3):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 16))
    raw = np.repeat(centres, images, axis=0) + 0.7 * rng.normal(size=(people * images, 16))
    raw *= 4000 / np.linalg.norm(raw, axis=1, keepdims=True)
    subjects = [f"p{i:02d}" for i in range(people) for _ in range(images)]
    return Made(
        np.rint(raw).astype(np.int16), subjects, {s: "xyz"[int(s[1:]) % 3] for s in set(subjects)}
    )


@pytest.mark.parametrize("protocol", [AllPairs(), Split("side", "a", "b")])
def test_streamed_and_listed_comparisons_give_one_audit(monkeypatch, protocol):
    templates = made_templates()
    monkeypatch.setattr(material, "TemplateSet", Made)
    listed = cn.audit(compare(templates, protocol), groups=["g"])
    monkeypatch.setattr(material, "TABLE_LIMIT", 0)
    streamed = cn.audit(templates, groups=["g"], protocol=protocol)
    assert len(listed.results) == len(streamed.results)
    for one, two in zip(listed.results, streamed.results, strict=True):
        assert one == two
    assert listed.highest_nonmated == streamed.highest_nonmated
    assert listed.group_thresholds == streamed.group_thresholds
    assert listed.counts == streamed.counts
    assert listed.same_session


def test_streaming_memory_does_not_grow_with_comparisons():
    """Tiles of 16 scores: the largest thing held is a tile, whatever the number of comparisons."""
    templates = made_templates(people=40)
    source = stream(templates, AllPairs())
    source._tile = 64
    largest = max(tile.score.size for block in source.blocks() for tile in block)
    assert largest <= 64
    assert source.nonmated == sum(tile.score.size for block in source.blocks() for tile in block)


# --- the published form ------------------------------------------------------------------------


def test_json_obeys_the_published_schema(dlib, sface):
    import json

    checker = jsonschema.Draft202012Validator(schema())
    for audit in (dlib, sface, cn.audit(table(groups_of(a=3)))):
        checker.validate(json.loads(audit.to_json()))


def test_json_survives_a_round_trip(dlib):
    assert cn.Audit.from_json(dlib.to_json()) == dlib


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"schema": "countenance/audit", "version": 2}', "\x00"]
)
def test_what_is_not_an_audit_is_refused(text):
    with pytest.raises(InputError):
        cn.Audit.from_json(text)


def test_an_audit_with_a_broken_field_is_refused(dlib):
    broken = dlib.to_json().replace('"operating": 0', '"operating": "zero"')
    with pytest.raises(InputError, match="operating"):
        cn.Audit.from_json(broken)


def test_the_frame_has_every_group_and_threshold(dlib):
    frame = dlib.frame()
    groups = 1 + sum(len(g.groups) for g in dlib.groupings)
    assert frame.height == groups * len(dlib.results)
    row = frame.filter(
        (pl.col("group") == "male, black") & (pl.col("threshold") == "engine default 0.6")
    )
    assert row["fmr_events"].item() == 36


def test_the_room_can_be_called_and_entered():
    import countenance.audit as room

    assert callable(room)
    assert room.audit is not room
    assert cn.audit is room
