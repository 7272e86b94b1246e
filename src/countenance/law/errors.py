"""Errors of the law room, all of them a person's to mend."""

from __future__ import annotations

from countenance.core import InputError


class PackError(InputError):
    """A rule pack, or one rule of it, is not what it must be; `where` names both."""

    code = "pack"


class RequestError(InputError):
    """A request states a fact that does not exist, or in words that it does not have."""

    code = "request"


class ScenarioError(InputError):
    """A scenario cannot be read. (One that fails is a result, not an error.)"""

    code = "scenario"
