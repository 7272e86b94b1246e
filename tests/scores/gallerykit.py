"""Galleries of made-up templates, an issuer of permits, and a search done the slow way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import FileOps, ScoreUnit
from countenance.faces import EngineCard
from countenance.scores import (
    Gallery,
    GalleryWriter,
    Permit,
    PermitTerms,
    SearchResult,
    create_gallery,
    probe_digest,
    search,
)

Int16 = npt.NDArray[np.int16]
COSINE = ScoreUnit("cosine", "cosine similarity", 4000)
DISTANCE = ScoreUnit("distance", "Euclidean distance", 2000)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = 1_800_000_000
REQUEST, DECISION = "aa" * 32, "bb" * 32


class NoSync(FileOps):
    """Does not wait for the disk: for tests that are not about losing power."""

    def fsync(self, handle: int) -> None:
        pass

    def fsync_folder(self, path: Path) -> None:
        pass


def public(key: Ed25519PrivateKey = KEY) -> str:
    return key.public_key().public_bytes_raw().hex()


def card(dimension: int = 16, unit: ScoreUnit = COSINE, name: str = "made-up") -> EngineCard:
    return EngineCard(name, "1", (), unit, dimension, "0.4", "nowhere", "none", "none")


def templates(count: int, dimension: int = 16, seed: int = 0) -> Int16:
    raw = np.random.default_rng(seed).normal(size=(count, dimension))
    raw *= 4000 / np.linalg.norm(raw, axis=1, keepdims=True)
    return np.rint(raw).astype(np.int16)


def names(count: int, start: int = 0) -> list[str]:
    return [f"id-{number}" for number in range(start, start + count)]


def made(
    path: Path, count: int, *, dimension: int = 16, unit: ScoreUnit = COSINE, seed: int = 0
) -> Int16:
    """A gallery of so many templates, and them."""
    engine = card(dimension, unit)
    create_gallery(path, engine, issuer=public(), ops=NoSync())
    rows = templates(count, dimension, seed)
    with GalleryWriter(path, ops=NoSync()) as writer:
        writer.append(names(count), rows, engine=engine.identity)
    return rows


def permit(
    gallery: Gallery, probes: Int16, /, *, key: Ed25519PrivateKey = KEY, **terms: Any
) -> Permit:
    header = gallery.header
    rows = np.atleast_2d(probes)
    said = PermitTerms(
        **{
            "request": REQUEST,
            "decision": DECISION,
            "gallery": header.gallery,
            "engine": header.engine,
            "probes": tuple(probe_digest(row, engine=header.engine) for row in rows),
            "threshold": None,
            "rank": None,
            "not_before_s": NOW - 10,
            "expires_s": NOW + 10,
            **terms,
        }
    )
    return Permit(said, key.sign(said.message))


def found(
    gallery: Gallery,
    probes: Int16,
    *,
    threshold: int | None = None,
    rank: int | None = None,
    threads: int | None = None,
    gallery_digest: str | None = None,
) -> SearchResult:
    """A search with a permit for just that."""
    allowed = permit(
        gallery, probes, threshold=threshold, rank=rank, gallery_digest=gallery_digest
    )
    return search(
        gallery, probes, permit=allowed, threshold=threshold, rank=rank, threads=threads,
        now_s=lambda: NOW,
    )  # fmt: skip


def lists(result: SearchResult) -> list[list[tuple[str, int]]]:
    return [[(c.id, c.score) for c in each.candidates] for each in result.lists]


def slowly(
    ids: Sequence[str],
    rows: Int16,
    probes: Int16,
    *,
    threshold: int | None = None,
    rank: int | None = None,
    unit: ScoreUnit = COSINE,
) -> list[list[tuple[str, int]]]:
    """The same by int64 arithmetic and a sort of everything."""
    out = []
    for probe in np.atleast_2d(probes).astype(object):
        scored = []
        for name, row in zip(ids, rows.astype(object), strict=True):
            score = (
                int((probe * row).sum())
                if unit.kind == "cosine"
                else -int(((probe - row) ** 2).sum())
            )
            if threshold is None or score >= threshold:
                scored.append((name, score))
        scored.sort(key=lambda pair: (-pair[1], pair[0].encode()))
        if rank is not None and len(scored) > rank:
            last = scored[rank - 1][1]
            scored = [pair for pair in scored if pair[1] >= last]
        out.append(scored)
    return out
