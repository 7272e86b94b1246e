"""The kinds of event that are recorded, each with a version and its fields.

A kind's fields never change under one version: a change is a new version beside the old one, so
that what was written years ago is still read by the rule of its day.

This is the list of an accountable search service, as data: the room itself treats every kind
alike, and another system brings another list (`parse_entry(..., kinds=...)`).
"""

from __future__ import annotations

from typing import Final

from countenance.record.entries import EventKind, Field, Kinds

_CODE = Field("code")
_DIGEST = Field("digest")
_COUNT = Field("count")
_PLACE = Field("place")
_RULES = Field("codes")

_ALL: Final = (
    EventKind(
        "search-requested",
        1,
        "somebody asked for a search",
        {
            "jurisdiction": _PLACE,
            "purpose": _CODE,
            "rules": _RULES,
            "engine": _DIGEST,
            "audit": _DIGEST,
            "gallery": _CODE,
            "gallery_size": _COUNT,
        },
        ("case", "requester", "probe", "authority"),
    ),
    EventKind(
        "search-decided",
        1,
        "the rules permitted or refused a search",
        {
            "request": _DIGEST,
            "jurisdiction": _PLACE,
            "rules": _RULES,
            "decision": Field("code", ("permitted", "refused")),
            "reason": _CODE,
        },
        ("case", "decider", "facts"),
    ),
    EventKind(
        "search-returned",
        1,
        "a search gave its list",
        {
            "request": _DIGEST,
            "jurisdiction": _PLACE,
            "engine": _DIGEST,
            "audit": _DIGEST,
            "gallery": _CODE,
            "gallery_size": _COUNT,
            "candidates": _COUNT,
        },
        ("case", "list"),
    ),
    EventKind(
        "candidate-reviewed",
        1,
        "an examiner said what a candidate is worth",
        {
            "request": _DIGEST,
            "outcome": Field("code", ("lead", "excluded", "inconclusive")),
        },
        ("case", "candidate", "examiner", "grounds"),
    ),
    EventKind(
        "disclosed",
        1,
        "a case was disclosed to somebody",
        {
            "packet": _DIGEST,
            "recipient": Field(
                "code", ("court", "defence", "oversight", "prosecution", "subject")
            ),
        },
        ("case", "recipient_name"),
    ),
    EventKind(
        "opened",
        1,
        "sealed fields of entries were opened to somebody",
        {"fields": _COUNT, "basis": _CODE},
        ("reader", "entries"),
    ),
    EventKind(
        "erased",
        1,
        "salts and clear values were erased for good",
        {"fields": _COUNT, "basis": _CODE},
        ("request",),
    ),
    EventKind(
        "rules-changed",
        1,
        "a rule pack came into force, or went",
        {
            "jurisdiction": _PLACE,
            "pack": _CODE,
            "digest": _DIGEST,
            "change": Field("code", ("adopted", "replaced", "withdrawn")),
        },
        ("author",),
    ),
    EventKind(
        "audit-accepted",
        1,
        "an audit of an engine was taken as the current one",
        {"engine": _DIGEST, "audit": _DIGEST, "until": Field("time")},
        ("author",),
    ),
    EventKind(
        "gallery-changed",
        1,
        "a gallery grew, shrank, came or went",
        {
            "gallery": _CODE,
            "gallery_size": _COUNT,
            "added": _COUNT,
            "removed": _COUNT,
            "source": _CODE,
        },
        ("author", "grounds"),
    ),
    EventKind(
        "access-changed",
        1,
        "an account was given a role, or lost one",
        {
            "role": _CODE,
            "change": Field("code", ("granted", "withdrawn")),
        },
        ("account", "author"),
    ),
    EventKind(
        "key-rotated",  # `rotation` makes these and checks what the statement says
        1,
        "the log went over to another key",
        {"statement": Field("statement")},
    ),
)


def _by_name() -> dict[str, tuple[EventKind, ...]]:
    kinds: dict[str, tuple[EventKind, ...]] = {}
    for kind in _ALL:
        kinds[kind.name] = (*kinds.get(kind.name, ()), kind)
    return kinds


KINDS: Final[Kinds] = _by_name()
"""Every version of every kind of this project."""


def newest(name: str, *, kinds: Kinds = KINDS) -> EventKind | None:
    """The newest version of a kind; None if there is no such kind."""
    return max(kinds.get(name, ()), key=lambda kind: kind.version, default=None)
