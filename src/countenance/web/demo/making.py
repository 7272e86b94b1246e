"""Making the demonstration's folder: a deployment as any other, and its story in it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import Progress, no_progress
from countenance.desk.background import handlers
from countenance.desk.clock import Clock, system_clock
from countenance.desk.configuration import FILE, read_configuration
from countenance.desk.deployment import Deployment
from countenance.desk.folder import read_key
from countenance.desk.making import make_deployment
from countenance.desk.opening import open_deployment
from countenance.desk.wiring import PermitIssuer
from countenance.web.demo.cast import Cast
from countenance.web.demo.device import MODEL, InventedMaker
from countenance.web.demo.drawings import DrawingEngine
from countenance.web.demo.scenery import Led, measured, read_script, write_portraits
from countenance.web.demo.story import Story

CAST = "cast.json"
NAME = "Police of Nowhere (demonstration)"
PLACE = "us/mi/detroit"  # whose rules are asked; there has to be some place
_DAYS = 150.5
_BEHIND = re.compile(r"^(most-worst-fmr|contact|managed-devices) = .*$", re.MULTILINE)
_INSTEAD = {
    "most-worst-fmr": "0.2  # a toy's; a real deployment asks for far less",
    "managed-devices": "true",
    "contact": '"Records Office of Nowhere, 1 Main Street, where nobody is"',
}


def is_demo(folder: Path) -> bool:
    """Whether a folder holds a demonstration that was made to its end."""
    return (folder / CAST).is_file() and (folder / FILE).is_file()


def make_demo(
    folder: Path, *, listen: str = "127.0.0.1:8770", progress: Progress = no_progress
) -> Cast:
    """Make a demonstration in an empty folder.

    Raises
    ------
    InputError
        The folder is not empty, or the story does not go as it is told: a rule has changed.
    """
    port = listen.rpartition(":")[2]
    origin = f"http://localhost:{port}"
    make_deployment(folder, name=NAME, origin=origin, listen=listen, jurisdictions=(PLACE,))
    script = read_script()
    text = _BEHIND.sub(lambda found: f"{found[1]} = {_INSTEAD[found[1]]}",
                       (folder / FILE).read_text())  # fmt: skip
    facts = "".join(f"{name} = {json.dumps(value)}\n" for name, value in script.house.items())
    maker = InventedMaker()
    (folder / "maker.pem").write_bytes(maker.root_pem)
    text = text.replace("[facts]\n", f"[facts]\n{facts}", 1)
    (folder / FILE).write_text(
        f'{text}\n[[authenticator]]\naaguid = "{MODEL}"\nroots = ["maker.pem"]\n'
    )
    write_portraits(folder / "imports", progress=progress)
    cast, clock = Cast.new(origin), Led(_DAYS)
    with tempfile.TemporaryDirectory() as place:
        audited = measured(Path(place), progress=progress)
    with opened(folder, clock=clock) as of:
        issuer = PermitIssuer(
            Ed25519PrivateKey.from_private_bytes(
                read_key(read_configuration(folder).places.permit_key, "the key of permits")
            )
        )
        jobs = handlers(
            of.desk, keys=of.keys, engine=of.engine, imports_root=of.imports,
            galleries=read_configuration(folder).places.galleries, issuer=issuer.public,
        )  # fmt: skip
        Story(of, cast, clock, jobs, maker).tell(audited, progress=progress)
    cast.write(folder / CAST)
    return cast


@contextmanager
def opened(folder: Path, *, clock: Clock = system_clock) -> Iterator[Deployment]:
    """The demonstration's deployment, with the engine that looks at drawings.

    While its clock is led, nothing runs in the background: each thing is done in its turn.
    """
    background = None if clock is system_clock else False
    with open_deployment(
        folder, engine=DrawingEngine(), background=background, witness=True, clock=clock
    ) as of:
        yield of
