"""The desk under load as `desk.py` has it, on a PostgreSQL of its own and with two processes.

    python bench/deskpg.py [options of desk.py]

Smaller than on SQLite, for the deployment is made anew each time: the server lives as long as the
bench. It needs PostgreSQL's server programs, as the tests do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "record"))

import psycopg
from bench.desk import main
from postgres_cluster import cluster, why_not

SMALLER = ("--cases", "5000", "--rows", "100000", "--seconds", "180", "--port", "8870")

if __name__ == "__main__":
    if why_not():
        raise SystemExit(why_not())
    with cluster() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn, autocommit=True) as link:
            link.execute("CREATE DATABASE desk")
        database = f"postgresql://tests@/desk?host={dsn.split()[0].removeprefix('host=')}"
        sys.exit(main([
            *SMALLER, "--folder", str(Path(folder) / "desk"), "--database", database,
            "--workers", "2", *sys.argv[1:],
        ]))  # fmt: skip
