"""The measures' part of golden.json (tests/vectors/README.md tells its origin)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countenance.audit import differentials as d
from countenance.audit.identification import fpir_at_most, gallery_risk
from countenance.audit.likelihood import cllr
from countenance.audit.planning import people_needed
from countenance.audit.thresholds import ScoreDistribution

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "vectors" / "golden.json").read_text(encoding="utf-8")
)


def test_measures_synthetic():
    case = GOLDEN["measures_synthetic"]
    fmr, fnmr, alpha = case["fmr"], case["fnmr"], case["alpha"]
    found = {
        "FDR": d.fdr(fmr, fnmr, alpha=alpha),
        "IR": d.inequity_rate(fmr, fnmr, alpha=alpha, beta=alpha),
        "gini_corrected_fmr": d.gini(fmr),
        "gini_corrected_fnmr": d.gini(fnmr),
        "GARBE": d.garbe(fmr, fnmr, alpha=alpha),
        "max_over_geomean_fmr": d.max_over_geomean(fmr),
        "max_over_geomean_fnmr": d.max_over_geomean(fnmr),
        "vary_geomean_fmr": d.vary_geomean(fmr),
        "max_over_min_fmr": d.max_over_min(fmr),
        "max_over_min_fnmr": d.max_over_min(fnmr),
        "max_over_mean_fmr": d.max_over_mean(fmr),
    }
    assert found.keys() == case["expected"].keys()
    for name, measure in found.items():
        assert measure.value == pytest.approx(case["expected"][name], rel=1e-12), name


@pytest.mark.parametrize(("name", "corrected"), [("gini_corrected", True), ("gini_plain", False)])
def test_measures_edge(name, corrected):
    for rates, expected in GOLDEN["measures_edge"][name].items():
        measure = d.gini(json.loads(rates), corrected=corrected)
        if expected == "undefined":
            assert not measure.defined
            assert measure.why_not
        else:
            assert measure.value == expected


def test_a_ratio_with_a_zero_cell_is_undefined():
    assert GOLDEN["measures_edge"]["ratio_with_zero_cell"].startswith("undefined")
    for measure in (d.max_over_min, d.max_over_geomean):
        assert not measure([0.1, 0.0]).defined
        assert measure([0.1, 0.0], upper=[0.2, 0.01]).at_least > 1


def test_werm_epsilon_artefact_is_absent():
    for name, artefact in GOLDEN["measures_edge"]["werm_eps_artefact"].items():
        rate = float(name.removeprefix("fmr_parity_"))
        assert rate / (rate + 1e-5) == pytest.approx(artefact)
        assert d.werm([rate] * 4, [rate] * 4).value == 1.0


def test_werm_identity():
    # The published pairs of max/GM give the published WERM: built from rates with those ratios.
    for fmr_ratio, fnmr_ratio, werm in GOLDEN["werm_identity"]["cases"]:

        def rates(ratio: float) -> list[float]:
            # Two groups a, b have max/GM = sqrt(a / b).
            return [0.001 * ratio**2, 0.001]

        found = d.werm(rates(fmr_ratio), rates(fnmr_ratio))
        assert found.value == pytest.approx(werm, abs=6e-5)


def test_irlume():
    case = GOLDEN["irlume_fairface_far"]
    rates = case["rates"]
    assert d.max_over_min(rates).value == pytest.approx(case["max_over_min"], rel=1e-12)
    assert d.max_over_geomean(rates).value == pytest.approx(case["max_over_geomean"], rel=1e-12)
    assert d.gini(rates).value == pytest.approx(case["gini_corrected"], rel=1e-12)
    assert d.gini(rates, corrected=False).value == pytest.approx(case["gini_plain"], rel=1e-12)
    assert d.vary_geomean(rates).value == pytest.approx(case["vary_geomean"], rel=1e-12)
    assert d.max_over_mean(rates).value == pytest.approx(case["max_over_mean"], rel=1e-12)


@pytest.mark.parametrize("kind", [int, float])
def test_far_threshold_toy(kind):
    case = GOLDEN["far_threshold_toy"]
    scores = ScoreDistribution([kind(x) for x in case["neg"]], [kind(x) for x in case["pos"]])
    for row in case["cases"]:
        found = scores.threshold_at_fmr(row["target"])
        if row["T"] == ">9 (none accepted)":
            assert found.T > 9
            assert found.errors == 0
        else:
            assert row["T"] == found.T


def test_daugman():
    case = GOLDEN["daugman_fpir"]
    for size, fpir in zip(case["N"], case["fpir"], strict=True):
        assert fpir_at_most(case["fmr"], size) == pytest.approx(fpir, rel=1e-14)


def test_gallery_composition():
    case = GOLDEN["gallery_composition"]
    F = case["F"]
    matrix = [[F["AA"], F["AB"]], [F["AB"], F["BB"]]]
    for name, expected in case["expected"].items():
        share = float(name.removeprefix("A_share_"))
        gallery = [round(case["N"] * share), round(case["N"] * (1 - share))]
        a, b = gallery_risk(matrix, gallery, groups=("A", "B"))
        assert a.false_candidates == pytest.approx(expected["E_A"], rel=1e-12)
        assert b.false_candidates == pytest.approx(expected["E_B"], rel=1e-12)
        assert a.false_candidates / b.false_candidates == pytest.approx(expected["ratio"])


def test_planning_table():
    for f, cv2, ratio, n in GOLDEN["planning"]["rows"]:
        assert people_needed(f, ratio, cv2=cv2) == n


def test_cllr():
    for nonmated, mated, expected in GOLDEN["cllr"]["cases"]:
        assert cllr(mated, nonmated) == pytest.approx(expected, abs=1e-14)
