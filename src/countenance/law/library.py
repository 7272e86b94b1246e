"""The packs that are at hand, and which of them govern a request."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path

from countenance.law.conditions import holds
from countenance.law.errors import PackError
from countenance.law.packs import Pack, load_pack
from countenance.law.request import Request
from countenance.law.vocabulary import Vocabulary, vocabulary

MODEL = "model"
"""The strict pack that says what may be done where a deployment names no policy of its own."""


class Library(Mapping[str, Pack]):
    """Packs by id, read with one vocabulary (`words`). Never changed: `adding` makes another."""

    def __init__(self, packs: Iterable[Pack], *, words: Vocabulary | None = None) -> None:
        self._packs: dict[str, Pack] = {}
        self._places: dict[str, tuple[Pack, ...]] = {}  # binding ones, by jurisdiction
        for pack in sorted(packs, key=lambda pack: pack.id):
            words = pack.words if words is None else words
            if pack.words.digest != words.digest:
                raise PackError("read with other words than the rest", where=pack.id)
            if pack.id in self._packs:
                raise PackError("two packs have this id", where=pack.id)
            self._packs[pack.id] = pack
            if pack.binding:
                place = pack.jurisdiction
                self._places[place] = (*self._places.get(place, ()), pack)
        self._vendors = [p for p in self.values() if p.level == "vendor" and p.binding]
        self.words = vocabulary() if words is None else words
        self._covered = {p.jurisdiction for p in self.values() if p.level not in _NO_PLACE}

    def __getitem__(self, pack_id: str) -> Pack:
        return self._packs[pack_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packs)

    def __len__(self) -> int:
        return len(self._packs)

    def adding(self, *packs: Pack) -> Library:
        """These packs too; one of the same id takes the other's place."""
        mine = {**self._packs, **{pack.id: pack for pack in packs}}
        return Library(mine.values(), words=self.words)

    def near(self, name: str) -> str:
        """The id that somebody who wrote `name` may have meant, or nothing."""
        found = difflib.get_close_matches(name[:120], self._packs, n=1, cutoff=0.5)
        return found[0] if found else ""

    def covers(self, place: str) -> bool:
        """Whether somebody has written down what the law of a place is, even if it is nothing.

        A pack stands for its own place and those inside it; a country's or union's does not stand
        in for its states'. What a pack says and when does not matter here.
        """
        around = _around(place)
        return any(name in self._covered for name in (around[1:] or around))

    def has_states(self, place: str) -> bool:
        """Whether a country's law is, beside its own, that of its states."""
        inside = place + "/"
        return any(
            pack.level == "state" and pack.jurisdiction.startswith(inside)
            for pack in self.values()
        )

    def governing(self, request: Request, policy: Sequence[str]) -> tuple[Pack, ...]:
        """The packs a request is judged under, in order of their ids.

        Those in force on its day in its places, in the places around them, and in those of
        whoever it is done for; the terms of the engine's vendor (of every vendor, while it is
        unknown); and the policy's, in force or not.
        """
        day = request.as_of
        found = {pack_id: self[pack_id] for pack_id in policy if pack_id in self}
        places = request.jurisdictions + request.behalf_jurisdictions
        near = [self._places.get(name, ()) for place in places for name in _around(place)]
        for pack in chain(*near, self._vendors):
            if day is None or pack.window.holds(day):
                if pack.level == "vendor" and holds(pack.applies, request.facts) is False:
                    continue
                found[pack.id] = pack
        return tuple(found[pack_id] for pack_id in sorted(found))

    def in_force(self, day: datetime.date) -> tuple[Pack, ...]:
        """Binding packs whose dates hold a day."""
        return tuple(p for p in self._packs.values() if p.binding and p.window.holds(day))


_NO_PLACE = ("model", "vendor")


def _around(place: str) -> tuple[str, ...]:
    """A place and those around it, the largest first: us, us/mi, us/mi/detroit."""
    parts = place.split("/")
    return tuple("/".join(parts[: n + 1]) for n in range(len(parts)))


def load_library(folder: Path, *, words: Vocabulary | None = None) -> Library:
    """Every pack of a folder of packs. Raises PackError where one cannot be read.

    A link out of the folder is refused: what is read is what lies there.
    """
    home = folder.resolve()
    paths = sorted(path for path in folder.rglob("*.toml") if path.is_file())
    for path in paths:
        if not path.resolve().is_relative_to(home):
            raise PackError("a link that leads out of the folder of packs", where=str(path))
    if not paths:
        raise PackError("there is no pack here", where=str(folder), expected="<place>/<name>.toml")
    return Library((load_pack(path, root=folder, words=words) for path in paths), words=words)


@cache
def bundled() -> Library:
    """The packs that come with this version."""
    with resources.as_file(resources.files("countenance.law").joinpath("packs")) as folder:
        return load_library(folder)
