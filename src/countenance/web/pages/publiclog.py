"""The log over HTTP, as C2SP `tlog-tiles` lays it out, so that anybody can follow and check it.

``/log`` is the address to give to a monitor or to ``countenance record verify``. Only what a
published checkpoint covers is served, and what is served for good never changes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from countenance.core import CountenanceError
from countenance.record.explorer import LogView, Pages
from countenance.record.explorer.serve import respond
from countenance.web.access import open_to_all
from countenance.web.at import At

router = APIRouter()
Public = Annotated[At, open_to_all()]
_PUBLISHED = (
    r"^(checkpoint|tile/[0-9a-z][0-9a-z/.]{0,90}|entry/(0|[1-9][0-9]{0,17})\.(json|tlog-proof))$"
)


@router.get("/log/{path:path}")
def published(at: Public, path: Annotated[str, Path(pattern=_PUBLISHED)]) -> Response:
    """The checkpoint, a tile, a bundle of entries, or one entry with its offline proof."""
    view = LogView(at.deployment.log.read)
    found = respond(view, Pages(view), path)
    if found.status is HTTPStatus.NOT_FOUND:
        raise HTTPException(404)
    if found.status is not HTTPStatus.OK:
        raise CountenanceError("the log cannot be read", do="tell whoever runs this desk")
    answer = Response(found.body, media_type=found.type, headers={"cache-control": found.caching})
    if path.startswith("entry/"):
        name = path.removeprefix("entry/")
        answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


@router.get("/policy")
def policy(at: Public) -> Response:
    """Whose signatures count: what `countenance verify --policy` takes."""
    return PlainTextResponse(
        at.deployment.policy,
        headers={"content-disposition": 'attachment; filename="policy"'},
    )
