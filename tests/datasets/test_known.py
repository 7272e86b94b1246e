"""Bringing the London Set: from folders, archives and addresses, and never over what is there.

The files are pretend ones under the set's names, so the lists of hashes are given; the real
rendition is brought where it is at hand.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countenance.core import InputError, IntegrityError
from countenance.datasets import Dataset, get_dataset, hash_images, known, known_datasets
from countenance.datasets.download import Patience
from countenance.datasets.london import ORIGINAL, RENDITION
from countenance.datasets.recorded_files import recorded

Write = Callable[[dict[str, bytes | str]], Path]
QUICK = Patience(timeout_s=5, tries=2, pause_s=0)


def pretend(edition: str, info: str = "london_info.csv") -> dict[str, bytes]:
    """Every file of an edition, with other content."""
    files = {path: path.encode() for path in recorded(edition) if path.endswith(".jpg")}
    people = sorted({Path(path).name[:3] for path in files})
    if edition == ORIGINAL:
        rows = "".join(f"{who},24,female,white\n" for who in people)
        files[info] = f"face_id,face_age,face_gender,face_eth\n{rows}".encode()
    else:
        rows = "".join(f"{path},{path[-7:-4]},female\n" for path in files)
        files["manifest.csv"] = f"path,subject,gender\n{rows}".encode()
    return files


def checksums(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "SHA256SUMS"
    path.write_text("".join(f"{hashlib.sha256(b).hexdigest()}  {p}\n" for p, b in files.items()))
    return path


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def told(dataset: Dataset, code: str) -> str:
    (note,) = [n for n in dataset.notes if n.code == code]
    return note.text


def test_what_is_known() -> None:
    (london,) = known_datasets()
    assert (london.name, london.files, london.card.licence) == ("london", 205, "CC BY 4.0")
    assert 90_000_000 < london.size_bytes < 100_000_000
    assert "/fa8b78fda2d659bb74ce62fcd99c4407551d2a77/" in london.source


@pytest.mark.parametrize("edition", [ORIGINAL, RENDITION])
def test_from_a_folder_with_checksums(write: Write, tmp_path: Path, edition: str) -> None:
    files = pretend(edition)
    source, into = write({**files, "other.txt": b"x"}), tmp_path / "into"
    listed = checksums(tmp_path, files)
    dataset = get_dataset("london", source=source, into=into, checksums=listed)
    assert (len(dataset.samples), dataset.layout) == (204, "london")
    assert told(dataset, "received").startswith("205 files, 205 new; 205 have the SHA-256")
    assert {p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()} == {
        *files,
        "received.json",
    }
    receipt = json.loads((into / "received.json").read_text())
    assert (receipt["trusted_on_first_use"], len(receipt["sha256"])) == ([], 205)
    assert receipt["card"]["licence"] == "CC BY 4.0"
    again = get_dataset("london", source=source, into=into, checksums=listed)
    assert told(again, "received").startswith("205 files, 0 new; 205 have")


def test_other_bytes_are_refused(write: Write, tmp_path: Path) -> None:
    into = tmp_path / "into"
    with pytest.raises(IntegrityError, match=r"SHA-256[\s\S]*trust on first use"):
        get_dataset("london", source=write({**pretend(RENDITION)}), into=into)
    assert list(into.iterdir()) == []


def test_trust_on_first_use_and_on_no_other(write: Write, tmp_path: Path) -> None:
    files = pretend(ORIGINAL, "london_faces_info.csv")
    source, into = write({**files}), tmp_path / "into"
    dataset = get_dataset("london", source=source, into=into, trust_first_use=True)
    assert told(dataset, "trusted-on-first-use").startswith("205 files were taken without")
    assert len(get_dataset("london", source=source, into=into).samples) == 204

    (source / "neutral_front" / "001_03.jpg").write_bytes(b"changed")
    (into / "neutral_front" / "001_03.jpg").unlink()
    with pytest.raises(IntegrityError, match="neutral_front/001_03"):
        get_dataset("london", source=source, into=into, trust_first_use=True)


def test_a_list_that_says_nothing_of_a_file(write: Write, tmp_path: Path) -> None:
    files = pretend(RENDITION)
    source = write({**files})
    del files["neutral/001.jpg"]
    with pytest.raises(IntegrityError, match="no SHA-256 is known"):
        get_dataset(
            "london", source=source, into=tmp_path / "i", checksums=checksums(tmp_path, files)
        )


def test_never_over_what_is_there(write: Write, tmp_path: Path) -> None:
    files = pretend(RENDITION)
    into = tmp_path / "into"
    mine = into / "smiling" / "173.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"not\s+replaced: smiling/173\.jpg"):
        get_dataset(
            "london", source=write({**files}), into=into, checksums=checksums(tmp_path, files)
        )
    assert mine.read_bytes() == b"mine"
    assert [p.name for p in into.rglob("*") if p.is_file()] == ["173.jpg"]


def test_a_set_that_is_not_whole(write: Write, tmp_path: Path) -> None:
    files = pretend(ORIGINAL)
    part = {path: b for path, b in files.items() if path.startswith("neutral")}
    with pytest.raises(InputError, match=r"103 of 205 files .* not in it: london_info\.csv"):
        get_dataset("london", source=write({**part}), into=tmp_path / "into")


def test_from_archives_in_one_folder_as_figshare_gives_them(write: Write, tmp_path: Path) -> None:
    files = pretend(ORIGINAL, "london_faces_info.csv")
    fronts = [
        {p: b for p, b in files.items() if p.startswith(front)} for front in ("neutral", "smiling")
    ]
    source = write(
        {
            "neutral_front.zip": zipped(fronts[0] | {"__MACOSX/neutral_front/._001_03.jpg": b""}),
            "smiling_front.zip": zipped(fronts[1]),
            "london_faces_info.csv": files["london_faces_info.csv"],
        }
    )
    listed = checksums(tmp_path, files)
    assert get_dataset("london", source=source, into=tmp_path / "a", checksums=listed)
    whole = tmp_path / "all.zip"
    whole.write_bytes(zipped({p.name: p.read_bytes() for p in source.iterdir()}))
    dataset = get_dataset("london", source=whole, into=tmp_path / "b", checksums=listed)
    assert len(dataset.samples) == 204


def test_an_archive_from_an_address(server: Any, tmp_path: Path) -> None:
    files = pretend(RENDITION)
    server.serve_files({"london.zip": zipped({f"london-1/{p}": b for p, b in files.items()})})
    into = tmp_path / "into"
    seen: set[str] = set()
    dataset = get_dataset(
        "london",
        source=f"{server.url}/london.zip",
        into=into,
        checksums=checksums(tmp_path, files),
        progress=lambda stage, *_: seen.add(stage),
        patience=QUICK,
    )
    assert len(dataset.samples) == 204
    assert seen >= {"Downloading", "Unpacking"}
    assert {p.name for p in into.iterdir()} == {
        "manifest.csv",
        "neutral",
        "smiling",
        "received.json",
    }


def test_not_an_archive_from_an_address(server: Any, tmp_path: Path) -> None:
    server.serve_files({"london.zip": b"<html>please log in</html>"})
    with pytest.raises(InputError, match="not a zip archive"):
        get_dataset("london", source=f"{server.url}/london.zip", into=tmp_path, patience=QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("edition", [ORIGINAL, RENDITION])
def test_file_by_file_and_only_what_is_missing(server: Any, tmp_path: Path, edition: str) -> None:
    files = pretend(edition)
    listed = checksums(tmp_path, files)
    into = tmp_path / "into"

    def get() -> Dataset:
        return get_dataset(
            "london", source=f"{server.url}/m/", into=into, checksums=listed, patience=QUICK
        )

    some = dict(list(files.items())[:100]) | {p: b for p, b in files.items() if p.endswith(".csv")}
    server.serve_files({f"m/{path}": content for path, content in some.items()})
    with pytest.raises(InputError, match="404"):
        get()
    have = {p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()}
    assert have
    assert have <= set(files)
    server.requests.clear()
    server.serve_files({f"m/{path}": content for path, content in files.items()})
    assert len(get().samples) == 204
    asked = {path.removeprefix("/m/") for path, _ in server.requests} - {"manifest.csv"}
    assert asked == set(files) - have - {"manifest.csv"}


@pytest.mark.parametrize("edition", [ORIGINAL, RENDITION])
def test_the_edition_is_found_out_from_what_is_served(
    server: Any, tmp_path: Path, edition: str
) -> None:
    server.serve_files({f"m/{path}": b for path, b in pretend(edition).items()})
    dataset = get_dataset(
        "london",
        source=f"{server.url}/m/",
        into=tmp_path / "into",
        trust_first_use=True,
        patience=QUICK,
    )
    assert len(dataset.samples) == 204
    assert json.loads((tmp_path / "into" / "received.json").read_text())["edition"] == edition
    assert told(dataset, "trusted-on-first-use").startswith("205 files")


def test_the_default_address(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set's author keeps images in inst/ and labels in data-raw/."""
    files = pretend(ORIGINAL)
    monkeypatch.setattr(known, "_LONDON_AT", f"{server.url}/c/")
    server.serve_files(
        {f"c/{'inst' if p.endswith('.jpg') else 'data-raw'}/{p}": b for p, b in files.items()}
    )
    dataset = get_dataset(
        "london", into=tmp_path / "i", checksums=checksums(tmp_path, files), patience=QUICK
    )
    assert dataset.card.version == "frontal images, 1350 pixels"
    with pytest.raises(IntegrityError, match="expected"):
        get_dataset("london", into=tmp_path / "j", patience=QUICK)


def test_requests_that_cannot_be(tmp_path: Path, write: Write) -> None:
    root = write({"file": b"x", "received.json": b"[]"})
    for bad, words in [
        (lambda: get_dataset("lfw", into=tmp_path / "x"), "unknown data set 'lfw'"),
        (lambda: get_dataset("london", into=root / "file", source=root), "cannot be made"),
        (lambda: get_dataset("london", into=root, source=root), "received.json"),
        (lambda: get_dataset("london", into=tmp_path / "x", source="no.zip"), "nothing here"),
        (lambda: get_dataset("london", into=tmp_path / "x", source="ftp://x/"), "not fetched"),
        (lambda: get_dataset("london", into=tmp_path / "x", source=root), "205 of 205 files"),
    ]:
        with pytest.raises(InputError) as caught:
            bad()
        assert words in str(caught.value)


@pytest.mark.london
def test_the_real_rendition(london: Path, tmp_path: Path) -> None:
    dataset = get_dataset("london", source=london, into=tmp_path / "london")
    assert told(dataset, "received").startswith("205 files, 205 new; 205 have the SHA-256")
    assert hash_images(dataset).card.labels == "self-reported"
