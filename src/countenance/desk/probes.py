"""Probes: the original bytes first, each edit a recorded step, a person's word before a search.

The bytes that came are hashed before anything looks at them, and kept. An edit names the hash of
an image that the probe already has and brings another image; so all of them hang on the original.
Any edit takes a judgement of suitability back, because it was of another picture.

What is drawn, put together, generated or of somebody who merely looks alike is refused, whatever
the deployment's policy is (failure F4). That a file is what its uploader says it is cannot be
measured; whoever said it is in the record.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, sha256_bytes
from countenance.desk.base import UTC, Base
from countenance.desk.errors import StateError
from countenance.desk.house import House
from countenance.desk.quality import Quality
from countenance.desk.timeline import handle
from countenance.law import bundled_vocabulary
from countenance.record import EventKind, Field

REFUSED_KINDS = frozenset({"sketch", "composite", "look-alike", "generated", "mask-or-statue"})
_LEAST_EXPLANATION = 20
_MOST_EXPLANATION = 2000
_DIGEST, _COUNT, _CODE = Field("digest"), Field("count"), Field("code")

KINDS: tuple[EventKind, ...] = (
    EventKind("probe-refused", 1, "a probe was refused for what it is", {"sort": _CODE},
              ("case", "actor", "probe")),
    EventKind("probe-received", 1, "the original of a probe was received",
              {"sort": _CODE, "shows": _CODE, "known_by": _CODE},
              ("case", "actor", "probe", "image", "bytes", "provenance", "quality")),
    EventKind("probe-edited", 1, "a probe was edited",
              {"operation": _CODE, "substantial": Field("flag"), "step": _COUNT},
              ("case", "actor", "probe", "before", "after", "edit", "quality")),
    EventKind("probe-judged", 1, "a person said whether a probe is good enough",
              {"suitable": Field("flag"), "reason": _CODE},
              ("case", "actor", "probe", "image")),
)  # fmt: skip


class KnownBy(StrEnum):
    """How it is known whom a probe shows."""

    RECORDING_OF_THE_ACT = "recording-of-the-act"
    WITNESS_OF_THE_ACT = "witness-of-the-act"
    DOCUMENT = "document"
    ACCOUNT_IN_SOCIAL_MEDIA = "account-in-social-media"
    FAMILY_OR_FRIEND = "family-or-friend"
    BODY = "body"
    NOT_KNOWN = "not-known"


class Judgement(StrEnum):
    """Why a person found a probe good enough, or not."""

    CLEAR_ENOUGH = "clear-enough"
    TOO_BLURRED = "too-blurred"
    TOO_SMALL = "too-small"
    TOO_DARK = "too-dark"
    TURNED_AWAY = "turned-away"
    COVERED = "covered"
    EDITED_TOO_MUCH = "edited-too-much"
    NOT_ONE_FACE = "not-one-face"
    OTHER = "other"


class ProbeState(StrEnum):
    """Where a probe stands."""

    WAITING = "waiting"
    SUITABLE = "suitable"
    UNSUITABLE = "unsuitable"


MOVES: Mapping[ProbeState, frozenset[ProbeState]] = {
    ProbeState.WAITING: frozenset({ProbeState.SUITABLE, ProbeState.UNSUITABLE}),
    ProbeState.SUITABLE: frozenset({ProbeState.WAITING}),
    ProbeState.UNSUITABLE: frozenset({ProbeState.WAITING}),
}
"""A judgement is given once for one image; only an edit makes a probe wait for another."""


class Probe(Base):
    """One probe of one case. `image` is the SHA-256 of the picture as it stands now."""

    __tablename__ = "probes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    state: Mapped[ProbeState] = mapped_column(String(16), index=True)
    sort: Mapped[str] = mapped_column(String(32))
    shows: Mapped[str] = mapped_column(String(32))
    known_by: Mapped[str] = mapped_column(String(32))
    provenance: Mapped[bytes] = mapped_column(LargeBinary)
    original: Mapped[str] = mapped_column(String(64))
    image: Mapped[str] = mapped_column(String(64))
    uploaded_by: Mapped[str] = mapped_column(String(32))
    uploaded_at: Mapped[datetime.datetime] = mapped_column(UTC)
    judged_by: Mapped[str | None] = mapped_column(String(32), default=None)
    judged_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    judgement: Mapped[str | None] = mapped_column(String(32), default=None)


class ProbeImage(Base):
    """One picture of a probe: number 0 is the original, n the outcome of step n."""

    __tablename__ = "probe_images"
    __table_args__ = (UniqueConstraint("probe_id", "sha256"),)

    probe_id: Mapped[str] = mapped_column(ForeignKey("probes.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    box: Mapped[bytes] = mapped_column(LargeBinary)
    quality: Mapped[str] = mapped_column(Text)


class ProbeEdit(Base):
    """Step n of a probe. `details` are sealed: a reason may say something of the person."""

    __tablename__ = "probe_edits"

    probe_id: Mapped[str] = mapped_column(ForeignKey("probes.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    before: Mapped[str] = mapped_column(String(64))
    after: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(32))
    substantial: Mapped[bool]
    made_here: Mapped[bool]
    operator: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    details: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whom the image shows, and how that is known (failure F5).

    Attributes
    ----------
    shows
        A word of ``probe.shows-actor``.
    explanation
        Where the picture is from and how it came here; asked for where `shows` says it is known.
    captured_on
        The day it was taken, if known.
    """

    shows: str
    known_by: KnownBy
    explanation: str
    captured_on: datetime.date | None = None

    def __post_init__(self) -> None:
        try:
            bundled_vocabulary()["probe.shows-actor"].accept(self.shows)
        except ValueError as error:
            raise InputError("not a word for this", where="shows", expected=str(error)) from None
        known = self.shows.startswith("shown-")
        if known and (
            self.known_by is KnownBy.NOT_KNOWN or len(self.explanation) < _LEAST_EXPLANATION
        ):
            raise InputError("it is not said how that is known", where="provenance",
                             do="say which recording or witness it was")  # fmt: skip
        if len(self.explanation) > _MOST_EXPLANATION:
            raise InputError("too long", where="provenance",
                             expected=f"at most {_MOST_EXPLANATION} characters")  # fmt: skip


