"""Options that the commands of the law share, and what they stand for."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from countenance.law import Library, Pack, Request, Row, Scenario

RequestFile = Annotated[
    Path, typer.Argument(metavar="REQUEST", help="The request: a TOML or JSON file.")
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="PACK",
        help="Whose permission it takes; repeatable (default: the strict pack `model`).",
    ),
]
Packs = Annotated[
    list[Path] | None,
    typer.Option("--packs", metavar="FOLDER", help="Packs of your own beside ours; repeatable."),
]
Place = Annotated[
    list[str] | None,
    typer.Option("--place", metavar="PLACE", help="Only this place, as us/md; repeatable."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="The day it is judged on (default: today)."),
]
RulesOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Read the rules of this day instead."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def library_of(folders: list[Path] | None, *, option: str = "--packs") -> Library:
    """Our packs, and those of these folders beside them or in their place."""
    from countenance.law import bundled, load_library

    library = bundled()
    for folder in folders or ():
        _is_folder(folder, option)
        library = library.adding(*load_library(folder).values())
    return library


def own_ids(folders: list[Path] | None) -> list[str] | None:
    """Ids of the packs in the folders named; None where none is, which means all."""
    from countenance.law import load_library

    if not folders:
        return None
    return [pack_id for folder in folders for pack_id in load_library(folder)]


def pack_named(name: str, folders: list[Path] | None) -> Pack:
    """A pack by its id, or out of its file."""
    from countenance.core import InputError
    from countenance.law import load_pack

    path = Path(name)
    if path.suffix == ".toml":
        return load_pack(path)
    library = library_of(folders)
    if name not in library:
        raise InputError(
            f"there is no pack {name!r}", where="PACK", do=_hint(name, list(library), "list")
        )
    return library[name]


def scenarios_in(folder: Path | None, option: str) -> Sequence[Scenario]:
    """Those of a folder, or those that come along."""
    from countenance.core import InputError
    from countenance.law import bundled_scenarios, load_scenarios

    if folder is None:
        return bundled_scenarios()
    _is_folder(folder, option)
    found = load_scenarios(folder)
    if not found:
        raise InputError(
            "there is no scenario here", where=str(folder), expected="<place>/<name>.toml"
        )
    return found


def scenarios_of(name: str, told: Sequence[Scenario]) -> list[Scenario]:
    """Those of a pack or of a file of scenarios; all, where neither is named."""
    from countenance.core import InputError

    found = [one for one in told if name in ("", one.pack, one.file)]
    if not found:
        names = sorted({one.pack or one.file for one in told})
        raise InputError(
            f"there is no scenario of {name!r}", where="PACK", do=_hint(name, names, "list")
        )
    return found


def rows_of(library: Library, as_of: datetime.date, places: list[str] | None) -> list[Row]:
    """The comparison's rows; at least one."""
    from countenance.core import InputError
    from countenance.law import matrix

    rows = matrix(library, as_of, places=places or ())
    if not rows:
        raise InputError(
            f"there is no pack of {' or '.join(places or ())}", where="--place",
            expected="a place as us/md, or one around it", do="countenance law list",
        )  # fmt: skip
    return rows


def request_from(path: Path, as_of: str | None) -> Request:
    """A request out of a file, on its own day or on another."""
    from countenance.law import load_request

    request = load_request(path)
    return request if as_of is None else request.on(day(as_of))


def day(text: str | None, option: str = "--as-of") -> datetime.date:
    """A day; today, where none is named."""
    from countenance.core import InputError

    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no day", where=option, expected="2026-07-01") from error


def write(path: Path, data: bytes) -> None:
    """Write a file whole, or not at all."""
    from countenance.core import InputError, atomic_write

    if path.is_dir():
        raise InputError("this is a folder", where=str(path), expected="the name of a file")
    with atomic_write(path) as file:
        file.write(data)


def _is_folder(path: Path, option: str) -> None:
    from countenance.core import InputError

    if not path.is_dir():
        what = "is a file" if path.exists() else "is not there"
        raise InputError(f"{path} {what}", where=option, expected="a folder")


def _hint(name: str, names: Sequence[str], command: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"countenance law {command}"
