"""The routes of the API: what each needs stands in its description, and each answer it can give.

An operation is called as its function is: ``open_case``. Its description says which action of the
desk's table it is (``x-action``), for whom (``x-roles``), and whether the passkey has to confirm
it before (``x-step-up``), so that a program can know without being refused first.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, NoReturn, get_args

from fastapi import APIRouter, Depends, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie
from starlette.exceptions import HTTPException
from starlette.responses import Response

from countenance.desk.ceremonies import SignInError
from countenance.desk.roles import ACTIONS, Role
from countenance.web.access import ANY, OPEN
from countenance.web.at import SESSION_COOKIE

MOST_JSON_BYTES = 8 * 2**20
MOST_DEPTH = 32
_JSON = "application/json"
_OCTETS = "application/octet-stream"
_SESSION = APIKeyCookie(
    name=SESSION_COOKIE, scheme_name="session", auto_error=False,
    description="Given by the ceremony at /passkey/sign-in, anew whenever a passkey was asked.",
)  # fmt: skip
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SAYS: Mapping[int, str] = {
    401: "Nobody is signed in, or the session is over.",
    403: "Not yours to see or do, or your passkey has to confirm it; there may be no such thing.",
    404: "No such address.",
    409: "It is not in the state for this; look again.",
    413: "Too many bytes.",
    415: "Not a type of content that is taken here.",
    421: "This desk has another address.",
    422: "Something in it is not what it must be; `where` says what.",
    503: "The desk is suspended, or what it needs is away: `retry-after` says when to come again.",
}


UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {_OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What an operation whose body is a file adds to its description."""
_BYTES = {"schema": {"type": "string", "format": "binary"}}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": dict.fromkeys(("image/png", "image/jpeg", "image/webp"), _BYTES),
    }
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {_OCTETS: _BYTES}}
}


class Route(APIRoute):
    """A route whose JSON is read strictly, and before anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        signed_in = any(each.dependency is _SESSION for each in self.dependencies)

        async def checked(request: Request) -> Response:
            if signed_in and SESSION_COOKIE not in request.cookies:
                raise SignInError  # nothing is read of what nobody sends
            if _kind(request) != _JSON:
                raise HTTPException(415, "send application/json")
            read_json(await body_of(request, MOST_JSON_BYTES))
            return await handle(request)

        return checked


class Router(APIRouter):
    """A part of the API. `get` and `post` fill in what an operation's description needs."""

    def __init__(self, tag: str) -> None:
        super().__init__(tags=[tag], route_class=Route)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        """See FastAPI."""
        access = _access(endpoint)
        answers = dict.fromkeys((403, 409, 421, 503))
        if access != OPEN:
            answers |= {401: None}
        if "{" in path:
            answers |= {404: None}
        if inspect.signature(endpoint).parameters.keys() - {"at"}:
            answers |= {422: None}
        if "POST" in (more.get("methods") or ()):
            answers |= dict.fromkeys((413, 415, 422))
        extra = {"x-action": access, "x-step-up": False, **(more.get("openapi_extra") or {})}
        if access in ACTIONS:
            rule = ACTIONS[access]
            extra |= {
                "x-step-up": rule.step_up, "x-roles": [r for r in Role if r in rule.roles],
            }  # fmt: skip
        guards = [] if access == OPEN else [Security(_SESSION)]
        more |= {
            "dependencies": [*(more.get("dependencies") or ()), *guards],
            "operation_id": endpoint.__name__,
            "openapi_extra": extra,
            "responses": {**{s: _answer(s) for s in answers}, **(more.get("responses") or {})},
            "response_description": "Done, or shown.",
            "summary": endpoint.__name__.replace("_", " ").capitalize(),
        }
        super().add_api_route(path, endpoint, **more)


def _answer(status: int) -> dict[str, Any]:
    """One answer that says why something was not done."""
    return {"description": _SAYS[status], "content": _PROBLEM}


def _access(endpoint: Callable[..., Any]) -> str:
    """The action that a handler's `at` declares. Raises LookupError for one that does not."""
    hints = inspect.get_annotations(endpoint, eval_str=True)
    for given in get_args(hints.get("at", Annotated[None, None]))[1:]:
        access = getattr(getattr(given, "dependency", None), "access", None)
        if isinstance(access, str):
            return access
    raise LookupError(f"{endpoint.__name__} declares nobody")


def bytes_of(most: int) -> Any:
    """The body of a call as bytes, read only once it is known who calls."""

    async def dependency(request: Request) -> bytes:
        if _kind(request) != _OCTETS:
            raise HTTPException(415, f"send {_OCTETS}")
        return await body_of(request, most)

    return Depends(dependency)


async def body_of(request: Request, most: int) -> bytes:
    """The bytes of a request. Raises HTTPException 413 for too many."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > most:
            raise HTTPException(413, f"at most {most:,} bytes can be sent here")
    request._body = bytes(taken)  # what `Request.body` gives from now on
    return request._body


def read_json(data: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no name twice, no NaN, no half characters, not too deep.

    Raises RequestValidationError.
    """
    try:
        found = json.loads(
            data.decode(), parse_constant=_no_number, object_pairs_hook=_each_once
        )  # fmt: skip
        if _depth(found) > MOST_DEPTH:
            _not("it is nested too deeply")
        json.dumps(found, ensure_ascii=False).encode()
    except RequestValidationError:
        raise
    except (ValueError, RecursionError):  # half characters and huge numbers are ValueErrors, too
        _not("this is not JSON")
    return found


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_number(_: str) -> NoReturn:
    raise ValueError


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _not("a name stands twice in one object")
    return found


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        if deepest > MOST_DEPTH:
            break
        level = [
            each for one in level if isinstance(one, dict | list)
            for each in (one.values() if isinstance(one, dict) else one)
        ]  # fmt: skip
    return deepest


def _not(why: str) -> NoReturn:
    raise RequestValidationError([{"loc": ("body",), "msg": why, "type": "json", "input": None}])


__all__ = ["ANY", "OPEN", "Router", "body_of"]
