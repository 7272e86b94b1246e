"""The log as pages: entries, proofs, growth, witnesses, and a check in the reader's own browser.

Everything here reads what a log publishes (checkpoint, tiles, entry bundles) and nothing else: it
can stand beside the log, or before a copy of it anywhere. Start with `view` (what is read),
`pages` (what is shown) and `serve` (how it is served); `static` writes the pages as files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.record.explorer.pages import Pages
    from countenance.record.explorer.serve import application, http_server
    from countenance.record.explorer.static import write_pages
    from countenance.record.explorer.view import LogView

__all__ = ["LogView", "Pages", "application", "http_server", "write_pages"]

_PLACES = {
    "LogView": "view",
    "Pages": "pages",
    "application": "serve",
    "http_server": "serve",
    "write_pages": "static",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(name)
