"""The search: exhaustive, exact, ties in full, the same whatever the blocks and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from gallerykit import (
    COSINE,
    DISTANCE,
    NoSync,
    card,
    found,
    lists,
    made,
    names,
    permit,
    public,
    slowly,
    templates,
)
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, ScoreUnit, canonical_json
from countenance.scores import GalleryWriter, SearchResult, create_gallery, open_gallery, search
from countenance.scores.gallery import candidates, scanning
from countenance.scores.gallery.candidates import LIST_LIMIT, Best, Candidate
from countenance.scores.gallery.codec import Plain
from countenance.scores.gallery.layout import ID_BYTES, encode_id
from countenance.scores.gallery.reading import Gallery


@pytest.mark.parametrize("unit", [COSINE, DISTANCE], ids=["cosine", "distance"])
@pytest.mark.parametrize(
    ("threshold", "rank"), [(None, 7), (0, None), (2_000_000, 5), (-(2**31), 3)]
)
def test_it_finds_what_the_slow_way_finds(
    tmp_path: Path, unit: ScoreUnit, threshold: int | None, rank: int | None
) -> None:
    if unit is DISTANCE and threshold is not None and threshold > -(2**31):
        threshold -= 28_000_000
    rows = made(tmp_path / "g", 300, unit=unit)
    probes = np.concatenate((templates(3, seed=9), rows[:2]))
    with open_gallery(tmp_path / "g") as gallery:
        result = found(gallery, probes, threshold=threshold, rank=rank)
    slow = slowly(names(300), rows, probes, threshold=threshold, rank=rank, unit=unit)
    assert lists(result) == slow
    assert (result.compared, result.deleted, result.erased) == (300, 0, 0)
    assert any(slow)


def test_every_block_size_and_number_of_threads_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public())
    rows = templates(700, seed=3)
    rows[100:140] = rows[50]  # ties, over blocks
    with GalleryWriter(path, ops=NoSync()) as writer:
        for start, stop in ((0, 1), (1, 2), (2, 350), (350, 351), (351, 700)):
            writer.append(names(stop - start, start), rows[start:stop], engine=card().identity)
        writer.delete(["id-0", "id-77", "id-350"])
    probes = np.concatenate((rows[50:51], templates(4, seed=4)))
    seen = set()
    for block_bytes in (1, 96, 5_000, 1 << 21):
        for floats in (1, 16 * 7, 1 << 18):
            monkeypatch.setattr(scanning, "_FLOATS", floats)
            for threads in (1, 2, 5):
                gallery = Gallery(path, codec=Plain(), block_bytes=block_bytes)
                gallery.load(lambda *_: None)
                seen.add(canonical_json(found(gallery, probes, rank=3, threads=threads).to_json()))
                gallery.close()
    assert len(seen) == 1
    assert seen.pop().count(b'"id":') == 41 + 4 * 3


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_blas_kernel_gives_the_same_list(tmp_path: Path, threads: str) -> None:
    """A process of its own, with another OpenBLAS kernel where the library has several."""
    rows = made(tmp_path / "g", 200, dimension=512)
    script = (
        "import sys; from pathlib import Path; import numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from gallerykit import *; from countenance.scores import open_gallery\n"
        f"g = open_gallery({str(tmp_path / 'g')!r})\n"
        "print(lists(found(g, templates(3, 512, seed=5), rank=4)))"
    )
    env = os.environ | {"OPENBLAS_CORETYPE": "Sandybridge", "OPENBLAS_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True
    )
    slow = slowly(names(200), rows, templates(3, 512, seed=5), rank=4)
    assert done.stdout.strip() == repr(slow)


def test_ties_are_returned_in_full_in_the_order_of_their_ids_bytes(tmp_path: Path) -> None:
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public())
    row = templates(1)
    ids = ["b", "a", "é", "Z", "ab", "aa", "0" * 64]
    with GalleryWriter(path) as writer:
        writer.append(ids, np.repeat(row, 7, axis=0), engine=card().identity)
    with open_gallery(path) as gallery:
        ((*found_ids,),) = ([c for c, _ in each] for each in lists(found(gallery, row[0], rank=1)))
    assert found_ids == sorted(ids, key=str.encode)
    assert found_ids[-1] == "é"


def test_threshold_is_at_or_above(tmp_path: Path) -> None:
    rows = made(tmp_path / "g", 50)
    with open_gallery(tmp_path / "g") as gallery:
        best = lists(found(gallery, rows[3], rank=2))[0]
        exact = lists(found(gallery, rows[3], threshold=best[1][1]))[0]
        above = lists(found(gallery, rows[3], threshold=best[1][1] + 1))[0]
        none = found(gallery, rows[3], threshold=2**40)
        lowest = found(gallery, rows[3], threshold=-(2**40))
    assert exact == best
    assert above == best[:1]
    assert lists(none) == [[]]
    assert none.compared == 50
    assert len(lists(lowest)[0]) == 50


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_or_one(tmp_path: Path, count: int) -> None:
    rows = made(tmp_path / "g", count)
    with open_gallery(tmp_path / "g") as gallery:
        result = found(gallery, templates(2, seed=8), rank=5)
    assert lists(result) == slowly(names(count), rows, templates(2, seed=8), rank=5)
    assert result.compared == count


def test_an_empty_list_is_a_result_with_all_that_makes_it_one(tmp_path: Path) -> None:
    made(tmp_path / "g", 5)
    with GalleryWriter(tmp_path / "g") as writer:
        writer.delete(names(5))
        digest = writer.digest
    with open_gallery(tmp_path / "g") as gallery:
        assert len(gallery) == 0
        told = found(gallery, templates(1, seed=8), rank=5).to_json()
        header = gallery.header
    assert told["lists"][0]["candidates"] == []
    assert (told["compared"], told["deleted"]) == (0, 5)
    assert told["gallery_digest"] == digest
    assert told["gallery"] == header.gallery
    assert told["engine"] == card().identity
    assert told["issuer"] == public()
    assert (told["threshold"], told["rank"]) == (None, 5)
    assert canonical_json(told)


def test_a_list_too_long_is_refused_and_never_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "LIST_LIMIT", 50)
    path = tmp_path / "g"
    create_gallery(path, card(), issuer=public())
    rows = templates(200, seed=1)
    rows[20:120] = rows[0]
    with GalleryWriter(path) as writer:
        writer.append(names(200), rows, engine=card().identity)
    with open_gallery(path) as gallery:
        for threads in (1, 2):
            with pytest.raises(InputError, match="more than 50"):
                found(gallery, rows[0], rank=1, threads=threads)
            with pytest.raises(InputError, match="more than 50"):
                found(gallery, rows[0], threshold=-(2**31), threads=threads)
        other = -rows[0]
        assert lists(found(gallery, other, rank=30)) == slowly(names(200), rows, other, rank=30)


@given(st.data())
def test_what_is_kept_is_enough_however_it_came(data: st.DataObject) -> None:
    """Best, fed in any pieces and merged in any way, is the sorted list."""
    scores = data.draw(st.lists(st.integers(-3, 3), max_size=60))
    rank = data.draw(st.none() | st.integers(1, 8))
    threshold = data.draw(st.integers(-4, 4)) if rank is None else data.draw(
        st.none() | st.integers(-4, 4)
    )  # fmt: skip
    workers = [Best(threshold, rank) for _ in range(data.draw(st.integers(1, 3)))]
    gone = data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    for each in workers:
        each._room = data.draw(st.integers(0, 10))
    at = 0
    while at < len(scores):
        stop = data.draw(st.integers(at + 1, len(scores)))
        ids = np.frombuffer(
            b"".join(encode_id(f"{i:03}") for i in range(at, stop)), np.uint8
        ).reshape(-1, ID_BYTES)
        data.draw(st.sampled_from(workers)).add(
            np.array(scores[at:stop], np.int32), ids, np.array(gone[at:stop])
        )
        at = stop
    first, *others = workers
    for other in others:
        first.merge(other)
    expected = sorted(
        (Candidate(f"{i:03}", s) for i, s in enumerate(scores)
         if not gone[i] and (threshold is None or s >= threshold)),
        key=lambda c: (-c.score, c.id),
    )  # fmt: skip
    if rank is not None and len(expected) > rank:
        expected = [c for c in expected if c.score >= expected[rank - 1].score]
    assert list(first.candidates()) == expected


def test_probes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    made(tmp_path / "g", 5)
    with open_gallery(tmp_path / "g") as gallery:
        good = templates(1)
        allowed = permit(gallery, good, rank=1)
        for wrong in (
            templates(1, 15), templates(65), np.empty((0, 16), np.int16), good.astype(np.int32),
            good[None], np.full((1, 16), 4000, np.int16),
        ):  # fmt: skip
            with pytest.raises(InputError):
                search(gallery, wrong, permit=allowed, rank=1)


@pytest.mark.parametrize(
    ("threshold", "rank"),
    [(None, None), (0.4, None), (True, None), (None, 0), (None, -1), (None, 2.0), (None, True),
     (None, LIST_LIMIT + 1)],
)  # fmt: skip
def test_limits_that_are_none_are_refused(
    tmp_path: Path, threshold: int | None, rank: int | None
) -> None:
    made(tmp_path / "g", 5)
    with open_gallery(tmp_path / "g") as gallery, pytest.raises(InputError):
        found(gallery, templates(1), threshold=threshold, rank=rank)


def test_many_threads_search_while_one_appends_deletes_and_compacts(tmp_path: Path) -> None:
    path = tmp_path / "g"
    rows = np.concatenate((made(path, 300), templates(40, seed=6)))
    ids = names(340)
    probe = templates(1, seed=7)
    stop = threading.Event()
    results: list[SearchResult] = []
    failures: list[BaseException] = []
    states: dict[str, tuple[int, int]] = {}
    with open_gallery(path) as gallery, GalleryWriter(path, ops=NoSync()) as writer:

        def look() -> None:
            try:
                while not stop.is_set():
                    results.append(found(gallery, probe, rank=5))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=look) for _ in range(3)]
        first, last = 0, 300
        states[writer.digest] = first, last
        for thread in threads:
            thread.start()
        for turn in range(40):
            writer.delete([ids[first]])
            first += 1
            states[writer.digest] = first, last
            writer.append([ids[last]], rows[last : last + 1], engine=card().identity)
            last += 1
            states[writer.digest] = first, last
            if turn % 10 == 9:
                writer.compact()
                states[writer.digest] = first, last
                seen, until = len(results), time.monotonic() + 30
                while len(results) < seen + 3 and not failures and time.monotonic() < until:
                    time.sleep(0.001)
        stop.set()
        for thread in threads:
            thread.join()
        results.append(found(gallery, probe, rank=5))
        assert states[results[-1].gallery_digest] == (40, 340)
    assert failures == []
    slow = {
        digest: slowly(ids[a:b], rows[a:b], probe, rank=5) for digest, (a, b) in states.items()
    }
    for result in results:
        first, last = states[result.gallery_digest]
        assert result.compared == last - first
        assert lists(result) == slow[result.gallery_digest]
    assert len({result.gallery_digest for result in results}) > 3


_PEAK = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
import numpy as np
from gallerykit import found, templates
from countenance.scores import open_gallery
g = open_gallery({path!r})
result = found(g, templates(4, 512, seed=1), rank=50)
assert result.compared == {count}
lines = open("/proc/self/status").read().splitlines()
print(int(next(s for s in lines if s.startswith("VmHWM")).split()[1]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_memory_does_not_grow_with_the_gallery(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, 200_000):
        path = tmp_path / str(count)
        create_gallery(path, card(512), issuer=public(), ops=NoSync())
        with GalleryWriter(path, ops=NoSync()) as writer:
            base = templates(2_000, 512)
            for start in range(0, count, 2_000):
                rows = np.roll(base, start // 2_000, axis=1)
                writer.append(names(2_000, start), rows, engine=card(512).identity)
        script = _PEAK.format(here=str(Path(__file__).parent), path=str(path), count=count)
        env = os.environ | {"MALLOC_ARENA_MAX": "2"}
        runs = [
            subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True
            )
            for _ in range(2)
        ]
        peaks.append(min(float(done.stdout) for done in runs))
    assert peaks[1] - peaks[0] < 48  # the rows alone are 207 MiB more
