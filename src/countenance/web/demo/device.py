"""A passkey that a program plays, for people who do not exist (WebAuthn Level 3, section 6).

It is one ES256 key per account and a counter. An invented maker certifies its model (packed
attestation, section 8.2), so that the demonstration's list of devices has something to admit; no
other deployment trusts that maker.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

_UP, _UV, _AT = 0x01, 0x04, 0x40  # user present, user verified, attested credential data
MODEL = "0d3a0000-dead-4bad-8bad-00000000d3a0"
_AAGUID = bytes.fromhex(MODEL.replace("-", ""))
_AAGUID_EXTENSION = ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")  # id-fido-gen-ce-aaguid
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_COUNTED_FROM_S = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()
_A_SECOND = 16  # more than a program signs in; 32 bits last until 2034
_TO = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


class InventedMaker:
    """Makes devices, and certifies what it made; its root is made anew for each demonstration."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Invented maker, root")])
        root = self._builder(self._name, self._key.public_key(), ca=True)
        self.root_pem = root.sign(self._key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM
        )

    def attest(self, signed: bytes) -> dict[str, Any]:
        """A packed attestation statement over what a device signs (section 8.2)."""
        batch = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Invented maker"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Simulated device"),
        ])  # fmt: skip
        model = x509.UnrecognizedExtension(_AAGUID_EXTENSION, b"\x04\x10" + _AAGUID)
        leaf = (
            self._builder(name, batch.public_key(), ca=False).add_extension(model, critical=False)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        signature = batch.sign(signed, ec.ECDSA(hashes.SHA256()))
        return {"alg": -7, "sig": signature,
                "x5c": [leaf.public_bytes(serialization.Encoding.DER)]}  # fmt: skip

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
            .public_key(key).serial_number(x509.random_serial_number())
            .not_valid_before(_FROM).not_valid_after(_TO)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )  # fmt: skip


@dataclass(slots=True)
class SimulatedDevice:
    """One device with at most one passkey."""

    origin: str
    count: int = 0
    credential: bytes = b""
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    def create(self, options: dict[str, Any], maker: InventedMaker) -> dict[str, Any]:
        """What ``navigator.credentials.create`` gives, as JSON."""
        self.credential = secrets.token_bytes(32)
        self.handle = _bytes(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        public = cbor2.dumps({
            1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big"),
        })  # fmt: skip
        data = self._data(options["rp"]["id"], _UP | _UV | _AT) + _AAGUID
        data += len(self.credential).to_bytes(2, "big") + self.credential + public
        client = self._client("webauthn.create", options)
        statement = maker.attest(data + hashlib.sha256(client).digest())
        attested = cbor2.dumps({"fmt": "packed", "attStmt": statement, "authData": data})
        return self._answer({
            "clientDataJSON": _text(client),
            "attestationObject": _text(attested), "transports": ["internal"],
        })  # fmt: skip

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What ``navigator.credentials.get`` gives, as JSON."""
        # Grows with the time, so that a demonstration that was killed does not count again from
        # what was last kept, as a copied device would.
        self.count = max(self.count + 1, int(time.time() - _COUNTED_FROM_S) * _A_SECOND)
        client = self._client("webauthn.get", options)
        data = self._data(options["rpId"], _UP | _UV)
        signature = self.key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._answer({
            "clientDataJSON": _text(client), "authenticatorData": _text(data),
            "signature": _text(signature), "userHandle": _text(self.handle),
        })  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The device, to be kept between two runs of a demonstration."""
        key = self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )  # fmt: skip
        return {
            "origin": self.origin, "count": self.count, "credential": _text(self.credential),
            "handle": _text(self.handle), "key": _text(key),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SimulatedDevice:
        """The device that `to_json` wrote."""
        key = serialization.load_der_private_key(_bytes(value["key"]), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - `to_json` wrote no other
        return cls(
            value["origin"], value["count"], _bytes(value["credential"]),
            _bytes(value["handle"]), key,
        )  # fmt: skip

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({
            "type": kind, "challenge": options["challenge"], "origin": self.origin,
            "crossOrigin": False,
        }).encode()  # fmt: skip

    def _data(self, rp_id: str, flags: int) -> bytes:
        return (
            hashlib.sha256(rp_id.encode()).digest()
            + bytes([flags])
            + self.count.to_bytes(4, "big")
        )

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": _text(self.credential), "rawId": _text(self.credential), "type": "public-key",
            "response": response, "clientExtensionResults": {},
        }  # fmt: skip


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
