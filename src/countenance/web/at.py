"""Where a request stands: the deployment, who looks, what they may do now, and how to answer.

A handler reads the form first, then asks `actor()`: that spends the passkey's confirmation, so it
is asked once, right before the desk acts.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from countenance.core import CountenanceError, InputError
from countenance.desk.ceremonies import SignInError
from countenance.desk.deployment import Deployment
from countenance.desk.errors import NotAllowedError, StateError, StoodDownError
from countenance.desk.service import Actor, Desk
from countenance.desk.sessions import authenticate
from countenance.web.fields import Fields
from countenance.web.rendering import NOTICES, render
from countenance.web.statuses import come_again, status_of

SESSION_COOKIE = "__Host-desk"
CEREMONY_COOKIE = "__Host-ceremony"
_AGAIN = (InputError, StateError, StoodDownError, NotAllowedError)
"""After these a form is shown again."""


class At:
    """One request at one deployment.

    Attributes
    ----------
    viewer
        Who looks, without any confirmation by passkey; None for the public.
    action
        What of the desk's table the route is for; empty where it is for none.
    """

    def __init__(
        self, request: Request, deployment: Deployment, fields: Fields, action: str
    ) -> None:
        self.request = request
        self.deployment = deployment
        self.fields = fields
        self.action = action
        self.viewer: Actor | None = None
        self.problem: CountenanceError | None = None

    @property
    def desk(self) -> Desk:
        """The kernel."""
        return self.deployment.desk

    @property
    def today(self) -> datetime.date:
        """The day it is where the deployment is."""
        return self.desk.now().astimezone(self.deployment.house.zone).date()

    @property
    def token(self) -> str:
        """The browser's session; empty where there is none."""
        return self.request.cookies.get(SESSION_COOKIE, "")

    def actor(self, action: str = "") -> Actor:
        """Who acts, with the passkey's confirmation for this route's action (or another one).

        Raises SignInError. The confirmation is spent: call it once, right before the action.
        """
        return authenticate(self.desk, self.token, action=action or self.action)

    def looker(self) -> Actor:
        """Who looks. Raises SignInError for the public."""
        if self.viewer is None:
            raise SignInError
        return self.viewer

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page; `problem`, if there is one, stands at its top and at its field."""
        text = render(self, template, values)
        return HTMLResponse(text, status_code=status)

    def see(self, path: str, *, done: str = "") -> Response:
        """Go and look at `path`, which must be one of ours; `done` is a word of NOTICES."""
        if done and done not in NOTICES:
            raise LookupError(done)
        query = f"?{urlencode({'done': done})}" if done else ""
        return RedirectResponse(path + query, status_code=303)

    def attempt(self, work: Callable[[], Response], again: Callable[[At], Response]) -> Response:
        """Do what a form asks; where it cannot be done, show the form again with what was typed.

        `again` makes the form's page from this `At`, whose `problem` then says what was wrong.
        A missing session is not caught: it leads to the sign-in page.
        """
        try:
            return work()
        except SignInError:
            raise
        except _AGAIN as problem:
            self.problem = problem
            answer = again(self)
            answer.status_code = status_of(problem)
            come_again(answer, problem)
            return answer
