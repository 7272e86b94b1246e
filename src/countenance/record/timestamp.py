"""Time from outside: RFC 3161 tokens on checkpoints, verified without a network.

A token says that the text of a checkpoint, hence its root hash and every entry under it, existed
at a time that neither the log nor its witnesses chose. It is optional, comes from an authority the
reader trusts, and never decides whether a checkpoint counts.

The token is kept as the authority's whole answer (``TimeStampResp``, DER); `stamped` says where.
`rfc3161-client` does the parsing and is loaded only when needed.
"""

from __future__ import annotations

import http.client
import importlib
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from countenance.core import InputError, MissingPartError
from countenance.record.errors import RecordError, VerificationError
from countenance.record.note import split_note
from countenance.record.request import answered, check_address, read_body, why

MAX_TOKEN_BYTES: Final = 65_536
_QUERY: Final = "application/timestamp-query"
_PEM: Final = "a file of -----BEGIN CERTIFICATE-----"
_REPLY: Final = "application/timestamp-reply"

Send = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a verified token says.

    Attributes
    ----------
    time_s
        POSIX seconds, by the authority's clock.
    serial
        The authority's number for it.
    policy
        The authority's policy, a dotted object identifier.
    """

    time_s: int
    serial: int
    policy: str


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """The certificates trusted to lead to an authority's own: every one of them is trusted."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def load(cls, path: Path) -> TimestampAuthority:
        """Read a PEM file of one or more certificates.

        Raises
        ------
        InputError
            It cannot be read or holds no certificate.
        """
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"the certificates cannot be read ({error.strerror})",
                where=str(path), expected=_PEM,
            ) from error  # fmt: skip
        except ValueError as error:
            raise InputError(
                "no certificates in PEM form", where=str(path), expected=_PEM
            ) from error
        return cls(tuple(found))


def request_timestamp(checkpoint: bytes, *, authority: TimestampAuthority, send: Send) -> bytes:
    """Ask an authority for a token on a checkpoint and verify what it answers.

    Parameters
    ----------
    checkpoint
        The signed note. Its text alone is stamped, so cosignatures may be added later.
    authority
        Whom to believe.
    send
        Carries a DER request to the authority and brings the answer: see `http_send`.

    Returns
    -------
    bytes
        The token, to keep or to attach.

    Raises
    ------
    VerificationError
        The authority refused, or its answer is not a good token for this checkpoint and request.
    MissingPartError
        The extra ``timestamps`` is not installed.
    """
    client = _client()
    text, _ = split_note(checkpoint)
    request = _request(client, text)
    token = send(request.as_bytes())
    # The nonce shows that this is the answer to this request and not an older one.
    _verify(client, token, text, authority, nonce=request.nonce)
    return token


def verify_timestamp(
    token: bytes, checkpoint: bytes, *, authority: TimestampAuthority
) -> Timestamp:
    """Verify a token against a checkpoint, without a network.

    The authority's certificate has to have been valid at the time the token states, not today.

    Parameters
    ----------
    token
        The DER answer of the authority.
    checkpoint
        The signed note it is about.
    authority
        Whom to believe.

    Raises
    ------
    VerificationError
        Whatever is wrong with it.
    MissingPartError
        The extra ``timestamps`` is not installed.
    """
    text, _ = split_note(checkpoint)
    return _verify(_client(), token, text, authority, nonce=None)


def write_request(checkpoint: bytes) -> bytes:
    """The DER request for a token on a checkpoint, to be carried to an authority by hand.

    What comes back is verified with `verify_timestamp`.

    Raises
    ------
    VerificationError
        That is no checkpoint.
    MissingPartError
        The extra ``timestamps`` is not installed.
    """
    request: bytes = _request(_client(), split_note(checkpoint)[0]).as_bytes()
    return request


def http_send(url: str, *, timeout_s: float = 15.0) -> Send:
    """Carry requests to an authority over HTTP (RFC 3161, 3.4).

    The whole exchange has `timeout_s`; the answer has to be of the one type that RFC 3161 names,
    and no larger than a token can be. Redirects are not followed.

    Raises
    ------
    InputError
        That is not an address.
    """
    check_address(url, what="the address of a timestamp authority", query=True)

    def send(request: bytes) -> bytes:
        query = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            url, data=request, headers={"Content-Type": _QUERY, "User-Agent": "countenance"}
        )
        try:
            with answered(query, timeout_s=timeout_s) as answer:
                said = answer.headers.get_content_type()
                if said != _REPLY:
                    raise RecordError(
                        f"the timestamp authority answered with {said[:80]}",
                        where=url, expected=_REPLY,
                    )  # fmt: skip
                return read_body(answer, MAX_TOKEN_BYTES, where=url)
        except urllib.error.HTTPError as error:
            error.close()
            raise RecordError(
                f"the timestamp authority answered {error.code}", where=url
            ) from error
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            raise RecordError(
                f"the timestamp authority did not answer: {why(error)}", where=url,
                do="see whether the address is right, and whether it answers",
            ) from error  # fmt: skip

    return send


def _request(client: Any, text: bytes) -> Any:
    builder = client.TimestampRequestBuilder().data(text)
    return builder.hash_algorithm(client.HashAlgorithm.SHA256).build()


def _verify(
    client: Any, token: bytes, text: bytes, authority: TimestampAuthority, *, nonce: int | None
) -> Timestamp:
    if len(token) > MAX_TOKEN_BYTES:
        raise VerificationError("too large for a timestamp", expected=f"{MAX_TOKEN_BYTES:,} bytes")
    if not authority.certificates:
        raise VerificationError("no timestamp authority is trusted")
    verifier = client.VerifierBuilder(roots=list(authority.certificates), nonce=nonce).build()
    try:
        response = client.decode_timestamp_response(token)
        verifier.verify_message(response, text)
        stated = response.tst_info
        return Timestamp(
            int(stated.gen_time.timestamp()), stated.serial_number, stated.policy.dotted_string
        )
    # The parser below is foreign code that has no one error of its own.
    except Exception as error:
        raise VerificationError(
            f"the timestamp does not verify ({str(error)[:200]})",
            do="check that the authority's certificates are the right ones",
        ) from error


def _client() -> Any:
    try:
        return importlib.import_module("rfc3161_client")
    except ImportError as error:
        raise MissingPartError(
            "timestamps need a part that is not installed",
            do="pip install 'countenance[timestamps]'",
        ) from error
