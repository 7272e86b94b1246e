"""What a form holds, field by field: each is what it must be, or it is refused by name.

Nothing is trusted: every text has a length, no control characters and one of two shapes (a line,
or lines), every choice comes from an enumeration.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from countenance.core import InputError

E = TypeVar("E", bound=StrEnum)
MOST_FIELDS = 400
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent: its bytes. Its name and type are the sender's words, and not kept."""

    data: bytes


class Fields:
    """The fields of one form, as they were sent.

    Every reader raises InputError with ``where`` the field's name.
    """

    def __init__(self, items: Iterable[tuple[str, str | Upload]] = ()) -> None:
        self._texts: dict[str, list[str]] = {}
        self._files: dict[str, Upload] = {}
        for name, value in items:
            if isinstance(value, Upload):
                self._files[name] = value
            else:
                self._texts.setdefault(name, []).append(value)

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __len__(self) -> int:
        return len(self._texts)

    def without(self, names: Iterable[str]) -> Fields:
        """The same texts but those of some fields."""
        left = set(self._texts).difference(names)
        return Fields((name, value) for name in left for value in self._texts[name])

    def typed(self, name: str, otherwise: str = "") -> str:
        """What stands in a field, to be shown in it again."""
        return self._texts.get(name, [otherwise])[0]

    def all_typed(self, name: str) -> list[str]:
        """All values of a field that can be ticked more than once."""
        return self._texts.get(name, [])

    def line(self, name: str, *, most: int = 200, needed: bool = True) -> str:
        """One line of text, without space around it."""
        return self._text(name, most, needed, lines=False)

    def lines(self, name: str, *, most: int = 20_000, needed: bool = True) -> str:
        """Text of several lines; every line end becomes a newline."""
        return self._text(name, most, needed, lines=True)

    def choice(self, name: str, among: type[E]) -> E:
        """One value of an enumeration."""
        try:
            return among(self.typed(name))
        except ValueError:
            raise InputError("choose one of these", where=name) from None

    def one_of(self, name: str, among: Iterable[str]) -> str:
        """One of some words."""
        value = self.typed(name)
        if value not in set(among):
            raise InputError("choose one of these", where=name)
        return value

    def choices(self, name: str, among: Iterable[str], *, needed: bool = True) -> tuple[str, ...]:
        """Any of some words, in the order they were sent, each once."""
        values = tuple(dict.fromkeys(self.all_typed(name)))
        if not set(values) <= set(among) or (needed and not values):
            raise InputError("choose at least one of these" if needed else "choose of these",
                             where=name)  # fmt: skip
        return values

    def date(self, name: str) -> datetime.date:
        """A date, as a browser sends it: ``2026-11-23``."""
        value = self.maybe_date(name)
        if value is None:
            raise InputError("a date is missing", where=name, expected="year-month-day")
        return value

    def maybe_date(self, name: str) -> datetime.date | None:
        """A date, or None where the field is empty."""
        text = self.typed(name).strip()
        if not text:
            return None
        try:
            if len(text) != len("2026-11-23"):
                raise ValueError
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise InputError("not a date", where=name, expected="year-month-day") from None

    def number(self, name: str, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        text = self.typed(name).strip()
        expected = f"a whole number from {least:,} to {most:,}"
        if not re.fullmatch(r"-?[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise InputError("not such a number", where=name, expected=expected)
        return int(text)

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.typed(name) == "yes"

    def answer(self, name: str) -> bool | None:
        """Yes, no, or None for what was left open or is not known."""
        value = self.one_of(name, ("yes", "no", "unknown", ""))
        return {"yes": True, "no": False}.get(value)

    def id(self, name: str) -> str:
        """An id of the desk."""
        value = self.typed(name)
        if not _ID.fullmatch(value):
            raise InputError("not an id", where=name)
        return value

    def file(self, name: str, *, most_bytes: int) -> bytes:
        """The bytes of a file."""
        found = self._files.get(name)
        if found is None or not found.data:
            raise InputError("no file was chosen", where=name)
        if len(found.data) > most_bytes:
            raise InputError("the file is too large", where=name,
                             expected=f"at most {most_bytes:,} bytes")  # fmt: skip
        return found.data

    def has_file(self, name: str) -> bool:
        """Whether a file was chosen."""
        found = self._files.get(name)
        return found is not None and bool(found.data)

    def _text(self, name: str, most: int, needed: bool, *, lines: bool) -> str:
        text = self.typed(name).replace("\r\n", "\n").replace("\r", "\n").strip()
        if needed and not text:
            raise InputError("this is empty", where=name)
        if len(text) > most:
            raise InputError("this is too long", where=name,
                             expected=f"at most {most:,} characters")  # fmt: skip
        allowed = "\n\t" if lines else ""
        if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") and char not in allowed
               for char in text):  # fmt: skip
            raise InputError("this holds characters that cannot be written", where=name)
        return text
