"""A monitor: it reads every entry of a log, and compares what the log shows to different people.

On each visit it fetches the log's checkpoint from every place it knows, checks signatures, quorum
and times, checks that all checkpoints ever seen lie on one history, reads and counts the entries
since the last visit, and reports. Two checkpoints that contradict each other are kept as evidence.
What was seen and could not be settled is remembered, and held against the log the next time. A
log that has signed two histories is not followed any further: which one would it be?
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from countenance.core import InputError, Progress, no_progress
from countenance.record import rotation
from countenance.record.checkpoint import Checkpoint, open_checkpoint
from countenance.record.cosignature import DEFAULT_TOLERANCE_S, time_findings
from countenance.record.counts import PublicCounts
from countenance.record.entries import Kinds, parse_entry
from countenance.record.errors import RecordError, VerificationError
from countenance.record.evidence import kept_note, save_evidence
from countenance.record.merkle import leaf_hash, root_of
from countenance.record.monitor_report import AlertKind, LogReport, MonitorReport
from countenance.record.monitor_state import (
    MAX_PENDING,
    LogState,
    bound_counts,
    copy_counts,
    load_state,
    save_state,
)
from countenance.record.note import Note
from countenance.record.policy import Policy
from countenance.record.sightings import Sighting, compare_all
from countenance.record.storage import CHECKPOINT, Reader
from countenance.record.tiles import WIDTH, TileHashes, read_bundle

MAX_SCHEMA_ALERTS = 20
"""Entries named one by one; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint can be seen: the log's address, a mirror, a witness, a saved file.

    `has_tiles` is False where only the checkpoint is served.
    """

    name: str
    reader: Reader
    has_tiles: bool = True


@dataclass(frozen=True, slots=True)
class FollowedLog:
    """A log to follow.

    Attributes
    ----------
    origin
        Its name.
    policy
        Its trusted keys, its witnesses and their quorum.
    places
        Where to look, the log's own address first: only that one must never show less than
        before. Entries are read from the place with the largest checkpoint that gives them all.
    """

    origin: str
    policy: Policy
    places: tuple[Place, ...]

    def __post_init__(self) -> None:
        if not self.places or len({place.name for place in self.places}) != len(self.places):
            raise InputError("a log to follow needs places, each under its own name")


class Monitor:
    """Follows logs; what it knows lives in `folder`, so visits may be days apart.

    Parameters
    ----------
    folder
        For its state and for evidence; one monitor at a time.
    clock
        POSIX seconds.
    kinds
        Event kinds to check entries against; this project's if None.
    tolerance_s
        How far in the future a cosignature's time may lie.
    max_age_s
        How old the newest cosignature may be; None if the log may rest.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], int],
        kinds: Kinds | None = None,
        tolerance_s: int = DEFAULT_TOLERANCE_S,
        max_age_s: int | None = None,
        progress: Progress = no_progress,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._clock = clock
        self._kinds = kinds
        self._tolerance_s = tolerance_s
        self._max_age_s = max_age_s
        self._progress = progress

    def visit(self, logs: Sequence[FollowedLog]) -> MonitorReport:
        """Visit every log once.

        Raises
        ------
        StorageError
            If the monitor's own state cannot be read or written. Whatever is wrong with a log or
            a place is an alert, not an error.
        """
        return MonitorReport(self._clock(), tuple(self._visit(log) for log in logs))

    def _visit(self, log: FollowedLog) -> LogReport:
        state = load_state(self._folder, log.origin)
        report = LogReport(log.origin)
        seen = [s for place in log.places if (s := self._look(log, place, report)) is not None]
        remembered = self._remembered(log, state, report)
        self._check_rollback(log, [*remembered, *seen], report)
        unsettled = self._compare([*remembered, *seen], report)
        if not any(alert.kind is AlertKind.SPLIT_VIEW for alert in report.alerts):
            self._advance(state, seen, report)
        larger = [s for s in (*remembered, *seen) if s.checkpoint.size > state.edge.size]
        notes = ((s.place, s.note) for s in (*unsettled, *larger) if s.note != state.note)
        state.pending = list({note: (place, note) for place, note in notes}.values())[:MAX_PENDING]
        save_state(self._folder, state)
        head = state.head
        report.size = state.edge.size
        report.root = "" if head is None else head.root.hex()
        report.bad_entries = state.bad_entries
        report.counts = state.counts.to_json()
        return report

    def _look(self, log: FollowedLog, place: Place, report: LogReport) -> Sighting | None:
        """The checkpoint at a place, if it is one that the log signed."""
        try:
            data = place.reader.read(CHECKPOINT)
        except RecordError as error:
            report.alert(AlertKind.UNREACHABLE, place.name, error.what)
            return None
        if data is None:
            report.alert(AlertKind.UNREACHABLE, place.name, "there is no checkpoint")
            return None
        try:
            checkpoint, note = self._open(log, data)
        except VerificationError as error:
            report.alert(AlertKind.UNVERIFIABLE, place.name, error.what)
            return None
        report.places[place.name] = checkpoint.size
        self._check_cosignatures(log, place, data, report)
        reader = place.reader if place.has_tiles else None
        # With what witnesses said, who may have said it of two histories; a bad cosignature among
        # them takes nothing from what the log signed.
        with contextlib.suppress(VerificationError):
            note = open_checkpoint(data, log.policy.verifiers)[1]
        return Sighting(place.name, kept_note(note), checkpoint, reader)

    def _open(self, log: FollowedLog, data: bytes) -> tuple[Checkpoint, Note]:
        """Open by the log's keys alone: a checkpoint without a quorum still binds the log."""
        keys = [each.verifier for each in log.policy.logs if each.origin == log.origin]
        checkpoint, note = open_checkpoint(data, keys)
        if checkpoint.origin != log.origin:
            raise VerificationError(f"this is the checkpoint of {checkpoint.origin[:80]}")
        return checkpoint, note

    def _check_cosignatures(
        self, log: FollowedLog, place: Place, data: bytes, report: LogReport
    ) -> None:
        now = self._clock()
        if place.has_tiles:  # a witness serves its own cosignature alone, and owes no quorum
            try:
                verdict = log.policy.examine(data)
            except VerificationError as error:
                report.alert(AlertKind.NO_QUORUM, place.name, error.what)
                return
            self._check_age(now, [each.time for each in verdict.cosigned], place, report)
        keys = [each.verifier for each in log.policy.witnesses]
        try:
            signatures = open_checkpoint(data, keys)[1].verified
        except VerificationError:  # no witness signed: the quorum, not this, says if one has to
            return
        for finding in time_findings(signatures, keys, now=now, tolerance_s=self._tolerance_s):
            if finding.off_s > 0:  # old cosignatures are for `max_age_s`: a log may rest
                report.alert(AlertKind.CLOCK, place.name, str(finding))

    def _check_age(self, now: int, times: Sequence[int], place: Place, report: LogReport) -> None:
        if self._max_age_s is None:
            return
        if not times:
            text = "no witness has cosigned it, so nothing tells how old it is"
            report.alert(AlertKind.STALE, place.name, text)
        elif (age := now - max(times)) > self._max_age_s:
            text = f"the newest cosignature is {age:,} s old, {self._max_age_s:,} are allowed"
            report.alert(AlertKind.STALE, place.name, text)

    def _check_rollback(
        self, log: FollowedLog, sightings: Sequence[Sighting], report: LogReport
    ) -> None:
        known = max((s.checkpoint.size for s in sightings if s.earlier), default=0)
        shown = report.places.get(log.places[0].name, known)
        if shown < known:
            text = f"it shows {shown:,} entries; {known:,} were seen before, signed by the log"
            report.alert(AlertKind.ROLLBACK, log.places[0].name, text)

    def _remembered(self, log: FollowedLog, state: LogState, report: LogReport) -> list[Sighting]:
        head = [] if state.note is None else [(log.places[0].name, state.note)]
        found = []
        for place, data in (*head, *state.pending):
            try:
                found.append(Sighting(place, data, self._open(log, data)[0], earlier=True))
            except VerificationError as error:  # its key is no longer in the policy
                report.alert(AlertKind.UNVERIFIABLE, place, f"seen earlier: {error.what}")
        return found

    def _compare(self, sightings: Sequence[Sighting], report: LogReport) -> list[Sighting]:
        """Compare all sightings; those that contradict another or could not be compared."""
        unsettled: list[Sighting] = []
        for each in compare_all(sightings):
            label = f"{each.smaller.label} and {each.larger.label}"
            place = each.larger.place if each.smaller.earlier else each.smaller.place
            if each.evidence is not None:
                path = save_evidence(each.evidence, self._folder)
                text = f"the log signed two histories: {label}"
                report.alert(AlertKind.SPLIT_VIEW, place, text, evidence=path.name)
            elif each.why_not is not None:
                text = f"{label} could not be compared: {each.why_not}"
                report.alert(AlertKind.UNCOMPARED, place, text)
            else:
                continue
            unsettled += [each.smaller, each.larger]
        return unsettled

    def _advance(self, state: LogState, seen: Sequence[Sighting], report: LogReport) -> None:
        """Read entries up to the largest checkpoint whose place gives them all."""
        for sighting in sorted(seen, key=lambda each: -each.checkpoint.size):
            reader, size = sighting.reader, sighting.checkpoint.size
            if reader is None or size < state.edge.size:
                continue
            if size == state.edge.size and state.note is not None:
                return
            if self._read_entries(state, sighting, reader, report):
                return

    def _read_entries(
        self, state: LogState, sighting: Sighting, reader: Reader, report: LogReport
    ) -> bool:
        """Read and verify all entries up to a checkpoint; True if the state has come to it."""
        target = sighting.checkpoint
        edge, counts = state.edge.copy(), copy_counts(state.counts)
        told = _Told()
        try:
            for entry in entries_of(reader, edge.size, target.size):
                self._count(entry, edge.size, counts, told)
                edge.push(leaf_hash(entry))
                if edge.size % 4096 == 0:
                    self._progress("entries", edge.size, target.size)
        except RecordError as error:
            text = f"entry {edge.size} and those after it cannot be read: {error.what}"
            report.alert(AlertKind.ENTRIES, sighting.place, text)
            return False
        if edge.root() != target.root:
            where = _first_difference(reader, state.edge.size, target)
            text = f"the entries served do not lead to the signed root: {where}"
            report.alert(AlertKind.ENTRIES, sighting.place, text)
            return False
        for kind, text in told.alerts:
            report.alert(kind, sighting.place, text)
        report.new_entries += edge.size - state.edge.size
        state.note, state.edge, state.counts = sighting.note, edge, counts
        state.bad_entries += told.bad_entries
        return True

    def _count(self, entry: bytes, index: int, counts: PublicCounts, told: _Told) -> None:
        try:
            parsed = parse_entry(entry, kinds=self._kinds)
            counts.add(parsed)
            bound_counts(counts)
            if parsed.kind == rotation.KIND:
                change = rotation.parse_rotation(entry)
                text = f"entry {index}: from {change.old_vkey} to {change.new_vkey}"
                told.alerts.append((AlertKind.KEY_ROTATED, text))
        except VerificationError as error:
            told.bad_entries += 1
            if told.bad_entries <= MAX_SCHEMA_ALERTS:
                told.alerts.append((AlertKind.SCHEMA, f"entry {index}: {error.what}"))


