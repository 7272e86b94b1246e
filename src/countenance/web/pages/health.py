"""Whether the service is alive: its database answers, and its log can be read and added to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from countenance.core import CountenanceError
from countenance.desk.service import Standing
from countenance.web.access import open_to_all
from countenance.web.at import At
from countenance.web.statuses import AWAY_S

router = APIRouter()


@router.get("/healthz")
def health(at: Annotated[At, open_to_all()]) -> Response:
    """200 or 503, and nothing else: why is for whoever reads the service's own messages."""
    try:
        with at.desk.store.reading() as db:
            db.execute(select(Standing.number).limit(1))
        at.deployment.log.refresh()
        at.deployment.log.latest_checkpoint()
    except (CountenanceError, SQLAlchemyError, OSError):
        return PlainTextResponse("not well\n", 503, {"retry-after": str(AWAY_S)})
    return PlainTextResponse("well\n")
