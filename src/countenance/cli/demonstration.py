"""The scores that come with Countenance: two engines on the Face Research Lab London Set.

Scores and self-reported labels under pseudonymous ids, no image and no template; the tables were
made by this project, and a test makes them again. The set is by Lisa DeBruine and Benedict Jones
(2017), doi:10.6084/m9.figshare.5047666, CC BY 4.0.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.cli.pipeline import run_audit
from countenance.cli.request import AuditRequest, ask
from countenance.core import Progress, no_progress

if TYPE_CHECKING:
    from countenance.audit import Audit

#: Engines that have a table, in the order they are shown: the more used one first.
ENGINES = ("dlib", "sface")
SET = "Face Research Lab London Set"
GROUPS = "gender,ethnicity"


def demonstration_folder() -> Path:
    """Where the tables are."""
    return Path(str(files("countenance.scores") / "tables"))


def demonstration_audit(engine: str, *, progress: Progress = no_progress) -> Audit | None:
    """The audit of one engine's table; None where there is no such table."""
    if engine not in ENGINES:
        return None
    return run_audit(_request(engine), cache=False, progress=progress)


def demonstration_audits(*, progress: Progress) -> list[Audit]:
    """The audits of all tables."""
    return [run_audit(_request(engine), cache=False, progress=progress) for engine in ENGINES]


def _request(engine: str) -> AuditRequest:
    table = demonstration_folder() / f"{engine}.parquet"
    return ask(table, group=[GROUPS], title=f"{engine} on the {SET}")
