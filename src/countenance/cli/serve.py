"""`countenance serve`: the desk as a service, made where there is none yet."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from countenance.core import InputError
    from countenance.desk.configuration import Configuration
    from countenance.desk.deployment import Deployment

GRACE_S = 30
KEEP_S = 75  # an idle connection; proxies give up theirs after 60, and must not meet a closed one
BACKLOG = 512
DeskFolder = Annotated[
    Path,
    typer.Argument(metavar="FOLDER", help="The folder of the desk.", show_default=False),
]


def serve(
    folder: DeskFolder,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Where to answer (default: as desk.toml says)."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", metavar="COUNT", min=1, help="Processes that answer.")
    ] = 1,
    certificate: Annotated[
        Path | None,
        typer.Option("--tls-certificate", metavar="FILE", help="Answer https: the chain (PEM)."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key (PEM).")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="For a new desk: the agency's name.")
    ] = "",
    origin: Annotated[
        str,
        typer.Option(
            "--origin",
            metavar="URL",
            help="For a new desk: where people reach it (default: this machine only).",
        ),
    ] = "",
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            metavar="PLACE",
            help="For a new desk: whose law binds it, as us/mi/detroit; repeatable.",
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option("--database", metavar="URL", help="For a new desk: postgresql://HOST/NAME."),
    ] = "",
    administrator: Annotated[
        str,
        typer.Option(
            "--administrator", metavar="NAME", help="Whom the first code is for, by name."
        ),
    ] = "First administrator",
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help="The clock is right, though the record is ahead."),
    ] = False,
) -> None:
    """Serve a desk; an empty folder becomes one.

    As long as nobody has an account, each start prints a one-time code for the first
    administrator. Ctrl-C, or SIGTERM, ends it in order: what is being answered is finished.
    """
    from countenance.core import InputError, MissingPartError

    if (certificate is None) != (key is None):
        raise InputError("TLS needs both", expected="--tls-certificate FILE and --tls-key FILE")
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise InputError("there is no such file", where=str(path))
    try:
        import sqlalchemy  # noqa: F401 - whether the part is there
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingPartError(
            "a service needs the part desk", do="pip install 'countenance[desk]'"
        ) from error
    found = _found_or_made(folder, name, origin, listen, place or [], database)
    if workers > 1 and found.is_sqlite:
        raise InputError(
            f"{workers} processes on SQLite, which is for one",
            where="--workers",
            expected="1, or a desk whose desk.toml names a PostgreSQL database",
            do="the public log in files, too, has one writer",
        )
    with _listening(listen or found.listen) as door:
        _note_port(found, door)
        run = _serve_one if workers == 1 else _serve_several
        with contextlib.suppress(KeyboardInterrupt):
            run(
                found, door, workers=workers, certificate=certificate, key=key,
                administrator=administrator, accept_clock=accept_clock,
            )  # fmt: skip
    typer.echo("Stopped.")


def _found_or_made(
    folder: Path, name: str, origin: str, listen: str | None, places: list[str], database: str
) -> Configuration:
    from countenance.core import InputError
    from countenance.desk.configuration import FILE, read_configuration
    from countenance.desk.making import NOWHERE, make_deployment

    if (folder / FILE).exists():
        if name or origin or places or database:
            raise InputError(
                "there is a desk here, which says these itself", where=str(folder / FILE),
                do="change them there: --name, --origin, --place and --database are for a new one",
            )  # fmt: skip
        return read_configuration(folder)
    if not folder.exists() or not any(folder.iterdir()):
        found = make_deployment(
            folder, name=name, origin=origin, listen=listen or "127.0.0.1:8760",
            jurisdictions=tuple(places) or (NOWHERE,), database=database,
        )  # fmt: skip
        typer.echo(f"A new desk: {found.folder / FILE} says what it is; read it.")
    else:
        found = read_configuration(folder)  # says what is wrong with the folder
    if found.jurisdictions == (NOWHERE,):
        typer.echo(
            "It is nowhere yet, so everything is denied: let `jurisdictions` in that file say "
            "whose law binds it."
        )
    return found


def _serve_one(
    found: Configuration, door: socket.socket, *, workers: int, certificate: Path | None,
    key: Path | None, administrator: str, accept_clock: bool,
) -> None:  # fmt: skip
    import logging.config

    import uvicorn

    from countenance.cli.servelog import CONFIGURATION
    from countenance.cli.terminal import progress
    from countenance.desk.opening import open_deployment
    from countenance.web import create_app

    logging.config.dictConfig(CONFIGURATION)
    with contextlib.ExitStack() as stack:
        with progress() as report:
            deployment = stack.enter_context(open_deployment(
                found.folder, witness=True, accept_clock=accept_clock, serving=True,
                progress=report,
            ))  # fmt: skip
        _welcome(deployment, found, administrator)
        app = create_app(deployment)
        config = _config(app, found, workers=workers, certificate=certificate, key=key)
        uvicorn.Server(config).run(sockets=[door])


def _serve_several(
    found: Configuration, door: socket.socket, *, workers: int, certificate: Path | None,
    key: Path | None, administrator: str, accept_clock: bool,
) -> None:  # fmt: skip
    import logging.config

    from uvicorn.supervisors.multiprocess import Multiprocess

    from countenance.cli.servelog import CONFIGURATION
    from countenance.cli.serveworker import FOLDER
    from countenance.desk.opening import open_deployment
    from countenance.desk.parts import local_witness

    logging.config.dictConfig(CONFIGURATION)
    # Opened once here, so that what is wrong is said once, and tables are made before there are
    # several who need them.
    with open_deployment(
        found.folder, background=False, witness=True, accept_clock=accept_clock
    ) as deployment:
        _welcome(deployment, found, administrator)
    os.environ[FOLDER] = str(found.folder)
    config = _config(
        "countenance.cli.serveworker:make_app", found, workers=workers, certificate=certificate,
        key=key,
    )  # fmt: skip
    with local_witness(found) if found.local_witness else contextlib.nullcontext():
        Multiprocess(config, sockets=[door]).run()


def _config(
    app: FastAPI | str, found: Configuration, *, workers: int, certificate: Path | None,
    key: Path | None,
) -> uvicorn.Config:  # fmt: skip
    import uvicorn

    from countenance.cli.servelog import CONFIGURATION

    return uvicorn.Config(
        app, factory=isinstance(app, str), workers=workers, lifespan="on", ws="none",
        log_config=CONFIGURATION, server_header=False, backlog=BACKLOG,
        proxy_headers=bool(found.trusted_proxies),
        forwarded_allow_ips=list(found.trusted_proxies), timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_S,
        timeout_worker_healthcheck=GRACE_S,
        ssl_certfile=certificate, ssl_keyfile=None if key is None else str(key),
    )  # fmt: skip


def _welcome(deployment: Deployment, found: Configuration, administrator: str) -> None:
    from countenance.desk.errors import StateError
    from countenance.desk.invitations import CODE_S, bootstrap

    typer.echo(f"{deployment.name}: {found.origins[0]}/")
    with contextlib.suppress(StateError):  # somebody has an account: the usual case
        code = bootstrap(deployment.desk, administrator)
        typer.echo(
            f"Nobody has an account yet. {administrator} joins at {found.origins[0]}/join "
            f"within {CODE_S // 60} minutes:\n\n    {code}\n"
        )
    sys.stdout.flush()


def _note_port(found: Configuration, door: socket.socket) -> None:
    """Passkeys know the desk by its origin: another port is another desk to a browser."""
    port = door.getsockname()[1]
    local = [each for each in found.origins if each.startswith("http://localhost")]
    if local and f"http://localhost:{port}" not in local:
        typer.echo(
            f"It answers at port {port}, and desk.toml says {local[0]}: no passkey will work "
            "there until the two agree.",
            err=True,
        )


@contextlib.contextmanager
def _listening(text: str) -> Iterator[socket.socket]:
    from countenance.desk.folder import check_address

    host, port = check_address(text)
    with contextlib.ExitStack() as stack:
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only
            # where it is: otherwise each waits 40 ms for the other side's acknowledgement.
            door = stack.enter_context(
                socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            )
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((host, port))
        except (OSError, UnicodeError) as error:
            raise _taken(text, error) from error
        door.set_inheritable(True)
        yield door


def _taken(text: str, error: Exception) -> InputError:
    from countenance.core import InputError

    why = getattr(error, "strerror", None) or error
    return InputError(
        f"nobody can listen there ({why})",
        where=f"--listen {text}",
        expected="an address of this machine and a port that is free; port 0 takes any",
    )
