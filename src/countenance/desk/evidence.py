"""Evidence of a lead: independent of it, or derived from it, and derived from derived is derived.

A line-up with the candidate in it, a picture shown to a witness, a look at both faces: all of
these rest on the candidate, whatever anybody says of them, and so does all that came of them
(failures F10, F11). Only what is left is independent.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Doing
from countenance.record import EventKind, Field

_MOST = 500
_MOST_PARENTS = 50


class EvidenceKind(StrEnum):
    """What an item is."""

    LINE_UP = "line-up"
    PICTURE_SHOWN = "picture-shown-to-witness"
    FACE_COMPARISON = "comparison-of-faces"
    WITNESS = "witness-account"
    FINGERPRINT = "fingerprint"
    DNA = "dna"
    DOCUMENT = "document"
    LOCATION = "location-data"
    COMMUNICATION = "communication-data"
    PROPERTY_FOUND = "property-found"
    STATEMENT = "statement-of-the-person"
    OTHER = "other"


class Relation(StrEnum):
    """How whoever enters an item says it stands to the lead."""

    INDEPENDENT = "independent"
    DERIVED = "derived"


ALWAYS_DERIVED = frozenset(
    {EvidenceKind.LINE_UP, EvidenceKind.PICTURE_SHOWN, EvidenceKind.FACE_COMPARISON}
)
"""Built on the candidate or on the faces alone: never independent, whatever is said of them."""

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "evidence-added", 1, "an item of evidence was entered beside a lead",
        {
            "request": Field("digest"),
            "kind": Field("code", tuple(EvidenceKind)),
            "counted_as": Field("code", tuple(Relation)),
        },
        ("case", "author", "item"),
    ),
)  # fmt: skip


class Evidence(Base):
    """One item. Items are added, never changed, and point only to items before them."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("lead", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    lead: Mapped[str] = mapped_column(ForeignKey("leads.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[EvidenceKind] = mapped_column(String(32))
    relation: Mapped[Relation] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    box: Mapped[bytes] = mapped_column(LargeBinary)


class EvidenceSource(Base):
    """That an item came of another."""

    __tablename__ = "evidence_sources"

    item: Mapped[str] = mapped_column(ForeignKey("evidence.id"), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("evidence.id"), primary_key=True)


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What is entered.

    Attributes
    ----------
    relation
        As claimed. What it is counted as is computed.
    derived_from
        Ids of items of the same lead that it came of.
    what, source
        In words: what it is, and where and how it was obtained.
    """

    kind: EvidenceKind
    relation: Relation
    what: str
    source: str
    obtained_on: datetime.date
    derived_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for where in ("what", "source"):
            if not 3 <= len(getattr(self, where).strip()) <= 2000:
                raise InputError("this says too little or too much", where=where,
                                 expected="3 to 2,000 characters")  # fmt: skip
        if len(set(self.derived_from)) != len(self.derived_from):
            raise InputError("an item is named twice", where="derived_from")
        if len(self.derived_from) > _MOST_PARENTS:
            raise InputError("too many items", where="derived_from",
                             expected=f"at most {_MOST_PARENTS}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """An item as far as its independence goes."""

    id: str
    kind: EvidenceKind
    relation: Relation
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """An item as it is shown, and what it counts as."""

    id: str
    kind: EvidenceKind
    claimed: Relation
    counted_as: Relation
    what: str
    source: str
    obtained_on: str
    derived_from: tuple[str, ...]
    at: datetime.datetime


def independent(items: Iterable[Item]) -> frozenset[str]:
    """Ids of the items that rest on the lead in no way, in any order they come.

    Everything that is said to be derived, that is of a kind that always is, or that came of an
    item which is (or which is not among these) is derived.
    """
    known = {item.id: item for item in items}
    derived = {
        item.id
        for item in known.values()
        if item.relation is not Relation.INDEPENDENT
        or item.kind in ALWAYS_DERIVED
        or any(parent not in known for parent in item.derived_from)
    }
    came_of: dict[str, list[str]] = {}
    for item in known.values():
        for parent in item.derived_from:
            came_of.setdefault(parent, []).append(item.id)
    waiting = list(derived)
    while waiting:
        for child in came_of.get(waiting.pop(), ()):
            if child not in derived:
                derived.add(child)
                waiting.append(child)
    return frozenset(known.keys() - derived)


def add(
    doing: Doing, keys: Secrets, *, lead: str, handle: str, request: str, case: str,
    new: NewEvidence,
) -> str:  # fmt: skip
    """Enter an item beside a lead, as part of an action; its id.

    Raises InputError where it is said to come of an item that this lead does not have.
    """
    before = items(doing.db, lead)
    if len(before) >= _MOST:
        raise InputError("too many items", where="evidence", expected=f"at most {_MOST}")
    missing = set(new.derived_from) - {each.id for each in before}
    if missing:
        raise InputError("there is no such item of this lead", where="derived_from")
    identity = new_id()
    clear = json.dumps(
        {"what": new.what, "source": new.source, "obtained_on": new.obtained_on.isoformat()}
    )
    doing.db.add(
        Evidence(
            id=identity, lead=lead, number=len(before) + 1, kind=new.kind, relation=new.relation,
            by=doing.actor.account, at=doing.now,
            box=keys.seal(doing.db, handle, clear.encode(), purpose=f"evidence {identity}",
                          now=doing.now),
        )
    )  # fmt: skip
    doing.db.flush()
    for source in new.derived_from:
        doing.db.add(EvidenceSource(item=identity, source=source))
    item = Item(identity, new.kind, new.relation, new.derived_from)
    counts = identity in independent((*before, item))
    doing.record.add(
        doing.db, "evidence-added", about=handle,
        public={"request": request, "kind": new.kind.value,
                "counted_as": (Relation.INDEPENDENT if counts else Relation.DERIVED).value},
        private={"case": case, "author": doing.actor.account, "item": identity},
    )  # fmt: skip
    return identity


def items(db: Session, lead: str) -> tuple[Item, ...]:
    """The items of a lead, in the order they were entered."""
    rows = db.scalars(select(Evidence).where(Evidence.lead == lead).order_by(Evidence.number))
    parents = _parents(db, lead)
    return tuple(
        Item(row.id, EvidenceKind(row.kind), Relation(row.relation), parents.get(row.id, ()))
        for row in rows
    )


def view(db: Session, keys: Secrets, *, lead: str, handle: str) -> tuple[EvidenceView, ...]:
    """The items of a lead with their words."""
    counted = independent(items(db, lead))
    parents = _parents(db, lead)
    found = []
    for row in db.scalars(select(Evidence).where(Evidence.lead == lead).order_by(Evidence.number)):
        words = json.loads(keys.open(db, handle, row.box, purpose=f"evidence {row.id}"))
        found.append(
            EvidenceView(
                row.id, EvidenceKind(row.kind), Relation(row.relation),
                Relation.INDEPENDENT if row.id in counted else Relation.DERIVED, words["what"],
                words["source"], words["obtained_on"], parents.get(row.id, ()), row.at,
            )
        )  # fmt: skip
    return tuple(found)


def _parents(db: Session, lead: str) -> Mapping[str, tuple[str, ...]]:
    rows = db.execute(
        select(EvidenceSource.item, EvidenceSource.source)
        .join(Evidence, Evidence.id == EvidenceSource.item)
        .where(Evidence.lead == lead)
        .order_by(EvidenceSource.item, EvidenceSource.source)
    )
    found: dict[str, tuple[str, ...]] = {}
    for item, source in rows:
        found[item] = (*found.get(item, ()), source)
    return found
