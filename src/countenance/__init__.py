"""Countenance: face recognition that answers for itself.

>>> import countenance as cn
>>> audit = cn.audit(cn.london_scores("dlib"), groups=["gender"])
>>> audit.results[audit.operating].threshold.value
0.6

Every name here is the door to a room (`docs/map.md`); nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from countenance import audit
    from countenance.audit import Audit, Plan, Rate, plan
    from countenance.core import CountenanceError, InputError, ScoreUnit
    from countenance.datasets import Dataset, read_dataset
    from countenance.faces import Engine, EngineCard, engine_names, load_engine
    from countenance.scores import (
        AllPairs,
        OneToOne,
        Scores,
        Split,
        TemplateCache,
        TemplateSet,
        compare,
        enrol,
        london_scores,
        read_scores,
    )

_ROOMS = {
    "audit": ("Audit", "Plan", "Rate", "plan"),
    "core": ("CountenanceError", "InputError", "ScoreUnit"),
    "datasets": ("Dataset", "read_dataset"),
    "faces": ("Engine", "EngineCard", "engine_names", "load_engine"),
    "scores": (
        "AllPairs",
        "OneToOne",
        "Scores",
        "Split",
        "TemplateCache",
        "TemplateSet",
        "compare",
        "enrol",
        "london_scores",
        "read_scores",
    ),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "AllPairs",
    "Audit",
    "CountenanceError",
    "Dataset",
    "Engine",
    "EngineCard",
    "InputError",
    "OneToOne",
    "Plan",
    "Rate",
    "ScoreUnit",
    "Scores",
    "Split",
    "TemplateCache",
    "TemplateSet",
    "audit",
    "compare",
    "engine_names",
    "enrol",
    "load_engine",
    "london_scores",
    "plan",
    "read_dataset",
    "read_scores",
]


def __getattr__(name: str) -> Any:
    """Import a room when one of its names is first used."""
    import importlib

    if name == "audit":  # the room itself, which can be called
        return importlib.import_module("countenance.audit")
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"countenance.{_ROOM_OF[name]}"), name)
