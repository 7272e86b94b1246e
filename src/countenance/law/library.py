"""The packs that are at hand, and which of them govern a request."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from countenance.law.errors import PackError
from countenance.law.packs import Pack, load_pack
from countenance.law.request import Request

MODEL = "model"
"""The strict pack that says what may be done where a deployment names no policy of its own."""


class Library(Mapping[str, Pack]):
    """Packs by id. Never changed: `adding` makes another."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self._packs: dict[str, Pack] = {}
        for pack in sorted(packs, key=lambda pack: pack.id):
            if pack.id in self._packs:
                raise PackError("two packs have this id", where=pack.id)
            self._packs[pack.id] = pack

    def __getitem__(self, pack_id: str) -> Pack:
        return self._packs[pack_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packs)

    def __len__(self) -> int:
        return len(self._packs)

    def adding(self, *packs: Pack) -> Library:
        """These packs too; one of the same id takes the other's place."""
        return Library({**self._packs, **{pack.id: pack for pack in packs}}.values())

    def covers(self, place: str) -> bool:
        """Whether somebody has written down what the law of a place is, even if it is nothing.

        A pack stands for its own place and those inside it; a country's or union's does not stand
        in for its states'. What a pack says and when does not matter here.
        """
        own = place.split("/")
        around = {"/".join(own[: n + 1]) for n in range(len(own)) if n or len(own) == 1}
        return any(p.jurisdiction in around and p.level != "model" for p in self._packs.values())

    def governing(self, request: Request, policy: Sequence[str]) -> tuple[Pack, ...]:
        """The packs a request is judged under, in order of their ids.

        Those in force on its day in its places, in the places around them, and in those of
        whoever it is done for; the terms of the engine's vendor (of every vendor, while it is
        unknown); and the policy's.
        """
        day = request.as_of
        found = {pack_id: self[pack_id] for pack_id in policy if pack_id in self}
        places = request.jurisdictions + request.behalf_jurisdictions
        for pack in self._packs.values():
            if not pack.binding or (day is not None and not pack.window.holds(day)):
                continue
            if pack.level == "vendor":
                vendor = request.facts.get("engine.vendor")
                governs = vendor is None or pack.jurisdiction == f"vendor/{vendor}"
            else:
                governs = any(_inside(place, pack.jurisdiction) for place in places)
            if governs:
                found[pack.id] = pack
        return tuple(found[pack_id] for pack_id in sorted(found))

    def in_force(self, day: datetime.date) -> tuple[Pack, ...]:
        """Binding packs whose dates hold a day."""
        return tuple(p for p in self._packs.values() if p.binding and p.window.holds(day))


def _inside(place: str, jurisdiction: str) -> bool:
    return place == jurisdiction or place.startswith(jurisdiction + "/")


def load_library(folder: Path) -> Library:
    """Every pack of a folder of packs. Raises PackError where one cannot be read."""
    paths = sorted(path for path in folder.rglob("*.toml") if path.is_file())
    if not paths:
        raise PackError("there is no pack here", where=str(folder), expected="<place>/<name>.toml")
    return Library(load_pack(path, root=folder) for path in paths)


@cache
def bundled() -> Library:
    """The packs that come with this version."""
    with resources.as_file(resources.files("countenance.law").joinpath("packs")) as folder:
        return load_library(folder)
