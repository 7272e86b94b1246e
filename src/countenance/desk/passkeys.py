"""What a passkey answered, and whether to believe it: no table, no state, no network.

Beside what WebAuthn Level 3 (sections 7.1 and 7.2) asks of a relying party, the desk always wants
the user verified by the device, and may want

* certain models of authenticator only (by AAGUID), each vouched for by its maker's certificate, so
  that an agency can require the devices that it manages (failure F3: personal phones);
* no passkey that is, or could be, copied to other devices by a cloud (the backup flags).

The sign count is judged where the last one is kept: `sessions`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID, ObjectIdentifier
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from countenance.core import InputError
from countenance.desk.errors import DeskError
from countenance.desk.proofs import load_key, read_client_data

T = TypeVar("T")
NO_MODEL: Final = "00000000-0000-0000-0000-000000000000"
CEREMONY_S: Final = 120
_AAGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AAGUID_EXTENSION = ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")  # id-fido-gen-ce-aaguid
_MOST_CHARACTERS = 64 * 1024
_MOST_CREDENTIAL_BYTES = 1023
_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class RefusedAnswerError(DeskError):
    """An answer that is not believed. `reason` is for the count of refusals, not for a person."""

    code = "desk-refused-answer"

    def __init__(self, reason: str) -> None:
        super().__init__("the passkey's answer was refused")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for passkeys, and which ones it takes.

    Attributes
    ----------
    id
        The domain that passkeys are bound to: ``desk.example``.
    name
        What the device shows.
    origins
        Where the pages are: ``("https://desk.example",)``.
    models
        AAGUIDs that are taken, each with the maker's root certificates (PEM) that must have
        vouched for it. No roots: the model is what the browser says, which is no proof. No
        models: every model is taken, and none is asked for. It is asked at every sign-in, so that
        a model taken off the list signs in nowhere from then on.
    synced
        Whether passkeys that a cloud may copy are taken.
    """

    id: str
    name: str
    origins: tuple[str, ...]
    models: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    synced: bool = False

    def __post_init__(self) -> None:
        for origin in self.origins:
            parts = urlsplit(origin)
            host = parts.hostname or ""
            local = parts.scheme == "http" and host == "localhost"
            inside = host == self.id or host.endswith("." + self.id)
            bare = origin == f"{parts.scheme}://{parts.netloc}"
            if not ((parts.scheme == "https" or local) and inside and bare):
                raise InputError(
                    f"{origin!r} is no origin of {self.id}", expected=f"https://{self.id}"
                )
        if not self.origins or not self.name:
            raise InputError("a relying party needs a name and an origin")
        for model, roots in self.models.items():
            if not _AAGUID.fullmatch(model) or model == NO_MODEL:
                raise InputError(
                    f"{model!r} is no model of authenticator", expected="an AAGUID, lower case"
                )
            for root in roots:
                x509.load_pem_x509_certificate(root)

    def takes(self, model: str, *, attested: bool) -> bool:
        """Whether a passkey of this model is taken now, vouched for as it is."""
        return not self.models or (model in self.models and (attested or not self.models[model]))


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A registration that was believed. `public_key` is COSE; `attested`: by a certificate."""

    credential: bytes
    public_key: bytes
    sign_count: int
    model: str
    attested: bool
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """An assertion whose signature is right. The sign count is still to be judged."""

    sign_count: int
    backed_up: bool
    authenticator_data: bytes
    client_data_json: bytes
    signature: bytes


def registration_options(
    party: RelyingParty, *, challenge: bytes, handle: bytes, name: str, known: list[bytes]
) -> dict[str, Any]:
    """What the browser gives to ``navigator.credentials.create``; `known` are not made again."""
    options = generate_registration_options(
        rp_id=party.id, rp_name=party.name, user_name=name, user_id=handle, challenge=challenge,
        timeout=CEREMONY_S * 1000,
        attestation=AttestationConveyancePreference.DIRECT
        if party.models else AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        supported_pub_key_algs=_ALGORITHMS,
    )  # fmt: skip
    return _as_object(options_to_json(options))


def assertion_options(
    party: RelyingParty, *, challenge: bytes, allowed: list[bytes]
) -> dict[str, Any]:
    """What the browser gives to ``navigator.credentials.get``.

    None `allowed`: any passkey of this desk, so that who has an account is told to nobody.
    """
    options = generate_authentication_options(
        rp_id=party.id, challenge=challenge, timeout=CEREMONY_S * 1000,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return _as_object(options_to_json(options))


def verify_registration(party: RelyingParty, *, challenge: bytes, answer: str) -> NewPasskey:
    """Check what ``create`` gave (as JSON). Raises RefusedAnswerError."""
    credential = _read(answer, parse_registration_credential_json)
    return _refusing(lambda: _registration(party, challenge, credential), "registration")


def _registration(
    party: RelyingParty, challenge: bytes, credential: RegistrationCredential
) -> NewPasskey:
    _check_page(party, credential.response.client_data_json)
    attestation = parse_attestation_object(credential.response.attestation_object)
    data = attestation.auth_data.attested_credential_data
    if data is None or not 1 <= len(data.credential_id) <= _MOST_CREDENTIAL_BYTES:
        raise RefusedAnswerError("registration")
    if data.credential_id != credential.raw_id:
        raise RefusedAnswerError("registration")
    model = _as_aaguid(data.aaguid)
    if party.models and model not in party.models:
        raise RefusedAnswerError("model")
    roots = list(party.models.get(model, ()))
    if roots:
        _check_leaf(attestation.fmt, attestation.att_stmt.x5c, data.aaguid)
    found = verify_registration_response(
        credential=credential, expected_challenge=challenge, expected_rp_id=party.id,
        expected_origin=list(party.origins), require_user_verification=True,
        supported_pub_key_algs=_ALGORITHMS,
        pem_root_certs_bytes_by_fmt=dict.fromkeys(AttestationFormat, roots),
    )  # fmt: skip
    flags = attestation.auth_data.flags
    if (flags.be or flags.bs) and not party.synced:
        raise RefusedAnswerError("synced")
    spki_of(found.credential_public_key)  # of a kind whose signatures can be checked offline
    return NewPasskey(
        found.credential_id, found.credential_public_key, found.sign_count, model, bool(roots),
        flags.be, flags.bs,
    )  # fmt: skip


def _check_leaf(fmt: str, chain: list[bytes] | None, aaguid: bytes) -> None:
    """The maker's certificate is one for authenticators, and for this model (WebAuthn 8.2.1).

    That it leads to a root is checked with the signature. An attestation by the passkey itself, or
    by nobody, has no certificate: it would be a way round the list.
    """
    if fmt not in (AttestationFormat.PACKED, AttestationFormat.TPM) or not chain:
        raise RefusedAnswerError("attestation")
    leaf = x509.load_der_x509_certificate(chain[0])
    try:
        of_model: bytes | None = leaf.extensions.get_extension_for_oid(
            _AAGUID_EXTENSION
        ).value.public_bytes()
    except x509.ExtensionNotFound:
        of_model = None
    basic = leaf.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
    units = [str(unit.value) for unit in leaf.subject.get_attributes_for_oid(
        NameOID.ORGANIZATIONAL_UNIT_NAME)]  # fmt: skip
    packed = fmt == AttestationFormat.PACKED
    if (
        leaf.version is not x509.Version.v3
        or not isinstance(basic, x509.BasicConstraints) or basic.ca
        or (packed and (of_model is None or units != ["Authenticator Attestation"]))
        or (of_model is not None and of_model != b"\x04\x10" + aaguid)
    ):  # fmt: skip
        raise RefusedAnswerError("attestation")


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that was read and not yet checked."""

    credential: AuthenticationCredential

    @property
    def credential_id(self) -> bytes:
        """Which passkey says it answered."""
        return self.credential.raw_id

    @property
    def handle(self) -> bytes | None:
        """Whose it says it is."""
        return self.credential.response.user_handle


