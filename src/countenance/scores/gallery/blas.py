"""One thread a matrix product, while several searches may be under way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_users = 0
_limits = contextlib.ExitStack()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the BLAS at one thread until the last who asked for it has ended.

    Products are made in threads of our own, and those of the BLAS below would only wait for each
    other. The limit is the process's, so whoever ends first must not lift it for the others.
    """
    from threadpoolctl import threadpool_limits

    global _users
    with _lock:
        if _users == 0:
            _limits.enter_context(threadpool_limits(1, user_api="blas"))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limits.close()
