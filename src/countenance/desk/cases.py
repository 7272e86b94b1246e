"""Cases: there is no search without one, and no case without an offence, a purpose and an account.

What a case says is kept encrypted under the case's own key. A case is read by whoever opened it,
by approvers and by auditors. Examiners do not read it at all: knowing the story is what biases a
comparison (failure F9); they see probes, through `probes`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.core import InputError, digest_json
from countenance.desk.base import UTC, Base, new_id
from countenance.desk.errors import NotAllowedError, StateError
from countenance.desk.narratives import (
    SAYS,
    Narrative,
    Weakness,
    is_repeat,
    keep_prints,
    prints,
    read_narrative,
)  # fmt: skip
from countenance.desk.roles import Role
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk, Doing
from countenance.desk.timeline import Moment, Stretch, Window, handle, stretch, timeline
from countenance.law import bundled_vocabulary
from countenance.record import EventKind, Field

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{1,62}[A-Za-z0-9]")
_MOST_SECTION = 200

KINDS: tuple[EventKind, ...] = (
    EventKind(
        "case-changed", 1, "a case was opened, amended, closed or opened again",
        {
            "change": Field("code", ("opened", "amended", "closed", "reopened")),
            "purpose": Field("code"),
            "offences": Field("codes"),
        },
        ("case", "actor", "grounds", "details"),
    ),
)  # fmt: skip


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLOSED = "closed"
    ERASED = "erased"


MOVES: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset({CaseState.CLOSED}),
    CaseState.CLOSED: frozenset({CaseState.OPEN, CaseState.ERASED}),  # that one by `erasing` only
    CaseState.ERASED: frozenset(),
}


class Case(Base):
    """One case. Its details are versions of their own, each sealed."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[CaseState] = mapped_column(String(16))
    opened_by: Mapped[str] = mapped_column(String(32), index=True)
    opened_at: Mapped[datetime.datetime] = mapped_column(UTC)
    version: Mapped[int] = mapped_column(Integer, default=1)


class CaseVersion(Base):
    """What a case said at one time. Versions are added, never changed."""

    __tablename__ = "case_versions"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime.datetime] = mapped_column(UTC)
    by: Mapped[str] = mapped_column(String(32))
    box: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class CaseDetails:
    """What a case is about.

    Attributes
    ----------
    purpose, offence_kinds
        Words of the law's vocabulary (``use.purpose``, ``offence.kinds``).
    offence_section
        The specific offence with its section; empty where none is stated.
    narrative
        The facts, of this case and no other (see `narratives`).
    """

    purpose: str
    offence_kinds: tuple[str, ...]
    offence_section: str
    narrative: str

    def __post_init__(self) -> None:
        words = bundled_vocabulary()
        for name, value in (("use.purpose", self.purpose), ("offence.kinds", self.offence_kinds)):
            try:
                words[name].accept(value)
            except ValueError as error:
                raise InputError("not a word for this", where=name, expected=str(error)) from None
        section = self.offence_section
        if len(section) > _MOST_SECTION or not section.isprintable():
            raise InputError(
                "the offence is not one line", where="offence",
                expected=f"at most {_MOST_SECTION} characters",
            )  # fmt: skip
        object.__setattr__(self, "offence_kinds", tuple(sorted(set(self.offence_kinds))))

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON."""
        return digest_json(asdict(self))


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as somebody who may read it sees it."""

    id: str
    number: str
    state: CaseState
    opened_by: str
    opened_at: datetime.datetime
    version: int
    details: CaseDetails


def open_case(
    desk: Desk, actor: Actor, *, keys: Secrets, number: str, details: CaseDetails
) -> str:
    """Open a case; its id.

    Raises
    ------
    InputError
        The number is none or is taken, or the account of the facts says nothing or is another
        case's (see `narratives`).
    """
    if not _NUMBER.fullmatch(number):
        raise InputError("not a case number", where="number",
                         expected="3 to 64 letters, digits, and . / _ - within")  # fmt: skip
    narrative = _checked(details)

    def work(doing: Doing) -> str:
        if doing.db.scalar(select(Case.id).where(Case.number == number)) is not None:
            raise InputError("this case number is taken", where="number")
        case = Case(id=new_id(), number=number, state=CaseState.OPEN, opened_by=actor.account,
                    opened_at=doing.now)  # fmt: skip
        doing.db.add(case)
        doing.db.flush()
        _put(doing, keys, case, details, narrative)
        tell(doing, case, "opened", details)
        return case.id

    return desk.act(actor, "case.open", work)


def amend_case(
    desk: Desk, actor: Actor, case_id: str, *, keys: Secrets, details: CaseDetails, version: int
) -> None:
    """Say otherwise what a case is about. `version` is the one the actor saw.

    An approval of a request from before is void from then on: its digest covers the details.
    """
    narrative = _checked(details)

    def work(doing: Doing) -> None:
        case = own_case(doing.db, actor, case_id, CaseState.OPEN)
        if case.version != version:
            raise StateError("the case was amended meanwhile", do="look again")
        case.version += 1
        _put(doing, keys, case, details, narrative)
        tell(doing, case, "amended", details)

    desk.act(actor, "case.amend", work)


