"""Checkpoints: what a log commits itself to, in three lines.

Format: C2SP ``tlog-checkpoint``. Extension lines are read and kept, since other logs may have
them; ours writes none, nothing here acts on them, and an ML-DSA-44 signature does not cover them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from countenance.record.errors import VerificationError
from countenance.record.note import (
    MAX_INTEGER,
    Note,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    parse_decimal,
)

MAX_TEXT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree.

    Attributes
    ----------
    origin
        The log's name, one line.
    size
        Entries in the tree.
    root
        32 bytes: the RFC 6962 tree hash of that many entries.
    extensions
        Further lines, without meaning here.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.root) != 32:
            raise VerificationError("a root hash is not 32 bytes")
        if not 0 <= self.size <= MAX_INTEGER:
            raise VerificationError("a tree size out of range", expected="0 to 2^63 - 1")
        for line in (self.origin, *self.extensions):
            if not line or any(c < " " or "\ud800" <= c <= "\udfff" for c in line):
                raise VerificationError("an empty line or control character in a checkpoint")

    @property
    def text(self) -> str:
        """The note text, its last newline included."""
        head = f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"
        return head + "".join(f"{line}\n" for line in self.extensions)


def parse_checkpoint(text: bytes | str) -> Checkpoint:
    """Read the text of a checkpoint. Whoever has only this has verified nothing yet.

    Raises
    ------
    VerificationError
        Whatever is wrong with it.
    """
    try:
        line_text = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise VerificationError("a checkpoint is not UTF-8") from error
    if len(line_text) > MAX_TEXT_BYTES:
        raise VerificationError("too long for a checkpoint")
    lines = line_text.split("\n")
    if len(lines) < 4 or lines[-1]:
        raise VerificationError(
            "not a checkpoint", expected="lines of origin, size and root hash, each with newline"
        )
    origin, size, root, *extensions = lines[:-1]
    return Checkpoint(
        origin,
        parse_decimal(size, what="the tree size"),
        decode_base64(root, what="the root hash"),
        tuple(extensions),
    )


def open_checkpoint(data: bytes, verifiers: Iterable[Verifier]) -> tuple[Checkpoint, Note]:
    """Verify a note and read the checkpoint in it.

    At least one of `verifiers` signed it. Whether those are enough, and whether one of them may
    speak for that origin, is for a `policy` to say.

    Raises
    ------
    VerificationError
        Whatever is wrong with it.
    """
    note = open_note(data, verifiers)
    return parse_checkpoint(note.text), note
