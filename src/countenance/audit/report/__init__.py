"""Reports: one audit as a page, a PDF, plots and tables; several audits side by side.

Everything here is a view: no number is computed that is not in the `Audit`. `content` decides what
is said in what order, `figures/` what is drawn, `page` and `pdf` set both; start with
`write_report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.audit.report.files import write_index, write_report
    from countenance.audit.types import Audit

__all__ = ["to_html", "write_index", "write_report"]


def to_html(audit: Audit) -> str:
    """The report as one self-contained HTML page: no request, no image file, no font."""
    from countenance.audit.report.page import html

    return html(audit)


def __getattr__(name: str) -> Any:
    if name in ("write_index", "write_report"):
        from countenance.audit.report import files

        return getattr(files, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
