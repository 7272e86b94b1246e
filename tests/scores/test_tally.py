"""The tally against brute force: two routes, any protocol, any number of images a person."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.core import ScoreUnit
from countenance.scores.counting import Labels, tally
from countenance.scores.distribution import Request, spread, tails
from countenance.scores.exact import ExactTemplates
from countenance.scores.listed import TableComparisons
from countenance.scores.table import Scores
from countenance.scores.tiled import TemplateComparisons

COSINE = ScoreUnit("cosine", "cosine similarity", 4000)
DISTANCE = ScoreUnit("distance", "Euclidean distance", 2500)


def random_case(seed: int, people: int, images: int, split: bool, unit: ScoreUnit):
    rng = np.random.default_rng(seed)
    subject = np.sort(rng.integers(0, people, images)).astype(np.int32)
    templates = rng.integers(-9, 10, (images, 6)).astype(np.int16)
    probes = references = None
    if split:
        probes = rng.random(images) < 0.5
        references = ~probes | (rng.random(images) < 0.2)
    made = TemplateComparisons(
        ExactTemplates(templates, unit),
        subject,
        people,
        probes=probes,
        references=references,
        tile=16,
    )
    return rng, subject, templates, probes, references, made


def listed(subject, templates, probes, references, unit):
    """Every comparison of the protocol, one by one, in Python integers."""
    rows = []
    n = len(subject)
    for a, b in itertools.product(range(n), repeat=2):
        if probes is None:
            if a >= b:
                continue
        elif not (probes[a] and references[b]) or a == b:
            continue
        dot = sum(int(x) * int(y) for x, y in zip(templates[a], templates[b], strict=True))
        if unit.kind == "distance":
            dot = -sum(
                (int(x) - int(y)) ** 2 for x, y in zip(templates[a], templates[b], strict=True)
            )
        rows.append((a, b, dot))
    return rows


def table_of(rows, subject, people, unit, ordered):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return TableComparisons(
        Scores(
            subjects=tuple(f"s{i}" for i in range(people)),
            samples=tuple(f"i{i}" for i in range(len(subject))),
            sample_subject=subject,
            probe=columns[:, 0].astype(np.int32),
            reference=columns[:, 1].astype(np.int32),
            score=columns[:, 2].astype(np.int32),
            unit=unit,
            attributes={},
            ordered=ordered,
        )
    )


def brute(rows, subject, people, labels, thresholds, ordered):
    """Within and cross sums, one comparison at a time."""
    pairs: dict[tuple[int, int], list[int]] = {}
    directed: dict[tuple[int, int], list[int]] = {}
    for a, b, s in rows:
        i, j = int(subject[a]), int(subject[b])
        if i == j:
            continue
        pairs.setdefault((min(i, j), max(i, j)), []).append(s)
        directed.setdefault((i, j), []).append(s)
        if not ordered:
            directed.setdefault((j, i), []).append(s)
    out = {}
    K, L = len(thresholds), labels.count
    out["events"] = np.zeros((K, L), int)
    out["trials"] = np.zeros(L, int)
    out["rows"] = np.zeros((K, people))
    out["degree"] = np.zeros(people, int)
    out["squares"] = np.zeros((K, L))
    out["cross"] = np.zeros((K, L, L), int)
    out["cross_trials"] = np.zeros((L, L), int)
    out["cross_squares"] = np.zeros((K, L, L))
    out["probe_sums"] = np.zeros((K, people, L))
    out["probe_degree"] = np.zeros((people, L), int)
    for (i, j), scores in pairs.items():
        if labels.of[i] != labels.of[j] or labels.of[i] < 0:
            continue
        g = labels.of[i]
        out["trials"][g] += len(scores)
        out["degree"][[i, j]] += 1
        for k, T in enumerate(thresholds):
            count = sum(s >= T for s in scores)
            h = count / len(scores)
            out["events"][k, g] += count
            out["rows"][k, [i, j]] += h
            out["squares"][k, g] += h * h
    for (i, j), scores in directed.items():
        if labels.of[i] < 0 or labels.of[j] < 0:
            continue
        a, b = labels.of[i], labels.of[j]
        out["cross_trials"][a, b] += len(scores)
        out["probe_degree"][i, b] += 1
        for k, T in enumerate(thresholds):
            out["cross"][k, a, b] += sum(s >= T for s in scores)
            out["cross_squares"][k, a, b] += (sum(s >= T for s in scores) / len(scores)) ** 2
            out["probe_sums"][k, i, b] += sum(s >= T for s in scores) / len(scores)
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    people=st.integers(1, 6),
    images=st.integers(2, 14),
    split=st.booleans(),
    unit=st.sampled_from([COSINE, DISTANCE]),
)
def test_both_routes_agree_with_brute_force(seed, people, images, split, unit):
    rng, subject, templates, probes, references, made = random_case(
        seed, people, images, split, unit
    )
    rows = listed(subject, templates, probes, references, unit)
    if not rows:
        return
    table = table_of(rows, subject, people, unit, split)
    labels = Labels(rng.integers(-1, 3, people).astype(np.int32), 3)
    everyone = Labels(np.zeros(people, np.int32), 1)
    values = sorted({s for _, _, s in rows})
    thresholds = np.array(
        sorted({values[0], values[len(values) // 2], values[-1], values[-1] + 1})
    )
    expected = brute(rows, subject, people, labels, thresholds, split)
    for source in (made, table):
        assert source.nonmated == sum(subject[a] != subject[b] for a, b, _ in rows)
        counted = tally(source, thresholds, [everyone, labels], cross=True)
        within, cross = counted.within[1], counted.cross[1]
        np.testing.assert_array_equal(within.events, expected["events"])
        np.testing.assert_array_equal(within.trials, expected["trials"])
        np.testing.assert_array_equal(within.degree, expected["degree"])
        np.testing.assert_allclose(within.row_sums, expected["rows"], atol=1e-12)
        np.testing.assert_allclose(within.square_sums, expected["squares"], atol=1e-12)
        np.testing.assert_array_equal(cross.events, expected["cross"])
        np.testing.assert_array_equal(cross.trials, expected["cross_trials"])
        np.testing.assert_allclose(cross.square_sums, expected["cross_squares"], atol=1e-12)
        np.testing.assert_allclose(cross.probe_sums, expected["probe_sums"], atol=1e-12)
        np.testing.assert_array_equal(cross.probe_degree, expected["probe_degree"])
        own = [s for a, b, s in rows if subject[a] == subject[b]]
        assert counted.mated.total.sum() == len(own)
        for k, T in enumerate(thresholds):
            assert counted.mated.misses[k].sum() == sum(s < T for s in own)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    most=st.integers(0, 30),
    split=st.booleans(),
    bins=st.sampled_from([1, 3, 64]),
)
def test_thresholds_are_exact_order_statistics(seed, most, split, bins):
    rng, subject, templates, probes, references, made = random_case(seed, 5, 12, split, COSINE)
    rows = listed(subject, templates, probes, references, COSINE)
    if not rows:
        return
    table = table_of(rows, subject, 5, COSINE, split)
    labels = Labels(rng.integers(0, 2, 5).astype(np.int32), 2)
    for source in (made, table):
        found = spread(source, [labels], bins=bins)
        for group in (0, 1):
            scores = sorted(
                s
                for a, b, s in rows
                if subject[a] != subject[b]
                and labels.of[subject[a]] == labels.of[subject[b]] == group
            )
            assert found.nonmated[0][group].sum() == len(scores)
            (tail,) = tails(source, labels, found.nonmated[0], found.bins, [Request(group, most)])
            if not scores:
                assert tail is None
                continue
            fitting = [v for v in scores if sum(s >= v for s in scores) <= most]
            assert tail is not None
            if fitting:
                assert (tail.score, tail.attainable) == (min(fitting), True)
                assert tail.events == sum(s >= min(fitting) for s in scores)
            else:
                assert (tail.score, tail.events, tail.attainable) == (scores[-1] + 1, 0, False)


def test_exact_scores_do_not_depend_on_block_size_or_order():
    rng = np.random.default_rng(5)
    raw = rng.normal(size=(200, 128))
    templates = np.rint(4000 * raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.int16)
    exact = ExactTemplates(templates, COSINE)
    whole = templates.astype(np.int64) @ templates.astype(np.int64).T
    np.testing.assert_array_equal(exact.tile(slice(None), exact, slice(None)), whole)
    for size in (1, 7, 64):
        for start in range(0, 200, size):
            part = exact.tile(slice(start, start + size), exact, slice(None))
            np.testing.assert_array_equal(part, whole[start : start + size])


@pytest.mark.parametrize("unit", [COSINE, DISTANCE])
def test_longest_templates_are_exact_and_longer_ones_refused(unit):
    """The bound of invariant 1 is tight: 4095 is exact, 4096 is refused."""
    from countenance.core import InputError

    edge = np.zeros((2, 4), np.int16)
    edge[:, 0] = 4095, -4095
    exact = ExactTemplates(edge, unit)
    tile = exact.tile(slice(None), exact, slice(None))
    if unit.kind == "cosine":
        assert tile.tolist() == [[4095**2, -(4095**2)], [-(4095**2), 4095**2]]
    else:
        assert tile.tolist() == [[0, -((2 * 4095) ** 2)], [-((2 * 4095) ** 2), 0]]
    edge[0, 0] = 4096
    with pytest.raises(InputError, match="length 4096"):
        ExactTemplates(edge, unit)
