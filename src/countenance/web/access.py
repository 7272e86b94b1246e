"""Who may enter a route: each declares it, and the app refuses to start with one that does not.

There are three declarations. `needs(action)`: an account whose roles may do that action of the
desk's one table. `signed_in()`: any account. `open_to_all()`: the public. What changes something
is safe from other sites twice: the browser's word on where a request comes from (`guarding`), and
a token in the form that is bound to the session.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import UploadFile

from countenance.desk.ceremonies import SignInError
from countenance.desk.errors import NotAllowedError
from countenance.desk.roles import ACTIONS, Role
from countenance.desk.service import Actor
from countenance.desk.sessions import authenticate
from countenance.web.at import SESSION_COOKIE, At
from countenance.web.fields import MOST_FIELDS, Fields, Upload
from countenance.web.formtoken import page_token
from countenance.web.guarding import CALLS

OPEN = "open to all"
ANY = "any account"
_SAFE = frozenset({"GET", "HEAD"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def _fields(request: Request) -> Fields:
    """The form of a request, in memory; empty where there is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in _SAFE or kind not in _FORMS:
        return Fields()
    async with request.form(max_files=40, max_fields=MOST_FIELDS) as form:
        return Fields([
            (name, Upload(await value.read()) if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ])  # fmt: skip


def _enter(request: Request, fields: Fields, may: Callable[[Actor], bool], action: str) -> At:
    token = request.cookies.get(SESSION_COOKIE, "")
    at = At(request, request.app.state.deployment, fields, action)
    request.state.at = at  # for the page that tells of an error
    if not token:
        raise SignInError
    viewer = authenticate(at.desk, token)
    at.viewer = viewer
    if not may(viewer):
        raise NotAllowedError("this is not yours to see or to do")
    if request.method not in _SAFE and not request.url.path.startswith(CALLS):
        expected = page_token(at.deployment.page_key, viewer.session)
        given = fields.typed("token").encode(errors="backslashreplace")
        if not hmac.compare_digest(expected.encode(), given):
            raise NotAllowedError(
                "this form is not of your session", do="go back, load the page again, and send it"
            )
    return at


def _declared(dependency: Callable[..., At], access: str) -> Any:
    dependency.access = access  # type: ignore[attr-defined]
    return Depends(dependency)


def needs(action: str) -> Any:
    """An account that may do `action`; whether it may do it *now* is asked when it is done."""
    roles = ACTIONS[action].roles

    def dependency(request: Request, fields: Annotated[Fields, Depends(_fields)]) -> At:
        return _enter(request, fields, lambda actor: bool(actor.roles & roles), action)

    return _declared(dependency, action)


def signed_in() -> Any:
    """Any account."""

    def dependency(request: Request, fields: Annotated[Fields, Depends(_fields)]) -> At:
        return _enter(request, fields, lambda _: True, "")

    return _declared(dependency, ANY)


def open_to_all() -> Any:
    """The public; somebody who is signed in is known, so that the page has their menu."""

    def dependency(request: Request, fields: Annotated[Fields, Depends(_fields)]) -> At:
        return anybody(request, fields)

    return _declared(dependency, OPEN)


def anybody(request: Request, fields: Fields) -> At:
    """Whoever looks, known if they are signed in."""
    at = At(request, request.app.state.deployment, fields, "")
    token = request.cookies.get(SESSION_COOKIE, "")
    if token:
        with contextlib.suppress(SignInError):
            at.viewer = authenticate(at.desk, token)
    return at


def may_enter(access: str, roles: frozenset[Role]) -> bool:
    """Whether an account with these roles gets past a route's declaration."""
    return access in (OPEN, ANY) or bool(ACTIONS[access].roles & roles)


def declared_accesses(app: Any) -> Iterator[tuple[str, str, str]]:
    """Method, path and declaration of every route. Raises LookupError for one without."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            continue  # the files of the pages
        found = list(_accesses(route.dependant))
        if len(found) != 1:
            raise LookupError(f"{context.path} declares {len(found)} accesses, not one")
        for method in sorted(context.methods or ()):
            yield method, str(context.path), found[0]


def _accesses(dependant: Any) -> Iterator[str]:
    access = getattr(dependant.call, "access", None)
    if access is not None:
        yield access
    for each in dependant.dependencies:
        yield from _accesses(each)
