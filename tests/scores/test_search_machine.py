"""Any sequence of appends, deletions, compactions and searches against a plain NumPy model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from gallerykit import DISTANCE, NoSync, card, found, lists, public, slowly
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from countenance.core import InputError
from countenance.scores import GalleryWriter, SealedRows, create_gallery
from countenance.scores.gallery.codec import Plain
from countenance.scores.gallery.reading import Gallery

IDS = [f"{n}" for n in range(12)] + ["é", "x" * 64]
ids = st.lists(st.sampled_from(IDS), max_size=6)
row = st.lists(st.integers(-2, 2), min_size=3, max_size=3)  # few values: many ties


class Machine(RuleBasedStateMachine):
    @initialize(sealed=st.booleans(), block_bytes=st.sampled_from([1, 200, 1 << 20]))
    def make(self, sealed: bool, block_bytes: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "g"
        self.card = card(3, DISTANCE)
        self.codec = SealedRows(lambda names: [bytes(32)] * len(names)) if sealed else Plain()
        create_gallery(self.path, self.card, issuer=public(), codec=self.codec, ops=NoSync())
        self.names: list[str] = []
        self.rows: list[list[int]] = []
        self.dead = 0
        self.digests: set[str] = set()
        self.writer = GalleryWriter(self.path, codec=self.codec, ops=NoSync())
        self.gallery = Gallery(self.path, codec=self.codec, block_bytes=block_bytes)
        self.gallery.load(lambda *_: None)

    def teardown(self) -> None:
        self.writer.close()
        self.gallery.close()
        shutil.rmtree(self.folder)

    @rule(names=ids, data=st.data())
    def append(self, names: list[str], data: st.DataObject) -> None:
        rows = [data.draw(row) for _ in names]
        templates = np.array(rows, np.int16).reshape(-1, 3)
        if len(set(names)) < len(names) or set(names) & set(self.names):
            with pytest.raises(InputError):
                self.writer.append(names, templates, engine=self.card.identity)
        else:
            self.writer.append(names, templates, engine=self.card.identity)
            self.names += names
            self.rows += rows

    @rule(names=ids)
    def delete(self, names: list[str]) -> None:
        if len(set(names)) < len(names) or set(names) - set(self.names):
            with pytest.raises(InputError):
                self.writer.delete(names)
            return
        self.writer.delete(names)
        for name in names:
            at = self.names.index(name)
            del self.names[at], self.rows[at]
        self.dead += len(names)

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def delete_one(self, data: st.DataObject) -> None:
        self.delete([data.draw(st.sampled_from(self.names))])

    @rule()
    def compact(self) -> None:
        self.writer.compact()
        self.dead = 0

    @rule()
    def open_again(self) -> None:
        digest = self.writer.digest
        self.writer.close()
        self.writer = GalleryWriter(self.path, codec=self.codec, ops=NoSync())
        assert self.writer.digest == digest

    @rule(
        probes=st.lists(row, min_size=1, max_size=3),
        threshold=st.none() | st.integers(-40, 1),
        rank=st.integers(1, 5),
        threads=st.integers(1, 2),
    )
    def look(
        self, probes: list[list[int]], threshold: int | None, rank: int, threads: int
    ) -> None:
        made = np.array(probes, np.int16)
        result = found(self.gallery, made, threshold=threshold, rank=rank, threads=threads)
        rows = np.array(self.rows, np.int16).reshape(-1, 3)
        assert lists(result) == slowly(
            self.names, rows, made, threshold=threshold, rank=rank, unit=DISTANCE
        )
        assert (result.compared, result.deleted) == (len(self.names), self.dead)
        assert result.gallery_digest == self.writer.digest

    @invariant()
    def they_agree(self) -> None:
        assert len(self.writer) == len(self.gallery) == len(self.names)
        assert self.gallery.digest == self.writer.digest
        assert all((name in self.writer) == (name in self.names) for name in IDS)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
