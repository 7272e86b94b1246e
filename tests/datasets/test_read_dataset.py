"""From a folder to samples: what is passed over is named, what cannot go on stops."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, Note
from countenance.datasets import Dataset, DatasetCard, Sample, layout_names, read_dataset

Write = Callable[[dict[str, bytes | str]], Path]


def note(dataset: Dataset, code: str) -> Note:
    (found,) = [n for n in dataset.notes if n.code == code]
    return found


def codes(dataset: Dataset) -> set[str]:
    return {n.code for n in dataset.notes} - {"layout", "card-not-stated"}


def test_manifest_in_a_folder_and_by_itself(write: Write) -> None:
    root = write(
        {
            "manifest.csv": "path,subject,sex\nx/a.jpg,1,f\nb.jpg,2,\n",
            "x/a.jpg": b"a",
            "b.jpg": b"b",
        }
    )
    dataset = read_dataset(root)
    assert dataset == read_dataset(root / "manifest.csv")
    assert [(s.row, s.name, s.subject, s.attributes) for s in dataset.samples] == [
        (2, "x/a.jpg", "1", {"sex": "f"}),
        (3, "b.jpg", "2", {}),
    ]
    assert dataset.samples[0].path.read_bytes() == b"a"
    assert (dataset.attributes, dataset.layout) == (("sex",), "manifest")
    assert dataset.notes[0].text == "Read as a CSV manifest: 2 people, 2 images."
    assert codes(dataset) == set()


def test_folders(write: Write) -> None:
    root = write(
        {
            "Ann/2.PNG": b"1",
            "Ann/s1/1.jpg": b"2",
            "Bo/1.webp": b"3",
            "Bo/notes.txt": b"",
            "Bo/.hidden.jpg": b"",
            "__MACOSX/._x.jpg": b"",
            "stray.jpg": b"",
            "people.csv": "subject,sex\nAnn,f\nCy,m\n",
        }
    )
    dataset = read_dataset(root)
    assert [(s.name, s.subject) for s in dataset.samples] == [
        ("Ann/2.PNG", "Ann"),
        ("Ann/s1/1.jpg", "Ann"),
        ("Bo/1.webp", "Bo"),
    ]
    assert codes(dataset) == {"stray-image", "unlabelled-person", "person-without-image"}
    assert note(dataset, "unlabelled-person").where == ("Bo",)
    assert note(dataset, "person-without-image").where == ("Cy",)
    assert dataset.people().rows() == [("Ann", "f"), ("Bo", None)]
    assert dataset.place(dataset.samples[0]) == "Ann/2.PNG"


def test_order_does_not_depend_on_the_disk(write: Write) -> None:
    names = [f"{person}/{i}.jpg" for person in "zab" for i in (10, 2, 1)]
    random.Random(1).shuffle(names)
    root = write(dict.fromkeys(names, b"x"))
    assert [s.name for s in read_dataset(root).samples] == sorted(names)


def test_one_summary_of_what_was_passed_over(write: Write) -> None:
    root = write(
        {
            "manifest.csv": "path,subject\n"
            "a.jpg,1\ngone.jpg,1\n,1\nb.jpg,\na.jpg,1\nd,2\nc.jpg,3\nc.jpg,4\n"
            "also-gone.jpg,5\n./a.jpg,1\nw.jpg,9\n",
            **dict.fromkeys(["a.jpg", "b.jpg", "c.jpg", "d/x.jpg", "w.jpg"], b"x"),
            "dataset.toml": 'withdrawn = ["9"]',
        }
    )
    dataset = read_dataset(root)
    assert [s.name for s in dataset.samples] == ["a.jpg"]
    assert note(dataset, "missing-file") == Note(
        "missing-file",
        2,
        "2 images named in the manifest are not there; not counted as attempted.",
        ("row 3: gone.jpg", "row 10: also-gone.jpg"),
    )
    assert note(dataset, "row-without-path").count == 1
    assert note(dataset, "row-without-subject").where == ("row 5: b.jpg",)
    assert note(dataset, "duplicate-row").where == ("row 6: a.jpg", "row 11: ./a.jpg")
    assert note(dataset, "not-a-file").where == ("row 7: d",)
    assert note(dataset, "image-of-two-people").where == ("row 8 (3) and row 9 (4): c.jpg",)
    assert note(dataset, "withdrawn-person").where == ("row 12: w.jpg",)


def test_a_long_summary_is_cut(write: Write) -> None:
    rows = "".join(f"{i}.jpg,1\n" for i in range(100))
    root = write({"manifest.csv": "path,subject\n0.jpg,1\n" + rows, "0.jpg": b"x"})
    missing = note(read_dataset(root), "missing-file")
    assert (missing.count, len(missing.where)) == (99, 6)
    assert missing.where[-1] == "and 94 more"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["no known layout fits", "path,subject"]),
        ({"a.jpg": b"x"}, ["no known layout fits"]),
        ({"manifest.csv": "path,subject\na.jpg,1\n"}, ["no usable image", "row 2: a.jpg"]),
        (
            {"manifest.csv": "path,subject\n../x,1\n/etc/passwd,2\n"},
            ["lead out", "row 2: ../x", "row 3: /etc/passwd"],
        ),
        ({"manifest.csv": "file,who\na.jpg,1\n"}, ["manifest.csv", "'path'"]),
        (
            {"a/1.jpg": b"x", "people.csv": "subject,path\na,x\n"},
            ["people.csv", "'path'"],
        ),
        (
            {"manifest.csv": "path,subject,sex\na.jpg,1,f\n", "people.csv": "subject,sex\n1,f\n"},
            ["people.csv", "'sex'"],
        ),
    ],
)
def test_stops_with_the_reason(
    write: Write, files: dict[str, bytes | str], words: list[str]
) -> None:
    root = write(files)
    with pytest.raises(InputError) as caught:
        read_dataset(root)
    for word in words:
        assert word in str(caught.value)


def test_options_that_do_not_fit(write: Write) -> None:
    root = write({"a/1.jpg": b"x", "readme.md": "x"})
    for bad, words in [
        (lambda: read_dataset(root / "nothing"), "there is nothing here"),
        (lambda: read_dataset(root, layout="tree"), ", ".join(layout_names())),
        (lambda: read_dataset(root, layout="manifest"), "manifest.csv"),
        (lambda: read_dataset(root, layout="london"), "not the London Set"),
        (lambda: read_dataset(root / "readme.md"), "no known layout"),
        (lambda: read_dataset(root / "readme.md", layout="folders"), "not a folder"),
        (lambda: read_dataset(root / "readme.md", layout="manifest"), "not a header"),
        (lambda: read_dataset(root, attributes=root / "no.csv"), "no.csv"),
    ]:
        with pytest.raises(InputError) as caught:
            bad()
        assert words in str(caught.value)


def test_folders_that_link_out_are_refused(write: Write) -> None:
    root = write({"a/1.jpg": b"x"})
    other = root.parent / "other"
    other.mkdir()
    (other / "1.jpg").write_bytes(b"secret")
    (root / "b").symlink_to(other)
    with pytest.raises(InputError, match="lead out"):
        read_dataset(root)
    (root / "b").unlink()
    (root / "b").symlink_to(root / "a")
    assert note(read_dataset(root), "linked-folder").where == ("b",)
    (root / "b").unlink()
    (root / "a" / "2.jpg").symlink_to(other / "1.jpg")
    with pytest.raises(InputError, match=r"lead out.*a/2\.jpg"):
        read_dataset(root)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_text(write: Write) -> None:
    root = write({"a/1.jpg": b"x"})
    Path(os.fsdecode(os.fsencode(root) + b"/a/\xe9.jpg")).write_bytes(b"y")
    dataset = read_dataset(root)
    assert len(dataset.digest) == 64
    assert note(dataset, "name-not-text").where == ("'a/\\udce9.jpg'",)


def test_no_answer_is_the_sets_own_word(write: Write) -> None:
    files = {
        "manifest.csv": "path,subject,age,sex\na.jpg,1,NA,f\nb.jpg,2,30,unknown\n",
        "a.jpg": b"a",
        "b.jpg": b"b",
    }
    dataset = read_dataset(write(files))
    assert note(dataset, "looks-not-stated").where == (
        "age: 'NA', rows: 1",
        "sex: 'unknown', rows: 1",
    )
    assert dataset.samples[0].attributes["age"] == "NA"
    dataset = read_dataset(write(files | {"dataset.toml": 'not_stated = ["NA", "unknown"]'}))
    assert dataset.people().rows() == [("1", None, "f"), ("2", "30", None)]
    assert "looks-not-stated" not in codes(dataset)


def test_ids_that_are_nearly_one(write: Write) -> None:
    root = write({"7/1.jpg": b"a", "007/1.jpg": b"b", "Ann/1.jpg": b"c", "ann/1.jpg": b"d"})
    similar = note(read_dataset(root), "similar-subjects")
    assert similar.where == ("'007' / '7'", "'Ann' / 'ann'")


def table(rows: list[tuple[str, dict[str, str]]], attributes: tuple[str, ...]) -> Dataset:
    samples = tuple(
        Sample(i + 2, f"{i}.jpg", Path(f"{i}.jpg"), who, values)
        for i, (who, values) in enumerate(rows)
    )
    return Dataset(DatasetCard(), Path("set"), samples, attributes, (), "manifest", numbered=True)


def test_one_person_under_two_labels() -> None:
    rows = [(f"{i}", {"sex": "f" if i % 2 else "m", "pose": p}) for i in range(20) for p in "ab"]
    rows[3] = ("1", {"sex": "m", "pose": "b"})
    rows[4] = ("2", {"pose": "a"})
    dataset = table(rows, ("sex", "pose"))
    assert dataset.subject_attributes() == ("sex",)
    people = dict(dataset.people().rows())
    assert (people["1"], people["2"], people["3"]) == (None, "m", "f")
    (conflict,) = dataset.check_groups(["sex"])
    assert (conflict.code, conflict.count) == ("conflicting-label", 1)
    assert conflict.where == ("1: 'f' in row 4: 2.jpg, 'm' in row 5: 3.jpg",)
    with pytest.raises(InputError, match=r"changes from image to image[\s\S]*choose from: sex"):
        dataset.check_groups(["pose"])


def test_groups_that_cannot_be() -> None:
    dataset = table([("1", {"sex": "f"}), ("2", {}), ("3", {"sex": "F"})], ("sex", "age"))
    with pytest.raises(InputError, match=r"no attribute 'gender'[\s\S]*sex, age"):
        dataset.check_groups(["gender"])
    with pytest.raises(InputError, match="nobody has a value of 'age'"):
        dataset.check_groups(["age"])
    blank, similar = dataset.check_groups(["sex"])
    assert (blank.code, blank.where) == ("no-label", ("2",))
    assert (similar.code, similar.where) == ("similar-values", ("'f' / 'F'",))


def test_people_listed_twice(write: Write) -> None:
    root = write(
        {
            "1/a.jpg": b"a",
            "2/a.jpg": b"b",
            "who.csv": "subject,sex,age\n1,f,30\n2,m,20\n1,m,30\n2,m,\n",
        }
    )
    dataset = read_dataset(root, attributes=root / "who.csv")
    conflict = note(dataset, "conflicting-label")
    assert conflict.where == ("1: sex 'f' in row 2, sex 'm' in row 4",)
    assert dataset.people().rows() == [("1", None, "30"), ("2", "m", "20")]


_VALUES = st.sampled_from(["", "a", "b"])


@given(
    st.lists(st.tuples(st.sampled_from("123"), _VALUES, _VALUES), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_people_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[str, str, str]], rng: random.Random
) -> None:
    made = [(who, {k: v for k, v in (("x", x), ("y", y)) if v}) for who, x, y in rows]
    dataset = table(made, ("x", "y"))
    shuffled = rng.sample(dataset.samples, len(made))
    other = dataset.with_samples(shuffled, ())
    assert dataset.digest == other.digest
    assert dataset.subject_attributes() == other.subject_attributes()
    assert sorted(dataset.people().rows(), key=str) == sorted(other.people().rows(), key=str)
    for row in dataset.people().iter_rows(named=True):
        for name in dataset.subject_attributes():
            stated = {v[name] for who, v in made if who == row["subject"] and name in v}
            assert row[name] == (stated.pop() if len(stated) == 1 else None)


def test_the_digest_covers_names_labels_and_hashes() -> None:
    base = table([("1", {"sex": "f"}), ("2", {})], ("sex",))
    others = [
        table([("1", {"sex": "m"}), ("2", {})], ("sex",)),
        table([("1", {"sex": "f"}), ("3", {})], ("sex",)),
        table([("1", {"sex": "f"})], ("sex",)),
    ]
    assert len({base.digest, *(d.digest for d in others)}) == 4


@pytest.mark.parametrize(("contrary", "of_people"), [(1, True), (2, False), (4, False)])
def test_of_people_if_the_same_for_more_than_half_of_them(contrary: int, of_people: bool) -> None:
    rows = [(str(i), {"x": "a"}) for i in range(4)]
    rows += [(str(i), {"x": "b" if i < contrary else "a"}) for i in range(4)]
    rows += [("alone", {"x": "c"})]
    assert (table(rows, ("x",)).subject_attributes() == ("x",)) == of_people
