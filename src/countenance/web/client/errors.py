"""What a desk answers when it does not do something: its problem details, as errors."""

from __future__ import annotations

from typing import Final

import msgspec

from countenance.core import CountenanceError
from countenance.web.client.calling import Value

_MOST_SHOWN = 200


class Problem(Value, frozen=True, kw_only=True):
    """Problem details (RFC 9457) as the desk has them."""

    title: str
    status: int = 0
    code: str = ""
    where: str = ""
    expected: str = ""
    to_do: str = ""


class ProblemError(CountenanceError):
    """The desk did not do it. `status` is the answer's, `problem` what it said."""

    code = "client-problem"

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(
            problem.title, where=problem.where or None, expected=problem.expected or None,
            do=problem.to_do or None,
        )  # fmt: skip
        self.status = status
        self.problem = problem


class NotSignedInError(ProblemError):
    """Nobody is signed in, or the session is over: call `sign_in`."""

    code = "client-not-signed-in"


class NotAllowedError(ProblemError):
    """It is not the caller's to see or do; whether the thing exists is not told."""

    code = "client-not-allowed"


class ConflictError(ProblemError):
    """It is not in the state for this: somebody was first. Look again."""

    code = "client-conflict"


class InvalidError(ProblemError):
    """Something that was sent is not what it must be; `where` names it."""

    code = "client-invalid"


class TooManyError(ProblemError):
    """Too many calls came from here: wait."""

    code = "client-too-many"


class UnavailableError(ProblemError):
    """The desk is suspended, or something that it needs does not answer."""

    code = "client-unavailable"


_ERRORS: Final[dict[int, type[ProblemError]]] = {
    401: NotSignedInError, 403: NotAllowedError, 409: ConflictError, 422: InvalidError,
    429: TooManyError, 503: UnavailableError,
}  # fmt: skip


def error_of(status: int, data: bytes) -> ProblemError:
    """An answer as an error; one that is no problem details is told as the text it is."""
    try:
        problem = msgspec.json.decode(data, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = " ".join(data[:_MOST_SHOWN].decode(errors="replace").split())
        problem = Problem(title=text or f"the answer was {status}, without a word")
    return _ERRORS.get(status, ProblemError)(status, problem)
