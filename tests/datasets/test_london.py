"""The London Set in both editions; the real rendition where it is at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from countenance.core import InputError
from countenance.datasets import hash_images, read_dataset
from countenance.datasets.recorded_files import parse_checksums, recorded

Write = Callable[[dict[str, bytes | str]], Path]

PICTURES = {
    f"{folder}/{who}_{pose}.jpg": f"{who}{pose}"
    for folder, pose in (("neutral_front", "03"), ("smiling_front", "08"))
    for who in ("001", "036")
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # As published in the author's R package webmorphR.stim, data-raw/london_info.csv
        ("london_info.csv", "face_id,face_age,face_gender,face_eth\n001,24,female,white\n"
         "036,NA,male,east_asian/white\n"),
        # As published in the author's R package faux, data-raw/london_faces_info.csv
        ("london_faces_info.csv", "face_id,face_age,face_sex,face_eth\nX001,24,female,white\n"
         "X036,,male,east_asian/white\n"),
        # Saved by a spreadsheet, which takes ids for numbers
        ("london_info.csv", "face_id,face_age,face_gender,face_eth\n1,24,female,white\n"
         "36,NA,male,east_asian/white\n"),
    ],
)  # fmt: skip
def test_original(write: Write, name: str, text: str) -> None:
    root = write({**PICTURES, name: text, "neutral_front/._001_03.jpg": b"", "x.txt": b""})
    dataset = read_dataset(root)
    assert (dataset.layout, dataset.card.labels) == ("london", "self-reported")
    assert [(s.name, s.subject) for s in dataset.samples] == [
        ("neutral_front/001_03.jpg", "001"),
        ("neutral_front/036_03.jpg", "036"),
        ("smiling_front/001_08.jpg", "001"),
        ("smiling_front/036_08.jpg", "036"),
    ]
    assert dataset.people().rows() == [
        ("001", "24", "female", "white"),
        ("036", None, "male", "east_asian/white"),
    ]
    assert dataset.samples[2].attributes["expression"] == "smiling"
    assert [n.code for n in dataset.notes] == ["layout"]


def test_original_without_labels(write: Write) -> None:
    dataset = read_dataset(write({**PICTURES}))
    assert dataset.attributes == ("expression",)
    assert "no-labels" in {n.code for n in dataset.notes}
    root = write({"london_info.csv": "face_id,face_age,face_gender,face_eth\n001,24,female,white"})
    assert {n.code: n.where for n in read_dataset(root).notes}["unlabelled-person"] == ("036",)


def test_somebody_withdrew(write: Write) -> None:
    dataset = read_dataset(write({**PICTURES, "dataset.toml": 'withdrawn = ["036"]'}))
    assert dataset.subjects == ("001",)
    assert dataset.card.licence == "CC BY 4.0"


def test_a_table_with_other_columns_is_refused(write: Write) -> None:
    root = write({**PICTURES, "london_info.csv": "face_id,age\n001,24\n"})
    with pytest.raises(InputError, match="'face_age'"):
        read_dataset(root)


def test_the_card_is_not_given_to_any_folder_that_looks_alike(write: Write) -> None:
    root = write(
        {
            "manifest.csv": "path,subject,expression,age,gender,ethnicity\n"
            "neutral/001.jpg,001,neutral,24,female,white\n",
            "neutral/001.jpg": b"somebody else",
        }
    )
    dataset = read_dataset(root)
    assert (dataset.layout, dataset.card.consent) == ("manifest", "not stated")
    asked = read_dataset(root, layout="london")
    assert "not-as-recorded" in {n.code for n in asked.notes}
    with pytest.raises(InputError, match="not the bytes recorded"):
        hash_images(asked)


def test_recorded_lists() -> None:
    for edition, pattern in (("london-640", "neutral/"), ("london-original", "neutral_front/")):
        listed = recorded(edition)
        assert len(listed) == 205
        assert sum(path.startswith(pattern) for path in listed) == 102
        assert len({r.sha256 for r in listed.values()}) == 205
        assert all(r.size_bytes for r in listed.values())
    with pytest.raises(InputError, match="row 2"):
        parse_checksums("# fine\nnot a hash\n", where="x")


@pytest.mark.london
def test_the_real_set(london: Path) -> None:
    dataset = hash_images(read_dataset(london))
    assert (len(dataset.samples), len(dataset.subjects)) == (204, 102)
    assert [n.code for n in dataset.notes] == ["layout"]
    assert dataset.subject_attributes() == ("age", "gender", "ethnicity")
    # Counts as in the manifest's README: 4 to 35 people a cell, and one man of two ethnicities.
    cells = Counter(dataset.people().select("gender", "ethnicity").rows())
    assert cells["male", "black"] == 8
    assert cells["female", "white"] == 35
    assert sorted(cells.values()) == [1, 4, 5, 5, 5, 5, 8, 34, 35]
    (note,) = dataset.check_groups(["gender", "age"])
    assert (note.code, note.where) == ("no-label", ("031", "135"))
    assert all(s.sha256 == recorded("london-640")[s.name].sha256 for s in dataset.samples)
