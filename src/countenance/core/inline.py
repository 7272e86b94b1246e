"""Styles and scripts that stand in a page itself, and how its policy names them."""

from __future__ import annotations

import base64
import hashlib


def inline_source(text: str) -> str:
    """An inline style or script as a source of a Content-Security-Policy (CSP 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
