"""Small shared types: errors, score units, hashing, canonical JSON, whole-or-nothing files.

What lives here is needed by several rooms and knows nothing of faces, people or law. This room
imports none of the others. Start with `errors` and `units`.
"""

from countenance.core.errors import (
    CountenanceError,
    InputError,
    IntegrityError,
    MissingPartError,
    Note,
)
from countenance.core.fileops import FileOps, write_all, write_all_at
from countenance.core.files import atomic_folder, atomic_write, sha256_bytes, sha256_file
from countenance.core.inline import inline_source
from countenance.core.jsonio import canonical_json, digest_json, pretty_json
from countenance.core.processors import processors
from countenance.core.progress import Progress, no_progress
from countenance.core.units import ScoreUnit, read_decimal

__all__ = [
    "CountenanceError",
    "FileOps",
    "InputError",
    "IntegrityError",
    "MissingPartError",
    "Note",
    "Progress",
    "ScoreUnit",
    "atomic_folder",
    "atomic_write",
    "canonical_json",
    "digest_json",
    "inline_source",
    "no_progress",
    "pretty_json",
    "processors",
    "read_decimal",
    "sha256_bytes",
    "sha256_file",
    "write_all",
    "write_all_at",
]
