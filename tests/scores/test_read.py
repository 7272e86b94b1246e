"""Score tables as they arrive: each kind of bad input has its own defined answer."""

from __future__ import annotations

import contextlib
import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.core import InputError, ScoreUnit
from countenance.scores import loading, read_scores, rows, table


def good(**changes) -> pl.DataFrame:
    """Three people, two images each; mated scores high."""
    rows = [
        (f"a{i}", f"b{j}", f"p{i}", f"p{j}", 0.9 - 0.01 * i if i == j else 0.1 * i)
        for i in range(3)
        for j in range(3)
    ]
    frame = pl.DataFrame(
        rows,
        schema=["probe", "reference", "probe_subject", "reference_subject", "score"],
        orient="row",
    )
    return frame.with_columns(**changes)


def replaced(column: str, row: int, value) -> pl.DataFrame:
    frame = good()
    values = frame[column].to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values))


def refused(frame, *words: str, **options) -> None:
    with pytest.raises(InputError) as caught:
        read_scores(frame, **options)
    text = caught.value.diagnostics()
    for word in words:
        assert word in text, text


def test_a_good_table():
    scores = read_scores(good())
    assert scores.subjects == ("p0", "p1", "p2")
    assert int(scores.mated.sum()) == 3
    assert scores.ordered
    assert not scores.notes


def test_row_order_changes_nothing():
    one, two = read_scores(good()), read_scores(good().reverse())
    assert one.subjects == two.subjects
    assert one.samples == two.samples
    assert one.frame().sort(pl.all()).equals(two.frame().sort(pl.all()))


@pytest.fixture(params=[1, 2, 4])
def small_batches(request, monkeypatch):
    """Tables in many batches: names, row numbers and refusals must reach over their ends."""
    monkeypatch.setattr(loading, "BATCH", request.param)
    monkeypatch.setattr(rows, "_STEP", request.param)
    monkeypatch.setattr(table, "_STEP", request.param)


def sources(frame: pl.DataFrame, folder: Path):
    """One table as a frame, a query and files."""
    frame.write_parquet(folder / "t.parquet", row_group_size=3)
    frame.write_csv(folder / "t.csv")
    return frame, frame.lazy(), folder / "t.parquet", folder / "t.csv"


def test_batches_change_nothing(small_batches, tmp_path: Path):
    whole = pl.concat([replaced("score", 1, None), good().head(1), good().tail(2)])
    odd = whole.with_columns(pl.Series("reference", ["a0", *whole["reference"][1:]]))
    attributes = {
        f"{side}_g": pl.col(f"{side}_subject").str.replace("p", "g")
        for side in ("probe", "reference")
    }
    for source in sources(odd.with_columns(**attributes), tmp_path):
        scores = read_scores(source)
        assert scores.attributes == {"g": ("g0", "g1", "g2")}
        assert [(n.code, n.count, n.where) for n in scores.notes] == [
            ("self-comparison", 1, ("row 1",)),
            ("duplicate-comparison", 2, ("rows 11, 12",)),
        ]
        expected = whole.unique(maintain_order=True).drop_nulls().sort("probe", "reference")
        assert scores.frame().drop_nulls().sort("probe", "reference").equals(expected)
        assert len(scores.failed_probe) == 1
        assert int(scores.mated.sum()) == 3


def test_batches_do_not_hide_what_is_wrong(small_batches, tmp_path: Path):
    for source in sources(replaced("score", 7, float("nan")), tmp_path):
        refused(source, "1 scores are NaN", "row 8")
    for source in sources(replaced("probe", 6, " "), tmp_path):
        refused(source, "1 rows have no probe", "row 7")
    torn = replaced("probe_subject", 7, "p0").with_columns(
        pl.when(pl.int_range(pl.len()) == 5)
        .then(pl.lit("p9"))
        .otherwise("probe_subject")
        .alias("probe_subject")
    )
    for source in sources(torn, tmp_path):
        refused(source, "image 'a1' belongs to 2 people: p1, p9")
    text = good(score=pl.col("score").cast(pl.String))
    text = text.with_columns(
        pl.Series("score", [*text["score"][:5], "x", "y", *text["score"][7:]])
    )
    for source in sources(text, tmp_path):
        refused(source, "'x' is not a number", "rows 6, 7")
    twice = pl.concat([good(), good().tail(1).with_columns(score=pl.lit(0.25))])
    for source in sources(twice, tmp_path):
        refused(source, "different scores", "rows 9, 10")


