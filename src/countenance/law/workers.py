"""Many requests at once, over several processes: the packs are sent once, requests in pieces."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from countenance.core import sha256_bytes
from countenance.law.decision import Decision
from countenance.law.errors import PackError
from countenance.law.judging import decide_many
from countenance.law.library import Library
from countenance.law.packs import read_pack
from countenance.law.request import Request
from countenance.law.vocabulary import read_vocabulary

PIECE = 500  # requests: large beside the cost of sending, small beside the wait for the last


def decide_in_processes(
    requests: Sequence[Request], *, library: Library, policy: Sequence[str] = (), processes: int
) -> Iterator[Decision]:
    """The decisions of `decide_many`, in order, made by several processes.

    The processes start anew (no memory is shared) and read the packs from their bytes, so a
    script that calls this must guard its own start with ``if __name__ == "__main__"``.

    Raises
    ------
    PackError
        Where a pack of the library was not read from a file and so cannot be sent.
    """
    for pack in library.values():
        if sha256_bytes(pack.text) != pack.digest:
            raise PackError("it was not read from a file, so it cannot be sent", where=pack.id)
    texts = tuple(pack.text for pack in library.values())
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(library.words.text, texts),
    ) as pool:
        pieces = (requests[n : n + PIECE] for n in range(0, len(requests), PIECE))
        for decisions in pool.map(partial(_decide, tuple(policy)), pieces):
            yield from decisions


_library: list[Library] = []  # of a worker, one


def _begin(words: bytes, texts: tuple[bytes, ...]) -> None:
    vocabulary = read_vocabulary(words)
    _library[:] = [
        Library([read_pack(text, words=vocabulary) for text in texts], words=vocabulary)
    ]


def _decide(policy: tuple[str, ...], requests: Sequence[Request]) -> list[Decision]:
    return decide_many(requests, library=_library[0], policy=policy)
