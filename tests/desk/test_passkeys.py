"""What a passkey says of itself: believed only as far as it is shown."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from authenticator import BE, BS, MANAGED, NO_MODEL, ORIGIN, UP, UV, Authenticator, Maker, b64
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from people import PARTY, altered

from countenance.core import InputError, IntegrityError
from countenance.desk.passkeys import (
    RefusedAnswerError,
    RelyingParty,
    assertion_options,
    count_is_doubtful,
    read_assertion,
    registration_options,
    spki_of,
    verify_assertion,
    verify_registration,
)
from countenance.desk.proofs import check_approval, read_client_data

CHALLENGE = bytes(range(32))
MAKER = Maker()
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused
MANAGING = dataclasses.replace(PARTY, models={MANAGED: (MAKER.root_pem,)})


def registered(party: RelyingParty, device: Authenticator, **hostile: Any) -> str:
    options = registration_options(
        party, challenge=CHALLENGE, handle=b"h" * 32, name="Ada", known=[]
    )
    return device.create(options, **hostile)


def check(party: RelyingParty, device: Authenticator, **hostile: Any) -> Any:
    answer = registered(party, device, **hostile)
    return verify_registration(party, challenge=CHALLENGE, answer=answer)


def managed(**more: Any) -> Authenticator:
    return Authenticator(**{"model": MANAGED, "maker": MAKER, "attestation": "packed", **more})


def test_the_browser_is_asked_to_verify_its_user_and_to_show_the_model_where_it_matters() -> None:
    for party, attestation in ((PARTY, "none"), (MANAGING, "direct")):
        options = registration_options(
            party, challenge=CHALLENGE, handle=b"h", name="Ada", known=[b"old"]
        )
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["attestation"] == attestation
        assert options["challenge"] == b64(CHALLENGE)
        assert [each["id"] for each in options["excludeCredentials"]] == [b64(b"old")]
    options = assertion_options(PARTY, challenge=CHALLENGE, allowed=[])
    assert (options["userVerification"], options["allowCredentials"]) == ("required", [])


def test_a_managed_device_is_taken_and_known_as_what_it_is() -> None:
    found = check(MANAGING, managed())
    assert (found.model, found.attested) == (MANAGED, True)
    plain = check(PARTY, Authenticator())
    assert (plain.model, plain.attested) == (NO_MODEL, False)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (Authenticator(), "model"),
        (managed(model="11111111-2222-4333-8444-555555555555"), "model"),
        (Authenticator(model=MANAGED), "attestation"),  # the browser only says so
        (Authenticator(model=MANAGED, attestation="self"), "attestation"),  # so does the key
        (managed(maker=Maker()), "registration"),  # another maker, of the same name
        (managed(certified="11111111-2222-4333-8444-555555555555"), "attestation"),
        (managed(unit="Web servers"), "attestation"),
        (managed(as_ca=True), "attestation"),
    ],
)  # fmt: skip
def test_f3_a_personal_phone_is_not_taken_for_a_managed_device(
    device: Authenticator, reason: str
) -> None:
    with pytest.raises(RefusedAnswerError) as error:
        check(MANAGING, device)
    assert error.value.reason == reason


def test_a_list_of_models_without_roots_believes_what_the_browser_says() -> None:
    party = dataclasses.replace(PARTY, models={MANAGED: ()})
    assert check(party, Authenticator(model=MANAGED)).attested is False
    with pytest.raises(RefusedAnswerError):
        check(party, Authenticator())


def test_a_maker_vouches_for_the_models_it_is_listed_with_only() -> None:
    other, its = Maker("Other"), "11111111-2222-4333-8444-555555555555"
    party = dataclasses.replace(PARTY, models={MANAGED: (MAKER.root_pem,), its: (other.root_pem,)})
    assert check(party, managed(model=its, maker=other)).model == its
    with pytest.raises(RefusedAnswerError):
        check(party, managed(maker=other))


@pytest.mark.parametrize(
    "hostile",
    [
        {"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"cross_origin": True},
        {"flags": UP}, {"flags": UV}, {"flags": UP | UV | BS}, {"flags": UP | UV | BE},
        {"flags": UP | UV | BE | BS}, {"credential": b"c" * 1024},
    ],
)  # fmt: skip
def test_a_registration_that_is_not_quite_right_is_none(hostile: dict[str, Any]) -> None:
    with pytest.raises(RefusedAnswerError):
        check(PARTY, Authenticator(), **hostile)


def test_an_answer_that_names_another_credential_than_its_device_did_is_refused() -> None:
    other = b64(b"another credential")
    answer = altered(
        registered(PARTY, Authenticator()), lambda found: found.update(id=other, rawId=other)
    )
    with pytest.raises(RefusedAnswerError):
        verify_registration(PARTY, challenge=CHALLENGE, answer=answer)


def test_another_challenge_is_refused() -> None:
    answer = registered(PARTY, Authenticator())
    with pytest.raises(RefusedAnswerError):
        verify_registration(PARTY, challenge=bytes(32), answer=answer)


def test_synced_passkeys_are_taken_where_the_operator_says_so() -> None:
    party = dataclasses.replace(PARTY, synced=True)
    found = check(party, Authenticator(flags=UP | UV | BE | BS))
    assert (found.backup_eligible, found.backed_up) == (True, True)
    device = Authenticator(flags=UP | UV | BE)
    found = check(party, device)
    options = assertion_options(party, challenge=CHALLENGE, allowed=[])
    for flags, taken in ((UP | UV | BE | BS, True), (UP | UV, False)):  # eligible stays eligible
        asserted = read_assertion(device.get(options, flags=flags))
        if taken:
            assert verify_assertion(
                party, asserted, challenge=CHALLENGE, public_key=found.public_key,
                backup_eligible=True,
            ).backed_up  # fmt: skip
        else:
            with pytest.raises(RefusedAnswerError):
                verify_assertion(
                    party, asserted, challenge=CHALLENGE, public_key=found.public_key,
                    backup_eligible=True,
                )  # fmt: skip


def test_a_registration_is_no_assertion_and_another_key_signs_nothing() -> None:
    device, other = Authenticator(), Authenticator()
    found = check(PARTY, device)
    check(PARTY, other)
    options = assertion_options(PARTY, challenge=CHALLENGE, allowed=[])
    with pytest.raises(RefusedAnswerError):
        read_assertion(registered(PARTY, Authenticator()))
    with pytest.raises(RefusedAnswerError):
        verify_assertion(
            PARTY, read_assertion(other.get(options)), challenge=CHALLENGE,
            public_key=found.public_key, backup_eligible=False,
        )  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_count_is_doubtful_when_it_had_grown_and_did_not(last: int, new: int) -> None:
    assert count_is_doubtful(last, new) == (last != 0 and new <= last)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(b64)))
def test_whatever_bytes_come_are_refused_and_nothing_else_happens(text: str) -> None:
    for answer in (text, json.dumps({"id": text, "rawId": text, "type": "public-key", "response": {
        "clientDataJSON": text, "attestationObject": text, "authenticatorData": text,
        "signature": text}})):  # fmt: skip
        with pytest.raises(RefusedAnswerError):
            verify_registration(PARTY, challenge=CHALLENGE, answer=answer)
        with pytest.raises(RefusedAnswerError):
            verify_assertion(PARTY, read_assertion(answer), challenge=CHALLENGE,
                             public_key=b"", backup_eligible=False)  # fmt: skip


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(
    st.sampled_from(["clientDataJSON", "attestationObject"]), st.integers(0, 10**6),
    st.integers(1, 63),
)  # fmt: skip
def test_no_bent_registration_is_believed_to_be_another(part: str, place: int, by: int) -> None:
    answer = registered(MANAGING, managed())
    raw = json.loads(answer)["response"][part]
    at = place % len(raw)
    bent = raw[:at] + _DIGITS[(_DIGITS.index(raw[at]) + by) % 64] + raw[at + 1 :]
    changed = altered(answer, lambda each: each["response"].update({part: bent}))
    whole = verify_registration(MANAGING, challenge=CHALLENGE, answer=answer)
    try:
        other = verify_registration(MANAGING, challenge=CHALLENGE, answer=changed)
    except RefusedAnswerError:
        return
    assert other == whole  # the last character's unused bits


def test_too_long_an_answer_is_not_even_read() -> None:
    with pytest.raises(RefusedAnswerError):
        read_assertion(" " * 70_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origins": ("http://desk.example",)}, {"origins": ("https://evil.example",)},
        {"origins": ("https://evildesk.example",)}, {"origins": ("https://desk.example/",)},
        {"origins": ()}, {"origins": ("https://a@desk.example.evil.example",)}, {"name": ""},
        {"models": {"no aaguid": ()}}, {"models": {NO_MODEL: ()}},
        {"models": {MANAGED.upper(): ()}},
    ],
)  # fmt: skip
def test_a_relying_party_that_would_take_others_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(PARTY, **wrong)


def test_a_page_on_this_machine_or_below_the_domain_is_an_origin() -> None:
    RelyingParty(id="localhost", name="Desk", origins=("http://localhost:8000",))
    dataclasses.replace(PARTY, origins=(ORIGIN, "https://pages.desk.example:8443"))


def _signed(key: Any, *ways: Any) -> tuple[bytes, bytes, bytes, bytes]:
    from hashlib import sha256

    data = sha256(b"desk.example").digest() + bytes([UP | UV]) + bytes(4)
    client = json.dumps(
        {"type": "webauthn.get", "challenge": b64(CHALLENGE), "origin": ORIGIN}
    ).encode()
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public, data, client, key.sign(data + sha256(client).digest(), *ways)


@pytest.mark.parametrize(
    ("key", "ways", "taken"),
    [
        (ec.generate_private_key(ec.SECP256R1()), (ec.ECDSA(SHA256()),), True),
        (ed25519.Ed25519PrivateKey.generate(), (), True),
        (rsa.generate_private_key(65537, 2048), (padding.PKCS1v15(), SHA256()), True),
        (ec.generate_private_key(ec.SECP384R1()), (ec.ECDSA(SHA256()),), False),
        (WEAK, (padding.PKCS1v15(), SHA256()), False),
    ],
)
def test_approvals_are_checked_with_keys_of_three_kinds(key: Any, ways: Any, taken: bool) -> None:
    public, *parts = _signed(key, *ways)
    if taken:
        check_approval(public, CHALLENGE.hex(), *parts, rp_id="desk.example", origins=(ORIGIN,))
    else:
        with pytest.raises(IntegrityError):
            check_approval(public, CHALLENGE.hex(), *parts)


def test_an_approval_needs_its_user_there_and_verified() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public, data, client, _ = _signed(key, ec.ECDSA(SHA256()))
    from hashlib import sha256

    for flags in (0, UP, UV):
        bent = data[:32] + bytes([flags]) + data[33:]
        signature = key.sign(bent + sha256(client).digest(), ec.ECDSA(SHA256()))
        with pytest.raises(IntegrityError):
            check_approval(public, CHALLENGE.hex(), bent, client, signature)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 10_000,
        b'{"type":"webauthn.get","challenge":"AA","challenge":"AQ","origin":"https://d.example"}',
        b'{"type":"webauthn.get","challenge":"AA==","origin":"https://d.example"}',
        b'{"type":"webauthn.get","challenge":"AB","origin":"https://d.example"}',
        b'{"type":"webauthn.get","challenge":"A A","origin":"https://d.example"}',
        b'{"type":"webauthn.get","challenge":"AA","origin":["https://d.example"]}',
        b'{"type":1,"challenge":"AA","origin":"https://d.example"}',
        b'{"type":"x","challenge":"AA","origin":"https://d.example","crossOrigin":"no"}',
        b'{"type":"x","challenge":"AA","origin":"https://d.example","topOrigin":"https://e"}',
    ],
)  # fmt: skip
def test_client_data_that_two_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_client_data(raw)


def test_a_key_is_given_out_in_the_form_everybody_reads() -> None:
    found = check(PARTY, Authenticator())
    key = serialization.load_der_public_key(spki_of(found.public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey)
