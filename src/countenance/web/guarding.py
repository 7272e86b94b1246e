"""What every request passes before any page: where it comes from, how large it is, what goes back.

Plain ASGI, so that a body that is too large is stopped while it arrives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY_BYTES: Final = 64 * 2**20
CALLS: Final = ("/api/", "/passkey/")
"""Where programs call: with a type of content that a page of another site cannot send unasked."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SIMPLE = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with that, browsers call the origin of a form "null" (Fetch, 3.2).
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "camera=(), microphone=(), geolocation=(), "
        "publickey-credentials-get=(self), publickey-credentials-create=(self)"
    ),
    "x-frame-options": "DENY",
}
_NO_STORE: Final = "no-store"
_FOR_ALL = ("/log/", "/policy", "/public.json", "/public/")
"""What checkers on other sites may fetch: public bytes, the same for everybody."""


class Guard:
    """Refuses what cannot be a request of ours, and gives every answer its headers.

    Parameters
    ----------
    origins
        The addresses under which people reach the desk: ``https://desk.example``.
    """

    def __init__(self, app: App, *, origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(urlsplit(origin).netloc.lower() for origin in origins)
        self._secure = all(origin.startswith("https:") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets here
        headers = Headers(scope=scope)
        is_file = scope["path"].startswith("/static/")

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    found[name] = value
                if scope["path"].startswith(_FOR_ALL):
                    found["cross-origin-resource-policy"] = "cross-origin"
                    found["access-control-allow-origin"] = "*"
                if self._secure:
                    found["strict-transport-security"] = "max-age=63072000"
                if is_file and message["status"] == 200:
                    found["cache-control"] = "public, max-age=31536000, immutable"
                else:
                    found.setdefault("cache-control", _NO_STORE)
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, why = refusal
            sent: Response = PlainTextResponse(why + "\n", status)
            if scope["path"].startswith(CALLS):
                told = {"title": why, "status": status, "code": "refused"}
                sent = JSONResponse(told, status, media_type="application/problem+json")
            await sent(scope, receive, answer)
            return
        await self._app(scope, _bounded(receive), answer)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "this desk has another address"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            return 413, f"at most {MOST_BODY_BYTES:,} bytes can be sent at once"
        if scope["method"] in _SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return 403, "this was sent from another site"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "this was sent from another site"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_call = scope["path"].startswith(CALLS)
        if is_call and kind in _SIMPLE:  # what a page of another site may send without asking
            return 415, "send application/json, or application/octet-stream"
        return None


def _bounded(receive: Receive) -> Receive:
    """The body, as long as it is not too long; what says no length is counted as it comes."""
    taken = 0

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                return {"type": "http.disconnect"}
        return message

    return bounded
