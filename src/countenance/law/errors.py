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
    """A scenario cannot be read; one that fails is a result, not an error."""

    code = "scenario"


def shown(value: object) -> str:
    """A value for a message, however large or strange it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a nest of thousands
        text = f"a {type(value).__name__} too large to show"
    text = text.encode("ascii", "backslashreplace").decode() if not text.isprintable() else text
    return text if len(text) <= 80 else text[:77] + "..."
