"""What cannot be done, as an answer: a page for people, problem details (RFC 9457) for programs.

The words are the error's own; they say no more than the desk lets them.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from countenance.core import CountenanceError, InputError, IntegrityError
from countenance.desk.ceremonies import SignInError
from countenance.desk.errors import StoodDownError
from countenance.record import QuorumError
from countenance.web.access import anybody
from countenance.web.at import At
from countenance.web.fields import Fields
from countenance.web.guarding import CALLS
from countenance.web.statuses import come_again, status_of

_LOG = logging.getLogger("countenance.web")


def problem_details(error: CountenanceError) -> dict[str, Any]:
    """An error as problem details."""
    told = {"title": error.what, "status": status_of(error), "code": error.code}
    more = {"where": error.where, "expected": error.expected, "to_do": error.do}
    return {**told, **{name: value for name, value in more.items() if value}}


def install(app: FastAPI) -> None:
    """Give an app its answers to errors."""
    app.add_exception_handler(CountenanceError, _expected)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


def _is_program(request: Request) -> bool:
    return request.url.path.startswith(CALLS)


def _answer(request: Request, error: CountenanceError, status: int | None = None) -> Response:
    answer = _told(request, error, status or status_of(error))
    come_again(answer, error)
    return answer


def _told(request: Request, error: CountenanceError, status: int) -> Response:
    if _is_program(request):
        body = {**problem_details(error), "status": status}
        return JSONResponse(body, status, media_type="application/problem+json")
    at: At = getattr(request.state, "at", None) or At(
        request, request.app.state.deployment, Fields(), ""
    )
    at.problem = error
    return at.page("problem.html.j2", status=status)


def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, CountenanceError)  # noqa: S101
    if isinstance(error, SignInError) and not _is_program(request) and request.method == "GET":
        return RedirectResponse(f"/sign-in?to={quote(request.url.path)}", status_code=303)
    if status_of(error) == 503 and not isinstance(error, StoodDownError | QuorumError):
        cause = "" if error.__cause__ is None else f" ({type(error.__cause__).__name__})"
        _LOG.error("%s at %s: %s%s", error.code, request.scope.get("route"), error.what, cause)
    if isinstance(error, IntegrityError):
        told = CountenanceError("something kept is not what it was; nothing was done or shown",
                                do="tell whoever runs this desk")  # fmt: skip
        return _told(request, told, 503)  # coming again does not mend it
    return _answer(request, error)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    words = {404: "there is no such page", 405: "this cannot be done at this address"}
    told = CountenanceError(words.get(error.status_code, str(error.detail)))
    if not hasattr(request.state, "at") and not _is_program(request):
        with contextlib.suppress(CountenanceError):  # so that the page has their menu
            request.state.at = anybody(request, Fields())
    answer = _answer(request, told, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    if first["loc"][0] == "path":
        return _answer(request, CountenanceError("there is no such page"), 404)
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _answer(request, InputError(str(first["msg"])[:200], where=where[:200]))


def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("a fault at %s", request.scope.get("route"), exc_info=error)
    told = CountenanceError(
        "this went wrong here, and it is not known whether it was done",
        do="look before you try again, and tell whoever runs this desk",
    )
    return _answer(request, told, 500)
