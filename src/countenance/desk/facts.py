"""Which facts of a request are whose to state, and where the desk's own come from.

Every fact of the law's vocabulary has one owner. What the records know, nobody can type: not that
a warrant was given (a document with its reference is), not that the probe is unedited, not that
there is a second person's approval. What nobody is to state for a search is left unknown, and
what is unknown permits nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from countenance.core import InputError

REQUESTER = frozenset({
    "behalf.of", "behalf.kind", "behalf.request-recorded", "request.by-official-channel",
    "suspicion.level", "targeting.traits", "subject.in-protected-activity", "subject.intended",
    "subject.is-charged", "subject.consented", "subject.alternative-offered", "subject.is-minor",
    "subject.is-citizen", "authority.standard", "authority.limits-stated",
    "authority.hours-after-use", "authority.refused", "emergency.present", "emergency.documented",
    "emergency.terrorism-risk-found", "use.first-identification-on-objective-facts",
    "use.strictly-necessary", "use.federally-mandated", "use.required-by-law",
    "use.in-public-place", "use.at-work-or-school", "use.asked-by-defence", "use.device",
    "consent.written-release", "consent.written-notice", "consent.electronic-release",
})  # fmt: skip
"""What the person who asks states, and answers for."""

HOUSE = frozenset({
    "agency.name", "agency.kind", "agency.policy-published", "agency.policy-adequate",
    "agency.days-since-compliance-audit", "agency.responsible-person",
    "agency.sharing-partner-named", "agency.part-of-dhs", "person.unit-authorised",
    "use.biometric-data-kept", "engine.contract-spared", "engine.vendor", "engine.service",
    "engine.approved", "engine.independently-tested",
    "engine.worst-group-true-positive-per-mille", "engine.independent-testing-offered",
    "engine.group-difference-shown", "engine.mitigation-plan", "engine.false-alerts-per-mille",
    "export.leaves-country", "export.licence", "notice.of-intent-filed",
    "notice.accountability-report-items", "notice.accountability-report-days",
    "notice.community-meetings", "notice.public", "notice.web-days", "notice.comment-days",
    "notice.decision-published", "notice.to-governing-body-days", "notice.signs",
    "assessment.rights-impact", "assessment.registered", "assessment.equality",
    "surveillance.impact-and-use-policy", "surveillance.policy-adequate",
})  # fmt: skip
"""What the operator states in the deployment's configuration, for every request alike."""

DESK = frozenset({
    "act", "person.trained", "person.own-account", "request.in-writing", "runner.kind",
    "use.purpose", "use.mode", "use.watch-list", "use.persistent-tracking", "case.number",
    "case.earlier-searches-listed", "case.active", "offence.kinds", "offence.stated",
    "narrative.given", "authority.given", "probe.kind", "probe.original-kept", "probe.edited",
    "probe.edits-recorded", "probe.substantially-altered", "probe.shows-actor", "probe.suitable",
    "gallery.sources", "gallery.lawful-source-recorded", "gallery.size", "gallery.purged-days",
    "gallery.probe-enrolled", "gallery.justified", "gallery.proportionate", "gallery.reviewed",
    "gallery.images-most-recent", "gallery.commercial", "gallery.holder",
    "gallery.from-deception-or-breach", "gallery.notice-at-capture", "engine.settings-approved",
    "audit.current", "audit.meets-policy", "audit.operational-test", "approval.second-person",
    "record.search-logged", "record.requests-kept", "record.list-sealed",
    "review.meaningful-human",
})  # fmt: skip
"""What the desk's own records say."""

OF_OTHER_ACTS = (
    "result.", "reliance.", "disclosure.", "report.", "retain.", "supply.", "review.examiners",
    "review.blind", "review.agree", "review.supervisor",
)  # fmt: skip
"""Beginnings of facts that are of no search: of what comes after it, or of something else."""

APPROVAL = "approval.second-person"


class Owner(StrEnum):
    """Whose a fact is to state."""

    REQUESTER = "requester"
    HOUSE = "house"
    DESK = "desk"


def owner(name: str) -> Owner | None:
    """Whose a fact is; None for one that is nobody's in a request for a search."""
    for who, names in ((Owner.REQUESTER, REQUESTER), (Owner.HOUSE, HOUSE), (Owner.DESK, DESK)):
        if name in names:
            return who
    return None


def check_owner(facts: Mapping[str, Any], who: Owner) -> None:
    """Refuse facts that are not this owner's to state. Raises InputError."""
    for name in facts:
        if owner(name) is not who:
            raise InputError("this is not for you to state", where=name[:60],
                             do="the desk takes it from its records")  # fmt: skip


BY_CONSTRUCTION: Mapping[str, Any] = {
    "act": "search",
    "runner.kind": "own-agency",
    "request.in-writing": True,
    "use.mode": "still",
    "use.watch-list": False,
    "use.persistent-tracking": False,
    "case.number": True,
    "gallery.probe-enrolled": False,
    "record.search-logged": True,
    "record.requests-kept": True,
    "record.list-sealed": True,
    "review.meaningful-human": True,
}
"""What is so because the desk can do nothing else: one still image of one person, one gallery,
logged and sealed before anything is shown, then examined by two people who can say no."""


def trained(training: Mapping[str, datetime.datetime], now: datetime.datetime) -> bool:
    """Whether a requester's training is current."""
    until = training.get("requester")
    return until is not None and until > now
