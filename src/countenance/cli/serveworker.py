"""One of several processes of the service: opens the deployment for itself, and answers.

``uvicorn`` imports this in each process it starts and calls `make_app`.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fastapi import FastAPI

FOLDER: Final = "COUNTENANCE_DESK"
"""The variable that names the deployment's folder to processes of the service."""

_NO_START = 3  # what uvicorn takes for: it would fail the same way again
_TELL = logging.getLogger(__name__)


def make_app() -> FastAPI:
    """The service over the deployment that `FOLDER` names; closed when the service ends."""
    from countenance.core import CountenanceError
    from countenance.desk.opening import open_deployment
    from countenance.web import create_app

    _end_with_parent()
    stack = contextlib.ExitStack()
    try:
        deployment = stack.enter_context(open_deployment(Path(os.environ[FOLDER]), serving=True))
    except CountenanceError as error:
        _TELL.error("the desk does not open: %s", error.diagnostics())
        sys.exit(_NO_START)
    return create_app(deployment, on_stop=stack.close)


def _end_with_parent() -> None:
    """Whoever keeps the processes going may be killed: then nobody would end this one."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()
