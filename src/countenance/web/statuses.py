"""The status that each error of the desk is answered with, on pages and to programs alike."""

from __future__ import annotations

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


def status_of(error: CountenanceError) -> int:
    """The status an error is answered with; what the house has to mend is 503."""
    return next((status for sort, status in _STATUS if isinstance(error, sort)), 503)
