"""What servers that stand in the open need: bounds on connections, and on a request's time.

Standard library only: mixed into its servers and handlers, for the witness and for the pages. TLS
and limits by address belong to the proxy before them.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any

MAX_CONNECTIONS = 64

_log = logging.getLogger(__name__)


class BoundedServer(ThreadingMixIn):
    """A thread a connection, up to `max_connections`; those past it are told 503 and hung up on.

    Mix in before a `socketserver.TCPServer`.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    address_family: int

    def __init__(
        self, address: tuple[str, int], *arguments: Any, max_connections: int = MAX_CONNECTIONS
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._places = threading.BoundedSemaphore(max_connections)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, *arguments)  # type: ignore[call-arg]  # the server mixed with

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, if there is a place."""
        if not self._places.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(0.2)
                request.sendall(
                    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                    b"Connection: close\r\n\r\n"
                )
            self.shutdown_request(request)  # type: ignore[attr-defined]
            return
        with self._open_lock:
            self._open.add(request)
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started: the place is free again
            self._left(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._left(request)

    def _left(self, request: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(request)
        self._places.release()

    def hang_up(self) -> None:
        """End every connection."""
        with self._open_lock:
            for request in self._open:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep quiet: whoever connects may break anything off at any time."""
        _log.debug("a connection ended with an error", exc_info=True)


class DeadlineReader(io.RawIOBase):
    """Reads a socket up to one moment of `time.monotonic`, so that dripping bytes buy no time."""

    def __init__(self, connection: socket.socket, *, deadline: float = 0.0) -> None:
        self._connection = connection
        self.deadline = deadline

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there. TimeoutError once the time is over."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)
