"""One session with a desk: signed in by a passkey, which confirms each action that needs it.

The session is two cookies, kept here and not in the HTTP library's jar: they are marked for
``https`` only, and a desk that is tried out on one's own machine has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from countenance.core import InputError
from countenance.web.client.calling import Call, Shape, Tagged
from countenance.web.client.errors import Problem, ProblemError, error_of
from countenance.web.client.keys import Authenticator
from countenance.web.client.parts import Calls

TIMEOUT_S: Final = 60.0
_COOKIES: Final = ("__Host-desk", "__Host-ceremony")
_HERE: Final = ("localhost", "127.0.0.1", "::1")
_JSON: Final = "application/json"
_OCTETS: Final = "application/octet-stream"


class Client(Calls):
    """A caller of one desk's API, with a method for every call. For one thread.

    Parameters
    ----------
    base_url
        The desk's address as people use it: ``https://desk.example``.
    authenticator
        What answers when the passkey is asked for; None for what is open to all.
    http
        The HTTP client to use, for other certificates, proxies or timeouts; it stays open.

    Raises
    ------
    InputError
        The address is neither ``https`` nor on this machine.

    Examples
    --------
    ::

        with Client("https://desk.example", key) as desk:
            desk.sign_in()
            for case in desk.find_cases():
                print(case.number, case.state)
    """

    def __init__(
        self, base_url: str, authenticator: Authenticator | None = None, *,
        http: httpx2.Client | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise InputError(
                "a session is not sent over an open line", where="base_url",
                expected="https://…, or http:// on this machine",
            )  # fmt: skip
        if parts.path.strip("/") or parts.query:
            raise InputError("more than an address", where="base_url",
                             expected="https://desk.example")  # fmt: skip
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._authenticator = authenticator
        self._own = http is None
        self._http = http or httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._cookies: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Forget the session; `end_session` ends it at the desk, too."""
        self._cookies.clear()
        if self._own:
            self._http.close()

    def sign_in(self) -> None:
        """Sign in with the passkey.

        Raises NotSignedInError where the desk does not take it, InputError without one.
        """
        self._ceremony("sign-in", {})

    def _made(
        self, call: Call, answer: Any, *, path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None,
        body: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        if call.signs:
            digest = getattr(body, call.signs)
            self._ceremony("sign", {"action": call.confirms, "digest": digest})
        elif call.confirms:
            self._ceremony("confirm", {"action": call.confirms})
        address = call.path.format(
            **{name: quote(str(value), safe="") for name, value in (path or {}).items()}
        )
        found = self._send(
            call.method, address,
            query={name: _word(value) for name, value in (query or {}).items()
                   if value is not None},
            header={name: quote(value, safe="") for name, value in (header or {}).items()},
            body=body,
        )  # fmt: skip
        if answer is None:
            return None
        if answer is bytes:
            return found
        return _read(answer, found)

    def _ceremony(self, kind: str, about: Mapping[str, str]) -> None:
        if self._authenticator is None:
            raise InputError("there is no passkey to sign in with", where="authenticator")
        begun = self._send("POST", f"/passkey/{kind}/begin", body=about)
        options = _read(Shape[dict[str, Any]](dict[str, Any]), begun).get("options")
        if not isinstance(options, dict):
            raise ProblemError(200, Problem(title="the desk asked the passkey nothing"))
        given = msgspec.Raw(self._authenticator.get(options).encode())
        self._send("POST", f"/passkey/{kind}/finish", body={"answer": given})

    def _send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None,
        header: Mapping[str, str] | None = None, body: Any = None,
    ) -> bytes:  # fmt: skip
        headers = dict(header or {})
        content = None
        if isinstance(body, bytes):
            content, headers["content-type"] = body, _OCTETS
        elif body is not None:
            content, headers["content-type"] = msgspec.json.encode(body), _JSON
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            answer = self._http.request(
                method, self._base + path, params=query or None, headers=headers, content=content,
                follow_redirects=False,
            )  # fmt: skip
        except httpx2.HTTPError as error:
            raise ProblemError(
                0, Problem(title=f"the desk does not answer ({type(error).__name__})")
            ) from error
        self._http.cookies.clear()
        self._keep(answer.headers.get_list("set-cookie"))
        if not answer.is_success:
            raise error_of(answer.status_code, answer.content)
        return answer.content

    def _keep(self, given: list[str]) -> None:
        for text in given:
            try:
                found = SimpleCookie(text)
            except CookieError:
                continue
            for name, morsel in found.items():
                if name not in _COOKIES:
                    continue
                if morsel["max-age"] == "0" or not morsel.value:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.value


def _read(answer: Shape[Any] | Tagged[Any], data: bytes) -> Any:
    try:
        return answer.read(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProblemError(
            200, Problem(title=f"the answer has another shape than this client knows: {error}")
        ) from error


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
