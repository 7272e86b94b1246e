"""Values that several parts of the API share.

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

import datetime
from typing import Literal

from countenance.web.client.calling import Value

AccountState = Literal["active", "suspended", "closed"]
"""Only an active account can do anything; a closed one stays closed."""


PasskeyState = Literal["active", "doubted", "revoked"]
"""A doubted passkey answered as a copy would; it can only be revoked."""


class Passkey(Value, frozen=True, kw_only=True):
    """A passkey of an account, by its id here; its keys are not shown."""

    id: str
    model: str
    attested: bool
    backup_eligible: bool
    state: PasskeyState
    added_at: datetime.datetime
    ended_at: datetime.datetime | None


Role = Literal["requester", "approver", "examiner", "auditor", "administrator"]
"""What an account may be. Nobody who administers can search, approve or examine."""


class TrainingRecord(Value, frozen=True, kw_only=True):
    """One record of training. `until`: as recorded, whether or not it is over."""

    number: int
    kind: str
    until: datetime.datetime
    evidence: str
    withdrawn: bool


class Account(Value, frozen=True, kw_only=True):
    """An account. `flagged_at`: one of its passkeys answered as a copy would."""

    id: str
    name: str
    state: AccountState
    roles: tuple[Role, ...]
    joined_at: datetime.datetime
    flagged_at: datetime.datetime | None
    passkeys: tuple[Passkey, ...]
    training: tuple[TrainingRecord, ...]


AskState = Literal["refused", "waiting", "asked", "answered", "withdrawn"]
"""Where something asked of others stands."""


class Caveat(Value, frozen=True, kw_only=True):
    """Something true of the decision that must not be overlooked."""

    says: str
    cite: str
    code: str
    rule: str


class Need(Value, frozen=True, kw_only=True):
    """One thing that is missing."""

    fact: str
    ask: str
    to_do: bool
    rules: tuple[str, ...]
    cite: str


class Obligation(Value, frozen=True, kw_only=True):
    """One duty that attaches."""

    says: str
    cite: str
    rule: str
    what: str
    tag: str
    kind: str
    to: str
    due: str
    when: str
    keep_days: int | None
    at_most: bool
    items: tuple[str, ...]
    facts: tuple[str, ...]


class PackUse(Value, frozen=True, kw_only=True):
    """A rule pack that was read, and what it alone says."""

    id: str
    version: str
    digest: str
    policy: bool
    says: str


class RuleReason(Value, frozen=True, kw_only=True):
    """One reason."""

    says: str
    cite: str
    effect: str
    pack: str
    rule: str
    tag: str
    source: str
    checked_on: str
    rules: tuple[str, ...]
    facts: tuple[str, ...]


class Decision(Value, frozen=True, kw_only=True):
    """A decision of the law room: an outcome with every reason, and its citation."""

    outcome: str
    permitted: bool
    as_of: str
    request_digest: str
    digest: str
    reasons: tuple[RuleReason, ...]
    needs: tuple[Need, ...]
    obligations: tuple[Obligation, ...]
    warnings: tuple[Caveat, ...]
    packs: tuple[PackUse, ...]
    policy: tuple[str, ...]


ErasureState = Literal["asked", "confirmed", "done", "refused", "withdrawn", "lapsed"]
"""Where an erasure stands. `CONFIRMED`: the keys are gone; the files follow."""


class FalseCandidates(Value, frozen=True, kw_only=True):
    """How many false candidates a search of so many is to be expected to return, for one group."""

    group: str
    compared: int
    expected: float | None
    low: float | None
    high: float | None
    level: float
    sentence: str


LeadState = Literal["prepared", "checked", "issued", "ended"]
"""Where a lead stands."""


class Meaning(Value, frozen=True, kw_only=True):
    """How often different people of one group score at least so high, counted in the audit."""

    group: str
    measured_at: float | None
    events: int | None
    trials: int | None
    rate: float | None
    low: float | None
    high: float | None
    level: float
    sentence: str


class PictureReference(Value, frozen=True, kw_only=True):
    """What is recorded of a gallery's picture; never anything read off the face."""

    captured_on: datetime.date | None
    groups: dict[str, str]
    removed_at: datetime.datetime | None


class ListEntry(Value, frozen=True, kw_only=True):
    """One candidate of the list; `score` is the exact integer, `value` in the engine's unit."""

    candidate: str
    rank: int
    ties: int
    score: int
    value: float
    unit: str
    reference: PictureReference
    age_days: int | None
    means: tuple[Meaning, ...]
    sentence: str


class Made(Value, frozen=True, kw_only=True):
    """The id of what was made."""

    id: str


Outcome = Literal[
    "somebody-else", "borne-out-by-independent-evidence", "not-followed", "still-open"
]
"""What became of a lead."""


class Quality(Value, frozen=True, kw_only=True):
    """Measured of one picture, with one engine."""

    engine: str
    width_px: int
    height_px: int
    status: str
    reason: str
    faces_found: int
    face_px: int | None
    sharpness: int | None
    luma_mean_tenths: int | None
    luma_spread_tenths: int | None
    template: str | None


Reason = Literal["incident", "order", "review", "maintenance", "resolved"]
"""Why, in the public log."""


RequestState = Literal[
    "refused", "pending", "approved", "declined", "withdrawn", "lapsed", "void", "taken-up"
]
"""Where a request stands."""


ResultState = Literal["received", "quarantined", "released"]
"""Where something that came stands."""


ReviewState = Literal["open", "agreed-candidate", "agreed-none", "disagreed"]
"""Where a review stands. All but `OPEN` are final."""
