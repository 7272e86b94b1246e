"""Templates that are held open: the same lists, nothing of whom is gone, nothing left behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from casework import CARD
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.core import IntegrityError
from countenance.desk import heldrows
from countenance.desk.heldrows import HeldRows
from countenance.faces import quantise
from countenance.scores import (
    Gallery,
    GalleryWriter,
    Permit,
    PermitTerms,
    SealedRows,
    create_gallery,
    open_gallery,
    probe_digest,
    search,
)

ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = ISSUER.public_key().public_bytes_raw().hex()


class Known:
    """Row keys that can be taken away; counts what was asked for."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.change = 0

    def __call__(self, ids: Sequence[str]) -> Sequence[bytes | None]:
        return [self.keys.get(each) for each in ids]

    def add(self, *ids: str) -> None:
        self.keys |= {each: secrets.token_bytes(32) for each in ids}
        self.change += 1

    def take(self, each: str) -> None:
        del self.keys[each]
        self.change += 1


def templates(count: int, seed: int = 1) -> np.ndarray:
    return quantise(np.random.default_rng(seed).normal(size=(count, CARD.dimension)), CARD.unit)


@pytest.fixture
def known() -> Known:
    made = Known()
    made.add(*(f"id-{n}" for n in range(300)))
    return made


@pytest.fixture
def gallery(tmp_path: Path, known: Known) -> Iterator[Gallery]:
    place, codec = tmp_path / "g", SealedRows(known)
    create_gallery(place, CARD, issuer=PUBLIC, codec=codec)
    with GalleryWriter(place, codec=codec) as writer:
        writer.append([f"id-{n}" for n in range(300)], templates(300), engine=CARD.identity)
    with open_gallery(place, codec=HeldRows(known), issuer=PUBLIC) as found:
        yield found


def listed(gallery: Gallery) -> tuple[int, list[tuple[str, int]]]:
    probe = templates(1, seed=2)[0]
    digests = (probe_digest(probe, engine=CARD.identity),)
    named = gallery.header.gallery
    terms = PermitTerms("00" * 32, "11" * 32, named, CARD.identity, digests, None, 20, 0, 2**40)
    permit = Permit(terms, ISSUER.sign(terms.message))
    found = search(gallery, probe, permit=permit, rank=20)
    return found.compared, [(each.id, each.score) for each in found.lists[0].candidates]


def test_lists_are_those_of_rows_that_are_opened_each_time(
    gallery: Gallery, known: Known, tmp_path: Path
) -> None:
    with open_gallery(tmp_path / "g", codec=SealedRows(known), issuer=PUBLIC) as each_time:
        expected = listed(each_time)
    assert listed(gallery) == expected
    assert listed(gallery) == expected


def test_a_row_is_opened_once(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.open_all()
    first = listed(gallery)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(SealedRows, "open", never)
    assert listed(gallery) == first


def test_what_is_held_is_what_was_verified_whatever_is_in_the_file_now(
    gallery: Gallery, tmp_path: Path
) -> None:
    first = listed(gallery)
    (file,) = (each for each in (tmp_path / "g").iterdir() if each.name.startswith("rows"))
    with file.open("r+b") as rows:
        rows.write(secrets.token_bytes(1000))
    assert listed(gallery) == first


def test_whose_key_went_is_not_compared_and_not_held(gallery: Gallery, known: Known) -> None:
    compared, before = listed(gallery)
    best = before[0][0]
    known.take(best)
    after = listed(gallery)
    assert after[0] == compared - 1
    assert best not in dict(after[1])
    held = next(iter(gallery.codec._held.values()))  # type: ignore[attr-defined]
    assert not held.rows.templates[int(best.removeprefix("id-"))].any()
    assert listed(gallery) == after


def test_a_key_that_comes_later_opens_its_row(gallery: Gallery, known: Known) -> None:
    whole = listed(gallery)
    kept = known.keys.pop("id-7")
    known.change += 1
    assert listed(gallery)[0] == whole[0] - 1
    known.keys["id-7"] = kept
    known.change += 1
    assert listed(gallery) == whole


def test_what_was_added_deleted_and_compacted_is_followed(
    gallery: Gallery, known: Known, tmp_path: Path
) -> None:
    rows: HeldRows = gallery.codec  # type: ignore[assignment]
    listed(gallery)
    rows.forget_unused()
    for turn in range(3):
        known.add(f"new-{turn}")
        with GalleryWriter(tmp_path / "g", codec=SealedRows(known)) as writer:
            writer.append([f"new-{turn}"], templates(1, seed=2), engine=CARD.identity)
            writer.delete([f"id-{turn}"])
            if turn == 2:
                writer.compact()
        compared, found = listed(gallery)
        rows.forget_unused()
        assert compared == 300
        assert found[0][0] == "new-0"
        assert sum(len(each.rows.templates) for each in rows._held.values()) <= 306
    with open_gallery(tmp_path / "g", codec=SealedRows(known), issuer=PUBLIC) as each_time:
        assert listed(gallery) == listed(each_time)


def test_another_key_is_no_key(gallery: Gallery, known: Known) -> None:
    known.keys["id-3"] = bytes(32)
    with pytest.raises(IntegrityError):
        listed(gallery)


def test_how_far_it_is_is_told(gallery: Gallery) -> None:
    told: list[tuple[str, int, int]] = []
    gallery.open_all(lambda *each: told.append(each))
    assert told[-1] == ("opening templates", 300, 300)


@pytest.mark.parametrize("part", [1, 7, 299, 300])
def test_parts_are_put_together_again(
    part: int, gallery: Gallery, known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heldrows, "_PART", part)
    with GalleryWriter(tmp_path / "g", codec=SealedRows(known)) as writer:
        writer.delete(["id-0", "id-8", "id-299"])
    known.take("id-9")
    known.take("id-298")
    with open_gallery(tmp_path / "g", codec=SealedRows(known), issuer=PUBLIC) as each_time:
        expected = listed(each_time)
    assert expected[0] == 295
    assert listed(gallery) == expected
    (held,) = gallery.codec._held.values()  # type: ignore[attr-defined]
    assert np.flatnonzero(held.missing).tolist() == [0, 8, 9, 298, 299]
    assert not held.rows.templates[held.missing].any()


def test_a_key_that_goes_while_rows_are_opened_is_found_out_at_the_next_search(
    gallery: Gallery, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heldrows, "_PART", 100)
    open_ = SealedRows.open

    def taking(self: SealedRows, rows: np.ndarray, **given: object) -> object:
        opened = open_(self, rows, **given)  # type: ignore[arg-type]
        if "id-5" in known.keys:
            known.take("id-5")
        return opened

    monkeypatch.setattr(SealedRows, "open", taking)
    gallery.open_all()
    assert listed(gallery)[0] == 299
    (held,) = gallery.codec._held.values()  # type: ignore[attr-defined]
    assert not held.rows.templates[5].any()
