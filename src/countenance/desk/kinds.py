"""The kinds of event that the desk records, beside those every accountable service has.

Each part of the desk declares its own (``KINDS`` of its module); this is where they come together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from countenance.desk.account_events import KINDS as ACCOUNTS
from countenance.desk.audits import KINDS as AUDITS
from countenance.desk.cases import KINDS as CASES
from countenance.desk.configured import KINDS as CONFIGURED
from countenance.desk.erasure_tables import KINDS as ERASING
from countenance.desk.evidence import KINDS as EVIDENCE
from countenance.desk.galleries import KINDS as GALLERIES
from countenance.desk.gallerystatements import KINDS as GALLERY_STATEMENTS
from countenance.desk.imports import KINDS as IMPORTS
from countenance.desk.incidents import KINDS as INCIDENTS
from countenance.desk.keptout import KINDS as KEPT_OUT
from countenance.desk.knownanswers import KINDS as KNOWN_ANSWERS
from countenance.desk.knownerasing import KINDS as KNOWN_ERASURES
from countenance.desk.leads import KINDS as LEADS
from countenance.desk.outside_tables import KINDS as OUTSIDE
from countenance.desk.probes import KINDS as PROBES
from countenance.desk.requests import KINDS as REQUESTS
from countenance.desk.restored import KINDS as RESTORED
from countenance.desk.reviews import KINDS as REVIEWS
from countenance.desk.searches import KINDS as SEARCHES
from countenance.desk.settings import KINDS as SETTINGS
from countenance.desk.standing import KINDS as STANDING
from countenance.desk.subjects import KINDS as SUBJECTS
from countenance.record import KINDS as COMMON
from countenance.record import EventKind

Kinds: TypeAlias = Mapping[str, tuple[EventKind, ...]]


def collected(own: Iterable[EventKind]) -> Kinds:
    """The common kinds and these, by name."""
    kinds: dict[str, tuple[EventKind, ...]] = dict(COMMON)
    for kind in own:
        kinds[kind.name] = (*kinds.get(kind.name, ()), kind)
    return kinds


KINDS: Final[Kinds] = collected(
    (
        *ACCOUNTS,
        *AUDITS,
        *CASES,
        *CONFIGURED,
        *ERASING,
        *EVIDENCE,
        *GALLERIES,
        *GALLERY_STATEMENTS,
        *IMPORTS,
        *INCIDENTS,
        *KEPT_OUT,
        *KNOWN_ANSWERS,
        *KNOWN_ERASURES,
        *LEADS,
        *OUTSIDE,
        *PROBES,
        *REQUESTS,
        *RESTORED,
        *REVIEWS,
        *SEARCHES,
        *SETTINGS,
        *STANDING,
        *SUBJECTS,
    )
)
"""Every version of every kind that a desk's log may hold."""
