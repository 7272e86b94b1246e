"""Engines by name, through the entry points ``countenance.engines`` of installed packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from countenance.core import CountenanceError, InputError, MissingPartError
from countenance.faces.card import SELECTIONS, Engine, EngineCard, EngineClass, Selection

GROUP = "countenance.engines"


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """A registered engine as far as it can be known without loading it.

    Attributes
    ----------
    name
        What `load_engine` takes.
    card
        None if the code that describes it cannot be imported.
    installed
        True iff `load_engine` has what it needs (hashes are checked when it loads).
    problem
        Why not, with the command to run; None if installed.
    """

    name: str
    card: EngineCard | None
    installed: bool
    problem: str | None = None


def engine_names() -> tuple[str, ...]:
    """Names of the registered engines, sorted."""
    return tuple(sorted(_registered()))


def engine_cards() -> tuple[EngineEntry, ...]:
    """Every registered engine with its card; no model and no heavy library is loaded."""
    return tuple(_look_at(name, point) for name, point in sorted(_registered().items()))


def load_engine(
    name: str,
    *,
    selection: Selection = "one",
    min_face_px: int | None = None,
    workers: int = 0,
) -> Engine:
    """The engine called `name`, its models verified and loaded.

    Parameters
    ----------
    name
        One of `engine_names`.
    selection
        ``one``: a picture with several faces is not enrolled (``multiple_faces``).
        ``largest``: the largest face is taken, as NIST's 1:N rules have it.
    min_face_px
        Least shorter side of the face's box; None takes the engine's own.
    workers
        Threads; 0 means one a processor. Never changes a result.

    Raises
    ------
    InputError
        No engine has that name, or an option is wrong.
    MissingPartError
        A package it needs is not installed.
    IntegrityError
        A model file is not the published one.
    """
    registered = _registered()
    if name not in registered:
        raise InputError(
            f"there is no engine {name!r}",
            expected=" or ".join(sorted(registered)) or "a package that registers one",
            do="`countenance engines` lists what is installed",
        )
    if selection not in SELECTIONS:
        raise InputError(f"unknown face selection {selection!r}", expected=" or ".join(SELECTIONS))
    if min_face_px is not None and min_face_px < 0:
        raise InputError(f"min_face_px {min_face_px} is negative", expected="pixels, from 0 up")
    if workers < 0:
        raise InputError(f"{workers} workers", expected="0 (one a processor) or more")
    engine_class = _import(registered[name])
    if command := engine_class.missing():
        raise MissingPartError(f"the engine {name!r} is not installed", do=command)
    return engine_class(selection=selection, min_face_px=min_face_px, workers=workers)


def _registered() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise InputError(
                f"two packages register an engine {point.name!r}: {other.value}, {point.value}",
                expected="one engine a name",
                do="uninstall one of them",
            )
    return found


def _import(point: EntryPoint) -> EngineClass:
    try:
        engine_class: EngineClass = point.load()
    except (ImportError, AttributeError) as error:
        raise MissingPartError(
            f"the code of the engine {point.name!r} cannot be imported: {error}",
            where=point.value,
            do="reinstall the package that registers it",
        ) from error
    return engine_class


def _look_at(name: str, point: EntryPoint) -> EngineEntry:
    try:
        engine_class = _import(point)
        card, command = engine_class.describe(), engine_class.missing()
    except CountenanceError as error:
        return EngineEntry(name, None, installed=False, problem=str(error))
    return EngineEntry(name, card, installed=command is None, problem=command)
