"""What a written account must be to say something, and whether it was said of another case before.

"Investigation", "inv", or the paragraph of last week's case pasted anew are no reasons (failure
F25). The floor is low on purpose: it does not judge prose, it refuses what cannot be an account.
Nobody's words are kept for the comparison, only keyed fingerprints of runs of five words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from countenance.desk.base import Base
from countenance.desk.secrets_at_rest import Secrets

LEAST_WORDS = 25
LEAST_DIFFERENT_WORDS = 15
MOST_CHARACTERS = 20_000
_RUN = 5
_SKETCH = 24
_ALIKE = 0.5
_WORD = re.compile(r"[^\W\d_]+")


class Weakness(StrEnum):
    """Why a narrative is none."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    SAME_WORDS = "same-words-again"
    UNREADABLE = "unreadable"
    REPEATED = "repeats-another-case"


SAYS = {
    Weakness.TOO_SHORT: f"an account of the facts has at least {LEAST_WORDS} words",
    Weakness.TOO_LONG: f"an account has at most {MOST_CHARACTERS:,} characters",
    Weakness.SAME_WORDS: f"an account has at least {LEAST_DIFFERENT_WORDS} different words",
    Weakness.UNREADABLE: "an account has no characters that cannot be read",
    Weakness.REPEATED: "this account stands in another case already; write what is true of this",
}


class NarrativePrint(Base):
    """One fingerprint of a case's narrative."""

    __tablename__ = "narrative_prints"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    print: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)


@dataclass(frozen=True, slots=True)
class Narrative:
    """A text, and what is wrong with it by itself (None: nothing)."""

    text: str
    weakness: Weakness | None

    @property
    def words(self) -> list[str]:
        """Its words, folded to one spelling; digits and marks do not make a text another."""
        return _words(self.text)


def read_narrative(text: str) -> Narrative:
    """Look at a text by itself. One line endings, nothing invisible in it."""
    text = text.replace("\r\n", "\n").strip()
    return Narrative(text, _weakness(text))


def prints(narrative: Narrative, keys: Secrets) -> frozenset[str]:
    """Fingerprints: the least few keyed hashes of its runs of five words.

    A bottom-k sketch (Broder 1997): two texts that share a part of their runs share about that
    part of their sketches. Without the master key they say nothing.
    """
    words = narrative.words
    runs = {" ".join(words[i : i + _RUN]) for i in range(max(1, len(words) - _RUN + 1))}
    return frozenset(sorted(keys.fingerprint(run, purpose="narrative") for run in runs)[:_SKETCH])


def is_repeat(db: Session, case_id: str, marks: frozenset[str]) -> bool:
    """Whether at least half of these fingerprints are another single case's."""
    if not marks:
        return False
    shared = db.scalar(
        select(func.count()).where(
            NarrativePrint.print.in_(marks), NarrativePrint.case_id != case_id
        ).group_by(NarrativePrint.case_id).order_by(func.count().desc()).limit(1)
    )  # fmt: skip
    return (shared or 0) >= _ALIKE * len(marks)


def keep_prints(db: Session, case_id: str, marks: frozenset[str]) -> None:
    """Remember a case's narrative, in place of what it was."""
    db.execute(delete(NarrativePrint).where(NarrativePrint.case_id == case_id))
    db.add_all(NarrativePrint(case_id=case_id, print=mark) for mark in sorted(marks))


def _weakness(text: str) -> Weakness | None:
    if len(text) > MOST_CHARACTERS:
        return Weakness.TOO_LONG
    if not all(char.isprintable() or char in "\n\t" for char in text):
        return Weakness.UNREADABLE
    words = _words(text)
    if len(words) < LEAST_WORDS:
        return Weakness.TOO_SHORT
    if len(set(words)) < LEAST_DIFFERENT_WORDS:
        return Weakness.SAME_WORDS
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
