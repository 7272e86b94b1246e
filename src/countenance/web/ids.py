"""What an id in an address may look like; anything else is a page that does not exist."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

ID = r"^[0-9a-f]{32}$"
DIGEST = r"^[0-9a-f]{64}$"
CODE = r"^[a-z0-9][a-z0-9\-]{0,63}$"

Id = Annotated[str, Path(pattern=ID)]
Digest = Annotated[str, Path(pattern=DIGEST)]
Code = Annotated[str, Path(pattern=CODE)]
