"""What the public page says, as one typed document: the page and ``/public.json`` show the same.

`docs/public-page.md` describes it field by field.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from countenance.desk.publicfigures import EngineInUse, PublicFigures
from countenance.record import Policy, VerificationError, parse_checkpoint
from countenance.record.note import split_note
from countenance.web.at import At
from countenance.web.figures import kept_figures

SCHEMA = "countenance-public-page"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ModelShown:
    """One file of weights that the engine is made of."""

    name: str
    file: str
    sha256: str
    licence: str
    source: str


@dataclass(frozen=True, slots=True)
class EngineShown:
    """The engine that faces are compared with. `audited` is None where no audit was accepted."""

    name: str
    version: str
    identity: str
    models: tuple[ModelShown, ...]
    audited: EngineInUse | None

    @property
    def searches(self) -> bool:
        """Whether audit and threshold are there, without which nothing is searched."""
        return bool(self.audited and self.audited.current and self.audited.threshold)


@dataclass(frozen=True, slots=True)
class WitnessShown:
    """A witness of the policy that cosigned the checkpoint, and when by its own clock."""

    name: str
    time_s: int


@dataclass(frozen=True, slots=True)
class Head:
    """The checkpoint that was published last.

    Attributes
    ----------
    root
        SHA-256 in hex.
    meets_policy
        It is signed by the log, and by as many witnesses as the policy asks for.
    """

    origin: str
    size: int
    root: str
    meets_policy: bool
    witnesses: tuple[WitnessShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDocument:
    """Everything that the public page shows, but the picture of the audit."""

    schema: str
    version: int
    name: str
    contact: str
    address: str
    engine: EngineShown
    head: Head | None
    figures: PublicFigures
    policy: str


DOCUMENT: TypeAdapter[PublicDocument] = TypeAdapter(PublicDocument)


def public_document(at: At) -> PublicDocument:
    """What is shown to the public, as of `figures.at`."""
    of = at.deployment
    figures = kept_figures(of)
    card = of.engine.card
    models = tuple(
        ModelShown(one.name, one.file, one.sha256, one.licence, one.source) for one in card.models
    )
    audited = next((one for one in figures.engines if one.engine == card.identity), None)
    return PublicDocument(
        schema=SCHEMA, version=VERSION, name=of.name, contact=of.contact,
        address=of.party.origins[0], figures=figures, policy=of.policy,
        engine=EngineShown(card.name, card.version, card.identity, models, audited),
        head=None if figures.checkpoint is None else head_of(figures.checkpoint, of.policy),
    )  # fmt: skip


def head_of(note: str, policy: str) -> Head:
    """A published checkpoint, and whether it meets a policy. Raises VerificationError for none."""
    data = note.encode()
    checkpoint = parse_checkpoint(split_note(data)[0])
    try:
        cosigned = Policy.parse(policy.encode()).examine(data).cosigned
    except VerificationError:
        return Head(checkpoint.origin, checkpoint.size, checkpoint.root.hex(), False, ())
    witnesses = tuple(WitnessShown(one.witness, one.time) for one in cosigned)
    return Head(checkpoint.origin, checkpoint.size, checkpoint.root.hex(), True, witnesses)
