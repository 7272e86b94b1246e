"""A software authenticator: real registrations and assertions, without a browser or a device.

It plays both the browser (client data) and the device (key, counter, flags). What a hostile one
would do is an argument: another origin, no user verification, a counter of its choice.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

ORIGIN = "https://desk.example"
NO_MODEL = "00000000-0000-0000-0000-000000000000"
MANAGED = "0f0e0d0c-0b0a-4908-8706-050403020100"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_TO = datetime.datetime(2049, 1, 1, tzinfo=datetime.UTC)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Maker:
    """Makes authenticators: an attestation root, and a certificate for each model."""

    def __init__(self, name: str = "Maker") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} root")])
        self.root = self._sign(self.name, self.key.public_key(), ca=True)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def certify(
        self, key: ec.EllipticCurvePublicKey, model: str | None, *,
        unit: str = "Authenticator Attestation", ca: bool = False,
    ) -> bytes:  # fmt: skip
        name = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Maker"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, "Model"),
        ])  # fmt: skip
        return self._sign(name, key, ca=ca, model=model).public_bytes(serialization.Encoding.DER)

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool,
        model: str | None = None,
    ) -> x509.Certificate:  # fmt: skip
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(_FROM)
            .not_valid_after(_TO)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )  # fmt: skip
        if model is not None:
            raw = b"\x04\x10" + bytes.fromhex(model.replace("-", ""))
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4"), raw),
                critical=False,
            )
        return builder.sign(self.key, hashes.SHA256())


@dataclasses.dataclass
class Authenticator:
    """One device. Its fields are what it is; `create` and `get` take what a hostile one does."""

    model: str = NO_MODEL
    maker: Maker | None = None
    attestation: str = "none"  # none, packed, self
    certified: str | None = None  # the model in the certificate, where it is another
    unit: str = "Authenticator Attestation"
    as_ca: bool = False
    counting: bool = True
    flags: int = UP | UV
    origin: str = ORIGIN
    rp_id: str | None = None
    cross_origin: bool = False
    count: int = 0
    keys: dict[bytes, tuple[ec.EllipticCurvePrivateKey, bytes]] = dataclasses.field(
        default_factory=dict
    )

    def clone(self) -> Authenticator:
        """The same keys and count in another device."""
        twin = copy.copy(self)
        twin.keys = dict(self.keys)
        return twin

    def create(self, options: dict[str, Any], **hostile: Any) -> str:
        """What ``navigator.credentials.create`` gives, as JSON."""
        credential = hostile.pop("credential", None) or secrets.token_bytes(32)
        device = dataclasses.replace(self, **hostile)
        key = ec.generate_private_key(ec.SECP256R1())
        rp = device.rp_id or options["rp"]["id"]
        client = device._client("webauthn.create", options)
        data = device._data(rp, device.flags | AT) + bytes.fromhex(device.model.replace("-", ""))
        data += len(credential).to_bytes(2, "big") + credential + _cose(key)
        signed = data + hashlib.sha256(client).digest()
        statement: dict[str, Any] = {}
        if device.attestation == "packed":
            assert device.maker is not None
            batch = ec.generate_private_key(ec.SECP256R1())
            leaf = device.maker.certify(
                batch.public_key(), device.certified or device.model, unit=device.unit,
                ca=device.as_ca,
            )  # fmt: skip
            signature = batch.sign(signed, ec.ECDSA(hashes.SHA256()))
            statement = {"alg": -7, "sig": signature, "x5c": [leaf]}
        elif device.attestation == "self":
            statement = {"alg": -7, "sig": key.sign(signed, ec.ECDSA(hashes.SHA256()))}
        fmt = "packed" if statement else "none"
        self.keys[credential] = (key, unb64(options["user"]["id"]))
        attested = cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": data})
        return json.dumps({
            "id": b64(credential), "rawId": b64(credential), "type": "public-key",
            "response": {
                "clientDataJSON": b64(client), "attestationObject": b64(attested),
                "transports": ["usb"],
            },
            "clientExtensionResults": {},
        })  # fmt: skip

    def get(self, options: dict[str, Any], **hostile: Any) -> str:
        """What ``navigator.credentials.get`` gives, as JSON."""
        if self.counting:
            self.count += 1
        device = dataclasses.replace(self, **hostile)
        allowed = [unb64(each["id"]) for each in options.get("allowCredentials", [])]
        credential = next(each for each in self.keys if not allowed or each in allowed)
        key, handle = self.keys[credential]
        client = device._client("webauthn.get", options)
        data = device._data(device.rp_id or options["rpId"], device.flags)
        signature = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return json.dumps({
            "id": b64(credential), "rawId": b64(credential), "type": "public-key",
            "response": {
                "clientDataJSON": b64(client), "authenticatorData": b64(data),
                "signature": b64(signature), "userHandle": b64(handle),
            },
            "clientExtensionResults": {},
        })  # fmt: skip

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({
            "type": kind, "challenge": options["challenge"], "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }).encode()  # fmt: skip

    def _data(self, rp_id: str, flags: int) -> bytes:
        count = self.count if self.counting else 0
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")


def _cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    point = key.public_key().public_numbers()
    return cbor2.dumps(
        {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    )