@dataclass(slots=True)
class _Told:
    """What entries say of themselves; it counts only once they are known to be the log's."""

    alerts: list[tuple[AlertKind, str]] = field(default_factory=list)
    bad_entries: int = 0


def entries_of(reader: Reader, start: int, stop: int) -> Iterator[bytes]:
    """The entries `[start, stop)` of a log of `stop` entries, unverified, bundle by bundle.

    Raises
    ------
    StorageError, VerificationError
        If a bundle is missing, unreadable or malformed.
    """
    for bundle in range(start // WIDTH, -(-stop // WIDTH)):
        first = bundle * WIDTH
        entries = read_bundle(reader.read, bundle, min(WIDTH, stop - first))
        yield from entries[max(0, start - first) :]


def _first_difference(reader: Reader, start: int, target: Checkpoint) -> str:
    """Which entry is the first that is not the one the signed root covers, where tiles tell."""
    hashes = TileHashes(reader.read, target.size)
    try:
        if root_of(target.size, hashes) != target.root:
            return "its tiles do not either"
        for index, entry in enumerate(entries_of(reader, start, target.size), start):
            if leaf_hash(entry) != hashes(0, index):
                return f"entry {index} is the first that differs"
    except RecordError as error:
        return error.what
    return f"an entry before {start} was changed after it was verified"
