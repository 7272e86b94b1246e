"""What a form carries to show that it was made for the session that sends it."""

from __future__ import annotations

import hashlib
import hmac


def page_token(key: bytes, session: str) -> str:
    """The token of a session's forms; `key` is of this deployment only."""
    return hmac.new(key, b"form\0" + session.encode(), hashlib.sha256).hexdigest()
