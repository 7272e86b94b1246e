"""Reports: one audit as a page, a PDF, plots and tables; several audits side by side.

Everything here is a view: no number is computed that is not in the `Audit`. Start with
`write_report`; `page` decides what is said in what order, `figures/` what is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from countenance.core import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.audit.types import Audit

__all__ = ["to_html", "write_index", "write_report"]


def to_html(audit: Audit) -> str:
    """The report as one self-contained HTML page: no request, no image file, no font."""
    from countenance.audit.report.page import html

    return html(audit)
