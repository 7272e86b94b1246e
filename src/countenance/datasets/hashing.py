"""Hash every image, and leave out what would count one picture twice.

Two copies of one file are not two samples: compared with each other they score as perfectly
mated, or, under two subjects' names, as a false match that no engine could avoid.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from countenance.core import Note, Progress, no_progress, sha256_bytes, sha256_file
from countenance.datasets.dataset import Dataset, Sample
from countenance.datasets.notes import make_note


def hash_images(dataset: Dataset, progress: Progress = no_progress) -> Dataset:
    """SHA-256 of each image's bytes, and the set without duplicates.

    Images are read, not decoded. What happens to what is found:

    - the same bytes twice for one person: the first stays, ``duplicate-image`` counts the rest;
    - the same bytes for two people: no copy stays, ``image-of-two-people`` names them, as one of
      the labels is wrong and nothing here says which;
    - bytes that are not those the manifest's ``sha256`` column states: left out,
      ``altered-image``;
    - a file that cannot be read: stays, without a hash, and will be a failure to enrol
      (``unreadable-file``).

    Raises
    ------
    InputError
        No image is left.
    """
    if dataset.hashed:
        return dataset
    hashed: list[Sample] = []
    altered: list[str] = []
    unreadable: list[str] = []
    groups: dict[str, list[Sample]] = {}
    for done, sample in enumerate(dataset.samples, start=1):
        try:
            digest = sha256_file(sample.path)
        except OSError as error:
            unreadable.append(f"{dataset.place(sample)}: {error.strerror or error}")
            hashed.append(sample)
        else:
            known = dataclasses.replace(sample, sha256=digest)
            if sample.stated_sha256 not in (None, digest):
                altered.append(dataset.place(sample))
            else:
                hashed.append(known)
                if digest != _EMPTY:  # empty files are alike without being one picture
                    groups.setdefault(digest, []).append(known)
        progress("Hashing images", done, len(dataset.samples))
    drop, notes = _duplicates(dataset, groups.values())
    kept = [s for s in hashed if s.row not in drop]
    if altered:
        notes.append(
            make_note(
                "altered-image",
                altered,
                "{images} {were} left out: not the bytes recorded for them.",
            )
        )
    if unreadable:
        notes.append(
            make_note(
                "unreadable-file",
                unreadable,
                "{images} cannot be read; counted as failures to enrol.",
            )
        )
    lost = sorted({s.subject for s in dataset.samples} - {s.subject for s in kept})
    if lost:
        notes.append(make_note("person-lost", lost, "{people} {are} left without an image."))
    return dataclasses.replace(dataset.with_samples(kept, notes), hashed=True)


_EMPTY = sha256_bytes(b"")


def _duplicates(dataset: Dataset, groups: Iterable[list[Sample]]) -> tuple[set[int], list[Note]]:
    """Rows to leave out, and the notes that say so."""
    drop: set[int] = set()
    copies: list[str] = []
    contested: list[str] = []
    for group in groups:
        if len({s.subject for s in group}) > 1:
            drop.update(s.row for s in group)
            contested.append(" and ".join(f"{dataset.place(s)} ({s.subject})" for s in group))
        elif len(group) > 1:
            drop.update(s.row for s in group[1:])
            copies += [f"{dataset.place(s)} is {dataset.place(group[0])} again" for s in group[1:]]
    notes = []
    if copies:
        notes.append(
            make_note(
                "duplicate-image",
                copies,
                "{images} {were} left out: the same bytes as another image of the same person.",
            )
        )
    if contested:
        notes.append(
            make_note(
                "image-of-two-people",
                contested,
                "{images} {were} listed under two people: every copy is left out, because one "
                "of the labels is wrong and nothing here says which.",
            )
        )
    return drop, notes
