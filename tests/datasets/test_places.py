"""No path in a manifest leads out of the folder, whatever it looks like."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.datasets.places import Folder, Place

Write = Callable[[dict[str, bytes | str]], Path]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../secret.jpg",
        "a/../../secret.jpg",
        "a/../a/1.jpg",
        "..",
        "..\\secret.jpg",
        "a\\..\\..\\secret.jpg",
        "\\\\host\\share\\1.jpg",
        "C:\\1.jpg",
        "c:1.jpg",
    ],
)
def test_paths_that_lead_out(write: Write, path: str) -> None:
    root = write({"a/1.jpg": b"1"})
    (root.parent / "secret.jpg").write_bytes(b"secret")
    assert Folder(root).find(path)[1] is Place.OUTSIDE


def test_links(write: Write) -> None:
    root = write({"a/1.jpg": b"1"})
    (root.parent / "secret.jpg").write_bytes(b"secret")
    (root / "out.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "in.jpg").symlink_to(root / "a" / "1.jpg")
    (root / "up").symlink_to(root.parent)
    (root / "loop").symlink_to(root / "loop")
    (root / "gone.jpg").symlink_to(root / "nothing")
    folder = Folder(root)
    assert folder.find("out.jpg")[1] is Place.OUTSIDE
    assert folder.find("up/secret.jpg")[1] is Place.OUTSIDE
    assert folder.find("in.jpg")[1] is Place.FILE
    assert folder.find("loop")[1] is Place.MISSING
    assert folder.find("gone.jpg")[1] is Place.MISSING


def test_a_folder_whose_name_begins_alike_is_outside(write: Write) -> None:
    root = write({"a.jpg": b"1"})
    twin = root.with_name(root.name + "2")
    twin.mkdir()
    (twin / "1.jpg").write_bytes(b"1")
    (root / "link").symlink_to(twin)
    assert Folder(root).find("link/1.jpg")[1] is Place.OUTSIDE


def test_not_files(write: Write) -> None:
    root = write({"a/1.jpg": b"1"})
    os.mkfifo(root / "pipe.jpg")
    folder = Folder(root)
    assert folder.find("a")[1] is Place.NOT_A_FILE
    assert folder.find("pipe.jpg")[1] is Place.NOT_A_FILE
    assert folder.find("b.jpg")[1] is Place.MISSING
    assert folder.find("a/1.jpg/2.jpg")[1] is Place.MISSING
    assert folder.find("x" * 5000)[1] is Place.MISSING


def test_paths_from_another_system(write: Write) -> None:
    root = write({"a/é.jpg": b"1", unicodedata.normalize("NFD", "ö.jpg"): b"2"})
    folder = Folder(root)
    assert folder.find("a\\é.jpg") == (root.resolve() / "a/é.jpg", Place.FILE)
    assert folder.find(unicodedata.normalize("NFD", "a/é.jpg"))[1] is Place.FILE
    assert folder.find("ö.jpg")[1] is Place.FILE


@given(path=st.text("./\\a1jpg:~é\n ", max_size=24))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_found_is_inside(write: Write, path: str) -> None:
    root = write({"a/1.jpg": b"1", "1.jpg": b"2", "..a": b"3"})
    (root.parent / "1.jpg").write_bytes(b"secret")
    found, place = Folder(root).find(path)
    if place is Place.FILE:
        assert found.resolve().is_relative_to(root.resolve())
        assert found.read_bytes() != b"secret"
