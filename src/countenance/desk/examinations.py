"""What an examiner sees again of their own examination: where it stands, and what they noted.

Like all of `reviewing` it is found by the examiner's own examination, and tells nothing of the
case, of the other examiner or of what came out.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from countenance.desk.errors import NotAllowedError
from countenance.desk.features import ProbeNotes
from countenance.desk.reviews import Examination, ExaminationState, open_notes
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor, Desk


@dataclass(frozen=True, slots=True)
class OwnExamination:
    """One's own examination. `notes` is None until the probe is noted."""

    id: str
    state: ExaminationState
    notes: ProbeNotes | None


def own_examination(desk: Desk, actor: Actor, task: str, *, keys: Secrets) -> OwnExamination:
    """The actor's own examination. NotAllowedError, whether or not it is somebody else's."""

    def work(db: Session) -> OwnExamination:
        row = db.scalar(
            select(Examination)
            .where(Examination.id == task, Examination.examiner == actor.account)
        )  # fmt: skip
        if row is None:
            raise NotAllowedError("there is no such examination for you")
        notes = None if row.notes_box is None else open_notes(db, keys, row)
        return OwnExamination(row.id, ExaminationState(row.state), notes)

    return desk.look(actor, "review.read", work)
