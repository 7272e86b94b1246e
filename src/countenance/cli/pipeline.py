"""From a request to an audit, and from an audit to files: what several commands share."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.cli.request import DEFAULT_ENGINE, AuditRequest
from countenance.core import InputError, Progress

if TYPE_CHECKING:
    from countenance.audit import Audit
    from countenance.scores import Scores, TemplateSet

#: Options that only make sense for images, and only for scores.
_IMAGES_ONLY = ("engine", "layout", "selection", "probe", "reference", "pairs")
_SCORES_ONLY = ("columns", "direction", "unit")


def run_audit(request: AuditRequest, *, cache: bool, progress: Progress) -> Audit:
    """Read the data, enrol where they are images, and audit.

    Raises
    ------
    InputError
        Data that cannot be read, or options that do not fit the kind of data.
    """
    from countenance.audit import audit

    data = (
        _images(request, cache=cache, progress=progress)
        if _is_images(request.data)
        else _scores(request)
    )
    return audit(
        data,
        groups=request.groups,
        bins=request.bins or None,
        thresholds=request.thresholds,
        **({"fmr_targets": request.fmr_targets} if request.fmr_targets else {}),
        claimed_fmr=request.claim,
        level=float(request.level),
        seed=request.seed,
        failures=request.failures,
        date=request.date,
        title=request.title,
        command=request.command(),
        progress=progress,
    )


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
            expected="an audit.json of Countenance",
        ) from error
    try:
        return Audit.from_json(text)
    except InputError as error:
        raise InputError(
            error.what, where=str(file), expected=error.expected, do=error.do
        ) from error
