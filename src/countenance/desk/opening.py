"""From a configuration to an opened deployment, in the one order in which it can be safe.

The folder is held first, so that no second process is there by mistake; then keys, database (made
or refused), vault, log (recovered from any crash), and the way between them, which finishes what a
crash left half-way before anybody is served.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import Progress, no_progress
from countenance.desk import backup
from countenance.desk.account_tables import guard
from countenance.desk.approval_signatures import PasskeyApprovals
from countenance.desk.background import Background, duties_of, handlers
from countenance.desk.clock import Clock, system_clock
from countenance.desk.configuration import read_configuration
from countenance.desk.configured import tell_configuration
from countenance.desk.decisions import RequestGate
from countenance.desk.deployment import Deployment
from countenance.desk.events import Recorder
from countenance.desk.folder import holding, read_key
from countenance.desk.galleries import RecordedGalleries
from countenance.desk.house import House
from countenance.desk.kinds import KINDS
from countenance.desk.parts import local_witness, now_s, open_log, open_store, policy_of
from countenance.desk.published import refuse_old_log
from countenance.desk.publishing import WitnessedPublisher
from countenance.desk.searching import Means
from countenance.desk.secrets_at_rest import Secrets
from countenance.desk.service import Desk
from countenance.desk.wiring import GallerySearcher, PermitIssuer
from countenance.faces import Engine, load_engine
from countenance.record import SQLiteVault, WitnessPanel

_TURN_S = 0.001
"""How long one thread may keep the others from Python. A search asks for its turn some thousand
times, and with the usual 5 ms it takes seconds beside pages that are busy."""


@contextlib.contextmanager
def open_deployment(
    folder: Path | str, *, engine: Engine | None = None, background: bool | None = None,
    witness: bool = False, accept_clock: bool = False, clock: Clock = system_clock,
    serving: bool = False, progress: Progress = no_progress,
) -> Iterator[Deployment]:  # fmt: skip
    """Open the deployment in a folder until the block ends.

    An empty database is migrated, by one of however many processes start together.

    Parameters
    ----------
    folder
        Where its ``desk.toml`` is.
    engine
        Instead of the one that the configuration names, for tests.
    background
        Whether this process does background work; None: as the configuration says.
    witness
        Keep the witness beside the desk running, too. `countenance serve` does that itself, for
        all its processes; who opens a deployment alone may want it.
    accept_clock
        See `Desk`.
    clock
        Of the desk; checkpoints and cosignatures always go by the machine's.
    serving
        People will look and search at once in this process: open the galleries before the block
        begins, and let threads take turns more often.
    progress
        Told of that.

    Raises
    ------
    InputError
        The configuration, or a file of the deployment, is not what it must be.
    StateError
        Another process has it open, and one is all there can be.
    DeskError
        The database is of another revision, or is not to be had.
    RecordError
        The log is not what it was when it was last published.
    OldLogError
        A witness has seen more of the log than is here: it was put back from an old copy.
    """
    found = read_configuration(Path(folder))
    places = found.places
    with contextlib.ExitStack() as stack:
        stack.enter_context(holding(places, alone=found.is_sqlite))
        keys = Secrets.from_file(places.master_key)
        issuer = PermitIssuer(
            Ed25519PrivateKey.from_private_bytes(read_key(places.permit_key, "the key of permits"))
        )
        page_key = read_key(places.page_key, "the key of pages")
        store = stack.enter_context(contextlib.closing(open_store(found)))
        vault = stack.enter_context(SQLiteVault(places.vault, clock=now_s))
        log = stack.enter_context(open_log(found))
        inside = policy_of(found, public=False)
        if witness and found.local_witness:
            stack.enter_context(local_witness(found))
        refuse_old_log(log, inside)  # before anything is appended
        recorder = Recorder(store, log, vault, clock, KINDS)
        desk = Desk(store, recorder, clock=clock, guard=guard, accept_clock=accept_clock)
        tell_configuration(desk, found)
        party = found.party
        house = House(
            keys=keys, jurisdictions=found.jurisdictions, galleries=RecordedGalleries(keys),
            approvals=PasskeyApprovals(party, clock), audit_policy=found.audit_policy,
            facts=found.flat_facts, policy=found.policy, zone=found.time_zone,
            managed_devices=found.managed_devices, request_hours=found.request_hours,
            approval_hours=found.approval_hours,
        )  # fmt: skip
        engine = engine or load_engine(found.engine)
        searcher = stack.enter_context(contextlib.closing(GallerySearcher(
            desk, house, root=places.galleries, engine=engine, issuer=issuer
        )))  # fmt: skip
        if serving:
            sys.setswitchinterval(_TURN_S)
            searcher.warm(progress)
        publisher = WitnessedPublisher(log, WitnessPanel(inside, clock=now_s), inside)
        means = Means(keys, RequestGate(house), searcher, publisher)
        if found.background if background is None else background:
            jobs = handlers(
                desk, keys=keys, engine=engine, imports_root=found.imports_root,
                galleries=places.galleries, issuer=issuer.public,
            )  # fmt: skip
            jobs[backup.BACKUP] = backup.handler(found, log)
            duties = duties_of(desk, log, means=means, zone=found.time_zone)
            stack.enter_context(Background(desk, jobs, duties=duties))
        yield Deployment(
            name=found.name, desk=desk, house=house, party=party, engine=engine, log=log,
            means=means, imports=found.imports_root, contact=found.contact,
            policy=policy_of(found, public=True).text, page_key=page_key,
        )  # fmt: skip
