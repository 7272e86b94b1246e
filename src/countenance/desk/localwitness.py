"""A witness beside the desk: its own key, its own state, and a process of its own.

It sees what goes wrong on this machine: a log that lost entries, an old copy that was put back. It
cannot see what the operator of both does on purpose; for that, others have to run a witness.
While it is away, what is sealed waits and nothing is shown: that is for `publishing` to see to.
Here it is started, asked now and then whether it is alive, and started again.

``python -m countenance.desk.localwitness FOLDER HOST:PORT VKEY`` is the process. It ends when its
standard input does, so that it never outlives whoever started it, however that one ended.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from countenance.core import CountenanceError, InputError
from countenance.desk.folder import (
    check_address,
    make_private_folder,
    read_passphrase,
    write_private,
)
from countenance.record import (
    Ed25519Cosigner,
    KeyKind,
    Witness,
    WitnessedLog,
    WitnessServer,
    WitnessStore,
    generate_key,
    load_signer,
    parse_vkey,
    read_vkey,
)

_TELL = logging.getLogger(__name__)
_KEY, _STATE, _PASSPHRASE = "witness.key", "state.sqlite", "passphrase"
_START_S = 20.0
_ASK_S = 5.0
_MOST_SILENT = 3
_LONGEST_WAIT_S = 30.0


def make_witness(folder: Path, *, name: str = "") -> str:
    """Make a witness that has seen nothing yet; its verifier key.

    Raises
    ------
    ConflictError
        There is one: what it has seen must not be forgotten.
    """
    make_private_folder(folder)
    name = name or f"localhost/witness-{secrets.token_hex(4)}"
    passphrase = secrets.token_urlsafe(32)
    write_private(folder / _PASSPHRASE, f"{passphrase}\n".encode())
    vkey = generate_key(folder / _KEY, name, passphrase=passphrase, kind=KeyKind.WITNESS)
    WitnessStore.create(folder / _STATE).close()
    return vkey


def witness_key(folder: Path) -> str:
    """The verifier key of the witness beside the desk. Raises InputError where there is none."""
    return read_vkey(folder / _KEY)


class LocalWitness:
    """Keeps the witness's process running, until it is closed.

    Parameters
    ----------
    folder, address
        Its folder, and where it answers (``HOST:PORT``).
    log
        Verifier key of the log that it witnesses.
    """

    def __init__(self, folder: Path, address: str, *, log: str) -> None:
        self._arguments = [str(folder), address, log]
        self._address = check_address(address)
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keep-witness", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self, *, wait_s: float = _START_S) -> Self:
        """Start it, and wait until it answers. One that does not is tried again, and told of."""
        self._thread.start()
        if not self._up.wait(wait_s):
            _TELL.error("the witness does not answer yet: until it does, no list is shown")
        return self

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self) -> None:
        wait_s = 0.5
        while not self._over.is_set():
            began = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, *self._arguments], stdin=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the desk, which ends it in order
            )  # fmt: skip
            try:
                self._watch(self._process)
            finally:
                _end(self._process)
            if self._over.is_set():
                return
            _TELL.error("the witness ended or hung: it is started again")
            if time.monotonic() - began > _LONGEST_WAIT_S:
                wait_s = 0.5
            self._over.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Until it ended, hangs, or is not wanted any more.

        One that is started again may take as long as the first: on a machine that has much to do,
        it would otherwise be ended each time before it answers.
        """
        silent, answered = 0, False
        began = time.monotonic()
        while not self._over.is_set() and process.poll() is None:
            if self._answers():
                silent, answered = 0, True
                self._up.set()
            elif answered or time.monotonic() - began > _START_S:
                silent += 1
                if silent >= _MOST_SILENT:
                    return
            self._over.wait(1.0 if answered else 0.1)

    def _answers(self) -> bool:
        link = http.client.HTTPConnection(*self._address, timeout=_ASK_S)
        try:
            link.request("GET", "/")
            link.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        else:
            return True
        finally:
            link.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(3.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leave_with_parent() -> None:
    """Standard input ends when whoever started this process is gone."""
    while os.read(0, 4096):
        pass
    os._exit(0)  # what it cosigned is durable before it is said


def main(folder: str, address: str, *logs: str) -> None:
    """Be the witness."""
    host, port = check_address(address)
    place = Path(folder)
    signer = load_signer(
        place / _KEY, passphrase=read_passphrase(place / _PASSPHRASE), clock=_now_s
    )
    if not isinstance(signer, Ed25519Cosigner):
        raise InputError("this key is no witness's", where=str(place / _KEY))
    keys = [parse_vkey(each) for each in logs]
    known = [
        WitnessedLog(origin, tuple(each for each in keys if each.name == origin))
        for origin in dict.fromkeys(each.name for each in keys)
    ]
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with contextlib.closing(WitnessStore(place / _STATE)) as store:
        witness = Witness(known, signers=[signer], store=store, clock=_now_s)
        with WitnessServer(witness, host=host, port=port) as server:
            server.serve_forever()


def _now_s() -> int:
    return int(time.time())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CountenanceError, OSError) as error:
        sys.exit(f"witness: {error}")
