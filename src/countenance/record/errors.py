"""What can go wrong with a record, in three kinds that call for three answers.

::

    RecordError                the record room's errors                        (exit 2)
    ├── VerificationError      bytes that do not verify: whatever they are, this is what is raised
    ├── StorageError           the disk or database failed: nothing was acknowledged
    └── ConflictError          somebody else holds the log, or has moved it on

`VerificationError` is the one error of every parser and verifier here: a caller that catches it
has caught every way in which bytes from outside can be wrong.
"""

from __future__ import annotations

from countenance.core import CountenanceError


def printable(text: str) -> str:
    """A text that strangers had a part in, without what a terminal would obey or cannot show."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


class RecordError(CountenanceError):
    """Base of the tree.

    Its message may repeat what stands in a note, a proof or an answer, so it is told `printable`.
    """

    code = "record"

    def diagnostics(self) -> str:
        """The whole message for a person, one fact a line."""
        return printable(super().diagnostics())


class VerificationError(RecordError):
    """These bytes do not prove what they should. Never an answer to ignore, so never a False."""

    code = "record-verification"


class StorageError(RecordError):
    """Reading or writing failed. What was not acknowledged may or may not be there."""

    code = "record-storage"


class ConflictError(RecordError):
    """The log is held, or was moved on, by somebody else."""

    code = "record-conflict"
