"""The audit on file: for each engine the latest audit made here, which `compare` reads a score by.

It is kept under ``$XDG_DATA_HOME/countenance/audits`` (by default ``~/.local/share``), readable by
this user only: it lists the names of images.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.core import InputError, atomic_write

if TYPE_CHECKING:
    from countenance.audit import Audit
    from countenance.faces import EngineCard

_NAME = re.compile(r"[\w.-]+")


def audits_folder() -> Path:
    """Where the audits on file are."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "countenance" / "audits"


def audits_on_file() -> list[Path]:
    """Every audit on file, sorted by engine."""
    return sorted(audits_folder().glob("*.json"))


def on_file(engine: str) -> Path | None:
    """The audit on file of an engine, if there is one."""
    path = audits_folder() / f"{engine}.json"
    return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class AuditOnFile:
    """An audit to read a score by, and in one sentence which it is and how old."""

    audit: Audit
    about: str


def find_audit(card: EngineCard, *, given: Path | None) -> AuditOnFile | None:
    """The audit given, else the one on file, else one of the shipped demonstration's scores.

    Returns None where there is none of this engine.

    Raises
    ------
    InputError
        The audit is of another engine, or of another version of it.
    """
    from countenance.cli.demonstration import demonstration_audit

    path = given or on_file(card.name)
    if path is not None:
        audit = read_audit(path)
        _same_engine(audit, card, path)
        written = dt.datetime.fromtimestamp(path.stat().st_mtime, tz=dt.UTC).date()
        return AuditOnFile(audit, f"{_of(audit)}, file of {written}: {path}")
    shipped = demonstration_audit(card.name)
    if shipped is None or not _is_of(shipped, card):
        return None
    return AuditOnFile(
        shipped,
        f"{_of(shipped)}. You have made no audit of this engine: this is the small demonstration "
        "that comes with Countenance, which supports no statement about a population.",
    )


def _is_of(audit: Audit, card: EngineCard) -> bool:
    return (audit.engine or {}).get("identity") == card.identity


def _same_engine(audit: Audit, card: EngineCard, path: Path) -> None:
    if _is_of(audit, card):
        return
    engine = audit.engine or {}
    name, identity = engine.get("name", "unknown"), str(engine.get("identity", "unknown"))
    raise InputError(
        f"this audit is of another engine ({name}, identity {identity[:16]}): it says nothing of "
        "this score",
        where=str(path),
        expected=f"an audit of {card.name}, identity {card.identity[:16]}",
        do=f"make one: countenance audit FOLDER --engine {card.name} --group ...",
    )


def _of(audit: Audit) -> str:
    when = f"performed on {audit.performed_on}" if audit.performed_on else "undated"
    return f"{audit.title}, {when}"


def keep_on_file(audit: Audit) -> None:
    """Put an audit of an engine on file in place of the one before."""
    name = str((audit.engine or {}).get("name", ""))
    if _NAME.fullmatch(name) is None:  # a name from somewhere else must not choose the path
        return
    folder = audits_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic_write(folder / f"{name}.json") as file:
        file.write(audit.to_json().encode())


def read_audit(path: Path) -> Audit:
    """An audit.json, or the one in a report's folder.

    Raises
    ------
    InputError
        No such file, or not an audit.
    """
    from countenance.audit import Audit

    file = path / "audit.json" if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}",
            where=str(file),
            expected="an audit.json, or the folder of a report",
        ) from error
    try:
        return Audit.from_json(text)
    except InputError as error:
        raise InputError(
            error.what, where=str(file), expected=error.expected, do=error.do
        ) from error
