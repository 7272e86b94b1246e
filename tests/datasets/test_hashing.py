"""One picture is one sample, however often it was copied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.core import InputError, Note
from countenance.datasets import Dataset, hash_images, read_dataset

Write = Callable[[dict[str, bytes | str]], Path]


def manifest(rows: list[tuple[str, str]], extra: str = "") -> str:
    return f"path,subject{extra}\n" + "".join(f"{name},{who}\n" for name, who in rows)


def note(dataset: Dataset, code: str) -> Note:
    (found,) = [n for n in dataset.notes if n.code == code]
    return found


def test_copies(write: Write) -> None:
    rows = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "2"), ("d.jpg", "3"), ("e.jpg", "2")]
    content = {"a.jpg": b"x", "b.jpg": b"x", "c.jpg": b"y", "d.jpg": b"y", "e.jpg": b"z"}
    before = read_dataset(write({"manifest.csv": manifest(rows), **content}))
    seen: list[tuple[str, int, int]] = []
    dataset = hash_images(before, lambda *told: seen.append(told))
    assert [s.name for s in dataset.samples] == ["a.jpg", "e.jpg"]
    assert [s.sha256 for s in dataset.samples] == [
        hashlib.sha256(b).hexdigest() for b in (b"x", b"z")
    ]
    assert note(dataset, "duplicate-image").where == ("row 3: b.jpg is row 2: a.jpg again",)
    assert note(dataset, "image-of-two-people").where == ("row 4: c.jpg (2) and row 5: d.jpg (3)",)
    assert note(dataset, "person-lost").where == ("3",)
    assert seen == [("Hashing images", i, 5) for i in range(1, 6)]
    assert hash_images(dataset) is dataset
    assert dataset.digest != before.digest


def test_three_copies_for_two_people_all_go(write: Write) -> None:
    rows = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "2"), ("d.jpg", "2")]
    dataset = hash_images(
        read_dataset(
            write(
                {
                    "manifest.csv": manifest(rows),
                    **dict.fromkeys(["a.jpg", "b.jpg", "c.jpg"], b"x"),
                    "d.jpg": b"d",
                }
            )
        )
    )
    assert [s.name for s in dataset.samples] == ["d.jpg"]


def test_empty_files_are_not_one_picture(write: Write) -> None:
    rows = [("a.jpg", "1"), ("b.jpg", "2")]
    dataset = hash_images(
        read_dataset(write({"manifest.csv": manifest(rows), "a.jpg": b"", "b.jpg": b""}))
    )
    assert len(dataset.samples) == 2


def test_hashes_the_manifest_states(write: Write) -> None:
    right, other = hashlib.sha256(b"a").hexdigest(), "0" * 64
    rows = f"path,subject,SHA256\na.jpg,1,{right.upper()}\nb.jpg,2,{other}\nc.jpg,3,\n"
    root = write({"manifest.csv": rows, "a.jpg": b"a", "b.jpg": b"b", "c.jpg": b"c"})
    dataset = hash_images(read_dataset(root))
    assert dataset.attributes == ()
    assert [s.name for s in dataset.samples] == ["a.jpg", "c.jpg"]
    assert note(dataset, "altered-image").where == ("row 3: b.jpg",)


def test_nothing_left(write: Write) -> None:
    rows = [("a.jpg", "1"), ("b.jpg", "2")]
    root = write({"manifest.csv": manifest(rows), "a.jpg": b"x", "b.jpg": b"x"})
    with pytest.raises(InputError, match=r"no usable image[\s\S]*two people"):
        hash_images(read_dataset(root))


def test_what_cannot_be_read_stays_to_be_counted(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"1/a.jpg": b"a", "2/b.jpg": b"b"})
    dataset = read_dataset(root)
    (root / "1" / "a.jpg").unlink()
    if os.geteuid() != 0:
        (root / "2" / "b.jpg").chmod(0)
    hashed = hash_images(dataset)
    assert [s.name for s in hashed.samples] == ["1/a.jpg", "2/b.jpg"]
    assert hashed.samples[0].sha256 is None
    assert note(hashed, "unreadable-file").where[0] == "1/a.jpg: No such file or directory"


@given(st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("xyz")), min_size=1, max_size=7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_two_samples_left_are_one_picture(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("d")
    rows = [(f"{i}.jpg", who) for i, (who, _) in enumerate(files)]
    (root / "manifest.csv").write_text(manifest(rows))
    for i, (_, content) in enumerate(files):
        (root / f"{i}.jpg").write_text(content)
    owners = {c: {who for who, d in files if d == c} for _, c in files}
    fine = {c for c, people in owners.items() if len(people) == 1}
    try:
        dataset = hash_images(read_dataset(root))
    except InputError:
        assert not fine
        return
    assert sorted(s.path.read_text() for s in dataset.samples) == sorted(fine)
    counted = {n.code: n.count for n in dataset.notes}
    copies = sum(c in fine for _, c in files) - len(fine)
    assert counted.get("duplicate-image", 0) == copies
    assert counted.get("image-of-two-people", 0) == len(owners) - len(fine)
