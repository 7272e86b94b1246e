"""Make the score tables that the package ships, from the Face Research Lab London Set.

    python scripts/make_london_tables.py ../shared/data/london

The set is CC BY 4.0 (DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666). What is written
are comparison scores and self-reported labels under the set's own pseudonymous numbers: no image
and no template. `tests/scores/test_london.py` makes them again and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from countenance.datasets import read_dataset
from countenance.faces import load_engine
from countenance.scores import LONDON_PROTOCOL, Scores, compare, enrol

OUT = Path(__file__).parents[1] / "src" / "countenance" / "scores" / "tables"


def tables(folder: Path) -> dict[str, Scores]:
    """The score table of each engine."""
    dataset = read_dataset(folder)
    return {
        name: compare(enrol(dataset, load_engine(name)), LONDON_PROTOCOL)
        for name in ("sface", "dlib")
    }


if __name__ == "__main__":
    made = tables(Path(sys.argv[1]))
    for name, table in made.items():
        table.write(OUT / f"{name}.parquet")
        print(OUT / f"{name}.parquet", len(table), "comparisons")
    made["sface"].people().write_csv(OUT / "people.csv")
