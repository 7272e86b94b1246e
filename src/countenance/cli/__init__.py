"""The command line: one module a command, thin over the library.

What lives here is reading options, drawing progress and tables, and turning errors into messages
and exit codes. No measurement does: every number printed comes from a room below. Start with
`app` (the list of commands and the exit codes) and `request` (an audit as it was asked for).

`main` is what the ``countenance`` script runs. It is imported late, and so is everything heavy:
``countenance --help`` answers without NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (docs/cli.md lists them)."""
    from countenance.cli.app import run

    return run(argv)
