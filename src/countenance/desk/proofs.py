"""An approval is a signature over exactly what was approved; anybody can check it, offline.

The approver's passkey signed ``authenticatorData || SHA-256(clientDataJSON)``, and the challenge
in the client data *is* the digest of the request (WebAuthn Level 3, sections 6.3.3 and 7.2). So
with the public key and these bytes, and nothing of the desk, a reader sees that the key's holder
was there (UP), was verified by their own device (UV), and signed this digest and no other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from countenance.core import IntegrityError

SigningKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_LEAST_RSA_BITS = 2048
_FLAGS_AT, _LEAST_BYTES = 32, 37
_UP, _UV = 0x01, 0x04


@dataclass(frozen=True, slots=True)
class ApprovalProof:
    """A passkey's answer to a digest: enough, with the digest, to check an approval.

    Attributes
    ----------
    public_key
        SubjectPublicKeyInfo, DER.
    authenticator_data, client_data_json, signature
        The bytes as the authenticator gave them.
    """

    public_key: bytes
    authenticator_data: bytes
    client_data_json: bytes
    signature: bytes


def check_approval(
    public_key: bytes, digest: str, authenticator_data: bytes, client_data_json: bytes,
    signature: bytes, *, rp_id: str | None = None, origins: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Check that the holder of a key approved exactly this digest.

    Parameters
    ----------
    public_key
        SubjectPublicKeyInfo (DER): P-256 with SHA-256, Ed25519, or RSA (2,048 bits up, PKCS #1
        v1.5 with SHA-256).
    digest
        What was approved, 64 hex digits.
    authenticator_data, client_data_json, signature
        What the passkey answered.
    rp_id, origins
        Which desk it was given at (``desk.example``; ``("https://desk.example",)``); not checked
        where left out.

    Raises
    ------
    IntegrityError
        It is not an approval of this digest by this key.
    """
    client = read_client_data(client_data_json)
    if client["type"] != "webauthn.get":
        _refuse("this is no answer of a passkey to a request")
    if client["challenge"] != digest_challenge(digest):
        _refuse("something else was signed than this digest")
    if origins and client["origin"] not in origins:
        _refuse("it was given at another place")
    if len(authenticator_data) < _LEAST_BYTES:
        _refuse("the authenticator's data is cut short")
    if rp_id is not None and authenticator_data[:32] != hashlib.sha256(rp_id.encode()).digest():
        _refuse("it was given to another desk")
    if authenticator_data[_FLAGS_AT] & (_UP | _UV) != _UP | _UV:
        _refuse("the device did not verify its user")
    signed = authenticator_data + hashlib.sha256(client_data_json).digest()
    try:
        _verify(load_key(public_key), signature, signed)
    except InvalidSignature:
        _refuse("the signature is not of this key over these bytes")


def digest_challenge(digest: str) -> bytes:
    """A digest in hex as the 32 bytes that are the challenge. Raises IntegrityError."""
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if len(found) != 32 or found.hex() != digest:
        _refuse("this is no digest", expected="64 hex digits, lower case")
    return found


def load_key(public_key: bytes) -> SigningKey:
    """Read a SubjectPublicKeyInfo. Raises IntegrityError where its kind is not one we take."""
    try:
        key = serialization.load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        _refuse("this is no public key")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return key
    _refuse("keys of this kind are not taken", expected="P-256, Ed25519, or RSA of 2,048 bits up")


def read_client_data(raw: bytes) -> dict[str, Any]:
    """Read clientDataJSON; ``challenge`` comes as bytes. Raises IntegrityError.

    A name twice, a page inside another's page, or a padded challenge is refused: two readers of
    the same bytes must see the same thing.
    """
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_name_twice)
        challenge = found["challenge"]
        decoded = base64.b64decode(challenge + "=" * (-len(challenge) % 4), b"-_", validate=True)
        origin, kind = found["origin"], found["type"]
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        _refuse("the client data cannot be read")
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != challenge:
        _refuse("the challenge is written in another way than it must be")
    if not isinstance(origin, str) or not isinstance(kind, str):
        _refuse("the client data cannot be read")
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        _refuse("it was given inside another's page")
    return {**found, "challenge": decoded}


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _verify(key: SigningKey, signature: bytes, signed: bytes) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(signature, signed)


def _refuse(what: str, *, expected: str | None = None) -> NoReturn:
    raise IntegrityError(what, where="approval", expected=expected)