def move_case(
    desk: Desk, actor: Actor, case_id: str, *, keys: Secrets, to: CaseState, grounds: str
) -> None:
    """Close a case, or open it again. `grounds` are kept sealed. StateError if it is there."""
    if to is CaseState.ERASED:
        raise InputError("a case is erased by two others", where="to", do="ask for its erasure")

    def work(doing: Doing) -> None:
        (source,) = (state for state in CaseState if to in MOVES[state])
        case = own_case(doing.db, actor, case_id, source)
        case.state = to
        change = "closed" if to is CaseState.CLOSED else "reopened"
        tell(doing, case, change, details_of(doing.db, keys, case), grounds=grounds)

    desk.act(actor, "case.move", work)


def read_case(desk: Desk, actor: Actor, case_id: str, *, keys: Secrets) -> CaseView:
    """A case, for whoever may read it. NotAllowedError for others, and where there is none."""
    return desk.look(
        actor, "case.read", lambda db: view_of(db, keys, readable(db, actor, case_id))
    )


def read_timeline(desk: Desk, actor: Actor, case_id: str) -> list[Moment]:
    """All events of a case, for whoever may read it."""
    return desk.look(actor, "case.read", lambda db: timeline(db, readable(db, actor, case_id).id))


def read_stretch(desk: Desk, actor: Actor, case_id: str, window: Window) -> Stretch:
    """A part of the timeline, for whoever may read the case."""
    return desk.look(
        actor, "case.read", lambda db: stretch(db, readable(db, actor, case_id).id, window)
    )


def list_cases(
    desk: Desk, actor: Actor, *, after: str = "", most: int = 50
) -> list[tuple[str, str, CaseState]]:
    """(id, number, state) of cases the actor may read, by number; the next page is `after` it."""

    def work(db: Session) -> list[tuple[str, str, CaseState]]:
        found = select(Case).where(Case.number > after).order_by(Case.number).limit(most)
        if not actor.roles & {Role.APPROVER, Role.AUDITOR}:
            found = found.where(Case.opened_by == actor.account)
        return [(case.id, case.number, CaseState(case.state)) for case in db.scalars(found)]

    return desk.look(actor, "case.read", work)


def readable(db: Session, actor: Actor, case_id: str) -> Case:
    """A case that the actor may read. NotAllowedError, whether or not there is another."""
    case = db.get(Case, case_id)
    if case is None or not (
        case.opened_by == actor.account or actor.roles & {Role.APPROVER, Role.AUDITOR}
    ):
        raise NotAllowedError("there is no such case for you")
    return case


def own_case(db: Session, actor: Actor, case_id: str, state: CaseState) -> Case:
    """The actor's own case, in the state expected. NotAllowedError, StateError."""
    case = db.get(Case, case_id)
    if case is None or case.opened_by != actor.account:
        raise NotAllowedError("there is no such case for you")
    if case.state != state:
        raise StateError(f"the case is {CaseState(case.state).value}")
    return case


def details_of(db: Session, keys: Secrets, case: Case) -> CaseDetails:
    """What a case says now."""
    row = db.scalars(
        select(CaseVersion).where(
            CaseVersion.case_id == case.id, CaseVersion.number == case.version
        )
    ).one()
    value = json.loads(keys.open(db, handle(case.id), row.box, purpose=f"case version {row.id}"))
    return CaseDetails(**{**value, "offence_kinds": tuple(value["offence_kinds"])})


def view_of(db: Session, keys: Secrets, case: Case) -> CaseView:
    """A case with its details."""
    return CaseView(case.id, case.number, CaseState(case.state), case.opened_by, case.opened_at,
                    case.version, details_of(db, keys, case))  # fmt: skip


def narrative_weakness(
    db: Session, keys: Secrets, case_id: str, details: CaseDetails
) -> Weakness | None:
    """Whether the account still stands: asked again when a search is decided on."""
    narrative = read_narrative(details.narrative)
    if narrative.weakness is not None:
        return narrative.weakness
    repeats = is_repeat(db, case_id, prints(narrative, keys))
    return Weakness.REPEATED if repeats else None


def tell(
    doing: Doing, case: Case, change: str, details: CaseDetails, *, grounds: str | None = None
) -> None:
    """Record a change of a case."""
    doing.record.add(
        doing.db, "case-changed", about=handle(case.id),
        public={"change": change, "purpose": details.purpose,
                "offences": list(details.offence_kinds)},
        private={"case": case.number, "actor": doing.actor.account, "grounds": grounds,
                 "details": {"sha256": details.digest}},
    )  # fmt: skip


def _checked(details: CaseDetails) -> Narrative:
    narrative = read_narrative(details.narrative)
    if narrative.weakness is not None:
        raise _weak(narrative.weakness)
    return narrative


def _weak(weakness: Weakness) -> InputError:
    return InputError(f"this is no account of the facts: {SAYS[weakness]}", where="narrative")


def _put(
    doing: Doing, keys: Secrets, case: Case, details: CaseDetails, narrative: Narrative
) -> None:
    marks = prints(narrative, keys)
    if is_repeat(doing.db, case.id, marks):
        raise _weak(Weakness.REPEATED)
    keep_prints(doing.db, case.id, marks)
    row = CaseVersion(id=new_id(), case_id=case.id, number=case.version, at=doing.now,
                      by=doing.actor.account)  # fmt: skip
    clear = json.dumps(asdict(details)).encode()
    row.box = keys.seal(doing.db, handle(case.id), clear, purpose=f"case version {row.id}",
                        now=doing.now)  # fmt: skip
    doing.db.add(row)