def test_bob_text_in_batches(small_batches, tmp_path: Path):
    path = tmp_path / "scores.txt"
    path.write_text("p0 p0 a 0.9\n\np0 p1 b 0.1\np1 p1 b 0.8\np1 p2 c 0.2\n")
    assert len(read_scores(path)) == 4
    path.write_text("p0 p0 a 0.9\np0 p1 b 0.1\np1 p1 b\n")
    refused(path, "rows have 3, 4 columns")
    path.write_bytes(b"p0 p0 a 0.9\np0 p1 b 0.1\np1 \xff b 0.8\n")
    refused(path, "cannot be read")


def test_exact_scores_must_be_whole_and_fit(tmp_path: Path):
    path = tmp_path / "exact.parquet"
    scores = read_scores(good())
    unit = ScoreUnit("cosine", "cosine similarity", 4000)
    whole = np.round(scores.score * 100).astype(np.int32)
    dataclasses.replace(scores, score=whole, unit=unit).write(path)
    metadata = pl.read_parquet_metadata(path)
    metadata = {k: v for k, v in metadata.items() if k == "countenance"}
    frame = pl.read_parquet(path)
    assert read_scores(path).score.dtype == np.int32
    for bad in (0.5, 2.0**40):
        values = [*frame["score"].cast(pl.Float64).to_list()[:-1], bad]
        frame.with_columns(pl.Series("score", values)).write_parquet(path, metadata=metadata)
        refused(path, "scores are not integers", "row 9")


def test_nan_is_refused_with_its_rows_and_what_to_write_instead():
    refused(replaced("score", 4, float("nan")), "NaN", "row 5", "empty", "--failures")


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinities_are_refused(value):
    refused(replaced("score", 0, value), "infinite", "row 1")


def test_a_missing_score_is_a_failed_comparison():
    scores = read_scores(replaced("score", 1, None))
    assert len(scores) == 8
    assert len(scores.failed_probe) == 1


def test_no_score_at_all_is_refused():
    refused(good(score=pl.lit(None, dtype=pl.Float64)), "no comparison has a score")


def test_a_constant_score_is_refused():
    refused(good(score=pl.lit(0.5)), "every score is 0.5", "--columns")


def test_reversed_direction_is_refused_and_either_answer_accepted():
    frame = good(score=1 - pl.col("score"))
    refused(frame, "lower", "--direction dissimilarity", "--direction similarity")
    distance = read_scores(frame, direction="dissimilarity")
    assert distance.unit.kind == "dissimilarity"
    assert distance.score[distance.mated].min() > distance.score[~distance.mated].max()
    assert read_scores(frame, direction="similarity").unit.kind == "similarity"


def test_a_column_named_distance_is_a_distance():
    scores = read_scores(good(score=1 - pl.col("score")).rename({"score": "distance"}))
    assert scores.unit.kind == "dissimilarity"


def test_no_mated_and_no_nonmated_pairs_are_read():
    same = pl.col("probe_subject") == pl.col("reference_subject")
    assert read_scores(good().filter(~same)).mated.sum() == 0
    assert read_scores(good().filter(same)).mated.all()


def test_duplicates_with_one_score_count_once():
    scores = read_scores(pl.concat([good(), good().head(2)]))
    assert len(scores) == 9
    (note,) = scores.notes
    assert (note.code, note.count) == ("duplicate-comparison", 2)
    assert note.where == ("rows 10, 11",)


def test_duplicates_that_disagree_are_refused():
    refused(
        pl.concat([good(), good().head(1).with_columns(score=pl.lit(0.2))]),
        "different scores",
        "rows 1, 10",
    )


def test_an_image_against_itself_is_left_out():
    frame = replaced("reference", 0, "a0")
    scores = read_scores(frame)
    assert len(scores) == 8
    assert scores.notes[0].code == "self-comparison"


def test_an_image_of_two_people_is_refused():
    refused(replaced("probe_subject", 1, "p2"), "image 'a0' belongs to 2 people", "p0, p2")


def test_missing_identifiers_are_refused():
    refused(replaced("probe_subject", 3, None), "1 rows have no probe_subject", "row 4")
    refused(replaced("probe", 3, "  "), "1 rows have no probe", "row 4")


def test_people_without_attributes_are_counted_and_named():
    people = pl.DataFrame({"subject": ["p0", "p1"], "gender": ["x", "y"]})
    scores = read_scores(good(), attributes=people)
    assert scores.attributes == {"gender": ("x", "y", None)}
    (note,) = scores.notes
    assert (note.code, note.count, note.where) == ("no-attributes", 1, ("p2",))


def test_an_attribute_table_that_contradicts_itself_is_refused():
    people = pl.DataFrame({"subject": ["p0", "p0"], "gender": ["x", "y"]})
    refused(good(), "'p0' has gender 'x' and 'y'", "row 2", attributes=people)


