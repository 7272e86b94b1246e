"""The search: every template of a gallery compared with every probe, under a permit.

Exhaustive and exact: templates are int16, products are made in float32 and are exact integers
(`scores.exact`), so the list is the same whatever the block size, the BLAS, the number of threads
and the machine. One pass over the gallery serves all probes of a call. The memory needed is one
block a thread and what is kept for the lists, whatever the size of the gallery.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, IntegrityError, processors
from countenance.scores.exact import LENGTH_LIMIT, ExactTemplates
from countenance.scores.gallery.blas import one_blas_thread
from countenance.scores.gallery.candidates import LIST_LIMIT, Best, CandidateList, SearchResult
from countenance.scores.gallery.codec import Opened
from countenance.scores.gallery.errors import ConflictError, PermitError
from countenance.scores.gallery.permit import Permit, check_permit, probe_digest
from countenance.scores.gallery.reading import Gallery
from countenance.scores.gallery.state import Block, Moved, State

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]

#: Probes that share a pass.
PROBE_LIMIT: Final = 64

_FLOATS = 1 << 18  # float32 made at a time: 1 MiB, in a processor's own cache
_HELD_FLOATS = 1 << 20  # of what is held: slower alone, but each step waits for Python's lock
_ATTEMPTS: Final = 20


def search(
    gallery: Gallery,
    probes: Int16,
    *,
    permit: Permit,
    threshold: int | None = None,
    rank: int | None = None,
    threads: int | None = None,
    now_s: Callable[[], float] = time.time,
) -> SearchResult:
    """Compare probes with every template of a gallery.

    Parameters
    ----------
    gallery
        From `open_gallery`. What was changed in it since is taken in first.
    probes
        int16 (d,) or (n, d), made by the gallery's engine.
    permit
        For exactly this search: this gallery, engine, these probes in this order, threshold, rank.
    threshold
        Least score of a candidate, as the exact integer of `ScoreUnit.threshold`.
    rank
        Length of a list. It is longer where the last score ties with others: ties are never cut.
    threads
        How many; as many as there are processors when None. The result is the same.
    now_s
        Seconds since 1970, by the clock that the permit's times are held against.

    Raises
    ------
    PermitError
        No permit, or one for another search, time or issuer. Nothing was compared.
    InputError
        Probes of another type, dimension or length; neither threshold nor rank; a list that would
        hold more than `LIST_LIMIT` candidates.
    IntegrityError
        The gallery is damaged. There is no result then: a list is complete or is not given.
    """
    header = gallery.header
    rows = np.atleast_2d(probes)
    if rows.shape[1:] != (header.dimension,) or not 0 < len(rows) <= PROBE_LIMIT:
        raise InputError(
            f"probes are of shape {probes.shape}",
            expected=f"(n, {header.dimension}), n from 1 to {PROBE_LIMIT}",
        )
    prepared = ExactTemplates(rows, header.unit)
    _check_limits(threshold, rank)
    digests = [probe_digest(row, engine=header.engine) for row in rows]
    permitted = check_permit(
        permit, header, probes=digests, threshold=threshold, rank=rank, now_s=now_s()
    )
    for _ in range(_ATTEMPTS):
        state = gallery.state()
        _check_state(permitted, state)
        try:
            best, erased = _scan(gallery, state, prepared, threshold, rank, threads)
        except Moved as moved:
            gallery.recheck(moved.block, state)
            continue
        ledger = state.ledger
        return SearchResult(
            permit=permitted.digest,
            request=permitted.terms.request,
            decision=permitted.terms.decision,
            gallery=header.gallery,
            gallery_digest=state.digest,
            issuer=state.header.issuer,
            engine=header.engine,
            unit=header.unit,
            threshold=threshold,
            rank=rank,
            compared=ledger.rows - ledger.deleted - erased,
            deleted=ledger.deleted,
            erased=erased,
            lists=tuple(
                CandidateList(digest, each.candidates())
                for digest, each in zip(digests, best, strict=True)
            ),
        )
    raise ConflictError("the gallery changes faster than it can be searched",
                        where=str(gallery.path))  # fmt: skip


def _check_limits(threshold: int | None, rank: int | None) -> None:
    if threshold is None and rank is None:
        raise InputError("a search needs a threshold, a rank, or both")
    if threshold is not None and type(threshold) is not int:
        raise InputError(f"the threshold is {threshold!r}", expected="a whole number: a score")
    if rank is not None and (type(rank) is not int or not 0 < rank <= LIST_LIMIT):
        raise InputError(f"the rank is {rank!r}", expected=f"a whole number, 1 to {LIST_LIMIT:,}")


def _check_state(permit: Permit, state: State) -> None:
    terms = permit.terms
    if (state.header.gallery, state.header.engine) != (terms.gallery, terms.engine):
        raise PermitError("the gallery was replaced by another one")
    if terms.gallery_digest not in (None, state.digest):
        raise PermitError(
            "the gallery has changed since the permit was given",
            expected=terms.gallery_digest,
            do="ask whoever decides on searches for a permit",
        )


def _scan(
    gallery: Gallery,
    state: State,
    probes: ExactTemplates,
    threshold: int | None,
    rank: int | None,
    threads: int | None,
) -> tuple[list[Best], int]:
    """What is kept for each probe, and how many templates were erased with their keys."""
    jobs = iter(state.blocks)
    turn = threading.Lock()
    workers = min(threads if threads is not None else processors(), max(1, len(state.blocks)))
    stop = threading.Event()

    def blocks() -> Iterator[Block]:
        while not stop.is_set():
            with turn:
                block = next(jobs, None)
            if block is None:
                return
            yield block

    def work() -> tuple[list[Best], int]:
        try:
            return _scan_blocks(gallery, state, probes, threshold, rank, blocks())
        except BaseException:
            stop.set()
            raise

    with one_blas_thread():
        if workers < 2:
            return work()
        with ThreadPoolExecutor(workers) as pool:
            parts = [future.result() for future in [pool.submit(work) for _ in range(workers)]]
    best, erased = parts[0]
    for others, more in parts[1:]:
        erased += more
        for one, other in zip(best, others, strict=True):
            one.merge(other)
    return best, erased


def _scan_blocks(
    gallery: Gallery,
    state: State,
    probes: ExactTemplates,
    threshold: int | None,
    rank: int | None,
    blocks: Iterator[Block],
) -> tuple[list[Best], int]:
    header, codec = state.header, gallery.codec
    best = [Best(threshold, rank) for _ in range(len(probes))]
    erased = 0
    size = max((block.rows for block in state.blocks), default=0)
    buffer = np.empty((size, header.row_bytes), np.uint8)
    floats = np.empty((_rows_at_once(header.dimension), header.dimension), np.float32)
    more = floats  # made when something is held
    scores = np.empty((len(probes), size), np.int32)
    for block in blocks:
        opened = state.opened(block, codec, buffer)
        missing = opened.missing
        out = scores[:, : block.rows]
        if opened.squares is not None and more is floats:
            rows = max(1, min(size, _HELD_FLOATS // header.dimension))
            more = np.empty((rows, header.dimension), np.float32)
        _score(opened, probes, floats if opened.squares is None else more, out)
        if missing is not None:
            erased += int(missing.sum()) - (0 if block.gone is None else int(block.gone.sum()))
        for each, row in zip(best, out, strict=True):
            each.add(row, opened.ids, missing)
    return best, erased


def square_lengths(templates: Int16) -> Int32:
    """Squared lengths of templates (n, d), int32 (n,).

    Raises IntegrityError where one is too long for exact scores.
    """
    out, step = np.empty(len(templates), np.int32), _rows_at_once(templates.shape[1])
    for start in range(0, len(templates), step):
        part = templates[start : start + step].astype(np.float32)
        out[start : start + len(part)] = _squares(part)
    return out


def _score(
    opened: Opened, probes: ExactTemplates, floats: npt.NDArray[np.float32], out: Int32
) -> None:
    """Scores of templates (n, d) against probes into `out`, int32 (probes, n)."""
    templates, columns = opened.templates, probes.values.T
    step = len(floats)
    for start in range(0, len(templates), step):
        part = templates[start : start + step]
        values = floats[: len(part)]
        np.copyto(values, part)
        if opened.squares is None:
            squares = _squares(values)
        else:
            squares = opened.squares[start : start + step]
        scores = out[:, start : start + step]
        scores[:] = (values @ columns).T
        if probes.unit.kind == "distance":
            scores *= 2
            scores -= squares
            scores -= probes.squares[:, None]


def _squares(values: npt.NDArray[np.float32]) -> Int32:
    """Exact below 2^24, and no sum of squares that is not rounds to below it."""
    squares: npt.NDArray[np.float32] = np.vecdot(values, values)
    if squares.size and squares.max() >= LENGTH_LIMIT**2:
        raise IntegrityError("a template of the gallery is too long for exact scores")
    return squares.astype(np.int32)


def _rows_at_once(dimension: int) -> int:
    return max(1, _FLOATS // dimension)
