"""The desk from a program: every operation of its API as a typed method, and passkeys as keys.

Nothing of the service is needed to use it: `Client` speaks HTTP and brings its own types. Whoever
calls has a passkey, as whoever uses the pages has; there is no other way in. See docs/api.md.
"""

from __future__ import annotations

from countenance.web.client.client import Client
from countenance.web.client.errors import (
    ConflictError,
    InvalidError,
    NotAllowedError,
    NotSignedInError,
    ProblemError,
    TooManyError,
    UnavailableError,
)
from countenance.web.client.keys import Authenticator

__all__ = [
    "Authenticator",
    "Client",
    "ConflictError",
    "InvalidError",
    "NotAllowedError",
    "NotSignedInError",
    "ProblemError",
    "TooManyError",
    "UnavailableError",
]
