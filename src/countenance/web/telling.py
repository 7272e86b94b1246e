"""A case's events in sentences: what happened, by whom as far as the case file says, and the rest.

Names of examiners stay with the record; who else acted follows from whose case it is and from who
approved which request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from countenance.desk.casefile import CaseFile
from countenance.desk.kinds import KINDS
from countenance.desk.timeline import Moment

_SENTENCES: Mapping[str, tuple[str, Mapping[Any, str]]] = {
    "case-changed": ("change", {
        "opened": "the case was opened", "amended": "the case was amended",
        "closed": "the case was closed", "reopened": "the case was opened again",
    }),
    "probe-judged": ("suitable", {
        True: "a probe was found good enough", False: "a probe was found not good enough",
    }),
    "request-moved": ("change", {
        "approved": "the request was approved", "declined": "the request was declined",
        "withdrawn": "the request was withdrawn", "lapsed": "the request lapsed",
        "voided": "the request became void", "taken-up": "the search was permitted and begun",
        "refused": "the request was refused",
    }),
    "search-decided": ("decision", {
        "permitted": "the rules permitted a search", "refused": "the rules refused a search",
    }),
    "examination-changed": ("change", {
        "taken": "an examiner took the review", "noted": "an examiner noted the probe's features",
        "concluded": "an examiner concluded", "lapsed": "an examiner took too long",
    }),
    "lead-changed": ("change", {
        "prepared": "a lead was prepared", "checked": "what speaks against a lead was answered",
        "supervised": "a lead was looked at by a supervisor", "issued": "a lead was issued",
        "refused": "the rules refused to issue a lead",
        "image-removed": "the image that a lead rests on left its gallery",
    }),
    "outside-asked": ("step", {
        "submitted": "others were to be asked", "approved": "asking others was approved",
    }),
}  # fmt: skip
"""Of a kind of event: the field that says what it was, and how that is said."""
_OWNERS = frozenset({
    "case-changed", "probe-received", "probe-edited", "probe-refused", "search-requested",
    "search-started", "lead-outcome", "evidence-added", "reliance-decided", "outside-received",
    "outside-withdrawn",
})  # fmt: skip
"""Only whoever opened a case does these."""
_OWNERS_CHANGES = frozenset({"withdrawn", "taken-up", "checked", "issued", "submitted"})
_APPROVERS_CHANGES = frozenset({"approved", "declined", "supervised"})
_EXAMINERS = frozenset({"probe-judged", "examination-changed", "candidate-reviewed"})


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the timeline. `rest`: the public fields that the sentence does not say."""

    moment: Moment
    says: str
    who: str
    rest: Mapping[str, Any]


def told(file: CaseFile) -> Iterator[Told]:
    """Every event of a case, in the order of the log."""
    owner = file.people.get(file.case.opened_by, "somebody")
    approvers = {digest: file.people.get(who, "") for digest, who in file.approvers.items()}
    for moment in file.events.moments:
        field, sentences = _SENTENCES.get(moment.kind, ("", {}))
        says = sentences.get(moment.public.get(field))
        rest = {name: value for name, value in moment.public.items() if not says or name != field}
        known = KINDS.get(moment.kind)
        says = says or (known[-1].says if known else moment.kind)
        yield Told(moment, says[:1].upper() + says[1:], _who(moment, owner, approvers), rest)


def _who(moment: Moment, owner: str, approvers: Mapping[str, str]) -> str:
    change = moment.public.get("change", moment.public.get("step"))
    if moment.kind in _EXAMINERS:
        return "an examiner"
    if moment.kind in _OWNERS or change in _OWNERS_CHANGES:
        return owner
    if moment.kind == "request-moved" and change == "approved":
        return approvers.get(str(moment.public["request"])) or "an approver"
    if moment.kind == "quarantine-decided" or change in _APPROVERS_CHANGES:
        return "an approver"
    return "the desk"
