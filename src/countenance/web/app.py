"""The service: all routes of pages and API over one deployment, each with who may enter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles

from countenance.desk.deployment import Deployment
from countenance.web import faults
from countenance.web.access import declared_accesses
from countenance.web.guarding import MOST_BODY_BYTES, Guard
from countenance.web.routers import API, PAGES

MultiPartParser.spool_max_size = MOST_BODY_BYTES  # an image that is sent never touches a disk


def create_app(
    deployment: Deployment, *, more: Iterable[APIRouter] = (),
    on_start: Callable[[], None] | None = None, on_stop: Callable[[], None] | None = None,
) -> FastAPI:  # fmt: skip
    """The service of an opened deployment.

    Parameters
    ----------
    deployment
        Stays open as long as the app is used; closing it is the caller's.
    more
        Routers beside those of `pages`; they declare who may enter, as all do.
    on_start, on_stop
        Called when the service starts and when it ends: background work, closing.

    Raises
    ------
    LookupError
        A route does not say who may enter.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if on_start is not None:
            on_start()
        try:
            yield
        finally:
            if on_stop is not None:
                on_stop()

    app = FastAPI(
        title=f"{deployment.name}: Countenance", lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False,
        openapi_url="/api/v1/openapi.json", version="1",
    )  # fmt: skip
    app.state.deployment = deployment
    for router in (*PAGES, *more):
        app.include_router(router, include_in_schema=False)
    api = APIRouter(prefix="/api/v1")
    for router in API:
        api.include_router(router)
    app.include_router(api)
    static = Path(str(files("countenance.web"))) / "static"
    app.mount("/static", StaticFiles(directory=static))
    faults.install(app)
    app.add_middleware(Guard, origins=deployment.party.origins)
    for _ in declared_accesses(app):
        pass  # raises where one is missing
    return app
