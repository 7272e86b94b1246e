"""Known-answer cases: lists whose truth is known, mixed in among the others (failure F9).

An auditor registers them, of people who agreed to it. To an examiner they are reviews like any
other: handed out the same way, under ids that say nothing, recorded by the same events. What came
of them is counted, for examiners and for the process.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Boolean, ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, digest_json
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.quality import read_upload
from countenance.desk.reviews import Concluded
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.record import EventKind, Field

_MOST = 100


class Result(StrEnum):
    """How an examiner's conclusion compares with the truth."""

    RIGHT = "right"
    WRONG_CANDIDATE = "wrong-candidate"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"


KINDS: tuple[EventKind, ...] = (
    EventKind(
        "known-answer-changed", 1, "an auditor registered a known-answer case, or retired one",
        {
            "known": Field("digest"),
            "change": Field("code", ("registered", "retired")),
            "candidates": Field("count"),
        },
        ("author", "consent"),
    ),
    EventKind(
        "known-answer-examined", 1, "an examiner's conclusion was compared with a known answer",
        {"result": Field("code", tuple(Result))},
        ("examiner", "known"),
    ),
)  # fmt: skip


class KnownAnswer(Base):
    """One case with its truth, sealed: which candidate shows the probe's person, or none."""

    __tablename__ = "known_answers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    retired: Mapped[bool] = mapped_column(Boolean, default=False)
    erased_at: Mapped[datetime.datetime | None] = mapped_column(UTC, default=None)
    truth_box: Mapped[bytes] = mapped_column(LargeBinary)
    probe_box: Mapped[bytes] = mapped_column(LargeBinary)


class KnownPicture(Base):
    """A candidate's picture in a known-answer case."""

    __tablename__ = "known_pictures"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(ForeignKey("known_answers.id"), index=True)
    box: Mapped[bytes] = mapped_column(LargeBinary)


class KnownResult(Base):
    """What one examiner made of one known-answer case."""

    __tablename__ = "known_results"
    __table_args__ = (UniqueConstraint("known", "examiner"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(ForeignKey("known_answers.id"))
    examiner: Mapped[str] = mapped_column(String(32), index=True)
    result: Mapped[Result] = mapped_column(String(32))
    at: Mapped[datetime.datetime] = mapped_column(UTC)


@dataclass(frozen=True, slots=True)
class KnownCase:
    """What is registered.

    Attributes
    ----------
    probe
        The picture that examiners see first.
    pictures
        The candidates' pictures.
    answer
        Which of them shows the probe's person; None where none does.
    consent
        Where it is written that all who are shown agreed.
    """

    probe: bytes
    pictures: tuple[bytes, ...]
    answer: int | None
    consent: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.pictures) <= _MOST:
            raise InputError("a list has candidates", expected=f"1 to {_MOST}")
        if self.answer is not None and not 0 <= self.answer < len(self.pictures):
            raise InputError("the answer is none of the candidates", where="answer")
        read_upload(self.probe)
        for picture in self.pictures:
            read_upload(picture)
        if not 3 <= len(self.consent.strip()) <= 200:
            raise InputError("no consent is named", where="consent",
                             expected="where it is written that they agreed")  # fmt: skip


def register(desk: Desk, actor: Actor, case: KnownCase, *, keys: Secrets) -> str:
    """Register a known-answer case; its id."""

    def work(doing: Doing) -> str:
        known = new_id()
        ids = [new_id() for _ in case.pictures]
        truth = {"answer": None if case.answer is None else ids[case.answer]}

        def box(clear: bytes, purpose: str) -> bytes:
            return keys.seal(doing.db, about(known), clear, purpose=purpose, now=doing.now)

        doing.db.add(
            KnownAnswer(
                id=known, by=doing.actor.account, at=doing.now,
                truth_box=box(json.dumps(truth).encode(), "truth"),
                probe_box=box(case.probe, "probe"),
            )
        )  # fmt: skip
        doing.db.flush()
        for identity, picture in zip(ids, case.pictures, strict=True):
            clear = box(picture, f"picture {identity}")
            doing.db.add(KnownPicture(id=identity, known=known, box=clear))
        _tell(doing, known, "registered", len(ids), case.consent)
        return known

    return desk.act(actor, "known-answer.register", work)


def retire(desk: Desk, actor: Actor, known: str) -> None:
    """Hand a known-answer case out no more. Reviews of it that are under way go on."""

    def work(doing: Doing) -> None:
        row = doing.db.get(KnownAnswer, known, with_for_update=True)
        if row is None:
            raise NotAllowedError("there is no such case for you")
        if row.retired:
            raise StateError("it is retired")
        row.retired = True
        _tell(doing, known, "retired", len(candidates(doing.db, known)), None)

    desk.act(actor, "known-answer.register", work)


def results(desk: Desk, actor: Actor) -> Mapping[str, Mapping[Result, int]]:
    """For each examiner, how many of which result: counts, not rates."""

    def work(db: Session) -> Mapping[str, Mapping[Result, int]]:
        found: dict[str, Counter[Result]] = {}
        for row in db.scalars(select(KnownResult)):
            found.setdefault(row.examiner, Counter())[Result(row.result)] += 1
        return found

    return desk.look(actor, "known-answer.results", work)


def candidates(db: Session, known: str) -> list[str]:
    """Ids of a case's candidates."""
    found = select(KnownPicture.id).where(KnownPicture.known == known)
    return list(db.scalars(found.order_by(KnownPicture.id)))


def probe_of(db: Session, keys: Secrets, known: str) -> bytes:
    """The picture that examiners see first."""
    row = db.get_one(KnownAnswer, known)
    return keys.open(db, about(known), row.probe_box, purpose="probe")


def picture_of(db: Session, keys: Secrets, known: str, candidate: str) -> bytes:
    """A candidate's picture. NotAllowedError for one of another case."""
    row = db.get(KnownPicture, candidate)
    if row is None or row.known != known:
        raise NotAllowedError("there is no such picture for you")
    return keys.open(db, about(known), row.box, purpose=f"picture {candidate}")


def mark(doing: Doing, keys: Secrets, known: str, concluded: Concluded) -> None:
    """Compare what an examiner concluded with the truth, and record it."""
    row = doing.db.get_one(KnownAnswer, known)
    clear = keys.open(doing.db, about(known), row.truth_box, purpose="truth")
    result = compare(json.loads(clear)["answer"], concluded)
    doing.db.add(
        KnownResult(id=new_id(), known=known, examiner=concluded.examiner, result=result,
                    at=doing.now)
    )  # fmt: skip
    doing.record.add(
        doing.db, "known-answer-examined", about=about(known),
        public={"result": result.value},
        private={"examiner": concluded.examiner, "known": known},
    )  # fmt: skip


def compare(answer: str | None, concluded: Concluded) -> Result:
    """How a conclusion stands to the truth."""
    if concluded.pick is not None:
        return Result.RIGHT if concluded.pick == answer else Result.WRONG_CANDIDATE
    if concluded.undecided:
        return Result.INCONCLUSIVE
    return Result.RIGHT if answer is None else Result.MISSED


def about(known: str) -> str:
    """The handle under which a case is sealed."""
    return f"known:{known}"


def _tell(doing: Doing, known: str, change: str, count: int, consent: str | None) -> None:
    doing.record.add(
        doing.db, "known-answer-changed", about=about(known),
        public={"known": digest_json(known), "change": change, "candidates": count},
        private={"author": doing.actor.account, "consent": consent},
    )  # fmt: skip
