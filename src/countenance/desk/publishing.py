"""Sealed means published: an entry is in a checkpoint that enough witnesses cosigned.

What the desk shows, it shows only once somebody else holds proof of it. A checkpoint without the
quorum is not published at all, so a desk whose witnesses are away searches, and shows nothing.
"""

from __future__ import annotations

import threading
from typing import Protocol

from countenance.record import Log, Policy, VerificationError, WitnessPanel


class Publisher(Protocol):
    """Brings entries into published checkpoints."""

    def cover(self, index: int | None) -> int:
        """Size of a published checkpoint that holds the entry (None: all there are now).

        Raises RecordError where there is no such checkpoint yet; then nothing is published.
        """


class WitnessedPublisher:
    """Publishes a log's checkpoints with the witnesses of a policy. Safe across threads."""

    def __init__(self, log: Log, panel: WitnessPanel, policy: Policy) -> None:
        self._log = log
        self._panel = panel
        self._policy = policy
        self._turn = threading.Lock()

    def cover(self, index: int | None) -> int:
        """See `Publisher`. Those who wait for a turn share the checkpoint made meanwhile."""
        with self._turn:
            if index is not None:
                size = self._published()
                if size > index:
                    return size
            self._log.publish(self._cosigned)
            size = self._published()
            if index is not None and size <= index:
                raise VerificationError(f"the checkpoint of {size} does not hold entry {index}")
            return size

    def _cosigned(self, note: bytes) -> bytes:
        return self._panel.collect(note, prove=self._log.prove_consistency).note

    def _published(self) -> int:
        """Size of the published checkpoint; 0 for one that does not meet the policy."""
        note = self._log.latest_checkpoint()
        if note is None:
            return 0
        try:
            return self._policy.check(note).size
        except VerificationError:  # published by somebody who asked no witness
            return 0
