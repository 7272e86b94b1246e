"""From a form and the records to a request in the law's words, and what of it must not change.

`standing` is what an approver approves: if any of it is different when the search is to be made,
the approval was of something else. What may rightly move meanwhile (the gallery's size, the age
of an audit, the running out of a training) is not in it, and is judged anew at the search.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from countenance.core import InputError, digest_json
from countenance.desk.audits import AcceptedAudit, audit_facts, current_audit
from countenance.desk.cases import Case, CaseState, details_of, narrative_weakness
from countenance.desk.errors import NotAllowedError
from countenance.desk.facts import BY_CONSTRUCTION, Owner, check_owner, trained
from countenance.desk.house import House
from countenance.desk.probes import Probe, edits_of, probe_facts, quality_of
from countenance.desk.settings import Setting, setting_in_force
from countenance.law import Request, bundled_vocabulary

_MOST_TEXT = 300
_MOST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Document:
    """By what a search is authorised: a word of ``authority.given``, with its papers."""

    kind: str
    reference: str
    issued_by: str
    issued_on: datetime.date

    def __post_init__(self) -> None:
        try:
            bundled_vocabulary()["authority.given"].accept([self.kind])
        except ValueError as error:
            raise InputError("no sort of authority", where="document", expected=str(error)) from (
                None
            )
        for name in ("reference", "issued_by"):
            _line(getattr(self, name), name)


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What the person who asks fills in. Empty parts are open: a form can be previewed half full.

    Attributes
    ----------
    stated
        Facts of `facts.REQUESTER`, by name; others are refused.
    documents
        The authority for it. None: not stated. (): there is none.
    elsewhere
        Searches made in this case by others, one line each. None: not stated. (): there are none.
        Those made here are known.
    behalf_jurisdictions
        Whose law binds those for whom it is done, where that is somebody else.
    """

    case_id: str
    probe_id: str = ""
    gallery: str = ""
    engine: str = ""
    stated: Mapping[str, Any] = field(default_factory=dict)
    documents: tuple[Document, ...] | None = None
    elsewhere: tuple[str, ...] | None = None
    behalf_jurisdictions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_owner(self.stated, Owner.REQUESTER)
        for several in (self.documents or (), self.elsewhere or ()):
            if len(several) > _MOST_ITEMS:
                raise InputError("too many", expected=f"at most {_MOST_ITEMS}")
        for line in self.elsewhere or ():
            _line(line, "elsewhere")
        checked = Request(facts=self.stated, behalf_jurisdictions=self.behalf_jurisdictions)
        object.__setattr__(self, "stated", checked.to_json()["facts"])
        object.__setattr__(self, "behalf_jurisdictions", checked.behalf_jurisdictions)

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `form_of` reads back."""
        documents = None if self.documents is None else [
            {**asdict(each), "issued_on": each.issued_on.isoformat()} for each in self.documents
        ]  # fmt: skip
        return {
            "case": self.case_id, "probe": self.probe_id, "gallery": self.gallery,
            "engine": self.engine, "stated": dict(self.stated), "documents": documents,
            "elsewhere": None if self.elsewhere is None else list(self.elsewhere),
            "behalf-jurisdictions": list(self.behalf_jurisdictions),
        }  # fmt: skip


def form_of(value: Mapping[str, Any]) -> RequestForm:
    """The inverse of `RequestForm.to_json`."""
    documents, elsewhere = value["documents"], value["elsewhere"]
    return RequestForm(
        value["case"], value["probe"], value["gallery"], value["engine"], value["stated"],
        None if documents is None else tuple(
            Document(each["kind"], each["reference"], each["issued_by"],
                     datetime.date.fromisoformat(each["issued_on"])) for each in documents
        ),
        None if elsewhere is None else tuple(elsewhere), tuple(value["behalf-jurisdictions"]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matter:
    """A request on its way: the law's request, what must not change, and the records it is of."""

    law: Request
    standing: Mapping[str, Any]
    case: Case
    probe: Probe | None
    setting: Setting | None
    audit: AcceptedAudit | None


def assemble(
    db: Session, house: House, form: RequestForm, *, requester: str, now: datetime.datetime,
    approved: bool,
) -> Matter:  # fmt: skip
    """Put together what is known. NotAllowedError for what is another's."""
    case = db.get(Case, form.case_id)
    if case is None or case.opened_by != requester:
        raise NotAllowedError("there is no such case for you")
    probe = db.get(Probe, form.probe_id) if form.probe_id else None
    if form.probe_id and (probe is None or probe.case_id != case.id):
        raise NotAllowedError("there is no such probe for you")
    details = details_of(db, house.keys, case)
    facts: dict[str, Any] = {**BY_CONSTRUCTION, **house.facts, **form.stated}
    facts |= {
        "person.trained": trained(house.training(db, requester), now),
        "person.own-account": house.managed_devices,
        "use.purpose": details.purpose,
        "case.active": case.state == CaseState.OPEN,
        "offence.kinds": list(details.offence_kinds),
        "offence.stated": bool(details.offence_section.strip()),
        "narrative.given": narrative_weakness(db, house.keys, case.id, details) is None,
        "approval.second-person": approved,
    }
    if form.documents is not None:
        facts["authority.given"] = sorted({document.kind for document in form.documents})
    if form.elsewhere is not None:
        facts["case.earlier-searches-listed"] = True
    if probe is not None:
        facts |= probe_facts(db, probe)
    setting = audit = None
    if form.engine:
        setting = setting_in_force(db, form.engine)
        audit = current_audit(db, form.engine, now)
        score = None if setting is None else setting.threshold
        facts |= audit_facts(audit, house.audit_policy, score=score, now=now)
        facts["engine.settings-approved"] = setting is not None
    if form.gallery:
        of_gallery = house.galleries.facts(db, form.gallery, engine=form.engine, now=now)
        if of_gallery is None:
            raise NotAllowedError("there is no such gallery for you")
        facts |= {name: of_gallery[name] for name in of_gallery if name.startswith("gallery.")}
    law = Request(now.astimezone(house.zone), house.jurisdictions, form.behalf_jurisdictions,
                  facts)  # fmt: skip
    standing = {
        "form": form.to_json(),
        "requester": requester,
        "case": {
            "number": case.number, "version": case.version, "details": details.digest,
            "state": str(case.state),
        },
        "probe": None if probe is None else _probe(db, probe),
        "setting": None if setting is None else {
            "id": setting.id, "threshold": setting.threshold,
            "list-length": setting.list_length,
        },
        "jurisdictions": list(law.jurisdictions),
        "policy": sorted(house.policy),
    }  # fmt: skip
    return Matter(law, standing, case, probe, setting, audit)


def _probe(db: Session, probe: Probe) -> dict[str, Any]:
    steps = [[step.number, step.before, step.after, step.operation, step.substantial,
              step.operator, step.at.isoformat()] for step in edits_of(db, probe)]  # fmt: skip
    judged_at = probe.judged_at
    return {
        "original": probe.original, "image": probe.image, "sort": probe.sort,
        "shows": probe.shows, "known-by": probe.known_by, "steps": digest_json(steps),
        "template": quality_of(db, probe).template,
        "state": str(probe.state), "judgement": probe.judgement, "judged-by": probe.judged_by,
        "judged-at": None if judged_at is None else judged_at.isoformat(),
    }  # fmt: skip


def _line(text: str, where: str) -> None:
    if not text.strip() or len(text) > _MOST_TEXT or not text.isprintable():
        raise InputError("not stated in one line", where=where,
                         expected=f"1 to {_MOST_TEXT} characters")  # fmt: skip
