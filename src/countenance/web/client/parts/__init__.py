"""All calls of the API, and the values they take and give.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

from countenance.web.client.parts.accounts import AccountsCalls
from countenance.web.client.parts.audits import AuditsCalls
from countenance.web.client.parts.cases import CasesCalls
from countenance.web.client.parts.erasures import ErasuresCalls
from countenance.web.client.parts.galleries import GalleriesCalls
from countenance.web.client.parts.incidents import IncidentsCalls
from countenance.web.client.parts.known_answers import KnownAnswersCalls
from countenance.web.client.parts.leads import LeadsCalls
from countenance.web.client.parts.others import OthersCalls
from countenance.web.client.parts.probes import ProbesCalls
from countenance.web.client.parts.public import PublicCalls
from countenance.web.client.parts.record import RecordCalls
from countenance.web.client.parts.requests import RequestsCalls
from countenance.web.client.parts.reviews import ReviewsCalls
from countenance.web.client.parts.session import SessionCalls
from countenance.web.client.parts.settings import SettingsCalls
from countenance.web.client.parts.standing import StandingCalls
from countenance.web.client.parts.statements import StatementsCalls
from countenance.web.client.parts.subject_requests import SubjectRequestsCalls

__all__ = ["Calls"]


class Calls(
    AccountsCalls,
    AuditsCalls,
    CasesCalls,
    ErasuresCalls,
    GalleriesCalls,
    IncidentsCalls,
    KnownAnswersCalls,
    LeadsCalls,
    OthersCalls,
    ProbesCalls,
    PublicCalls,
    RecordCalls,
    RequestsCalls,
    ReviewsCalls,
    SessionCalls,
    SettingsCalls,
    StandingCalls,
    StatementsCalls,
    SubjectRequestsCalls,
):
    """Every call, by the name of its operation."""
