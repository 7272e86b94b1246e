"""Archives that mean harm are refused whole, and leave nothing outside."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, IntegrityError
from countenance.datasets.unpack import MODERATE, Limits, copy_wanted, unpack


def archive(members: dict[str, bytes | str], **kind: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", kind.get("compression", zipfile.ZIP_DEFLATED)) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return data.getvalue()


def jpegs(name: str) -> str | None:
    return name.rsplit("/", 1)[-1] if name.endswith(".jpg") else None


def take(tmp_path: Path, data: bytes, limits: Limits = MODERATE) -> list[str]:
    file, into = tmp_path / "a.zip", tmp_path / "into"
    file.write_bytes(data)
    into.mkdir()
    return unpack(file, into, wants=jpegs, limits=limits)


def outside(tmp_path: Path) -> set[str]:
    return {p.name for p in tmp_path.iterdir()} - {"a.zip", "into"}


def test_wanted_files_only(tmp_path: Path) -> None:
    inner = archive({"deep/2.jpg": b"two", "more.zip": archive({"3.jpg": b"three"})})
    data = archive({"x/": b"", "x/1.jpg": b"one", "x/notes.txt": b"n", "y.zip": inner})
    assert take(tmp_path, data) == ["1.jpg", "2.jpg"]
    assert (tmp_path / "into" / "2.jpg").read_bytes() == b"two"
    assert {p.name for p in (tmp_path / "into").iterdir()} == {"1.jpg", "2.jpg"}


@pytest.mark.parametrize(
    "name",
    [
        "../1.jpg",
        "/1.jpg",
        "a/../../1.jpg",
        "..\\1.jpg",
        "\\1.jpg",
        "C:/1.jpg",
        "a/..",
        "../n.txt",
    ],
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(IntegrityError, match="leads out"):
        take(tmp_path, archive({"ok.jpg": b"x", name: b"x"}))
    assert outside(tmp_path) == set()


def test_links(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as zipped:
        member = zipfile.ZipInfo("1.jpg")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(member, "/etc/passwd")
    with pytest.raises(IntegrityError, match="link"):
        take(tmp_path, data.getvalue())


def test_bombs(tmp_path: Path) -> None:
    zeros = bytes(3_000_000)
    small = Limits(file_bytes=1_000_000, total_bytes=2_000_000, members=5)
    with pytest.raises(IntegrityError, match=r"1\.jpg: unfolds to more than 1,000,000"):
        take(tmp_path, archive({"1.jpg": zeros}), small)


def test_many_small_files_are_a_bomb_too(tmp_path: Path) -> None:
    small = Limits(total_bytes=2_000)
    with pytest.raises(IntegrityError, match="more than 2,000"):
        take(tmp_path, archive({f"{i}.jpg": bytes(500) for i in range(5)}), small)


def test_an_archive_in_the_archive_counts(tmp_path: Path) -> None:
    inner = archive({"1.jpg": bytes(500)}, compression=zipfile.ZIP_STORED)
    with pytest.raises(IntegrityError, match="more than"):
        take(tmp_path, archive({"i.zip": inner}), Limits(total_bytes=600))


def test_too_many_names(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="holds 6 files"):
        take(tmp_path, archive({f"{i}.txt": b"" for i in range(6)}), Limits(members=5))


def test_a_length_that_lies(tmp_path: Path) -> None:
    """The directory says 10 bytes; 3 MB come out: counted while unfolding."""
    data = bytearray(archive({"1.jpg": bytes(3_000_000)}))
    size = (3_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(IntegrityError):
        take(tmp_path, bytes(data), Limits(file_bytes=1_000))


def test_two_files_for_one_place(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="second file for 1"):
        take(tmp_path, archive({"a/1.jpg": b"x", "b/1.jpg": b"y"}))


def test_damaged_and_encrypted(tmp_path: Path) -> None:
    data = bytearray(archive({"1.jpg": b"hello" * 50}, compression=zipfile.ZIP_STORED))
    data[60] ^= 1
    with pytest.raises(IntegrityError, match="damaged"):
        take(tmp_path, bytes(data))


def test_encrypted(tmp_path: Path) -> None:
    data = bytearray(archive({"1.jpg": b"hello"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        data[at] |= 1
    with pytest.raises(InputError, match="cannot be opened"):
        take(tmp_path, bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"a text", b"\xff\xd8\xff\xe0" + bytes(100)])
def test_not_an_archive(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="not a zip"):
        take(tmp_path, data)


@given(cut=st.integers(0, 400), flip=st.integers(0, 400), bit=st.integers(0, 7))
def test_any_damage_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, bit: int
) -> None:
    data = bytearray(archive({"1.jpg": b"one" * 20, "x/2.jpg": b"two" * 20, "n.txt": b"n"}))
    if flip < len(data):
        data[flip] ^= 1 << bit
    tmp_path = tmp_path_factory.mktemp("z")
    try:
        written = take(tmp_path, bytes(data[: max(len(data) - cut, 0)]))
    except (InputError, IntegrityError):
        written = []
    assert outside(tmp_path) == set()
    for name in written:
        assert (tmp_path / "into" / name).read_bytes() in (b"one" * 20, b"two" * 20)


def test_a_folder(tmp_path: Path) -> None:
    source, into = tmp_path / "from", tmp_path / "from" / ".into"
    (source / "x").mkdir(parents=True)
    into.mkdir()
    (source / "x" / "1.jpg").write_bytes(b"one")
    (source / "x" / ".2.jpg").write_bytes(b"hidden")
    (source / "y.zip").write_bytes(archive({"3.jpg": b"three"}))
    assert sorted(copy_wanted(source, into, wants=jpegs)) == ["1.jpg", "3.jpg"]
    (source / "1.jpg").write_bytes(b"one")
    twice = tmp_path / "twice"
    twice.mkdir()
    assert sorted(copy_wanted(source, twice, wants=jpegs)) == ["1.jpg", "3.jpg"]
    (source / "1.jpg").write_bytes(b"another one")
    again = tmp_path / "again"
    again.mkdir()
    with pytest.raises(IntegrityError, match="another file for"):
        copy_wanted(source, again, wants=jpegs)
