"""`countenance demo`: two real engines on a real set of faces, with nothing to bring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Page, Pdf, Quiet


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the report goes.")
    ] = Path("demo-report"),
    pdf: Pdf = None,
    page: Page = "a4",
    quiet: Quiet = False,
) -> None:
    """Audit two engines on the London Set's scores, which come with Countenance.

    No image and no network is needed: scores and self-reported labels, under pseudonymous ids.
    """
    from countenance.cli.demonstration import demonstration_audits
    from countenance.cli.pipeline import check_folder, write_several
    from countenance.cli.terminal import console, progress
    from countenance.cli.views import show_audit, show_written

    check_folder(out)
    with progress(quiet=quiet) as report:
        audits = demonstration_audits(progress=report)
        written = write_several(audits, out, pdf=pdf, page=page, progress=report)
    if not quiet:
        for found in audits:
            show_audit(console(), found)
        show_written(console(), written, pdf=pdf)
