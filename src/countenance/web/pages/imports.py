"""Import into a gallery: a folder is chosen, a dry run says what would be refused, then it runs.

The import that begins is the one that was shown: the form carries the dry run's digest, the folder
is read again, and where it is another by then, nothing begins.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from countenance.core import InputError
from countenance.desk.errors import StateError
from countenance.desk.galleryviews import import_folders, read_import
from countenance.desk.importplans import Plan
from countenance.desk.imports import begin_import, cancel_import, dry_run
from countenance.desk.jobs import OPEN
from countenance.desk.listings import read_gallery
from countenance.web.access import needs
from countenance.web.at import At
from countenance.web.fields import Fields
from countenance.web.ids import Code, Id
from countenance.web.rendering import notice

router = APIRouter()
Plans = Annotated[At, needs("gallery.import-plan")]
Imports = Annotated[At, needs("gallery.import")]
Cancels = Annotated[At, needs("gallery.cancel-import")]
Enters = Annotated[At, needs("gallery.entries")]

MOST_ROWS_SHOWN = 200
MOST_FOLDER = 1000
REFRESH_S = 5
_CANCELLED = notice("import-cancelled", "The import is cancelled; nothing more comes in.")
_BEGUN = notice("import-begun", "The import has begun. You can leave this page.")


@router.get("/galleries/{code}/import")
def choose_page(at: Plans, code: Code) -> Response:
    """Ask which folder; with one chosen, what importing it would do, and nothing is changed."""
    at.fields = Fields(at.request.query_params.multi_items())
    if not at.fields.typed("folder"):
        return _choose(at, code)
    return at.attempt(
        lambda: _show_plan(at, code, at.fields.line("folder", most=MOST_FOLDER)),
        lambda at: _choose(at, code),
    )


@router.post("/galleries/{code}/import")
def begin(at: Imports, code: Code) -> Response:
    """Begin the import that was shown."""

    def work() -> Response:
        folder, shown = at.fields.line("folder", most=MOST_FOLDER), at.fields.line("plan", most=64)
        plan = _plan(at, code, folder)
        if plan.digest != shown:
            raise StateError("the folder is not what the dry run showed", do="look at it again")
        identity, _ = begin_import(at.desk, at.actor(), code, folder, plan=plan,
                                   root=at.deployment.imports)  # fmt: skip
        return at.see(f"/galleries/{code}/imports/{identity}", done=_BEGUN)

    return at.attempt(work, lambda at: _choose(at, code))


@router.get("/galleries/{code}/imports/{identity}")
def progress_page(at: Enters, code: Code, identity: Id) -> Response:
    """How far an import is; while it runs, the page looks again by itself unless told not to."""
    found = read_import(at.desk, at.looker(), code, identity)
    runs = found.job is not None and found.job.state in OPEN
    still = at.request.query_params.get("still") == "yes"
    answer = at.page("galleries/progress.html.j2", code=code, found=found, runs=runs, still=still,
                     seconds=REFRESH_S)  # fmt: skip
    if runs and not still:
        answer.headers["refresh"] = str(REFRESH_S)
    return answer


@router.post("/galleries/{code}/imports/{identity}/cancel")
def cancel(at: Cancels, code: Code, identity: Id) -> Response:
    """End it where it is."""

    def work() -> Response:
        cancel_import(at.desk, at.actor(), code, identity)
        return at.see(f"/galleries/{code}/imports/{identity}", done=_CANCELLED)

    return at.attempt(work, lambda at: progress_page(at, code, identity))


def _choose(at: At, code: str) -> Response:
    return at.page(
        "galleries/choose.html.j2", gallery=read_gallery(at.desk, at.looker(), code),
        folders=[(name, name) for name in import_folders(at.deployment.imports)],
    )  # fmt: skip


def _show_plan(at: At, code: str, folder: str) -> Response:
    plan = _plan(at, code, folder)
    refused = [(row.sample.row, *row.refused) for row in plan.rows if row.refused is not None]
    says = {reason: sentence for _, reason, sentence in refused}
    counts = Counter(reason for _, reason, _ in refused)
    return at.page(
        "galleries/plan.html.j2", gallery=read_gallery(at.desk, at.looker(), code),
        folder=folder, plan=plan, rows=refused[:MOST_ROWS_SHOWN],
        refused=[(says[reason], count) for reason, count in counts.most_common()],
    )  # fmt: skip


def _plan(at: At, code: str, folder: str) -> Plan:
    root = at.deployment.imports
    try:
        return dry_run(at.desk, at.looker(), code, folder, root=root, keys=at.deployment.keys)
    except InputError as error:  # its place is a file of the server; a page says it below the root
        place = (error.where or "").removeprefix(str(root.resolve())).lstrip("/")
        raise InputError(
            f"{place}: {error.what}" if place else error.what, where="folder",
            expected=error.expected, do=error.do,
        ) from error  # fmt: skip
    except OSError as error:  # a name too long for the system, a file that may not be read
        raise InputError("this folder cannot be read", where="folder") from error
