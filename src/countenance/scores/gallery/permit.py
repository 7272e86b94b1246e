"""Permits: what a search may be, signed by the one key that the gallery names.

There is no search without one. A `Permit` object is nothing by itself, anybody can make one; what
counts is the Ed25519 signature over every term, by the key in the gallery's header. The functions
here check permits. Making them is for whoever holds the key: sign `PermitTerms.message`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from countenance.core import InputError, canonical_json, sha256_bytes
from countenance.scores.gallery.errors import PermitError
from countenance.scores.gallery.layout import GalleryHeader, check_hex

#: First bytes of what is signed, so that no signature made for something else is a permit.
CONTEXT: Final = b"countenance/permit/v1\n"


@dataclass(frozen=True, slots=True)
class PermitTerms:
    """All that a permit says.

    Attributes
    ----------
    request, decision
        SHA-256, in hex, of the request approved and of the decision that allows it.
    gallery, gallery_digest
        The gallery's id; and, where only its present state is meant, its digest.
    engine
        `EngineCard.identity` of the engine.
    probes
        `probe_digest` of each probe, in the order they are searched with.
    threshold, rank
        Least score (the exact integer of `ScoreUnit.threshold`) and length of the list, ties
        beyond it not counted. None for one that does not limit; not for both.
    not_before_s, expires_s
        Seconds since 1970 from which and until which (not at which) it holds.
    """

    request: str
    decision: str
    gallery: str
    engine: str
    probes: tuple[str, ...]
    threshold: int | None
    rank: int | None
    not_before_s: int
    expires_s: int
    gallery_digest: str | None = None

    def __post_init__(self) -> None:
        for name in ("request", "decision", "gallery", "engine"):
            check_hex(getattr(self, name), what=name)
        if self.gallery_digest is not None:
            check_hex(self.gallery_digest, what="gallery_digest")
        for probe in self.probes:
            check_hex(probe, what="probe")
        for name in ("not_before_s", "expires_s"):
            if type(getattr(self, name)) is not int:
                raise InputError(f"{name} is {getattr(self, name)!r}", expected="whole seconds")

    @property
    def message(self) -> bytes:
        """What the issuer signs: `CONTEXT` and the terms as canonical JSON."""
        return CONTEXT + canonical_json({**asdict(self), "probes": list(self.probes)})


@dataclass(frozen=True, slots=True)
class Permit:
    """Terms and the issuer's signature over them, 64 bytes."""

    terms: PermitTerms
    signature: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of what was signed: the permit's name in a result."""
        return sha256_bytes(self.terms.message)


def probe_digest(template: npt.NDArray[np.int16], *, engine: str) -> str:
    """SHA-256, in hex, of an engine's identity and the template it made, int16 little-endian."""
    if template.dtype != np.int16 or template.ndim != 1:
        raise InputError(
            f"a probe is {template.dtype} of shape {template.shape}",
            expected="int16 of shape (d,)",
        )
    return hashlib.sha256(bytes.fromhex(engine) + template.astype("<i2").tobytes()).hexdigest()


def check_permit(
    permit: object,
    header: GalleryHeader,
    *,
    probes: Sequence[str],
    threshold: int | None,
    rank: int | None,
    now_s: float,
) -> Permit:
    """The permit, if it allows exactly this search now.

    Raises PermitError otherwise. That the gallery has the digest a permit names is for the search
    to check, since a gallery may change meanwhile.
    """
    if type(permit) is not Permit or type(permit.terms) is not PermitTerms:
        raise _refused("there is no permit", "a permit by the gallery's issuer")
    terms = permit.terms
    _check_signature(permit, header.issuer)
    if now_s < terms.not_before_s:
        raise _refused("the permit does not hold yet")
    if not now_s < terms.expires_s:
        raise _refused("the permit has expired")
    for what, permitted, asked in (
        ("gallery", terms.gallery, header.gallery),
        ("engine", terms.engine, header.engine),
        ("probes", terms.probes, tuple(probes)),
        ("threshold", terms.threshold, threshold),
        ("rank", terms.rank, rank),
    ):
        if type(permitted) is not type(asked) or permitted != asked:
            raise _refused(f"the permit is for another {what}")
    return permit


def _check_signature(permit: Permit, issuer: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(issuer))
        key.verify(permit.signature, permit.terms.message)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise _refused("the permit is not signed by this gallery's issuer") from error


def _refused(what: str, expected: str | None = None) -> PermitError:
    return PermitError(what, expected=expected, do="ask whoever decides on searches for a permit")
