"""A decision: permit, deny or needs, with every reason, what is missing and what follows from it.

A decision is a value without a clock or a random number in it, so the same request, packs and
policy give the same bytes, today and in years.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from countenance.core import digest_json

FORMAT = "countenance-decision-1"


class Outcome(StrEnum):
    """`NEEDS` is a denial, too: it names what would have to be known or done."""

    PERMIT = "permit"
    DENY = "deny"
    NEEDS = "needs"


class Effect(StrEnum):
    """What a reason does."""

    PERMITS = "permits"
    PROHIBITS = "prohibits"  # a prohibition or ban is met
    LACKS = "lacks"  # a requirement is not met
    NO_GROUND = "no-ground"  # a pack names its grounds and none holds
    NOT_GRANTED = "not-granted"  # the deployment's policy does not grant it
    UNVERIFIED = "unverified"  # a ground holds, but nobody verified that it is the law
    OPEN = "open"  # whether a rule forbids it turns on an unknown fact
    NO_PACK = "no-pack"  # nobody wrote down the law of this place
    INCOMPLETE = "incomplete"  # the request does not say what it must to be judged at all


class Cited:
    """What says something, and on what citation."""

    __slots__ = ()
    says: str
    cite: str

    @property
    def sentence(self) -> str:
        """What a person reads: it ends in a citation."""
        return f"{self.says} [{self.cite}]"


@dataclass(frozen=True, slots=True)
class Reason(Cited):
    """One reason, with its citation and how far that was checked.

    `rule` is empty where no single rule speaks; `rules` are then those looked at. `facts` are the
    unknown facts, where it is open.
    """

    effect: Effect
    says: str
    cite: str
    pack: str = ""
    rule: str = ""
    tag: str = ""
    source: str = ""
    checked_on: str = ""
    rules: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that is missing: a fact to state, and the rules that turn on it."""

    fact: str
    ask: str
    to_do: bool
    rules: tuple[str, ...]
    cite: str

    @property
    def sentence(self) -> str:
        """What a person reads: it ends in a citation."""
        return f"{self.ask} [{self.cite}]"


@dataclass(frozen=True, slots=True)
class Obligation(Cited):
    """One duty that attaches. `due` is a day or time in ISO 8601, or empty; `when` is in words.

    `facts` are unknown ones on which it turns whether it attaches: until they are known, it does.
    """

    rule: str
    what: str
    says: str
    cite: str
    tag: str
    kind: str
    to: str = ""
    due: str = ""
    when: str = ""
    keep_days: int | None = None
    at_most: bool = False
    items: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caveat(Cited):
    """Something true of the decision that a reader must not overlook."""

    code: str
    says: str
    cite: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class PackUse:
    """A pack that was read, which version, and what it alone says of the request."""

    id: str
    version: str
    digest: str
    policy: bool
    says: str  # permits | forbids | open | silent


@dataclass(frozen=True, slots=True)
class Decision:
    """What came out. `as_of` is the day the rules were read of, or empty where it is unknown."""

    outcome: Outcome
    as_of: str
    request_digest: str
    reasons: tuple[Reason, ...]
    needs: tuple[Need, ...]
    obligations: tuple[Obligation, ...]
    warnings: tuple[Caveat, ...]
    packs: tuple[PackUse, ...]
    policy: tuple[str, ...]

    @property
    def permitted(self) -> bool:
        """Whether it may be done. Everything but a permission is a denial."""
        return self.outcome is Outcome.PERMIT

    def to_json(self) -> dict[str, Any]:
        """A JSON value; the same decision gives the same canonical bytes."""
        return {"format": FORMAT, **_plain(asdict(self))}

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON."""
        return digest_json(self.to_json())


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key.replace("_", "-"): _plain(part) for key, part in value.items()}
        case tuple() | list():
            return [_plain(part) for part in value]
        case datetime.date():
            return value.isoformat()
        case StrEnum():
            return value.value
        case _:
            return value
