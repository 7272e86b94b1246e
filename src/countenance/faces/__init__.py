"""An image in, a template out: pictures, engines, and the store of verified models.

What lives here: reading one picture right (`read_picture`), the `Engine` interface with its
`EngineCard`, two engines behind `load_engine`, exact integer templates (`quantise`). What does
not: comparing templates (`scores`), folders and manifests (`datasets`), any threshold decision.
Start with `card`. Heavy libraries are imported when an engine is loaded, not before.
"""

from __future__ import annotations

from countenance.faces.card import (
    SELECTIONS,
    Engine,
    EngineCard,
    EngineClass,
    Enrolment,
    Model,
    Selection,
    Status,
)
from countenance.faces.models import find_model, read_model
from countenance.faces.pictures import Picture, Unreadable, read_picture
from countenance.faces.registry import EngineEntry, engine_cards, engine_names, load_engine
from countenance.faces.templates import COSINE_SCALE, NORM_SQUARED_LIMIT, quantise

__all__ = [
    "COSINE_SCALE",
    "NORM_SQUARED_LIMIT",
    "SELECTIONS",
    "Engine",
    "EngineCard",
    "EngineClass",
    "EngineEntry",
    "Enrolment",
    "Model",
    "Picture",
    "Selection",
    "Status",
    "Unreadable",
    "engine_cards",
    "engine_names",
    "find_model",
    "load_engine",
    "quantise",
    "read_model",
    "read_picture",
]
