"""Data sets that can be brought by name, and how what was brought is checked.

Every file is held to a recorded SHA-256. What is recorded was computed from the place it names
(see ``recorded/``); a file from another place that differs is refused, unless the person asks to
trust it on first use: then its hash is written down, and it has to be the same the next time.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from countenance.core import InputError, Progress, no_progress, sha256_file
from countenance.datasets import london
from countenance.datasets.card import DatasetCard
from countenance.datasets.dataset import Dataset
from countenance.datasets.download import (
    PATIENT,
    NotThereError,
    Patience,
    download,
    is_url,
    place_new,
)
from countenance.datasets.layouts import read_dataset
from countenance.datasets.manifest import MANIFEST
from countenance.datasets.notes import list_places
from countenance.datasets.receive import (
    Received,
    Rules,
    read_receipt,
    refuse_in_the_way,
    settle,
)
from countenance.datasets.recorded_files import Recorded, read_checksums, recorded
from countenance.datasets.unpack import copy_wanted, unpack

_INCOMING = ".incoming"
# The author's own repository at one commit: addresses that can never serve other bytes.
_LONDON_AT = (
    "https://raw.githubusercontent.com/debruine/webmorphR.stim/"
    "fa8b78fda2d659bb74ce62fcd99c4407551d2a77/"
)
_LONDON_WANTED = re.compile(
    r"(?:^|.*/)("
    r"neutral/\d{3}\.jpg|smiling/\d{3}\.jpg|manifest\.csv|"
    r"neutral_front/\d{3}_03\.jpg|smiling_front/\d{3}_08\.jpg|"
    r"london_info\.csv|london_faces_info\.csv)"
)


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A set that `get_dataset` can bring.

    Attributes
    ----------
    name
        For ``countenance datasets get NAME``.
    card
        Provenance and terms.
    source
        Where it is brought from when nothing else is said.
    files, size_bytes
        How many, and how large together.
    """

    name: str
    card: DatasetCard
    source: str
    files: int
    size_bytes: int


def known_datasets() -> tuple[KnownDataset, ...]:
    """Every set that can be brought by name."""
    listed = recorded(london.ORIGINAL)
    return (
        KnownDataset(
            name="london",
            card=london.card(london.VERSIONS[london.ORIGINAL]),
            source=_LONDON_AT,
            files=len(listed),
            size_bytes=sum(r.size_bytes or 0 for r in listed.values()),
        ),
    )


def get_dataset(
    name: str,
    *,
    into: Path,
    source: str | Path | None = None,
    checksums: Path | None = None,
    trust_first_use: bool = False,
    progress: Progress = no_progress,
    patience: Patience = PATIENT,
) -> Dataset:
    """Bring a known set into a folder, or complete what is there.

    Parameters
    ----------
    name
        One of `known_datasets`.
    into
        The folder; made if need be. A file in it is never replaced.
    source
        A folder, a zip archive, the address of a zip archive, or an address that ends in ``/`` and
        serves the files below it. When None, the place named by `known_datasets`.
    checksums
        A list as ``sha256sum`` writes it, used instead of what is recorded here.
    trust_first_use
        Take files that are not as recorded, or of which nothing is recorded, and write down their
        hashes. It shows that nothing changes later, not that the first copy is right.
    progress, patience
        See `download`.

    Returns
    -------
    The set, read from `into`. Its notes say how many files are new, and how many were checked
    against a hash known beforehand (``received``) or taken on trust (``trusted-on-first-use``).

    Raises
    ------
    InputError
        Unknown name, a source that is not there or incomplete, a file in the way.
    IntegrityError
        A file does not have its hash, or the archive is not safe to open.
    """
    if name not in {known.name for known in known_datasets()}:
        raise InputError(
            f"unknown data set {name!r}",
            expected=", ".join(known.name for known in known_datasets()),
            do="for a set of your own, give its folder to countenance audit",
        )
    text = str(source) if source is not None else _LONDON_AT
    remote = is_url(text)
    if not remote and not Path(text).exists():
        raise InputError(
            "there is nothing here", where=text, expected="a folder, a zip archive or an address"
        )
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", where=str(into), expected="a folder"
        ) from error
    rules = Rules(
        given=read_checksums(checksums) if checksums is not None else None,
        earlier=read_receipt(into),
        trust=trust_first_use,
    )
    if not remote:
        received = _from_disk(Path(text), into, rules, progress)
    elif text.endswith("/"):
        received = _from_mirror(text, into, rules, progress, patience)
    else:
        received = _from_archive(text, into, rules, progress, patience)
    dataset = read_dataset(into, layout="london")
    return dataset.with_samples(dataset.samples, received.notes())


