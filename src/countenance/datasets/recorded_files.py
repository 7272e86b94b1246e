"""The recorded hashes of known data sets: what each file must be, byte for byte."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from countenance.core import InputError

_LINE = re.compile(r"([0-9a-fA-F]{64})\s+(?:(\d+)\s+)?\*?(\S.*)")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one file must be.

    Attributes
    ----------
    sha256
        Of its bytes, lower-case hex.
    size_bytes
        None in a list that does not state sizes.
    """

    sha256: str
    size_bytes: int | None


@functools.cache
def recorded(edition: str) -> Mapping[str, Recorded]:
    """The list of an edition carried in this package: path to hash and size."""
    name = f"{edition}.txt"
    text = files("countenance.datasets").joinpath("recorded", name).read_text(encoding="utf-8")
    return parse_checksums(text, where=name)


def read_checksums(path: Path) -> Mapping[str, Recorded]:
    """A list somebody gives: lines as ``sha256sum`` writes them, or with the size between.

    Raises
    ------
    InputError
        It cannot be read, or a line is not a hash and a path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from error
    return parse_checksums(text, where=str(path))


def parse_checksums(text: str, *, where: str) -> Mapping[str, Recorded]:
    """Lines ``SHA256 [BYTES] PATH``; blank lines and lines after ``#`` say nothing."""
    found: dict[str, Recorded] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(
                f"row {number} is not a hash and a path", where=where, expected="SHA256  PATH"
            )
        digest, size, name = match.groups()
        found[name.removeprefix("./")] = Recorded(digest.lower(), int(size) if size else None)
    return found
