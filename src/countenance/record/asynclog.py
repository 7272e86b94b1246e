"""Appends for a service on asyncio: many tasks share commits, and one thread does the waiting.

A thread that waits for its commit costs a wake-up across processors, which on most machines is
more than hashing and writing its entry. Tasks of one event loop are told of a commit together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from countenance.record.errors import StorageError
from countenance.record.log import Log, check_entries

_Call = tuple[list[bytes], "asyncio.Future[range]"]


class AsyncLog:
    """Appends to a `Log` from the tasks of one event loop; an asynchronous context manager.

    The log stays usable beside it, from threads as before.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: list[_Call] = []
        self._leading = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record-appends")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._thread.shutdown)

    async def append(self, entries: Sequence[bytes]) -> range:
        """Append entries together; their indices, once all of them are durable.

        A task that is cancelled meanwhile is not told, and its entries may be in the log. Raises
        VerificationError and StorageError as `Log.append` does.
        """
        new = check_entries(entries)
        loop = asyncio.get_running_loop()
        told: asyncio.Future[range] = loop.create_future()
        self._waiting.append((new, told))
        if not self._leading:
            self._leading = True
            loop.call_soon(self._lead, loop)  # the tasks that are ready now come along
        return await told

    def _lead(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit all that wait; the next to come while that goes on wait for the commit after."""
        group, self._waiting = self._waiting, []
        self._leading = bool(group)
        if group:
            self._thread.submit(self._commit, loop, group)

    def _commit(self, loop: asyncio.AbstractEventLoop, group: list[_Call]) -> None:
        first, failure = 0, None
        try:
            first = self._log.append([entry for new, _ in group for entry in new]).start
        except BaseException as error:  # whatever it is, those who wait must be told
            failure = error
        loop.call_soon_threadsafe(self._tell, loop, group, first, failure)

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[_Call],
        first: int,
        failure: BaseException | None,
    ) -> None:
        for new, told in group:
            after = first + len(new)
            if not told.done():  # not cancelled
                if failure is None:
                    told.set_result(range(first, after))
                else:
                    told.set_exception(_failed(failure))
            first = after
        loop.call_soon(self._lead, loop)  # after the tasks just told, who may come with more


def _failed(failure: BaseException) -> StorageError:
    """An error for each task: one object would gather the traces of them all."""
    error = StorageError(
        getattr(failure, "what", "the commit failed"), where=getattr(failure, "where", None)
    )
    error.__cause__ = failure
    return error
