"""`countenance serve` with the engine of the bench in the place of the one it would load.

python -m bench.loadserve FOLDER
"""

from __future__ import annotations

import sys

from bench.loadengine import NumberedEngine

from countenance.cli.app import app
from countenance.desk import opening

if __name__ == "__main__":
    opening.load_engine = lambda _: NumberedEngine()  # type: ignore[assignment, misc]
    app(["serve", *sys.argv[1:]])