def read_assertion(answer: str) -> Asserted:
    """Read what ``get`` gave (as JSON). Raises RefusedAnswerError."""
    return Asserted(_read(answer, parse_authentication_credential_json))


def verify_assertion(
    party: RelyingParty, asserted: Asserted, *, challenge: bytes, public_key: bytes,
    backup_eligible: bool,
) -> Answer:  # fmt: skip
    """Check an assertion against the passkey it names. Raises RefusedAnswerError."""
    return _refusing(
        lambda: _assertion(party, asserted, challenge, public_key, backup_eligible), "answer"
    )


def _assertion(
    party: RelyingParty, asserted: Asserted, challenge: bytes, public_key: bytes, eligible: bool
) -> Answer:
    response = asserted.credential.response
    _check_page(party, response.client_data_json)
    found = verify_authentication_response(
        credential=asserted.credential, expected_challenge=challenge, expected_rp_id=party.id,
        expected_origin=list(party.origins), credential_public_key=public_key,
        credential_current_sign_count=0,  # judged later: only a right signature may raise doubt
        require_user_verification=True,
    )  # fmt: skip
    flags = parse_authenticator_data(response.authenticator_data).flags
    if flags.be != eligible or ((flags.be or flags.bs) and not party.synced):
        raise RefusedAnswerError("synced")
    return Answer(
        found.new_sign_count, flags.bs, response.authenticator_data, response.client_data_json,
        response.signature,
    )  # fmt: skip


def count_is_doubtful(last: int, new: int) -> bool:
    """Whether a count that grew before did not grow now: two devices may hold the key."""
    return last > 0 and new <= last


def spki_of(public_key: bytes) -> bytes:
    """A COSE key as SubjectPublicKeyInfo (DER), for whoever checks an approval offline."""
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    found = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    load_key(found)
    return found


def _check_page(party: RelyingParty, client_data_json: bytes) -> None:
    """The page that asked was one of ours, and not inside another's."""
    if read_client_data(client_data_json)["origin"] not in party.origins:
        raise RefusedAnswerError("origin")


def _read(answer: str, parse: Callable[[str], T]) -> T:
    if len(answer) > _MOST_CHARACTERS:
        raise RefusedAnswerError("unreadable")
    return _refusing(lambda: parse(answer), "unreadable")


def _refusing(work: Callable[[], T], reason: str) -> T:
    """Whatever a stranger's bytes do to a parser or a verifier is a refusal."""
    try:
        return work()
    except RefusedAnswerError:
        raise
    except Exception as error:
        raise RefusedAnswerError(reason) from error


def _as_object(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _as_aaguid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
