"""Scores in, findings out: rates, differentials, uncertainty, planning, the report.

What lives here: `audit`, which makes the typed `Audit` of `types`; the statistics it rests on,
each a module of plain functions on arrays that can be used alone (`variance`, `interval`,
`simultaneous`, `noise`, `bootstrap`, `differentials`, `thresholds`, `planning`, `identification`,
`likelihood`); and `report`, which makes pages of it. Start with `types`, then `assemble`.

The room itself can be called: ``countenance.audit(scores)`` is the function `audit`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.audit.assemble import audit
    from countenance.audit.planning import Plan, plan, plan_fnmr
    from countenance.audit.types import Audit, Differential, GroupResult, Rate, Threshold

_HOMES = {
    "Audit": "types",
    "Differential": "types",
    "GroupResult": "types",
    "Plan": "planning",
    "Rate": "types",
    "Threshold": "types",
    "audit": "assemble",
    "plan": "planning",
    "plan_fnmr": "planning",
}

__all__ = [
    "Audit",
    "Differential",
    "GroupResult",
    "Plan",
    "Rate",
    "Threshold",
    "audit",
    "plan",
    "plan_fnmr",
]


class _Room(ModuleType):
    """A room named as its one verb is: calling it does what it is for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Audit:
        from countenance.audit.assemble import audit

        return audit(*args, **kwargs)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used, so that ``--help`` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"countenance.audit.{_HOMES[name]}"), name)
