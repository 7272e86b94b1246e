"""What an examiner has typed of each candidate so far, carried from page to page in the form.

A list is examined candidate by candidate and concluded at once. What is typed in between belongs
to nobody but the examiner, so it is kept nowhere: it travels in one field of the form, is read as
if a stranger had sent it, and becomes findings only when all is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from countenance.core import InputError
from countenance.desk.features import (
    Agreement,
    Comparison,
    Component,
    Conclusion,
    ProbeNotes,
    Visible,
)
from countenance.web.fields import Fields

CONCLUSION = "conclusion"
GROUNDS = "grounds"
MOST_GROUNDS = 2000
_NAMES = (*(each.value for each in Component), CONCLUSION, GROUNDS)
_MOST = 4 * 2**20

Draft = Mapping[str, str]
"""One candidate: components, conclusion and grounds, each as typed; what is not there is open."""
Drafts = dict[str, Draft]


def field(name: str, number: str) -> str:
    """What a field of the form of candidate `number` is called."""
    return f"{name}-{number}"


def carried(text: str, numbers: Sequence[str]) -> Drafts:
    """What a form carried along; what is none of ours is left out."""
    try:
        found = json.loads(text) if 0 < len(text) <= _MOST else {}
    except (ValueError, RecursionError):
        found = {}
    if not isinstance(found, dict):
        return {}
    return {
        number: _draft(found[number]) for number in numbers if isinstance(found.get(number), dict)
    }


def carry(drafts: Drafts) -> str:
    """The field that carries them to the next page."""
    return json.dumps(drafts, ensure_ascii=False, separators=(",", ":"))


def typed(fields: Fields, number: str) -> Draft:
    """What was typed into the form of one candidate."""
    return _draft({name: fields.typed(field(name, number)) for name in _NAMES})


def open_parts(draft: Draft, notes: ProbeNotes) -> tuple[str, ...]:
    """What is not said yet, in words."""
    left = [each for each in comparable(notes) if not draft.get(each.value)]
    said: list[str] = []
    if left:
        said.append(f"{len(left)} of {len(comparable(notes))} features")
    return (*said, *(name for name in (CONCLUSION, GROUNDS) if not draft.get(name)))


def comparable(notes: ProbeNotes) -> tuple[Component, ...]:
    """The components that were visible in the probe: the others cannot be compared."""
    return tuple(c for c in Component if notes.visible[c] is not Visible.NOT_VISIBLE)


def comparison(draft: Draft, number: str, notes: ProbeNotes) -> Comparison:
    """The finding that a draft says. Raises InputError, with its field, for one that does not."""
    fields = Fields([(field(name, number), value) for name, value in draft.items()])
    features = {
        each: fields.choice(field(each.value, number), Agreement)
        if each in comparable(notes)
        else Agreement.NOT_VISIBLE
        for each in Component
    }
    conclusion = fields.choice(field(CONCLUSION, number), Conclusion)
    where = field(GROUNDS, number)
    grounds = fields.lines(where, most=MOST_GROUNDS)
    try:
        return Comparison(features, conclusion, grounds)
    except InputError as problem:
        at = field(CONCLUSION, number) if problem.where == conclusion.value else where
        raise InputError(problem.what, where=at, expected=problem.expected,
                         do=problem.do) from None  # fmt: skip


def _draft(found: Mapping[str, object]) -> Draft:
    return {
        name: value for name in _NAMES
        if isinstance(value := found.get(name), str) and 0 < len(value) <= 2 * MOST_GROUNDS
    }  # fmt: skip
