"""Notes for the one summary of a run: a count, a sentence, and the first few places."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.core import Note

SHOWN = 5


def make_note(code: str, places: Sequence[str], text: str, *, count: int | None = None) -> Note:
    """One note for many places.

    In `text`, ``{rows}``, ``{images}`` and ``{people}`` become the count with its word, and
    ``{were}`` and ``{are}`` agree with it.
    """
    n = len(places) if count is None else count
    one = n == 1
    words = {
        "rows": f"{n:,} row{'' if one else 's'}",
        "images": f"{n:,} image{'' if one else 's'}",
        "people": f"{n:,} {'person' if one else 'people'}",
        "files": f"{n:,} file{'' if one else 's'}",
        "values": f"{n:,} value{'' if one else 's'}",
        "were": "was" if one else "were",
        "are": "is" if one else "are",
    }
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    shown = tuple(places[:SHOWN])
    if len(places) > SHOWN:
        shown += (f"and {len(places) - SHOWN:,} more",)
    return Note(code=code, count=n, text=text, where=shown)


def list_places(places: Sequence[str]) -> str:
    """The first few places in one line, for an error message."""
    more = f", and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return "; ".join(places[:SHOWN]) + more
