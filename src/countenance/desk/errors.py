"""Errors of the desk: a person's to understand, and none of them tells what it must not."""

from __future__ import annotations

from countenance.core import CountenanceError


class DeskError(CountenanceError):
    """Something at the desk could not be done; what, and what to do."""

    code = "desk"


class NotAllowedError(DeskError):
    """The actor's roles, or the state of the case, do not allow this.

    It says no more than that: whether the thing exists is not told.
    """

    code = "desk-not-allowed"


class StateError(DeskError):
    """Somebody else was first, or the thing has moved on; look again and decide anew."""

    code = "desk-state"


class StoodDownError(DeskError):
    """The desk is suspended; nothing can be done until it is taken up again."""

    code = "desk-stood-down"
