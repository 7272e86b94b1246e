"""What the service writes about itself: one JSON object a line, and nothing of any person in it.

No address of who asked, no query, no header, no id out of a path, and of an error its kind and the
places it went through, never its text: the text of a database's error holds what was written.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
import traceback
from types import TracebackType
from typing import Any, Final

_ACCESS: Final = "uvicorn.access"
_ID = re.compile(r"(?<=/)(?:[0-9a-f]{16,}|[^/]*[0-9][^/]{15,})(?=/|$)", re.IGNORECASE)
_LONGEST = 200
_FRAMES = 30

CONFIGURATION: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "countenance.cli.servelog.JsonLines"}},
    "handlers": {
        "lines": {
            "class": "logging.StreamHandler",
            "formatter": "lines",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"handlers": ["lines"], "level": "WARNING"},
    "loggers": {
        "uvicorn": {"level": "INFO"},
        "countenance": {"level": "INFO"},
        "alembic": {"level": "WARNING"},
    },
}
"""For `logging.config.dictConfig`, here and in every worker process."""


class JsonLines(logging.Formatter):
    """One line of JSON a record; what was asked of the service in fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
        }
        if record.name == _ACCESS and isinstance(record.args, tuple) and len(record.args) == 5:
            _, method, path, _, status = record.args
            line |= {"method": str(method)[:20], "path": bare_path(str(path)), "status": status}
        else:
            line |= {"from": record.name, "says": record.getMessage()[: 5 * _LONGEST]}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = _fault(record.exc_info[1], record.exc_info[2])
        return json.dumps(line)


def bare_path(path: str) -> str:
    """A path without its query and without what could be an id or a code."""
    path = path.partition("?")[0].partition("#")[0][: 10 * _LONGEST]
    return _ID.sub("-", path)[:_LONGEST]


def _fault(error: BaseException | None, frames: TracebackType | None) -> dict[str, Any]:
    found = traceback.extract_tb(frames)[-_FRAMES:]
    return {
        "kind": type(error).__name__,
        "code": str(getattr(error, "code", "")),
        "through": [f"{each.filename}:{each.lineno} {each.name}" for each in found],
    }
