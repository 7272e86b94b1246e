"""What a monitor tells: alerts in words and as JSON, an exit code, a webhook."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from countenance.record.errors import StorageError, printable
from countenance.record.request import answered, check_address

SCHEMA = "countenance.record/monitor-report"
VERSION = 1


class AlertKind(StrEnum):
    """What is wrong; stable, for machines."""

    SPLIT_VIEW = "split-view"
    """Two signed checkpoints cannot both be true; the evidence file shows it."""
    ROLLBACK = "rollback"
    """The log shows a smaller tree than before."""
    ENTRIES = "entries"
    """The entries served are not those of the signed root."""
    SCHEMA = "schema"
    """An entry is not what its kind says."""
    KEY_ROTATED = "key-rotated"
    """The log says that it goes over to another key. Ask its operator whether that is so."""
    NO_QUORUM = "no-quorum"
    """A checkpoint does not satisfy the policy: signed by the log, witnessed by too few."""
    UNVERIFIABLE = "unverifiable"
    """A place serves something that is not a checkpoint signed by the log."""
    UNREACHABLE = "unreachable"
    """A place does not answer, or has no checkpoint."""
    UNCOMPARED = "uncompared"
    """Two checkpoints could not be compared: no place serves what is needed."""
    CLOCK = "clock"
    """A cosignature's time is outside the tolerance."""
    STALE = "stale"
    """The newest cosignature is older than allowed, or there is none to tell."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing a person has to look at. `evidence` is a file to keep and to show."""

    kind: AlertKind
    place: str
    text: str
    evidence: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        value = {"kind": str(self.kind), "place": self.place, "text": self.text}
        return value if self.evidence is None else {**value, "evidence": self.evidence}


@dataclass(slots=True)
class LogReport:
    """One visit to one log.

    Attributes
    ----------
    origin
        The log.
    size, root
        Of the largest checkpoint whose every entry is verified; root in hex, empty before the
        first.
    new_entries
        How many entries this visit read and verified.
    bad_entries
        How many of all `size` entries are not what their kind says.
    counts
        Public counts over all `size` entries.
    places
        Size of the checkpoint seen at each place.
    alerts
        What a person has to look at.
    """

    origin: str
    size: int = 0
    root: str = ""
    new_entries: int = 0
    bad_entries: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)

    def alert(
        self, kind: AlertKind, place: str, text: str, *, evidence: str | None = None
    ) -> None:
        """Add an alert; its text may repeat what strangers wrote."""
        self.alerts.append(Alert(kind, place, printable(text), evidence))

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "new_entries": self.new_entries,
            "bad_entries": self.bad_entries,
            "counts": self.counts,
            "places": self.places,
            "alerts": [alert.to_json() for alert in self.alerts],
        }


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """One visit to all logs. `time` is POSIX seconds by the monitor's clock."""

    time: int
    logs: tuple[LogReport, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts of all logs."""
        return tuple(alert for log in self.logs for alert in log.alerts)

    @property
    def exit_code(self) -> int:
        """0 if there is nothing to look at, else 1."""
        return 1 if self.alerts else 0

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "time": self.time,
            "logs": [log.to_json() for log in self.logs],
        }


def post_webhook(url: str, report: MonitorReport, *, timeout_s: float = 10.0) -> None:
    """POST a report as JSON; any 2xx answer is success, and redirects are not followed.

    It is given `timeout_s` in all.

    Raises
    ------
    InputError
        If `url` is not an http or https address.
    StorageError
        If it was not delivered: try again, the alert is not told yet.
    """
    check_address(url, what="the address of a webhook", query=True)
    host = urlsplit(url).netloc  # the rest of such an address is often a secret
    body = json.dumps(report.to_json()).encode("ascii")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with answered(request, timeout_s=timeout_s):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise StorageError(f"the webhook answered HTTP {error.code}", where=host) from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # of the host's name
        raise StorageError(f"the webhook did not answer: {error}", where=host) from error
