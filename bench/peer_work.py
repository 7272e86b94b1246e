"""One tool's side of the peers benchmark: runs inside that tool's own environment.

Speaks one JSON object a line on standard input and output: ``{"do": "run"}`` performs the set
{threshold at 4 FMRs, EER, 1,000-point DET} once on the arrays loaded before and answers with the
seconds it took; ``{"do": "answers"}`` writes what it found for the comparison of values.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)
POINTS = 1000


def countenance_set(non, mat, targets):
    from countenance.audit.thresholds import ScoreDistribution

    scores = ScoreDistribution(non, mat)
    found = scores.thresholds_at_fmr(targets)
    eer, det = scores.eer(), scores.det(POINTS)
    return {
        "T": [t.T for t in found],
        "fmr_at_T": [t.achieved for t in found],
        "eer": eer.midpoint,
        "eer_fvc": eer.fvc,
        "det_T": det.threshold,
        "det_fmr": det.fmr,
        "det_fnmr": det.fnmr,
    }


def sklearn_set(non, mat, targets):
    """roc_curve once, with every threshold kept (faster than dropping); the rest is indexing."""
    from sklearn.metrics import roc_curve

    truth = np.zeros(non.size + mat.size, dtype=np.int8)
    truth[non.size :] = 1
    fmr, tpr, T = roc_curve(truth, np.concatenate((non, mat)), drop_intermediate=False)
    at = [int(np.searchsorted(fmr, target, side="right")) - 1 for target in targets]
    fnmr = 1 - tpr
    cross = int(np.argmin(np.abs(fmr - fnmr)))
    points = np.unique(np.geomspace(1, len(T) - 1, POINTS).astype(np.int64))
    return {
        "T": [float(T[i]) for i in at],
        "fmr_at_T": [float(fmr[i]) for i in at],
        "eer": float(fmr[cross] + fnmr[cross]) / 2,
        "det_T": T[points],
        "det_fmr": fmr[points],
        "det_fnmr": fnmr[points],
    }


def bob_set(non, mat, targets):
    """Sorted once outside, so that only `roc`, which cannot be told so, sorts again."""
    import bob.measure

    neg, pos = np.sort(non), np.sort(mat)
    T = [float(bob.measure.far_threshold(neg, pos, target, is_sorted=True)) for target in targets]
    eer = float(bob.measure.eer(neg, pos, is_sorted=True))
    curve = bob.measure.roc(neg, pos, n_points=POINTS)
    return {"T": T, "eer": eer, "det_fmr": curve[0], "det_fnmr": curve[1]}


def bob_untimed(non, mat, found):
    """What bob found but does not return: FMR at its thresholds, and thresholds of its curve."""
    from bob.measure._library import _meaningful_thresholds

    found["fmr_at_T"] = [float((non >= T).sum() / non.size) for T in found["T"]]
    found["det_T"] = _meaningful_thresholds(np.sort(non), np.sort(mat), POINTS, -8, True)


def pyeer_set(non, mat, targets):
    from pyeer.eer_stats import calculate_roc, get_eer_values, get_fmr_op

    T, fmr, fnmr = calculate_roc(mat, non)
    at = [int(get_fmr_op(fmr, fnmr, target)[0]) for target in targets]
    eer = float(get_eer_values(fmr, fnmr)[3])
    points = np.unique(len(T) - np.geomspace(1, len(T), POINTS).astype(np.int64))
    return {
        "T": [float(T[i]) for i in at],
        "fmr_at_T": [float(fmr[i]) for i in at],
        "eer_fvc": eer,
        "det_T": T[points],
        "det_fmr": fmr[points],
        "det_fnmr": fnmr[points],
    }


SETS = {
    "countenance": countenance_set,
    "scikit-learn": sklearn_set,
    "bob.measure": bob_set,
    "pyeer": pyeer_set,
}


def peak_kib() -> int:
    """Peak resident memory of this process. Not ru_maxrss, which a child inherits."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM in /proc/self/status")


def main() -> None:
    tool, folder = sys.argv[1], Path(sys.argv[2])
    the_set = SETS[tool]
    # Imports and just-in-time compilation are not part of the work.
    rng = np.random.default_rng(1)
    the_set(rng.normal(0, 1, 5000), rng.normal(3, 1, 500), TARGETS[:2])
    before = peak_kib()
    non, mat = np.load(folder / "nonmated.npy"), np.load(folder / "mated.npy")
    found: dict = {}
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict = {}
        if order["do"] == "run":
            found.clear()
            start = time.perf_counter()
            found.update(the_set(non, mat, TARGETS))
            answer["seconds"] = time.perf_counter() - start
        elif order["do"] == "memory":
            answer["times_input"] = (peak_kib() - before) * 1024 / (non.nbytes + mat.nbytes)
        elif order["do"] == "answers":
            if order["on"] != "timed":
                folder_2 = folder / order["on"]
                non_2 = np.load(folder_2 / "nonmated.npy")
                mat_2 = np.load(folder_2 / "mated.npy")
                found = the_set(non_2, mat_2, TARGETS)
            else:
                non_2, mat_2 = non, mat
            if tool == "bob.measure":
                bob_untimed(non_2, mat_2, found)
            name = f"{tool}-{order['on']}.npz"
            np.savez(folder / name, **{k: np.asarray(v) for k, v in found.items()})
            answer["file"] = name
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
