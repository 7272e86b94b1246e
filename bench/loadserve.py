"""`countenance serve` with the engine of the bench in the place of the one it would load.

python -m bench.loadserve FOLDER [--workers N]
"""

from __future__ import annotations

import sys
from typing import Any

from bench.loadengine import NumberedEngine

from countenance.cli import serve, serveworker
from countenance.cli.app import app
from countenance.desk import opening


def _load_ours() -> None:
    opening.load_engine = lambda _: NumberedEngine()  # type: ignore[assignment, misc]


def make_app() -> Any:
    """As `serveworker.make_app`, in one of several processes, which have read nothing of this."""
    _load_ours()
    return serveworker.make_app()


if __name__ == "__main__":
    _load_ours()
    configured = serve._config
    serve._config = lambda of, *found, **more: configured(  # type: ignore[assignment]
        "bench.loadserve:make_app" if isinstance(of, str) else of, *found, **more
    )
    app(["serve", *sys.argv[1:]])
