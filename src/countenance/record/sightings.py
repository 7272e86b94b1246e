"""Checkpoints of one log seen in several places, and whether they can all be true.

Sorted by size, every checkpoint must begin with the one before it; that is enough, because
"begins with" passes on. Where one does not, the log has signed two histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from countenance.record.checkpoint import Checkpoint
from countenance.record.errors import RecordError
from countenance.record.evidence import Evidence
from countenance.record.merkle import consistency_proof, root_of, verify_consistency
from countenance.record.storage import Reader
from countenance.record.tiles import TileHashes


@dataclass(frozen=True, slots=True)
class Sighting:
    """A checkpoint with the log's good signature, and where it was seen.

    `reader` serves that place's tiles, or is None where it serves none (a witness, a file).
    `earlier` tells that it was not seen now, but remembered.
    """

    place: str
    note: bytes
    checkpoint: Checkpoint
    reader: Reader | None = None
    earlier: bool = False

    @property
    def label(self) -> str:
        """For messages."""
        when = ", seen earlier" if self.earlier else ""
        return f"{self.checkpoint.size:,} entries at {self.place}{when}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sightings next to each other in size, and how they stand.

    `evidence` is set if they contradict each other; `why_not` if they could not be compared.
    """

    smaller: Sighting
    larger: Sighting
    evidence: Evidence | None = None
    why_not: str | None = None


def distinct(sightings: Iterable[Sighting]) -> list[Sighting]:
    """One sighting of every size and root, by size; of several, the first that has tiles."""
    found: dict[tuple[int, bytes], Sighting] = {}
    for sighting in sightings:
        key = (sighting.checkpoint.size, sighting.checkpoint.root)
        if key not in found or (found[key].reader is None and sighting.reader is not None):
            found[key] = sighting
    return [found[key] for key in sorted(found)]


def compare_all(sightings: Sequence[Sighting]) -> list[Comparison]:
    """Compare each sighting with the next larger one, with whichever place's tiles will do."""
    ordered = distinct(sightings)
    readers = _readers(ordered)
    return [compare(smaller, larger, readers) for smaller, larger in pairwise(ordered)]


def compare(smaller: Sighting, larger: Sighting, readers: Sequence[Reader]) -> Comparison:
    """Compare two sightings; `readers` are tried in turn, the larger one's own place first."""
    small, large = smaller.checkpoint, larger.checkpoint
    if small.size == large.size:
        evidence = None if small.root == large.root else Evidence(smaller.note, larger.note)
        return Comparison(smaller, larger, evidence)
    why_not = "no place serves the tiles"
    own = [larger.reader] if larger.reader is not None else []
    for reader in (*own, *(r for r in readers if r is not larger.reader)):
        try:
            hashes = TileHashes(reader.read, large.size)
            branch = root_of(small.size, hashes)
            proof = consistency_proof(small.size, large.size, hashes)
            # Tiles prove themselves: what does not lead to the signed root says nothing.
            verify_consistency(small.size, branch, large.size, large.root, proof)
        except RecordError as error:
            why_not = error.what
            continue
        if branch == small.root:
            return Comparison(smaller, larger)
        evidence = Evidence(smaller.note, larger.note, branch, tuple(proof))
        return Comparison(smaller, larger, evidence)
    return Comparison(smaller, larger, why_not=why_not)


def _readers(sightings: Iterable[Sighting]) -> list[Reader]:
    found: list[Reader] = []
    for sighting in sightings:
        if sighting.reader is not None and not any(r is sighting.reader for r in found):
            found.append(sighting.reader)
    return found