def test_attributes_inside_the_table():
    frame = good(
        probe_gender=pl.col("probe_subject").replace_strict({"p0": "x", "p1": "y", "p2": "y"}),
        reference_gender=pl.col("reference_subject").replace_strict(
            {"p0": "x", "p1": "y", "p2": "y"}
        ),
    )
    assert read_scores(frame).attributes == {"gender": ("x", "y", "y")}
    torn = frame.with_columns(reference_gender=pl.lit("z"))
    refused(torn, "has gender")


def test_columns_by_other_names():
    frame = good().rename({"probe_subject": "who", "score": "s"})
    refused(frame, "no column for probe_subject", "--columns probe_subject=NAME")
    assert len(read_scores(frame, columns={"probe_subject": "who", "score": "s"})) == 9
    refused(frame, "no column 'wrong'", columns={"probe_subject": "wrong"})
    refused(frame, "'scroe' is not a column", columns={"scroe": "s"})


def test_pandas_frames_are_read():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(good().to_dict(as_series=False))
    frame.loc[1, "score"] = None
    scores = read_scores(frame)
    assert (len(scores), len(scores.failed_probe)) == (8, 1)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv"])
def test_files(tmp_path: Path, suffix: str):
    path = tmp_path / f"scores.{suffix}"
    if suffix == "parquet":
        good().write_parquet(path)
    else:
        good().write_csv(path, separator="\t" if suffix == "tsv" else ",")
    scores = read_scores(path)
    np.testing.assert_allclose(np.sort(scores.score), np.sort(read_scores(good()).score))
    ((name, digest, rows),) = scores.inputs
    assert (name, len(digest), rows) == (path.name, 64, 9)


def test_bob_text(tmp_path: Path):
    path = tmp_path / "scores.txt"
    path.write_text("p0 p0 a 0.9\np0 p1 b 0.1\np1 p1 b 0.8\n")
    scores = read_scores(path)
    assert (len(scores), int(scores.mated.sum())) == (3, 2)
    path.write_text("p0 p0 a 0.9\np0 p1 b\n")
    refused(path, "rows have 3, 4 columns")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("scores.csv", b"", "cannot be read"),
        ("scores.csv", b"\xff\xfe\x00junk", "column"),
        ("scores.parquet", b"PAR1 not really", "cannot be read"),
        ("scores.xlsx", b"PK", "no reader"),
        ("scores", b"x", "no reader"),
        ("scores.csv", b"probe,reference,probe_subject,reference_subject,score\n", "no rows"),
        (
            "scores.csv",
            b"probe,reference,probe_subject,reference_subject,score\na,b,p,q,0.5%\n",
            "'0.5%' is not a number",
        ),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, name: str, content: bytes, word: str):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, word, str(path))


def test_there_is_no_such_file(tmp_path: Path):
    refused(tmp_path / "none.parquet", "no such file")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes_give_a_table_or_the_one_error(tmp_path_factory, content: bytes):
    folder = tmp_path_factory.mktemp("any")
    for name in ("x.csv", "x.parquet", "x.txt"):
        path = folder / name
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            read_scores(path)


def test_a_table_survives_being_written(tmp_path: Path):
    scores = read_scores(
        replaced("score", 1, None),
        attributes=pl.DataFrame({"subject": ["p0", "p1", "p2"], "gender": ["x", None, "y"]}),
    )
    scores.write(tmp_path / "out.parquet")
    again = read_scores(tmp_path / "out.parquet")
    assert (
        again.frame().sort("probe", "reference").equals(scores.frame().sort("probe", "reference"))
    )
    assert again.attributes == scores.attributes
    assert again.unit == scores.unit
    assert again.ordered == scores.ordered


@settings(max_examples=200, deadline=None)
@given(
    st.decimals(min_value=-1, max_value=1, places=6),
    st.integers(-16_000_000, 16_000_000),
)
def test_cosine_threshold_is_exact(text, s):
    unit = ScoreUnit("cosine", "cosine similarity", 4000)
    assert (s >= unit.threshold(str(text))) == (Fraction(s, 4000**2) >= Fraction(text))


@settings(max_examples=200, deadline=None)
@given(
    st.decimals(min_value=0, max_value=3, places=6),
    st.integers(0, 50_000_000),
)
def test_distance_threshold_is_exact(text, squared):
    unit = ScoreUnit("distance", "Euclidean distance", 2500)
    below = Fraction(squared) <= (Fraction(text) * 2500) ** 2
    assert (-squared >= unit.threshold(str(text))) == below
