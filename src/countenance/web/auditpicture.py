"""The one picture of an audit, drawn at the threshold that is in use; by the report's own drawing.

The numbers are the audit's. Where it says nothing at the threshold in use, the picture is of the
threshold that the audit itself puts first, and the page says which.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from markupsafe import Markup

from countenance.audit import Audit
from countenance.audit.report.figures.rates import false_matches
from countenance.audit.report.model import NARROW, WIDE, Table
from countenance.audit.report.page import no_picture, together
from countenance.audit.report.view import View
from countenance.audit.sentences import count, summary
from countenance.core import IntegrityError
from countenance.desk.audits import audit_digest, unit_of
from countenance.desk.publicfigures import public_audit
from countenance.desk.service import Desk


@dataclass(frozen=True, slots=True)
class Picture:
    """What the public page shows of an audit.

    Attributes
    ----------
    opening
        The finding in sentences, with counts and interval.
    at
        The threshold that is drawn, as people read it.
    in_use
        Whether that is the one in use.
    wide, narrow
        The drawing at two widths; None where the audit has no picture by group, and `finding`
        then says why.
    """

    title: str
    performed_on: str
    data: str
    opening: str
    at: str
    in_use: bool
    question: str
    finding: str
    reading: str
    wide: Markup | None
    narrow: Markup | None
    table: Table | None


_MOST = 8
_kept: dict[tuple[str, str | None], Picture] = {}  # a digest names one audit, wherever it is


def picture(desk: Desk, digest: str, threshold: str | None) -> Picture:
    """The picture of an audit that was accepted here.

    Raises
    ------
    NotAllowedError
        There is no such audit.
    IntegrityError
        The audit that is kept is not the one of this digest.
    """
    found = _kept.get((digest, threshold))
    if found is None:
        audit = Audit.from_json(public_audit(desk, digest))
        if audit_digest(audit) != digest:
            raise IntegrityError("the audit is not the one that was accepted", where=digest)
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[digest, threshold] = drawn(audit, threshold)
    return found


def drawn(audit: Audit, threshold: str | None) -> Picture:
    """The picture of an audit at a threshold, as people read it; None: where it puts it first."""
    audit, in_use = _at(audit, threshold)
    view = View(audit)
    figure = false_matches(view)
    wide = narrow = None
    if figure is not None:  # our own drawing, which escapes its text itself
        wide, narrow = Markup(figure.svg(WIDE)), Markup(figure.svg(NARROW))  # noqa: S704
    counts, operating = audit.counts, view.operating
    return Picture(
        title=audit.title, performed_on=audit.performed_on or "",
        data=(f"{(audit.dataset or {}).get('name', 'not named')}: {count(counts.people)} people, "
              f"{count(counts.images)} images, {count(counts.comparisons)} comparisons"),
        opening=together(summary(audit)),
        at=view.value(operating.threshold.value) if operating else "",
        in_use=in_use, question=figure.question if figure else "",
        finding=together(figure.finding if figure else no_picture(view)),
        reading=figure.reading if figure else "", wide=wide, narrow=narrow,
        table=figure.table if figure else None,
    )  # fmt: skip


def _at(audit: Audit, threshold: str | None) -> tuple[Audit, bool]:
    """The audit seen at the threshold in use, and whether it says anything there."""
    if threshold is None:
        return audit, False
    score = int(unit_of(audit).threshold(threshold))
    for place, result in enumerate(audit.results):
        if result.threshold.score == score:
            return dataclasses.replace(audit, operating=place), True
    return audit, False
