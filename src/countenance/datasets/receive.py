"""What was received, and whether it is what it must be.

The hash a file must have comes from the list a person gives, else from the receipt of an earlier
time, else from what this package has recorded. Trust on first use is asked for, never assumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countenance.core import (
    InputError,
    IntegrityError,
    Note,
    atomic_write,
    pretty_json,
    sha256_file,
)
from countenance.datasets.card import DatasetCard
from countenance.datasets.notes import list_places, make_note
from countenance.datasets.recorded_files import Recorded, recorded

RECEIPT = "received.json"
_HOW_TO_TRUST = (
    "fetch it from another place, give your own list of checksums, or ask for trust on first use"
)


@dataclass(frozen=True, slots=True)
class Received:
    """What was brought, as written into the receipt.

    Attributes
    ----------
    files
        How many belong to it.
    new
        How many of them were not there before.
    verified
        How many have the hash recorded or given for them.
    trusted
        Those taken on trust, their hashes written into ``received.json``.
    """

    files: int
    new: int
    verified: int
    trusted: tuple[str, ...]

    def notes(self) -> tuple[Note, ...]:
        """What the person should know of it."""
        received = Note(
            code="received",
            count=self.files,
            text=f"{self.files:,} files, {self.new:,} new; "
            f"{self.verified:,} have the SHA-256 recorded or given for them.",
        )
        if not self.trusted:
            return (received,)
        return (
            received,
            make_note(
                "trusted-on-first-use",
                self.trusted,
                "{files} {were} taken without a hash from elsewhere to check against; what came "
                f"is written in {RECEIPT}, and must be the same the next time.",
            ),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """Which hash a file must have, and what happens when none is known."""

    given: Mapping[str, Recorded] | None
    earlier: Mapping[str, Recorded]
    trust: bool

    def binding(self, edition: str, path: str) -> Recorded | None:
        """What a file must be: as given, else as first received, else as recorded.

        None where the person trusts whatever comes first.

        Raises
        ------
        IntegrityError
            Nothing is known and nothing is taken on trust.
        """
        source = {**recorded(edition), **self.earlier} if self.given is None else self.given
        wanted = source.get(path)
        if self.trust and self.given is None and path not in self.earlier:
            return None
        if wanted is None and not self.trust:
            raise IntegrityError("no SHA-256 is known for this file", where=path, do=_HOW_TO_TRUST)
        return wanted

    def check(self, edition: str, path: str, digest: str) -> None:
        """Refuse a file that is not what it must be."""
        wanted = self.binding(edition, path)
        if wanted is not None and wanted.sha256 != digest:
            raise IntegrityError(
                f"has the SHA-256 {digest}",
                where=path,
                expected=wanted.sha256,
                do=_HOW_TO_TRUST,
            )

    def verified(self, edition: str, path: str, digest: str) -> bool:
        """Whether the hash was known from elsewhere than the file's own first arrival."""
        source = recorded(edition) if self.given is None else self.given
        return path in source and source[path].sha256 == digest


def refuse_in_the_way(into: Path, expected: Mapping[str, Recorded | None]) -> None:
    """Refuse, before anything is written, if a file there is not the one that belongs there."""
    wrong = sorted(
        path
        for path, record in expected.items()
        if record is not None and sha256_file(into / path) != record.sha256
    )
    if wrong:
        raise InputError(
            f"{len(wrong):,} file(s) there already are not those of the set and are not "
            f"replaced: {list_places(wrong)}",
            where=str(into),
            do="choose an empty folder, or move these files away",
        )


def settle(
    into: Path,
    *,
    origin: str,
    edition: str,
    card: DatasetCard,
    files: Iterable[str],
    new: int,
    rules: Rules,
) -> Received:
    """Hash once more what lies there, write the receipt, and say what is verified.

    Raises
    ------
    IntegrityError
        A file is not what it must be; no receipt is written.
    """
    digests = {path: sha256_file(into / path) for path in sorted(files)}
    for path, digest in digests.items():
        rules.check(edition, path, digest)
    trusted = [p for p, digest in digests.items() if not rules.verified(edition, p, digest)]
    receipt: dict[str, Any] = {
        "schema": "countenance/received",
        "version": 1,
        "source": origin,
        "edition": edition,
        "card": card.to_json(),
        "trusted_on_first_use": trusted,
        "sha256": digests,
    }
    with atomic_write(into / RECEIPT) as file:
        file.write(pretty_json(receipt).encode())
    return Received(len(digests), new, len(digests) - len(trusted), tuple(trusted))


def read_receipt(into: Path) -> Mapping[str, Recorded]:
    """Hashes of what was received before."""
    path = into / RECEIPT
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["sha256"]
        return {str(name): Recorded(str(digest), None) for name, digest in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"cannot be read: {error}", where=str(path), do="remove it to start anew"
        ) from error
