"""What the values of the API have in common: strict on the way in, named fields on the way out.

What comes in is refused where it has a field too many or a character that cannot be written, as in
forms (`fields`). What goes out is what a model names, and never more than that, whatever the
desk's own value may come to hold.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote_to_bytes

from annotated_types import GroupedMetadata
from fastapi import Header, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from countenance.core import InputError
from countenance.desk.roles import Role
from countenance.law import Decision as Decided
from countenance.web.ids import CODE, DIGEST, ID

_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"


class In(BaseModel):
    """What is sent: exactly these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Out(BaseModel):
    """What is answered: these fields, taken from a value of the desk."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Nothing(In):
    """Nothing needs to be said: ``{}``."""


class Problem(Out):
    """Problem details (RFC 9457). `code` is stable, `title` a sentence for a person."""

    title: str
    status: int
    code: str
    where: str = ""
    expected: str = ""
    to_do: str = ""


class Made(Out):
    """The id of what was made."""

    id: str


class Number(Out):
    """The number of what was made."""

    number: int


def _writable(text: str) -> str:
    text = text.strip()
    if any(unicodedata.category(char) in ("Cs", "Cn") for char in text):
        raise ValueError("this holds characters that cannot be written")
    return text


@dataclass(frozen=True, slots=True)
class Line(GroupedMetadata):
    """A text of one line, without space around it: ``Annotated[str, Line(200)]``."""

    most: int = 200
    least: int = 1
    pattern: ClassVar[str] = _LINE

    def __iter__(self) -> Iterator[Any]:
        """See `GroupedMetadata`."""
        yield Field(min_length=self.least, max_length=self.most, pattern=self.pattern)
        yield AfterValidator(_writable)


@dataclass(frozen=True, slots=True)
class Lines(Line):
    """A text of several lines."""

    most: int = 20_000
    pattern: ClassVar[str] = _LINES


@dataclass(frozen=True, slots=True)
class OneOf(GroupedMetadata):
    """A word of an enumeration whose name is another's, too: ``Annotated[str, OneOf(Basis)]``."""

    of: type[StrEnum]

    def __iter__(self) -> Iterator[Any]:
        """See `GroupedMetadata`."""
        yield AfterValidator(self._checked)
        yield WithJsonSchema({"type": "string", "enum": [each.value for each in self.of]})

    def _checked(self, word: str) -> str:
        return self.of(word).value


def worded(value: str | None, where: str, *, most: int) -> str:
    """The words of a header: UTF-8, percent-encoded. Raises InputError.

    Words stand in a header and not in the address, because addresses are kept in access logs.
    """
    try:
        text = unquote_to_bytes(value or "").decode().strip()
    except UnicodeDecodeError:
        raise InputError("not UTF-8, percent-encoded", where=where) from None
    if len(text) > most:
        raise InputError("too long", where=where, expected=f"at most {most:,} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in text):
        raise InputError("this holds characters that cannot be written", where=where)
    return text


Words = Annotated[str, Header(pattern=r"^[A-Za-z0-9%\-._~]*$", max_length=16_000)]
IdText = Annotated[str, Field(pattern=ID)]
DigestText = Annotated[str, Field(pattern=DIGEST)]
CodeText = Annotated[str, Field(pattern=CODE)]
Roles = Annotated[tuple[Role, ...], BeforeValidator(sorted)]
Most = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str, Query(max_length=200, pattern=_LINE)]


class Cited(Out):
    """What says something, and on what citation."""

    says: str
    cite: str


class RuleReason(Cited):
    """One reason."""

    effect: str
    pack: str
    rule: str
    tag: str
    source: str
    checked_on: str
    rules: tuple[str, ...]
    facts: tuple[str, ...]


class Need(Out):
    """One thing that is missing."""

    fact: str
    ask: str
    to_do: bool
    rules: tuple[str, ...]
    cite: str


class Obligation(Cited):
    """One duty that attaches."""

    rule: str
    what: str
    tag: str
    kind: str
    to: str
    due: str
    when: str
    keep_days: int | None
    at_most: bool
    items: tuple[str, ...]
    facts: tuple[str, ...]


class Caveat(Cited):
    """Something true of the decision that must not be overlooked."""

    code: str
    rule: str


class PackUse(Out):
    """A rule pack that was read, and what it alone says."""

    id: str
    version: str
    digest: str
    policy: bool
    says: str


class Decision(Out):
    """A decision of the law room: an outcome with every reason, and its citation."""

    outcome: str
    permitted: bool
    as_of: str
    request_digest: str
    digest: str
    reasons: tuple[RuleReason, ...]
    needs: tuple[Need, ...]
    obligations: tuple[Obligation, ...]
    warnings: tuple[Caveat, ...]
    packs: tuple[PackUse, ...]
    policy: tuple[str, ...]

    @classmethod
    def of(cls, made: Decided) -> Decision:
        """A decision as it was made."""
        return cls.model_validate(made)