def image_bytes(db: Session, house: House, probe: Probe, sha256: str) -> bytes:
    """The bytes of one image, opened and hashed again. StateError where the probe has no such."""
    row = db.scalar(
        select(ProbeImage).where(ProbeImage.probe_id == probe.id, ProbeImage.sha256 == sha256)
    )
    if row is None:
        raise StateError("the probe has no such image", do="begin from one that it has")
    clear = house.keys.open(db, handle(probe.case_id), row.box, purpose=place_of(row))
    if sha256_bytes(clear) != sha256:
        raise StateError("the image is not the one that was recorded")
    return clear


def quality_of(db: Session, probe: Probe) -> Quality:
    """What was measured of the image as it stands."""
    text = db.scalars(
        select(ProbeImage.quality).where(
            ProbeImage.probe_id == probe.id, ProbeImage.sha256 == probe.image
        )
    ).one()
    return Quality(**json.loads(text))


def edits_of(db: Session, probe: Probe) -> list[ProbeEdit]:
    """The steps, in order."""
    return list(
        db.scalars(
            select(ProbeEdit).where(ProbeEdit.probe_id == probe.id).order_by(ProbeEdit.number)
        )
    )


def chain_holds(db: Session, probe: Probe) -> bool:
    """Whether every image hangs on the original by recorded steps, the present one too."""
    images = {
        row.number: row.sha256
        for row in db.scalars(select(ProbeImage).where(ProbeImage.probe_id == probe.id))
    }
    known = {probe.original}
    for number, step in enumerate(edits_of(db, probe), 1):
        if (step.number, step.after) != (number, images.get(number)) or step.before not in known:
            return False
        known.add(step.after)
    return images.get(0) == probe.original and len(images) == len(known) and probe.image in known


def probe_facts(db: Session, probe: Probe) -> dict[str, Any]:
    """Facts ``probe.*`` as the records have them: nobody types them into a request."""
    line = _line(edits_of(db, probe), probe)
    return {
        "probe.kind": probe.sort,
        "probe.original-kept": True,
        "probe.edited": bool(line),
        "probe.edits-recorded": chain_holds(db, probe),
        "probe.substantially-altered": any(step.substantial for step in line),
        "probe.shows-actor": probe.shows,
        "probe.suitable": probe.state == ProbeState.SUITABLE,
    }


def _line(steps: list[ProbeEdit], probe: Probe) -> list[ProbeEdit]:
    """The steps that lead from the original to the image as it stands; others are kept beside."""
    by_after = {step.after: step for step in steps}
    line, at = [], probe.image
    while at != probe.original and at in by_after:
        line.append(by_after.pop(at))
        at = line[-1].before
    return line[::-1]


def place_of(row: ProbeImage) -> str:
    """What an image is sealed for."""
    return f"probe image {row.probe_id} {row.number}"
