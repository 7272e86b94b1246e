"""The demonstration that ships: score tables of the London Set by two engines.

Scores and self-reported labels of 102 consenting adults under the set's own pseudonymous numbers;
no image, no template. Face Research Lab London Set, CC BY 4.0: Lisa DeBruine and Benedict Jones
(2017), doi:10.6084/m9.figshare.5047666.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Final

from countenance.core import InputError
from countenance.scores.protocol import Split
from countenance.scores.read import read_scores
from countenance.scores.table import Scores

ENGINES: Final = ("sface", "dlib")
#: Neutral images as probes against smiling ones as references: every ordered pair of people.
LONDON_PROTOCOL: Final = Split("expression", "neutral", "smiling")


def london_scores(engine: str) -> Scores:
    """The shipped table of one engine: 102 mated and 10,302 non-mated comparisons.

    Raises
    ------
    InputError
        An engine that no table is shipped for.
    """
    if engine not in ENGINES:
        raise InputError(
            f"no demonstration table is shipped for engine {engine!r}",
            expected=" or ".join(ENGINES),
        )
    with as_file(files("countenance.scores") / "tables" / f"{engine}.parquet") as path:
        return read_scores(path)
