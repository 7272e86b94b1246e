"""Enrolment: every image counted, in order, in bounded memory, and none decoded twice."""

from __future__ import annotations

import io
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from countenance.core import CountenanceError, InputError, ScoreUnit
from countenance.datasets import Dataset, hash_images, read_dataset
from countenance.faces import (
    EngineCard,
    Enrolment,
    Picture,
    Status,
    Unreadable,
    quantise,
    read_picture,
)
from countenance.scores import enrolment
from countenance.scores.cache import TemplateCache
from countenance.scores.enrolment import TemplateSet, enrol

UNIT = ScoreUnit("cosine", "cosine similarity", 4000)
D = 6
MATRIX = np.random.default_rng(7).normal(size=(16, D))


class Pooling:
    """An engine in ten lines: 4 by 4 averages times a fixed matrix; a flat picture has no face."""

    def __init__(self, version: str = "1") -> None:
        self.card = EngineCard(
            name="pooling",
            version=version,
            models=(),
            unit=UNIT,
            dimension=D,
            default_threshold="0.5",
            threshold_source="this test",
            licence="Apache-2.0",
            training_data="none",
        )
        self.calls: list[list[str]] = []

    def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
        self.calls.append([p.name for p in pictures])
        return [self.one(p) for p in pictures]

    def one(self, picture: Picture | Unreadable) -> Enrolment:
        assert isinstance(picture, Picture)
        grey = picture.pixels.astype(float).mean(axis=2)
        if grey.min() == grey.max():
            return Enrolment(Status.NO_FACE, "no face was found")
        h, w = (side // 4 for side in grey.shape)
        pooled = grey[: 4 * h, : 4 * w].reshape(4, h, 4, w).mean(axis=(1, 3)).ravel()
        template = quantise((pooled - pooled.mean())[None] @ MATRIX, UNIT)[0]
        return Enrolment(Status.OK, "", template, (0, 0, 4, 4), 1, h)


def png(seed: int, size: int = 16) -> bytes:
    from PIL import Image

    pixels: npt.NDArray[np.uint8] = np.random.default_rng(seed).integers(
        0, 256, (size, size, 3), np.uint8
    )
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def flat(value: int) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (16, 16), (value, value, value)).save(data, "PNG")
    return data.getvalue()


def people(root: Path, n: int, each: int = 2) -> Dataset:
    rows = []
    for i in range(n * each):
        (root / f"{i}.png").write_bytes(png(i))
        rows.append(f"{i}.png,{i // each},{'fm'[i // each % 2]},{'ab'[i % 2]}")
    (root / "manifest.csv").write_text("path,subject,sex,pose\n" + "\n".join(rows) + "\n")
    return read_dataset(root)


def bad_people(root: Path) -> Dataset:
    """Two people who enrol, and every way not to."""
    files = {
        "a.png": png(1),
        "flat.png": flat(7),
        "text.jpg": b"I am a text",
        "b.png": png(2),
        "cut.png": png(3)[:200],
        "empty.png": b"",
        "flat2.png": flat(9),
    }
    for name, content in files.items():
        (root / name).write_bytes(content)
    rows = "".join(f"{name},{1 if i < 4 else 2},{i}\n" for i, name in enumerate(files))
    (root / "manifest.csv").write_text("path,subject,n\n" + rows)
    return read_dataset(root)


@pytest.fixture
def cache(tmp_path: Path) -> TemplateCache:
    return TemplateCache(tmp_path / "cache")


def same(one: TemplateSet, other: TemplateSet) -> bool:
    return (
        np.array_equal(one.templates, other.templates)
        and (one.names, one.subjects, one.face_px, one.failures, one.attempted)
        == (other.names, other.subjects, other.face_px, other.failures, other.attempted)
        and one.attributes.equals(other.attributes)
        and one.people.equals(other.people)
        and (one.dataset_digest, one.engine_digest) == (other.dataset_digest, other.engine_digest)
    )


