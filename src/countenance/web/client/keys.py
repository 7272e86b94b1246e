"""What the client needs of a passkey: an answer to the desk's question, as a browser gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Authenticator(Protocol):
    """A device that holds a passkey.

    docs/api.md has one for hardware keys, by the package `fido2`.
    """

    def get(self, options: Mapping[str, Any]) -> str:
        """Answer ``PublicKeyCredentialRequestOptionsJSON``.

        Returns the JSON text of an ``AuthenticationResponseJSON`` (WebAuthn level 3), whose
        client data names the desk's own origin.
        """
