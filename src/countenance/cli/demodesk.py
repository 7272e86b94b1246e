"""`countenance demo-desk`: a desk with invented people and simulated cases, to walk through."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from countenance.cli.options import Quiet

PORT = 8770


def demo_desk(
    folder: Annotated[
        Path,
        typer.Option("--folder", "-f", metavar="FOLDER", help="Where it is made and kept."),
    ] = Path("demo-desk"),
    port: Annotated[
        int,
        typer.Option("--port", metavar="PORT", min=1024, max=65535, help="For a new one."),
    ] = PORT,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Answer until Ctrl-C, or only make it.")
    ] = True,
    quiet: Quiet = False,
) -> None:
    """Walk through a desk: every page and role, with people who do not exist.

    Five months of simulated cases, really decided, signed, searched, sealed and reviewed; the
    faces are drawings and a program plays the passkeys. It answers on this machine only.
    """
    from countenance.cli.terminal import progress
    from countenance.core import InputError, MissingPartError

    try:
        import uvicorn
        import webauthn  # noqa: F401 - whether the part is there
    except ImportError as error:
        raise MissingPartError(
            "a service needs the part desk", do="pip install 'countenance[desk]'"
        ) from error
    from countenance.desk.configuration import read_configuration
    from countenance.web.demo.app import create_demo_app
    from countenance.web.demo.cast import Cast
    from countenance.web.demo.making import CAST, is_demo, make_demo, opened

    if not is_demo(folder):
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                "this folder holds something else, or a demonstration that was not finished",
                where=str(folder), do="name an empty folder, or remove this one",
            )  # fmt: skip
        with progress(quiet=quiet) as report:
            make_demo(folder, listen=f"127.0.0.1:{port}", progress=report)
    if not serve:
        typer.echo(f"Made in {folder}. Visit it: countenance demo-desk --folder {folder}")
        return
    host, _, where = read_configuration(folder).listen.rpartition(":")
    cast = Cast.read(folder / CAST)
    with opened(folder) as of:
        typer.echo(
            f"Be somebody: {of.party.origins[0]}/demo\nThe public page: {of.party.origins[0]}/"
        )
        uvicorn.run(
            create_demo_app(of, cast), host=host, port=int(where), log_level="warning", ws="none",
            server_header=False, lifespan="on",
        )  # fmt: skip
        cast.write(folder / CAST)
