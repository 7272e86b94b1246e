"""Design invariant 7: cost grows with comparisons, memory does not.

Peaks are of whole processes of their own (VmHWM), so that nothing another test held counts and
nothing NumPy, Polars or a BLAS allocates is missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peaks are read from /proc"
)

_PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(s for s in lines if s.startswith("VmHWM")).split()[1]) / 1024
"""

_STREAM = """
import numpy as np
from countenance.core import ScoreUnit
from countenance.scores import (
    ExactTemplates, Labels, Request, TemplateComparisons, spread, tails, tally
)
images = int(argument)
rng = np.random.default_rng(0)
raw = rng.normal(size=(images, 32))
made = np.rint(4000 * raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.int16)
owner = (np.arange(images) // 4).astype(np.int32)
source = TemplateComparisons(
    ExactTemplates(made, ScoreUnit("cosine", "cosine", 4000)), owner, images // 4
)
labels = Labels((np.arange(images // 4) % 6).astype(np.int32), 6)
everybody = Labels(np.zeros(images // 4, np.int32), 1)
found = spread(source, [labels, everybody])
every = found.nonmated[1].sum()
assert every == source.nonmated == images * (images - 4) // 2
(tail,) = tails(source, everybody, found.nonmated[1], found.bins, [Request(0, every // 100)])
assert 0.009 * every < tail.events <= every // 100
thresholds = np.array([3_000_000, tail.score, 9_000_000])
counted = tally(source, thresholds, [labels, everybody], cross=True)
assert counted.within[1].events[1, 0] == tail.events
print(peak())
"""

_TABLE = """
import polars as pl
from countenance.scores import read_scores
from pathlib import Path
scores = read_scores(Path(argument))
assert len(scores) == pl.scan_parquet(argument).select(pl.len()).collect().item()
print(peak())
"""

_MAKE = """
import numpy as np, polars as pl
rows, path = argument.split(":")
probe, reference = (x[: int(rows)] for x in np.triu_indices(2000, 1))
name = pl.Series([f"a rather long name of an image, number {i:05d}.jpg" for i in range(2000)])
person = pl.Series([f"a rather long name of a person, {i // 2:05d}" for i in range(2000)])
pl.DataFrame({
    "probe": name.gather(probe), "reference": name.gather(reference),
    "probe_subject": person.gather(probe), "reference_subject": person.gather(reference),
    "score": np.random.default_rng(0).normal(size=int(rows)) + 5 * (probe // 2 == reference // 2),
}).write_parquet(path)
"""


def run(script: str, argument: object) -> str:
    """What a script prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"argument = {str(argument)!r}\n{_PEAK}\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        # as many threads and heaps on every machine, so that a peak is the program's own
        env=os.environ | {"POLARS_MAX_THREADS": "2", "MALLOC_ARENA_MAX": "2"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_hundred_times_the_comparisons_need_no_more_memory():
    small, large = (float(run(_STREAM, images)) for images in (1_000, 10_000))
    assert large - small < 96  # of scores alone there are 190 MiB more


def test_a_table_is_never_text_as_a_whole(tmp_path: Path):
    peaks = []
    for rows in (100_000, 1_500_000):
        path = tmp_path / f"{rows}.parquet"
        run(_MAKE, f"{rows}:{path}")
        # a busy machine's threads only ever add to a peak: the least of three is the program's
        peaks.append(min(float(run(_TABLE, path)) for _ in range(3)))
    # 110 to 165 by how a machine's threads fall; as text it is 240 MiB more, and several copies
    assert peaks[1] - peaks[0] < 220
