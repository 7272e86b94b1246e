"""Making a deployment in an empty folder: keys, a witness, and a configuration with every entry.

``desk.toml`` is written last: a folder without it was never used, and can be made again.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from pathlib import Path

from countenance.core import InputError
from countenance.desk.configuration import FILE, Configuration, read_configuration
from countenance.desk.folder import (
    KEY_BYTES,
    Places,
    check_address,
    make_private_folder,
    write_private,
)
from countenance.desk.localwitness import make_witness
from countenance.record import generate_key

NOWHERE = "zz"  # reserved in ISO 3166 for users; there is no rule pack for it, so all is denied
_PORTS = range(20_000, 30_000)  # below those that systems give to outgoing connections


def make_deployment(
    folder: Path, *, name: str = "", origin: str = "", listen: str = "127.0.0.1:8760",
    jurisdictions: tuple[str, ...] = (NOWHERE,), database: str = "",
) -> Configuration:  # fmt: skip
    """Make everything that a desk needs before it is opened for the first time.

    Parameters
    ----------
    folder
        Empty, or not there.
    name
        Of the agency.
    origin
        Where the pages will be; without it, on this machine only (``http://localhost:PORT``).
    listen
        Where the service will answer.
    jurisdictions
        Whose law binds it. Without any, everything is denied until somebody says.
    database
        ``postgresql://…``; without it, SQLite in the folder.

    Raises
    ------
    InputError
        The folder is not empty, or cannot be written, or what is given is not right.
    """
    places = Places(folder)
    if folder.exists() and any(folder.iterdir()):
        read_configuration(folder)  # says what the folder is, where it is no desk
        raise InputError("there is a desk here already", where=str(folder))
    _, port = check_address(listen)
    text = _toml(
        name=name or "A new desk", origin=origin or f"http://localhost:{port}", listen=listen,
        jurisdictions=jurisdictions, database=database, witness=f"127.0.0.1:{_free_port()}",
    )  # fmt: skip
    make_private_folder(folder)
    for each in (places.keys, places.galleries, folder / "imports"):
        make_private_folder(each)
    for key in (places.master_key, places.permit_key, places.page_key):
        write_private(key, secrets.token_bytes(KEY_BYTES))
    passphrase = secrets.token_urlsafe(KEY_BYTES)
    write_private(places.passphrase, f"{passphrase}\n".encode())
    generate_key(places.log_key, log_name(origin), passphrase=passphrase)
    make_witness(places.witness)
    draft = folder / f".{FILE}.new"
    draft.unlink(missing_ok=True)
    write_private(draft, text.encode())
    draft.rename(folder / FILE)
    try:
        return read_configuration(folder)
    except InputError:  # nothing was used yet: what was given can be given again, and better
        _unmake(places)
        raise


def log_name(origin: str) -> str:
    """The name of the log for good: nobody else's, also where the desk has no name of its own."""
    host = origin.partition("://")[2].partition(":")[0].lower()
    if host and host != "localhost":
        return f"{host}/desk"
    return f"localhost/desk-{secrets.token_hex(4)}"


def _unmake(places: Places) -> None:
    files = [
        places.folder / FILE, places.master_key, places.permit_key, places.page_key,
        places.passphrase, places.log_key, *places.witness.iterdir(),
    ]  # fmt: skip
    for path in files:
        path.unlink(missing_ok=True)
    for path in (places.keys, places.galleries, places.folder / "imports", places.witness):
        with contextlib.suppress(OSError):
            path.rmdir()


def _free_port() -> int:
    """A port for the witness: it stays the same, so that whoever asks it finds it again."""
    for _ in range(100):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise InputError("no port is free for the witness", expected="one of 20000 to 29999")


def _toml(
    *, name: str, origin: str, listen: str, jurisdictions: tuple[str, ...], database: str,
    witness: str,
) -> str:  # fmt: skip
    """A JSON string, or list of strings, is TOML as well."""

    def said(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    return _TEMPLATE.format(
        name=said(name), origins=said([origin]), listen=said(listen),
        jurisdictions=said(list(jurisdictions)), database=said(database), witness=said(witness),
    )  # fmt: skip


_TEMPLATE = """\
# The desk of this folder. Read when it starts: change it, then start it again.
# Nothing in here can be changed from a page, and no secret belongs in here.
# Every entry, with what it may be: docs/serving.md.

# Of the agency, as the public page and people's devices show it.
name = {name}

# Where people reach the pages. Passkeys are bound to the host: choose it once.
# All but localhost needs https: a proxy before the desk, or --tls-certificate.
origins = {origins}
#passkey-domain = "desk.example"        # where it is not the host of the first origin

# Where the service answers, and the addresses of proxies before it that are believed.
listen = {listen}
trusted-proxies = []

# Under whose law this desk works: the smallest place of each. `countenance law list` shows the
# places there are rules for. Everywhere else, and in "zz" (nowhere), everything is denied.
jurisdictions = {jurisdictions}
# Rule packs of the agency's own choice beside the law. None: the strict model policy.
policy = []
# The local time by which a day is read.
zone = "UTC"

# Which engine compares faces: `countenance engines`.
engine = "sface"

# How people can ask about themselves in other ways than on the public page.
contact = ""

# "": SQLite in this folder, for one process. Or postgresql://HOST/NAME, for several, the log in
# it too; its password comes from PGPASSWORD, PGPASSFILE, ~/.pgpass or a service file.
database = {database}

# The folder whose subfolders can be brought into galleries.
imports = "imports"

# Whether the service does the background work too, or only `countenance desk work`.
background = true

# Nothing is shown before so many witnesses cosigned that it is in the log. The one at this
# address runs beside the desk; it sees accidents, but somebody else's would see the operator
# as well: add them at the end of this file. "" for none here.
local-witness = {witness}
quorum = 1

# Devices: whether passkeys may be copied by a cloud, and whether only devices that the agency
# manages are taken, which are the models at the end of this file.
synced-passkeys = false
managed-devices = false

# How long a request waits for its approval, and an approval for its search.
request-hours = 72
approval-hours = 24

# What an audit of the engine must show before anything is searched.
[audit]
most-days = 365                 # since it was made
least-people = 30               # in every group
most-worst-fmr = 0.001          # upper end of the interval of the worst group's false-match rate
#most-ratio = 10.0              # most between worst and best group; no limit is shown as such

# What the operator states of the agency, the engine and its notices, for every request alike.
# The names are those of `countenance law facts`; what is not stated is unknown, and denied.
[facts]
#agency.name = "Police of Example"
#agency.policy-published = true

# Models of authenticators that are taken, vouched for by their makers. None: every model is.
#[[authenticator]]
#aaguid = "00000000-0000-0000-0000-000000000001"
#roots = ["maker-root.pem"]

# Witnesses that others run: what their operators gave you.
#[[witness]]
#name = "neighbour"
#key = "witness.example+…"
#url = "https://witness.example"
"""
