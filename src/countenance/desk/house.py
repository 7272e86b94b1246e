"""What one deployment is: its place, its policy, its keys, and the parts a request is judged with.

Made once, when the service starts, from the operator's configuration. What it states (`facts`) is
stated for every request alike; nobody who asks for a search can state it (see `facts`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.orm import Session

from countenance.core import InputError
from countenance.desk.audits import AuditPolicy
from countenance.desk.facts import Owner, check_owner
from countenance.desk.proofs import ApprovalProof
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Actor
from countenance.desk.training import current_training
from countenance.law import Decision, Library, Request, bundled, decide


class ApprovalVerifier(Protocol):
    """What approvals need of accounts."""

    def verify(self, db: Session, actor: Actor, *, digest: str, assertion: Any) -> ApprovalProof:
        """Check that the actor's own passkey signed exactly this digest, now.

        Raises NotAllowedError where it did not.
        """

    def holds(self, proof: ApprovalProof, *, digest: str) -> bool:
        """Whether a kept proof is a signature over this digest: without database or clock."""

    def stands(self, db: Session, proof: ApprovalProof, *, approver: str) -> bool:
        """Whether it still counts: whoever gave it may still approve, and with this key.

        A lost device's approvals go with the device.
        """


class Galleries(Protocol):
    """What requests need of galleries."""

    def facts(
        self, db: Session, gallery: str, *, engine: str, now: datetime.datetime
    ) -> Mapping[str, Any] | None:
        """Facts ``gallery.*`` of a gallery that an engine can search; None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One deployment.

    Attributes
    ----------
    jurisdictions
        Whose law binds it, the smallest place of each: ``us/mi/detroit``.
    zone
        The local time by which the day of a request is read.
    facts
        What the operator states of the agency, the engine, notices and assessments.
    policy, library
        As `law.decide` takes them.
    training
        Kinds of training of an account and until when, from its records.
    managed_devices
        The accounts' policy admits only passkeys of devices that the agency manages.
    request_hours, approval_hours
        How long a request waits for approval, and an approval for its search.
    """

    keys: Secrets
    jurisdictions: tuple[str, ...]
    galleries: Galleries
    approvals: ApprovalVerifier
    audit_policy: AuditPolicy
    facts: Mapping[str, Any] = field(default_factory=dict)
    policy: tuple[str, ...] = ()
    library: Library = field(default_factory=bundled, repr=False)
    zone: datetime.tzinfo = datetime.UTC
    managed_devices: bool = False
    training: Callable[[Session, str], Mapping[str, datetime.datetime]] = current_training
    request_hours: int = 72
    approval_hours: int = 24

    def __post_init__(self) -> None:
        check_owner(self.facts, Owner.HOUSE)
        if not self.jurisdictions:
            raise InputError("a deployment is in some place", where="jurisdictions")

    def decide(self, request: Request) -> Decision:
        """Judge a request under this deployment's packs."""
        return decide(request, library=self.library, policy=self.policy)


def place_code(jurisdictions: tuple[str, ...]) -> str:
    """The first place as ISO 3166, as the log has it: ``us/mi/detroit`` is US-MI."""
    country, *parts = jurisdictions[0].split("/")
    country = {"uk": "GB"}.get(country, country)[:2].upper()
    return f"{country}-{parts[0].upper()}" if parts and len(parts[0]) <= 3 else country
