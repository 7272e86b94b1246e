"""A state machine of a log, its witnesses and a monitor, whose operator turns dishonest at will.

The log may fork, be rolled back, show different things to different people and lie to witnesses.
Whatever it does: no witness cosigns two histories, no witness goes back, a checkpoint that two of
three witnesses cosigned is on the one history they hold, and once a monitor has been shown two
histories it has evidence that convicts the log; an honest log is never accused.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from witnessing import NOW, ORIGIN, Clock, TestableLog, event, policy_for, witness_for

from countenance.record.errors import VerificationError
from countenance.record.evidence import parse_evidence, verify_evidence
from countenance.record.monitor import FollowedLog, Monitor, Place
from countenance.record.monitor_report import AlertKind
from countenance.record.note import add_signatures, parse_signatures, parse_vkey
from countenance.record.witness import checkpoint_in, origin_hash

NAMES = ("w1", "w2", "w3")
EXAMPLES = int(os.environ.get("COUNTENANCE_MACHINE_EXAMPLES", "12"))


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.logs = [TestableLog()]  # histories under one key; more than one is a lie
        self.witnesses = {
            name: witness_for(self.folder, self.logs[0], name=name, clock=self.clock)
            for name in NAMES
        }
        self.policy = policy_for(self.logs[0], *((name, "") for name in NAMES), k=2)
        self.cosigned: dict[str, list[tuple[int, bytes]]] = {name: [] for name in NAMES}
        self.notes: dict[tuple[int, bytes], bytes] = {}
        self.shown: set[tuple[int, bytes]] = set()
        self.honest = True
        self.events = 0

    def teardown(self) -> None:
        for _, store in self.witnesses.values():
            store.close()
        shutil.rmtree(self.folder)

    def fresh(self, n: int) -> list[bytes]:
        self.events += n
        return [event(i) for i in range(self.events - n, self.events)]

    def pick(self, data: st.DataObject) -> TestableLog:
        return self.logs[data.draw(st.integers(0, len(self.logs) - 1), label="history")]

    @initialize(n=st.integers(0, 5))
    def begin(self, n: int) -> None:
        self.logs[0].append(*self.fresh(n))

    @rule(data=st.data(), n=st.integers(1, 40))
    def append(self, data: st.DataObject, n: int) -> None:
        self.pick(data).append(*self.fresh(n))

    @precondition(lambda self: len(self.logs) < 3)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        log = self.pick(data)
        if log.entries:
            at = data.draw(st.integers(0, len(log.entries) - 1), label="at")
            other = log.fork(at)
            other.append(*self.fresh(1))
            self.logs.append(other)
            self.honest = False

    @rule(seconds=st.integers(-40, 500))
    def time_passes(self, seconds: int) -> None:
        self.clock.now = max(NOW, self.clock.now + seconds)

    @rule(name=st.sampled_from(NAMES))
    def restart(self, name: str) -> None:
        self.witnesses[name][1].close()
        self.witnesses[name] = witness_for(self.folder, self.logs[0], name=name, clock=self.clock)

    @rule(name=st.sampled_from(NAMES), data=st.data())
    def submit(self, name: str, data: st.DataObject) -> None:
        """Any checkpoint of any history, with a proof from any size."""
        log = self.pick(data)
        size = data.draw(st.integers(0, len(log.entries)), label="size")
        held = self.held(name)
        old = data.draw(st.sampled_from([held[0], held[0], 0, size]), label="old")
        if self.clock.now < self.last_time(name) - 60:
            return  # refused as a failure of the witness's own clock: see test_witness
        answer = self.witnesses[name][0].add_checkpoint(log.request(min(old, size), size))
        root = log.checkpoint(size).root
        if answer.status == 200:
            assert min(old, size) == held[0]
            self.cosigned[name].append((size, root))
            note = self.notes.get((size, root), log.note(size))
            self.notes[size, root] = add_signatures(note, parse_signatures(answer.body))
        elif answer.status == 409:
            assert answer.body == b"%d\n" % held[0]
            assert self.held(name) == held
        else:
            assert answer.status == 422
            assert not self.honest

    def held(self, name: str) -> tuple[int, bytes]:
        return self.cosigned[name][-1] if self.cosigned[name] else (0, b"")

    def last_time(self, name: str) -> int:
        last = self.witnesses[name][1].last(ORIGIN)
        return 0 if last is None else last.time

    @rule(data=st.data())
    def visit(self, data: st.DataObject) -> None:
        """The monitor looks; the operator chooses what it sees."""
        log = self.pick(data)
        size = data.draw(st.integers(0, len(log.entries)), label="shown")
        key = (size, log.checkpoint(size).root)
        log.show(self.notes.get(key, log.note(size)))
        places = [Place("log", log)]
        for name in data.draw(st.sets(st.sampled_from(NAMES)), label="asked"):
            served = self.witnesses[name][0].checkpoint(origin_hash(ORIGIN))
            if served.status == 200:
                places.append(Place(name, Served(served.body), has_tiles=False))
                checkpoint = checkpoint_in(served.body)
                self.shown.add((checkpoint.size, checkpoint.root))
        self.shown.add(key)
        target = FollowedLog(ORIGIN, self.policy, tuple(places))
        monitor = Monitor(self.folder / "monitor", clock=self.clock)
        (report,) = monitor.visit([target]).logs
        found = [alert for alert in report.alerts if alert.kind is AlertKind.SPLIT_VIEW]
        for alert in found:
            assert not self.honest
            raw = (self.folder / "monitor" / str(alert.evidence)).read_bytes()
            verify_evidence(parse_evidence(raw), [parse_vkey(log.signer.vkey)])
        kinds = {alert.kind for alert in report.alerts}
        if self.honest:
            # What an honest log can be told of: showing less than it did, or without a quorum.
            assert kinds <= {AlertKind.ROLLBACK, AlertKind.NO_QUORUM, AlertKind.UNCOMPARED}
        if not found:
            assert report.size <= max(size for size, _ in self.shown)
        if any(len({r for s, r in self.shown if s == size}) > 1 for size, _ in self.shown):
            # Without evidence only where nobody serves what the comparison needs, and then it
            # says so and remembers both.
            assert found or AlertKind.UNCOMPARED in kinds

    @invariant()
    def a_witness_holds_one_history_and_never_goes_back(self) -> None:
        for name in NAMES:
            sizes = [size for size, _ in self.cosigned[name]]
            assert sizes == sorted(sizes)
            assert any(
                all(
                    size <= len(log.entries) and log.checkpoint(size).root == root
                    for size, root in self.cosigned[name]
                )
                for log in self.logs
            )

    @invariant()
    def what_a_quorum_cosigned_is_one_history(self) -> None:
        accepted = []
        for key, note in self.notes.items():
            try:
                self.policy.check(note)
            except VerificationError:
                continue
            accepted.append(key)
        assert any(
            all(
                size <= len(log.entries) and log.checkpoint(size).root == root
                for size, root in accepted
            )
            for log in self.logs
        )


class Served:
    """A place that serves a checkpoint and nothing else."""

    def __init__(self, note: bytes) -> None:
        self.note = note

    def read(self, path: str) -> bytes | None:
        return self.note if path == "checkpoint" else None


World.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None)
TestWorld = World.TestCase
