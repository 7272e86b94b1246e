"""Every error a caller can meet, drawn as one tree.

::

    CountenanceError            something a person has to act on
    ├── InputError              a file, row, column or option is not what it must be   (exit 2)
    ├── IntegrityError          bytes are not the bytes they claim to be               (exit 2)
    └── MissingPartError        an optional part is not installed                      (exit 2)

Expected failures of an engine (no face in an image) are *values*, not exceptions: see `faces`.
"""

from __future__ import annotations

from dataclasses import dataclass


class CountenanceError(Exception):
    """Base of the tree: what happened, where, what was expected and what to do.

    Parameters
    ----------
    what
        One sentence, without a full stop at the end.
    where
        The file, row, column or option concerned.
    expected
        What would have been right.
    do
        The next step for the person who reads it.
    """

    code = "error"
    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        do: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.do = do

    def diagnostics(self) -> str:
        """The whole message for a person, one fact a line."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.do:
            lines.append(f"  to do:    {self.do}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.diagnostics()


class InputError(CountenanceError):
    """A file, row, column or option is not what it must be. The caller's to mend."""

    code = "input"


class IntegrityError(CountenanceError):
    """Bytes do not have the hash they must have. Nothing was used."""

    code = "integrity"


class MissingPartError(CountenanceError):
    """An optional part is not installed; the message names the extra that brings it."""

    code = "missing-part"


@dataclass(frozen=True, slots=True)
class Note:
    """Something the run met and went on from, to be shown in its summary.

    Attributes
    ----------
    code
        Stable, for machines: ``duplicate-image``, ``missing-file``.
    count
        How many rows, images or people it concerns.
    text
        One plain sentence.
    where
        Up to a handful of places: ``row 17: neutral/003.jpg``.
    """

    code: str
    count: int
    text: str
    where: tuple[str, ...] = ()
