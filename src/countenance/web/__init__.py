"""Pages and JSON API over the desk: every route declares who may, and none is open by forgetting.

`create_app` makes the service of one opened deployment. Nothing is decided here: a page calls one
function of the room `desk` and shows what came back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.web.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Import the app at its first use: it brings FastAPI along."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from countenance.web.app import create_app

    globals()[name] = create_app
    return create_app


def __dir__() -> list[str]:
    """The names this room exports."""
    return list(__all__)
