"""The status that each error of the desk is answered with, on pages and to programs alike."""

from __future__ import annotations

from starlette.responses import Response

from countenance.core import CountenanceError, InputError
from countenance.desk.ceremonies import SignInError
from countenance.desk.doors import TooManyError
from countenance.desk.errors import NotAllowedError, StateError, StoodDownError
from countenance.desk.passkeys import RefusedAnswerError
from countenance.record import QuorumError

_STATUS: tuple[tuple[type[CountenanceError], int], ...] = (
    (SignInError, 401),
    (NotAllowedError, 403),
    (RefusedAnswerError, 403),
    (StateError, 409),
    (StoodDownError, 503),
    (QuorumError, 503),
    (InputError, 422),
    (TooManyError, 429),
)


AWAY_S = 5
"""A database, a log or a witness that is away is most often back by then."""
SUSPENDED_S = 300
"""It takes two people to resume, and they are not that quick."""


def status_of(error: CountenanceError) -> int:
    """The status an error is answered with; what the house has to mend is 503."""
    return next((status for sort, status in _STATUS if isinstance(error, sort)), 503)


def come_again(answer: Response, error: CountenanceError) -> None:
    """Say in an answer when it is worth coming again, if ever."""
    if isinstance(error, TooManyError):
        answer.headers["retry-after"] = str(error.retry_s)
    elif answer.status_code == 503:
        again_s = SUSPENDED_S if isinstance(error, StoodDownError) else AWAY_S
        answer.headers["retry-after"] = str(again_s)