def test_aligned_and_in_order(tmp_path: Path) -> None:
    dataset, engine = people(tmp_path, 5), Pooling()
    made = enrol(dataset, engine, batch=3)
    assert made.templates.shape == (10, D)
    assert made.templates.dtype == np.int16
    assert len(made) == 10
    assert made.names == tuple(f"{i}.png" for i in range(10))
    assert made.subjects == tuple(str(i // 2) for i in range(10))
    assert made.attributes.columns == ["path", "subject", "sex", "pose"]
    assert made.attributes["path"].to_list() == list(made.names)
    assert made.attributes["pose"].to_list() == ["a", "b"] * 5
    assert made.people.columns == ["subject", "sex"]
    assert made.attempted == {str(i): 2 for i in range(5)}
    assert made.unit == UNIT
    assert made.engine == engine.card.to_json()
    assert made.dataset_digest == hash_images(dataset).digest
    for name, template in zip(made.names, made.templates, strict=True):
        alone = Pooling().one(read_picture(tmp_path / name))
        assert np.array_equal(alone.template, template)  # type: ignore[arg-type]


def test_the_same_whatever_the_batch(tmp_path: Path) -> None:
    dataset = people(tmp_path, 4)
    sets = [enrol(dataset, Pooling(), batch=n) for n in (1, 3, 8, 100)]
    assert all(same(sets[0], other) for other in sets)


def test_failures_are_counted_and_go_to_their_people(tmp_path: Path) -> None:
    made = enrol(bad_people(tmp_path), Pooling())
    assert made.names == ("a.png", "b.png")
    assert [(f.row, f.name, f.subject, f.status) for f in made.failures] == [
        (3, "flat.png", "1", Status.NO_FACE),
        (4, "text.jpg", "1", Status.UNREADABLE),
        (6, "cut.png", "2", Status.UNREADABLE),
        (7, "empty.png", "2", Status.UNREADABLE),
        (8, "flat2.png", "2", Status.NO_FACE),
    ]
    assert all(f.reason for f in made.failures)
    assert made.attempted == {"1": 4, "2": 3}
    assert made.people["subject"].to_list() == ["1", "2"]
    (note,) = [n for n in made.notes if n.code == "failed-to-enrol"]
    assert note.count == 5
    assert "5 of 7 images gave no template (2 no_face, 3 unreadable)" in note.text
    assert note.where[0] == "row 3: flat.png: no face was found"


def test_nothing_enrolled_stops(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "a.png").write_bytes(flat(1))
    (tmp_path / "1" / "b.png").write_bytes(b"text")
    with pytest.raises(InputError, match=r"2 of 2 images gave no template[\s\S]*no face"):
        enrol(read_dataset(tmp_path), Pooling())


def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of every picture decoded from here on."""
    decoded: list[str] = []

    def read(path: Path, name: str | None = None) -> Picture | Unreadable:
        decoded.append(str(name))
        return read_picture(path, name)

    monkeypatch.setattr(enrolment, "read_picture", read)
    return decoded


def test_a_second_time_nothing_is_decoded_and_no_engine_called(
    tmp_path: Path, cache: TemplateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = counting(monkeypatch)
    root = tmp_path / "set"
    root.mkdir()
    dataset, engine = people(root, 6), Pooling()
    first = enrol(dataset, engine, cache=cache)
    assert (len(decoded), sum(map(len, engine.calls))) == (12, 12)
    decoded.clear()
    engine.calls.clear()
    told: list[tuple[str, int, int]] = []
    again = enrol(read_dataset(root), engine, cache=cache, progress=lambda *t: told.append(t))
    assert (decoded, engine.calls) == ([], [])
    assert same(first, again)
    assert told[-1] == ("Reading faces", 12, 12)
    assert same(first, enrol(dataset, Pooling()))


def test_what_failed_to_be_read_is_tried_again(
    tmp_path: Path, cache: TemplateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    root.mkdir()
    dataset = bad_people(root)
    first = enrol(dataset, Pooling(), cache=cache)
    decoded = counting(monkeypatch)
    engine = Pooling()
    assert same(first, enrol(dataset, engine, cache=cache))
    assert decoded == ["text.jpg", "cut.png", "empty.png"]
    assert engine.calls == []


def test_another_engine_version_starts_anew(tmp_path: Path, cache: TemplateCache) -> None:
    root = tmp_path / "set"
    root.mkdir()
    dataset = people(root, 2)
    enrol(dataset, Pooling("1"), cache=cache)
    newer = Pooling("2")
    enrol(dataset, newer, cache=cache)
    assert sum(map(len, newer.calls)) == 4


def test_a_renamed_image_is_known_and_a_changed_one_is_not(
    tmp_path: Path, cache: TemplateCache
) -> None:
    root = tmp_path / "set"
    root.mkdir()
    enrol(people(root, 2), Pooling(), cache=cache)
    (root / "0.png").rename(root / "new.png")
    (root / "1.png").write_bytes(png(77))
    manifest = (root / "manifest.csv").read_text().replace("\n0.png", "\nnew.png")
    (root / "manifest.csv").write_text(manifest)
    engine = Pooling()
    made = enrol(read_dataset(root), engine, cache=cache)
    assert engine.calls == [["1.png"]]
    assert made.names[:2] == ("new.png", "1.png")
    assert same(made, enrol(read_dataset(root), Pooling()))


def test_interrupted_and_gone_on(tmp_path: Path, cache: TemplateCache) -> None:
    root = tmp_path / "set"
    root.mkdir()
    dataset = people(root, 5)

    class Interrupted(Pooling):
        def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().enrol(pictures)

    with pytest.raises(KeyboardInterrupt):
        enrol(dataset, Interrupted(), cache=cache, batch=3)
    engine = Pooling()
    made = enrol(dataset, engine, cache=cache, batch=3)
    assert engine.calls == [["6.png", "7.png", "8.png"], ["9.png"]]
    assert same(made, enrol(dataset, Pooling()))
    assert "cache-damaged" not in {n.code for n in made.notes}


def test_a_cache_that_cannot_be_had_changes_no_result(tmp_path: Path) -> None:
    dataset = people(tmp_path, 2)
    made = enrol(dataset, Pooling(), cache=TemplateCache(tmp_path / "0.png" / "x"))
    assert "cache-off" in {n.code for n in made.notes}
    assert same(made, enrol(dataset, Pooling()))


def test_pictures_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pictures a batch may hold, not many more pixels than the budget are decoded."""
    monkeypatch.setattr(enrolment, "BATCH_PIXELS", 3 * 16 * 16)
    engine = Pooling()
    enrol(people(tmp_path, 4), engine, batch=100)
    assert [len(call) for call in engine.calls] == [3, 3, 2]


def test_one_batch_of_pictures_is_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[npt.NDArray[np.uint8]]] = []
    most = [0]

    def read(path: Path, name: str | None = None) -> Picture | Unreadable:
        picture = read_picture(path, name)
        assert isinstance(picture, Picture)
        alive.append(weakref.ref(picture.pixels))
        most[0] = max(most[0], sum(one() is not None for one in alive))
        return picture

    monkeypatch.setattr(enrolment, "read_picture", read)

    class Forgetful(Pooling):
        def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
            return [self.one(p) for p in pictures]

    enrol(people(tmp_path, 6), Forgetful(), batch=4)
    assert most == [4]


def test_a_file_that_changes_meanwhile_stops_the_run(tmp_path: Path, cache: TemplateCache) -> None:
    root = tmp_path / "set"
    root.mkdir()
    dataset = hash_images(people(root, 2))
    (root / "3.png").write_bytes(png(55))
    with pytest.raises(InputError, match=r"3\.png: changed while"):
        enrol(dataset, Pooling(), cache=cache, batch=2)
    engine = Pooling()
    enrol(hash_images(read_dataset(root)), engine, cache=cache)
    assert engine.calls == [["2.png", "3.png"]]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda made: made[:-1], "1 results for 2 pictures"),
        (
            lambda made: [Enrolment(Status.OK, "", np.zeros(D + 1, np.int16)) for _ in made],
            r"shape \(7,\)",
        ),
        (
            lambda made: [Enrolment(Status.OK, "", np.zeros(D, np.int32)) for _ in made],  # type: ignore[arg-type]
            "int32",
        ),
    ],
)
def test_an_engine_that_breaks_its_word(
    tmp_path: Path,
    cache: TemplateCache,
    spoil: Callable[[list[Enrolment]], list[Enrolment]],
    words: str,
) -> None:
    class Broken(Pooling):
        def enrol(self, pictures: Sequence[Picture | Unreadable]) -> list[Enrolment]:
            return spoil(super().enrol(pictures))

    root = tmp_path / "set"
    root.mkdir()
    dataset = people(root, 1)
    with pytest.raises(CountenanceError, match=words):
        enrol(dataset, Broken(), cache=cache)
    engine = Pooling()
    enrol(dataset, engine, cache=cache)
    assert engine.calls == [["0.png", "1.png"]]
