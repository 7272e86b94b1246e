"""The tally against brute force: two routes, any protocol, any number of images a person."""

from __future__ import annotations

import dataclasses
import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.core import ScoreUnit
from countenance.scores import comparisons, counting
from countenance.scores import listed as listed_module
from countenance.scores.counting import Labels, tally
from countenance.scores.distribution import Bins, Request, spread, tails
from countenance.scores.exact import ExactTemplates
from countenance.scores.listed import BLOCK, TableComparisons
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


def table_of(rows, subject, people, unit, ordered, block=BLOCK):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return TableComparisons(
        block=block,
        scores=Scores(
            subjects=tuple(f"s{i}" for i in range(people)),
            samples=tuple(f"i{i}" for i in range(len(subject))),
            sample_subject=subject,
            probe=columns[:, 0].astype(np.int32),
            reference=columns[:, 1].astype(np.int32),
            score=columns[:, 2].astype(np.int32),
            unit=unit,
            attributes={},
            ordered=ordered,
        ),
    )


def without_room(rows, subject, people, unit, ordered):
    """The same table where sort keys do not fit into one integer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed_module, "KEY_BITS", 0)
        return table_of(rows, subject, people, unit, ordered, block=3)


def same_bits(one, other):
    """Whether two tallies agree to the last bit."""
    for a, b in zip((*one.within, *one.cross), (*other.within, *other.cross), strict=True):
        for field in dataclasses.fields(a):
            np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))


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
    small = table_of(rng.permutation(rows), subject, people, unit, split, block=2)
    for source in (made, table, small, without_room(rows, subject, people, unit, split)):
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
    small = table_of(rng.permutation(rows), subject, 5, COSINE, split, block=2)
    for source in (made, table, small):
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


@pytest.mark.parametrize("split", [False, True])
def test_the_number_of_threads_and_the_order_of_rows_change_no_bit(monkeypatch, split: bool):
    rng, subject, templates, probes, references, made = random_case(11, 30, 100, split, COSINE)
    rows = listed(subject, templates, probes, references, COSINE)
    labels = Labels(rng.integers(-1, 3, 30).astype(np.int32), 3)
    thresholds = np.quantile([s for _, _, s in rows], [0.5, 0.9, 0.99]).astype(int)
    shuffled = rng.permutation(rows)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(comparisons, "THREADS", threads)
        monkeypatch.setattr(comparisons, "processors", lambda: 5)
        for order in (rows, shuffled):
            table = table_of(order, subject, 30, COSINE, split, block=50)
            found.append(
                [tally(source, thresholds, [labels], cross=True) for source in (made, table)]
            )
    for tiles, table in found[1:]:
        same_bits(tiles, found[0][0])
        same_bits(table, found[0][1])


def test_work_is_done_in_order_and_not_far_ahead():
    begun, taken = [], []
    lock = threading.Lock()

    def work(job: int) -> int:
        with lock:
            begun.append(job)
            assert len(begun) - len(taken) <= 5
        return job * job

    for result in comparisons.in_order(work, range(100), threads=3):
        taken += [result]
    assert taken == [job * job for job in range(100)]

    def fail(job: int) -> int:
        if job == 4:
            raise ZeroDivisionError
        return job

    results = comparisons.in_order(fail, range(100), threads=3)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_shares_of_a_pair_do_not_depend_on_how_they_are_sorted(monkeypatch):
    rng = np.random.default_rng(8)
    pairs = rng.integers(0, 4, (300, 2)).astype(np.int32)
    bucket = rng.integers(1, 6, 300)
    every = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    times = every[2][every[1].ravel()]
    packed = counting._weights(pairs[:, 0], pairs[:, 1], bucket, times)
    monkeypatch.setattr(counting, "KEY_BITS", 0)
    plain = counting._weights(pairs[:, 0], pairs[:, 1], bucket, times)
    np.testing.assert_array_equal(packed[0], plain[0])
    for k in range(1, 6):  # among equals any order will do
        at = bucket == k
        np.testing.assert_allclose(packed[1][at].sum(), plain[1][at].sum(), rtol=1e-12)
    # all shares of a pair add up to 1, and to 1 again when squared
    np.testing.assert_allclose(packed[1].sum(), len(every[0]), rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    bits=st.integers(1, 25),
    count=st.sampled_from([1, 8, 64, 4096]),
    symmetric=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_bins_of_whole_numbers_are_those_of_real_ones(bits, count, symmetric, seed):
    bound = 2**bits
    bins = Bins(-float(bound), float(bound) if symmetric else 0.0, count)
    scores = np.random.default_rng(seed).integers(-bound, bound if symmetric else 1, 200)
    scores = np.concatenate([scores, [-bound, int(bins.high)]])
    expected = bins.of(scores.astype(np.float64))
    np.testing.assert_array_equal(bins.of(scores.astype(np.int32)), expected)
    if bits <= 24:
        np.testing.assert_array_equal(bins.of(scores.astype(np.float32)), expected)


def test_many_equal_scores_are_kept_as_counts(monkeypatch):
    """A threshold among a few distinct scores: the second pass keeps values, not comparisons."""
    from countenance.scores import distribution

    monkeypatch.setattr(distribution, "_PENDING", 10)
    kept = distribution._Kept()
    rng = np.random.default_rng(2)
    every = rng.integers(0, 5, 1000).astype(np.float32)
    for part in np.array_split(every, 70):
        kept.add(part)
        assert kept._size < 10 + 15
    values, counts = kept.close()
    expected, times = np.unique(every, return_counts=True)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(counts, times)


def test_tiles_are_made_with_one_blas_thread_which_is_given_back():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads() -> list[int]:
        return [p["num_threads"] for p in threadpoolctl.threadpool_info()]

    if not threads():
        pytest.skip("this BLAS cannot be asked")
    *_, made = random_case(1, 5, 30, False, COSINE)
    before = threads()
    for _ in made.over(len):
        assert set(threads()) == {1}
    for _ in made.blocks():
        assert set(threads()) == {1}
    assert threads() == before
