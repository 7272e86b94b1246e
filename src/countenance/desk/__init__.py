"""The service: the only door to a search. Accounts, galleries, cases, approval, search, review.

What lives here: the states, tables and rules of the desk, on SQLite and PostgreSQL; no pages. All
that is done goes through `Desk.act`, all that is shown through `Desk.look`. Start with `service`
and `events`, then docs/desk.md; the parts are modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.desk.errors import DeskError, NotAllowedError, StateError, StoodDownError
    from countenance.desk.events import Recorder
    from countenance.desk.kinds import KINDS
    from countenance.desk.roles import ACTIONS, Role
    from countenance.desk.service import Actor, Desk, Doing
    from countenance.desk.store import Store

_HOMES = {
    "errors": ("DeskError", "NotAllowedError", "StateError", "StoodDownError"),
    "events": ("Recorder",),
    "kinds": ("KINDS",),
    "roles": ("ACTIONS", "Role"),
    "service": ("Actor", "Desk", "Doing"),
    "store": ("Store",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ACTIONS",
    "KINDS",
    "Actor",
    "Desk",
    "DeskError",
    "Doing",
    "NotAllowedError",
    "Recorder",
    "Role",
    "StateError",
    "StoodDownError",
    "Store",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` at its first use, and keep what it gave."""
    from importlib import import_module

    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The names this room exports."""
    return list(__all__)
