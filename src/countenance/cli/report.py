"""`countenance report`: the report again, from an audit alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Out, Page, Pdf, Quiet


def report(
    audits: Annotated[
        list[Path],
        typer.Argument(
            metavar="AUDIT.JSON...",
            help="One audit, or several to set side by side.",
            show_default=False,
        ),
    ],
    out: Out = None,
    pdf: Pdf = None,
    page: Page = "a4",
    quiet: Quiet = False,
) -> None:
    """Write the report of an audit anew; nothing is measured again."""
    from countenance.cli.onfile import read_audit
    from countenance.cli.pipeline import check_folder, write, write_several
    from countenance.cli.terminal import console, progress
    from countenance.cli.views import show_written

    found = [read_audit(path) for path in audits]
    folder = out or Path("report")
    check_folder(folder)
    with progress(quiet=quiet) as tell:
        if len(found) == 1:
            written = write(found[0], folder, pdf=pdf, page=page, progress=tell)
        else:
            written = write_several(found, folder, pdf=pdf, page=page, progress=tell)
    if not quiet:
        show_written(console(), written, pdf=pdf)
