"""Where and when the story plays: a clock that is led, drawn people to enrol, and a real audit."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from countenance.audit import audit
from countenance.core import Progress, no_progress
from countenance.datasets import read_dataset
from countenance.scores import enrol
from countenance.web.demo.drawings import CARD, DrawingEngine, Invented, portrait

GALLERY = "booking"
PEOPLE = 90
AUDITED = 40  # people of each group whose portraits the audit is made with
ENROLLED_TAKE, PROBE_TAKE = 0, 1


class Led:
    """A clock that is led through the past, one second a look, until it is let go."""

    def __init__(self, days_ago: float) -> None:
        self._ends = datetime.datetime.now(datetime.UTC)
        begins = self._ends - datetime.timedelta(days=days_ago)
        self._now: datetime.datetime | None = begins

    def __call__(self) -> datetime.datetime:
        """The time there. It never passes the real one."""
        real = datetime.datetime.now(datetime.UTC)
        if self._now is None:
            return real
        self._now = min(self._now + datetime.timedelta(milliseconds=50), real)
        return self._now

    def to(self, days_ago: float) -> None:
        """Go to so many days before now, if it is not later there already."""
        there = self._ends - datetime.timedelta(days=days_ago)
        self._now = max(there, self._now or there)

    def later(self, *, minutes: float) -> None:
        """Some time goes by there."""
        if self._now is not None:
            self._now = min(self._now + datetime.timedelta(minutes=minutes), self._ends)

    def let_go(self) -> None:
        """From here on the real time."""
        self._now = None


@dataclass(frozen=True, slots=True)
class Script:
    """What `story.toml` holds."""

    house: Mapping[str, Any]
    stated: Mapping[str, Any]
    offences: Mapping[str, list[str]]
    cases: tuple[Mapping[str, Any], ...]


def read_script() -> Script:
    """The script that comes with the program."""
    text = files("countenance.web").joinpath("demo", "story.toml").read_text()
    found = tomllib.loads(text)
    return Script(found["house"], found["stated"], found["offences"], tuple(found["cases"]))


def write_portraits(folder: Path, *, progress: Progress = no_progress) -> None:
    """The pictures that are to be enrolled, with their manifest."""
    batch = folder / "first"
    batch.mkdir(parents=True, exist_ok=True)
    columns = "path,subject,source,basis,captured,expires,disposition,born,group.studio"
    lines = [columns]
    for number in range(PEOPLE):
        who = Invented(number)
        (batch / f"{number}.png").write_bytes(portrait(who, ENROLLED_TAKE))
        year = 2019 + number % 7
        captured = f"{year}-05-{number % 28 + 1:02d}"
        lines.append(
            f"{number}.png,{who.subject},booking-photos,booking {number + 100},{captured},"
            f"{year + 10}-05-01,convicted,{1960 + number % 40}-02-03,{who.group}"
        )
        progress("drawing portraits", number + 1, PEOPLE)
    (batch / "manifest.csv").write_text("\n".join(lines) + "\n")


def measured(folder: Path, *, progress: Progress = no_progress) -> bytes:
    """A real audit of the drawing engine, on drawings of people who are not in the gallery."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,subject,studio"]
    for number in range(2_000, 2_000 + 2 * AUDITED):
        who = Invented(number)
        for take in range(3):
            name = f"{number}-{take}.png"
            (folder / name).write_bytes(portrait(who, take))
            lines.append(f"{name},{who.subject},{who.group}")
        progress("drawing portraits for the audit", number - 1_999, 2 * AUDITED)
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    templates = enrol(read_dataset(folder), DrawingEngine(), progress=progress)
    day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=160)).date()
    made = audit(
        templates, groups=("studio",), thresholds=(CARD.default_threshold,),
        date=day.isoformat(), title="The drawing engine, on drawings", progress=progress,
    )  # fmt: skip
    return made.to_json().encode()
