"""Permits: no search without one, and none for anything but what it says."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gallerykit import (
    DECISION,
    KEY,
    NOW,
    REQUEST,
    NoSync,
    card,
    found,
    lists,
    made,
    names,
    permit,
    public,
    templates,
)
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError, canonical_json
from countenance.scores import (
    Gallery,
    GalleryWriter,
    Permit,
    PermitError,
    PermitTerms,
    create_gallery,
    open_gallery,
    probe_digest,
    search,
)
from countenance.scores.gallery import reading

OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PROBE = templates(1, seed=9)[0]


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made(tmp_path / "g", 20)
    return open_gallery(tmp_path / "g")


def ask(gallery: Gallery, allowed: Any, probes: Any = PROBE, *, now: float = NOW, **limits: Any):
    limits = limits or {"threshold": 5, "rank": 3}
    return search(gallery, probes, permit=allowed, now_s=lambda: now, **limits)


def good(gallery: Gallery, /, **terms: Any) -> Permit:
    return permit(gallery, PROBE, **{"threshold": 5, "rank": 3, **terms})


def test_the_permit_and_all_it_names_are_in_the_result(gallery: Gallery) -> None:
    allowed = good(gallery)
    result = ask(gallery, allowed)
    assert (result.permit, result.request, result.decision) == (allowed.digest, REQUEST, DECISION)
    assert result.lists[0].probe == allowed.terms.probes[0]
    assert ask(gallery, allowed) == result  # within its time it gives the same again


NONE: list[Callable[[Gallery], Any]] = [
    lambda _: None,
    lambda _: True,
    lambda g: good(g).terms,
    lambda g: SimpleNamespace(terms=good(g).terms, signature=good(g).signature, digest="aa"),
    lambda g: {"terms": good(g).terms},
    lambda g: Permit(SimpleNamespace(message=good(g).terms.message), good(g).signature),  # type: ignore[arg-type]
    lambda g: Permit(good(g).terms, b""),
    lambda g: Permit(good(g).terms, bytes(64)),
    lambda g: Permit(good(g).terms, None),  # type: ignore[arg-type]
    lambda g: Permit(good(g).terms, good(g).signature[:-1]),
    lambda g: Permit(good(g).terms, good(g).signature + b"\0"),
    lambda g: Permit(good(g).terms, good(g, rank=4).signature),
    lambda g: good(g, key=OTHER),
    # signed without the context, or for something else
    lambda g: Permit(good(g).terms, KEY.sign(canonical_json(dataclasses.asdict(good(g).terms)))),
    lambda g: Permit(
        good(g).terms, KEY.sign(b"countenance/checkpoint/v1\n" + good(g).terms.message)
    ),
]


@pytest.mark.parametrize("make", NONE)
def test_what_is_no_permit_of_this_issuer(
    gallery: Gallery, make: Callable[[Gallery], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = make(gallery)
    monkeypatch.setattr(reading.State, "read", lambda *_: pytest.fail("a template was read"))
    with pytest.raises(PermitError):
        ask(gallery, allowed)


class Sly(Permit):
    """Says of itself that it is signed."""

    @property
    def digest(self) -> str:
        return "aa" * 32


class SlyTerms(PermitTerms):
    @property
    def message(self) -> bytes:
        return b"countenance/permit/v1\n{}"


def test_a_subclass_cannot_speak_for_itself(gallery: Gallery) -> None:
    allowed = good(gallery)
    with pytest.raises(PermitError):
        ask(gallery, Sly(allowed.terms, allowed.signature))
    wide = SlyTerms(**{**dataclasses.asdict(allowed.terms), "rank": 20})
    with pytest.raises(PermitError):
        ask(gallery, Permit(wide, KEY.sign(wide.message)), threshold=5, rank=20)


EDITS = {
    "request": "cc" * 32, "decision": "cc" * 32, "gallery": "cc" * 32, "engine": "cc" * 32,
    "probes": ("cc" * 32,), "threshold": 4, "rank": 4, "not_before_s": 0, "expires_s": NOW + 11,
    "gallery_digest": "cc" * 32,
}  # fmt: skip


@pytest.mark.parametrize("field", EDITS)
def test_an_edited_field_voids_the_signature(gallery: Gallery, field: str) -> None:
    assert set(EDITS) == set(PermitTerms.__dataclass_fields__)
    allowed = good(gallery)
    edited = dataclasses.replace(allowed.terms, **{field: EDITS[field]})
    limits = {"threshold": edited.threshold, "rank": edited.rank}
    with pytest.raises(PermitError, match="not signed"):
        ask(gallery, Permit(edited, allowed.signature), **limits)
    forced = copy.copy(allowed)
    object.__setattr__(forced, "terms", edited)
    with pytest.raises(PermitError, match="not signed"):
        ask(gallery, forced, **limits)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"gallery": "cc" * 32}, "another gallery"),
        ({"engine": "cc" * 32}, "another engine"),
        ({"probes": ("cc" * 32,)}, "another probes"),
        ({"probes": ()}, "another probes"),
        ({"threshold": 4}, "another threshold"),
        ({"threshold": 6}, "another threshold"),
        ({"threshold": None}, "another threshold"),
        ({"rank": 2}, "another rank"),
        ({"rank": 4}, "another rank"),
        ({"rank": None}, "another rank"),
        ({"threshold": 5.0}, "another threshold"),
        ({"gallery_digest": "cc" * 32}, "has changed"),
        ({"not_before_s": NOW + 1}, "not hold yet"),
        ({"expires_s": NOW}, "expired"),
        ({"expires_s": 0}, "expired"),
    ],
)
def test_a_permit_for_something_else(gallery: Gallery, terms: Any, message: str) -> None:
    with pytest.raises(PermitError, match=message):
        ask(gallery, good(gallery, **terms))


def test_its_time(gallery: Gallery) -> None:
    allowed = good(gallery, not_before_s=100, expires_s=200)
    for now in (100, 199.999):
        ask(gallery, allowed, now=now)
    for now in (99.999, 200, 1e12, float("nan"), -1):
        with pytest.raises(PermitError):
            ask(gallery, allowed, now=now)


def test_the_clock_is_the_systems_if_none_is_given(gallery: Gallery) -> None:
    with pytest.raises(PermitError, match="expired"):
        search(
            gallery,
            PROBE,
            permit=good(gallery, not_before_s=0, expires_s=1000),
            threshold=5,
            rank=3,
        )


def test_probes_are_permitted_one_by_one_and_in_order(gallery: Gallery) -> None:
    probes = templates(3, seed=4)
    allowed = permit(gallery, probes, rank=2)
    assert len(ask(gallery, allowed, probes, rank=2).lists) == 3
    for other in (probes[:2], probes[::-1], probes[[0, 1, 1]], probes[[0, 1, 2, 2]], -probes):
        with pytest.raises(PermitError, match="probes"):
            ask(gallery, allowed, np.ascontiguousarray(other), rank=2)
    changed = probes.copy()
    changed[1, 3] += 1
    with pytest.raises(PermitError, match="probes"):
        ask(gallery, allowed, changed, rank=2)


def test_a_probe_is_a_template() -> None:
    for wrong in (PROBE.astype(float), PROBE[None]):
        with pytest.raises(InputError):
            probe_digest(wrong, engine="aa" * 32)


def test_a_probe_of_another_engine_has_another_digest() -> None:
    assert probe_digest(PROBE, engine="aa" * 32) != probe_digest(PROBE, engine="ab" * 32)


def test_a_permit_is_for_one_gallery_even_of_one_issuer(tmp_path: Path, gallery: Gallery) -> None:
    made(tmp_path / "h", 20)
    with open_gallery(tmp_path / "h") as other, pytest.raises(PermitError, match="gallery"):
        ask(other, good(gallery))


def test_a_permit_for_a_state_ends_with_it(tmp_path: Path, gallery: Gallery) -> None:
    now_only = good(gallery, gallery_digest=gallery.digest)
    any_state = good(gallery)
    before = ask(gallery, now_only)
    with GalleryWriter(tmp_path / "g", ops=NoSync()) as writer:
        writer.delete([lists(before)[0][0][0]])
        with pytest.raises(PermitError, match="has changed"):
            ask(gallery, now_only)
        assert ask(gallery, any_state) != before
        writer.compact()
        assert ask(gallery, any_state).deleted == 0
        with pytest.raises(PermitError, match="has changed"):
            ask(gallery, now_only)


def test_a_gallery_swapped_for_one_of_another_issuer(tmp_path: Path, gallery: Gallery) -> None:
    """Whoever can write the folder can make a gallery that obeys their own key; it shows."""
    create_gallery(tmp_path / "h", card(), issuer=public(OTHER))
    with GalleryWriter(tmp_path / "h") as writer:
        writer.append(names(20), templates(20), engine=card().identity)
    assert ask(gallery, good(gallery)).issuer == public()
    allowed = good(gallery)
    shutil.rmtree(tmp_path / "g")
    shutil.copytree(tmp_path / "h", tmp_path / "g")
    with pytest.raises(PermitError):
        ask(gallery, allowed)
    with pytest.raises(InputError, match="another issuer"):
        open_gallery(tmp_path / "g", issuer=public())
    swapped = open_gallery(tmp_path / "g", issuer=public(OTHER))
    with pytest.raises(PermitError):
        found(swapped, PROBE, rank=1)


@pytest.mark.parametrize("field", ["request", "decision", "gallery", "engine", "gallery_digest"])
def test_terms_that_are_none_are_refused(gallery: Gallery, field: str) -> None:
    for wrong in ("", "AA" * 32, "aa" * 31, "aa" * 32 + "\n", 7):
        with pytest.raises(InputError):
            dataclasses.replace(good(gallery).terms, **{field: wrong})
    with pytest.raises(InputError):
        dataclasses.replace(good(gallery).terms, probes=("x",))
    for wrong in (1.5, float("inf"), None, True):
        with pytest.raises(InputError):
            dataclasses.replace(good(gallery).terms, expires_s=wrong)


@given(st.binary(max_size=80))
def test_no_bytes_are_a_signature(signature: bytes) -> None:
    from gallerykit import COSINE

    from countenance.scores.gallery.layout import GalleryHeader
    from countenance.scores.gallery.permit import check_permit

    header = GalleryHeader("aa" * 32, "bb" * 32, COSINE, 16, public(), "plain", 32)
    terms = PermitTerms(REQUEST, DECISION, header.gallery, header.engine, (), None, 1, 0, 2**40)
    with pytest.raises(PermitError):
        check_permit(
            Permit(terms, signature), header, probes=[], threshold=None, rank=1, now_s=NOW
        )
