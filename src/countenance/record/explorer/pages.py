"""The pages themselves, as text: the log, one entry, the check of a proof file."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from countenance.core import inline_source
from countenance.record.entries import Entry, EventKind, format_time
from countenance.record.explorer.growth import draw_growth, growth
from countenance.record.explorer.view import LogView, Snapshot, read_event
from countenance.record.kinds import KINDS
from countenance.record.merkle import leaf_hash
from countenance.record.note import encode_base64
from countenance.record.proof import Proof

if TYPE_CHECKING:
    from jinja2 import Environment

RECENT = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in a list."""

    index: int
    time: str
    says: str
    detail: str


class Pages:
    """Pages of one log.

    Parameters
    ----------
    view
        What they read.
    keys
        Verifier keys of the log and its witnesses, as this server names them. They fill the field
        for keys in the browser's check, where a reader puts those they have from elsewhere.
    """

    def __init__(self, view: LogView, *, keys: Sequence[str] = ()) -> None:
        self._view = view
        self._keys = tuple(keys)

    def index(
        self,
        snapshot: Snapshot | None,
        *,
        before: int | None = None,
        rows: int = RECENT,
        turn: bool = True,
    ) -> str:
        """The log: how large, who has seen it, how it grew, and `rows` entries up to `before`.

        `turn` adds links to older and newer entries, which need a server.
        """
        if snapshot is None:
            return _fill("index.html.j2", up="", checkpoint=None)
        size = snapshot.checkpoint.size
        end = size if before is None else min(max(before, 0), size)
        start = max(0, end - rows)
        points = growth(self._view, snapshot)
        return _fill(
            "index.html.j2",
            up="",
            checkpoint=snapshot.checkpoint,
            root=encode_base64(snapshot.checkpoint.root),
            note=snapshot.note.decode(),
            signatures=self._view.signatures(snapshot),
            points=points,
            wide=draw_growth(points),
            narrow=draw_growth(points, narrow=True),
            rows=self._rows(snapshot, start, end),
            turns=_turns(start, end, size, rows=rows) if turn else (),
        )

    def entry(self, snapshot: Snapshot, index: int, *, first: int = 0) -> str:
        """One entry: what it says, what it seals, and its proof to check here.

        `first` is the first entry that has a page.
        """
        data = self._view.entry(snapshot, index)
        proof = self._view.proof(snapshot, index)
        event = read_event(data)
        return _fill(
            "entry.html.j2",
            up="../",
            index=index,
            first=first,
            checkpoint=snapshot.checkpoint,
            event=event,
            kind=None if event is None else _kind(event),
            detail=None if event is None else _detail(event.public),
            raw=data.decode("utf-8", errors="replace"),
            length=len(data),
            leaf=leaf_hash(data).hex(),
            proof=[each.hex() for each in proof],
            keys="\n".join(self._keys),
            material={
                "entry": encode_base64(data),
                "index": index,
                "hashes": [encode_base64(each) for each in proof],
                "note": snapshot.note.decode(),
            },
        )

    def check(self) -> str:
        """The page that checks a proof file in the browser; it works saved to a disk too."""
        return _fill("verify.html.j2", up="", keys="\n".join(self._keys), material=None)

    def missing(self, *, up: str, what: str) -> str:
        """A page for what is not there, or cannot be read."""
        return _fill("missing.html.j2", up=up, what=what)

    def proof_file(self, snapshot: Snapshot, index: int) -> bytes:
        """The offline proof of one entry, with the entry in it as the proof's extra data."""
        return Proof(
            index=index,
            hashes=tuple(self._view.proof(snapshot, index)),
            checkpoint=snapshot.note,
            extra=self._view.entry(snapshot, index),
        ).encode()

    def _rows(self, snapshot: Snapshot, start: int, end: int) -> list[Row]:
        entries = self._view.entries(snapshot, start, end)
        return [_row(start + i, data) for i, data in enumerate(entries)][::-1]


def content_policy() -> str:
    """What a page may do: run our own script, use our own style, and reach nowhere."""
    return (
        f"default-src 'none'; style-src {inline_source(asset('explorer.css'))}; "
        f"script-src {inline_source(asset('verify.js'))}; base-uri 'none'; form-action 'none'"
    )


@functools.cache
def asset(name: str) -> str:
    """One of the package's own templates, as text."""
    return (files("countenance.record.explorer") / "templates" / name).read_text(encoding="utf-8")


def _turns(start: int, end: int, size: int, *, rows: int) -> list[tuple[str, int]]:
    """Where one can go from a list of entries `start` to `end`: what it says, and before which."""
    found = [("Newest", size), ("Newer", min(size, end + rows))] if end < size else []
    if start:
        found.append(("Older", start))
        found += [(f"{far:,} back", end - far) for far in (1_000, 100_000) if start > far]
        found.append(("The first", min(rows, size)))
    return found


def _row(index: int, data: bytes) -> Row:
    event = read_event(data)
    if event is None:
        return Row(index, "", "bytes that are no event", f"{len(data):,} bytes")
    known = _kind(event)
    return Row(index, event.time, known.says if known else event.kind, _detail(event.public))


def _kind(event: Entry) -> EventKind | None:
    """Its kind in the version it is of, if these pages know that."""
    return next((k for k in KINDS.get(event.kind, ()) if k.version == event.version), None)


def _detail(public: Mapping[str, Any]) -> str:
    """What of the public fields fits beside what happened."""
    detail = [
        public[name]
        for name in ("decision", "reason", "outcome", "change", "jurisdiction")
        if isinstance(public.get(name), str)
    ]
    if type(public.get("candidates")) is int:
        n = public["candidates"]
        detail.append("no candidates" if n == 0 else f"{n:,} candidate{'s' * (n != 1)}")
    return ", ".join(detail)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("countenance.record.explorer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Only our own drawing passes unescaped; it escapes its text itself.
    environment.filters.update(svg=Markup, when=_when, clock=_clock, count=lambda n: f"{n:,}")
    return environment


def _when(time_s: int) -> str:
    return _clock(format_time(time_s))


def _clock(time: str) -> str:
    """A time of an entry as people read it; tables and sentences say that it is UTC."""
    return time.replace("T", " ").removesuffix("Z")


def _fill(template: str, **values: Any) -> str:
    from markupsafe import Markup

    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(asset("explorer.css")),  # noqa: S704 - our own files
            script=Markup(asset("verify.js")),  # noqa: S704 - our own files
            policy=content_policy(),
            **values,
        )
    )