def _from_mirror(
    base: str, into: Path, rules: Rules, progress: Progress, patience: Patience
) -> Received:
    """File by file below an address; each is checked and placed before the next."""
    edition, remote = london.ORIGINAL, dict[str, str]()
    if base == _LONDON_AT:
        remote = {
            path: f"inst/{path}" if path.endswith(".jpg") else f"data-raw/{path}"
            for path in recorded(edition)
        }
    elif _serves_rendition(base, into, rules, patience):
        edition = london.RENDITION
    listed = recorded(edition)
    binding = {path: rules.binding(edition, path) for path in listed}
    there = {path for path in listed if (into / path).exists()}
    refuse_in_the_way(into, {path: binding[path] for path in there})
    total = sum(r.size_bytes or 0 for r in listed.values())
    before = 0
    for path, record in listed.items():
        if path not in there:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            download(
                base + remote.get(path, path),
                into / path,
                expected=binding[path],
                progress=_shifted(progress, before, total),
                patience=patience,
            )
        before += record.size_bytes or 0
        progress("Downloading", before, total)
    return _settled(into, base, edition, listed, len(listed) - len(there), rules)


def _serves_rendition(base: str, into: Path, rules: Rules, patience: Patience) -> bool:
    """Whether the address serves the rendition: its manifest is there, or is in the list given."""
    if rules.given is not None:
        return MANIFEST in rules.given
    if (into / MANIFEST).exists():
        return True
    try:
        download(
            base + MANIFEST,
            into / MANIFEST,
            expected=rules.binding(london.RENDITION, MANIFEST),
            patience=patience,
        )
    except NotThereError:
        return False
    return True


def _from_archive(
    url: str, into: Path, rules: Rules, progress: Progress, patience: Patience
) -> Received:
    """A zip archive from an address, downloaded whole and then taken apart."""
    incoming = into / _INCOMING / "archive.zip"
    incoming.parent.mkdir(exist_ok=True)
    incoming.unlink(missing_ok=True)
    download(url, incoming, progress=progress, patience=patience)
    try:
        return _from_disk(incoming, into, rules, progress, origin=url)
    finally:
        incoming.unlink(missing_ok=True)
        if not any(incoming.parent.iterdir()):
            incoming.parent.rmdir()


def _from_disk(
    source: Path, into: Path, rules: Rules, progress: Progress, *, origin: str | None = None
) -> Received:
    """From a folder or archive on this machine, through a staging folder checked as a whole."""
    with tempfile.TemporaryDirectory(dir=into, prefix=".staged-") as folder:
        stage = Path(folder)
        take = copy_wanted if source.is_dir() else unpack
        staged = take(source, stage, wants=_london_path, progress=progress)
        edition, files = _edition(staged, str(source))
        for path in files:
            rules.check(edition, path, sha256_file(stage / path))
        there = [path for path in files if (into / path).exists()]
        refuse_in_the_way(into, {p: Recorded(sha256_file(stage / p), None) for p in there})
        for path in sorted(set(files) - set(there)):
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            place_new(stage / path, into / path)
    return _settled(into, origin or str(source), edition, files, len(files) - len(there), rules)


def _london_path(member: str) -> str | None:
    match = _LONDON_WANTED.fullmatch(member.replace("\\", "/"))
    return match[1] if match else None


def _edition(staged: list[str], source: str) -> tuple[str, set[str]]:
    """Which edition the files are, and those of them that belong to it."""
    original = any(path.startswith(("neutral_front/", "smiling_front/")) for path in staged)
    edition = london.ORIGINAL if original else london.RENDITION
    needed = set(recorded(edition))
    info = next((name for name in london.INFO_FILES if name in staged), None)
    if original and info is not None:
        needed = {path for path in needed if path not in london.INFO_FILES} | {info}
    missing = sorted(needed - set(staged))
    if missing:
        raise InputError(
            f"{len(missing):,} of {len(needed):,} files of the London Set are not in it: "
            f"{list_places(missing)}",
            where=source,
            do="if the set came as several archives, put them in one folder and give that",
        )
    return edition, needed


def _shifted(progress: Progress, before: int, whole: int) -> Progress:
    """Progress of one file as progress of all."""

    def shifted(stage: str, done: int, total: int) -> None:
        progress(stage, min(before + done, max(whole, total)), whole)

    return shifted


def _settled(
    into: Path, origin: str, edition: str, files: Iterable[str], new: int, rules: Rules
) -> Received:
    return settle(
        into,
        origin=origin,
        edition=edition,
        card=london.card(london.VERSIONS[edition]),
        files=files,
        new=new,
        rules=rules,
    )
