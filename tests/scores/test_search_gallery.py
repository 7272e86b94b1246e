"""The gallery's files: what is refused, what is found damaged, what is really gone."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallerykit import (
    COSINE,
    DISTANCE,
    NoSync,
    card,
    found,
    lists,
    made,
    names,
    public,
    slowly,
    templates,
)

from countenance.core import CountenanceError, InputError, IntegrityError, ScoreUnit
from countenance.faces import EngineCard
from countenance.scores import (
    ConflictError,
    GalleryWriter,
    SealedRows,
    StorageError,
    create_gallery,
    open_gallery,
)
from countenance.scores.gallery.ids import Ids
from countenance.scores.gallery.layout import (
    HEADER_BYTES,
    MARK_BYTES,
    RECORD_BYTES,
    RECORDS_AT,
    GalleryHeader,
    Mark,
    decode_header,
    encode_id,
)

PROBE = templates(1, seed=9)[0]
ENGINE = card().identity


def rows_file(path: Path) -> Path:
    (found_path,) = path.glob("rows-*")
    return found_path


def answer(path: Path) -> Any:
    """What a search says: the list and its counts; or the error's class."""
    try:
        with open_gallery(path) as gallery:
            result = found(gallery, PROBE, rank=3)
        return lists(result), result.compared, result.deleted, result.gallery_digest
    except IntegrityError:
        return "damage"


# --- what is written -----------------------------------------------------------------------------


def test_the_files_are_as_the_page_says(tmp_path: Path) -> None:
    """docs/search.md, byte for byte, with nothing of the code under test."""
    import hashlib
    import json
    import struct

    path = tmp_path / "g"
    rows = made(path, 3)
    with GalleryWriter(path) as writer:
        writer.delete(["id-1"])
        digest = writer.digest
    raw, body = (path / "gallery").read_bytes(), rows_file(path).read_bytes()
    assert sorted(p.name for p in path.iterdir()) == ["gallery", "lock", "rows-00000001"]
    length = struct.unpack(">I", raw[8:12])[0]
    header = json.loads(raw[12 : 12 + length])
    assert raw[:8] == b"CTNGALRY"
    assert header["schema"] == "countenance/gallery"
    assert (header["dimension"], header["payload_bytes"], header["codec"]) == (16, 32, "plain")
    check = hashlib.sha256(raw[:4064]).digest()
    assert raw[4064:4096] == check
    previous, kinds, digests = check, [], []
    for at in range(5120, len(raw), 88):
        magic, kind, first, count, chunk, told = struct.unpack(">4sB3xQQ32s32s", raw[at : at + 88])
        previous = hashlib.sha256(previous + raw[at : at + 56]).digest()
        assert (magic, told) == (b"CTNR", previous)
        kinds.append((kind, first, count))
        digests.append(chunk)
    assert kinds == [(1, 0, 3), (2, 1, 1)]
    assert previous.hex() == digest
    marks = []
    for at in (4096, 4608):
        magic, records, head, told = struct.unpack(">4s4xQ32s32s", raw[at : at + 80])
        assert told == hashlib.sha256(check + raw[at : at + 48]).digest()
        assert not any(raw[at + 80 : at + 512])
        marks.append((records, head))
    assert sorted(marks)[1] == (2, previous)
    assert [records for records, _ in sorted(marks)] == [1, 2]  # the older is written over
    assert len(body) == 3 * 96
    assert body[:64] == b"id-0".ljust(64, b"\0")
    assert np.array_equal(np.frombuffer(body[64:96], "<i2"), rows[0])
    assert not any(body[96:192])
    whole = body[:96] + b"id-1".ljust(64, b"\0") + rows[1].tobytes() + body[192:]
    assert digests == [hashlib.sha256(whole).digest(), hashlib.sha256(body).digest()]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    made(tmp_path / "g", 3)
    with GalleryWriter(tmp_path / "g") as writer:
        writer.compact()
    assert (tmp_path / "g").stat().st_mode & 0o077 == 0
    for path in (tmp_path / "g").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "é" * 33, "a\0b", "\0", "\ud800"], ids=lambda n: ascii(n)[:9]
)
def test_ids_that_are_none(tmp_path: Path, name: str) -> None:
    made(tmp_path / "g", 2)
    with GalleryWriter(tmp_path / "g") as writer:
        for do in (
            lambda: writer.append([name], templates(1), engine=ENGINE),
            lambda: writer.delete([name]),
        ):
            with pytest.raises(InputError):
                do()
        assert len(writer) == 2


def test_an_id_is_one_templates_until_it_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "g"
    made(path, 5)
    with GalleryWriter(path) as writer:
        for ids in (["id-3"], ["new", "new"], ["new", "id-0"]):
            with pytest.raises(InputError, match="taken"):
                writer.append(ids, templates(len(ids), seed=1), engine=ENGINE)
        writer.delete(["id-3"])
        writer.append(["id-3"], templates(1, seed=5), engine=ENGINE)
        with pytest.raises(InputError, match="taken"):
            writer.append(["id-3"], templates(1), engine=ENGINE)
        assert "id-3" in writer
        for ids in (["nobody"], ["id-1", "id-1"]):
            with pytest.raises(InputError):
                writer.delete(ids)
        assert len(writer) == 5
    with GalleryWriter(path) as writer, pytest.raises(InputError, match="taken"):
        writer.append(["id-3"], templates(1), engine=ENGINE)
    with open_gallery(path) as gallery:
        first = lists(found(gallery, templates(1, seed=5), rank=1))[0][0]
    assert first[0] == "id-3"


def test_what_does_not_fit_is_not_appended(tmp_path: Path) -> None:
    path = tmp_path / "g"
    made(path, 2)
    before = (path / "gallery").read_bytes(), rows_file(path).read_bytes()
    good = templates(2)
    too_long = good.copy()
    too_long[1] = 2000
    with GalleryWriter(path) as writer:
        for ids, rows, engine in (
            (["a", "b"], good, card(name="other").identity),
            (["a"], good, ENGINE),
            (["a", "b"], templates(2, 17), ENGINE),
            (["a", "b"], good.astype(np.int32), ENGINE),
            (["a", "b"], too_long, ENGINE),
        ):
            with pytest.raises(InputError):
                writer.append(ids, rows, engine=engine)
        writer.append([], templates(0), engine=ENGINE)
        writer.delete([])
    assert before == ((path / "gallery").read_bytes(), rows_file(path).read_bytes())


@pytest.mark.parametrize("where", ["nothing", "file", "empty"])
def test_what_is_no_gallery(tmp_path: Path, where: str) -> None:
    path = tmp_path / "g"
    if where == "file":
        path.write_bytes(b"x")
    elif where == "empty":
        path.mkdir()
        (path / "gallery").touch()
        (path / "rows-00000001").touch()
    for do in (open_gallery, GalleryWriter):
        with pytest.raises(CountenanceError):
            do(path)


def test_a_gallery_is_not_made_over_another(tmp_path: Path) -> None:
    made(tmp_path / "g", 2)
    with pytest.raises(InputError, match="already"):
        create_gallery(tmp_path / "g", card(), issuer=public())


@pytest.mark.parametrize(
    "engine",
    [
        card(36_001),
        card(16, ScoreUnit("similarity", "x")),
        card(16, ScoreUnit("cosine", "x" * 5000, 4000)),
    ],
    ids=["dimension", "unit", "name"],
)
def test_an_engine_that_no_gallery_can_be_of(tmp_path: Path, engine: EngineCard) -> None:
    class Any16:
        name = "any"

        def payload_bytes(self, dimension: int) -> int:
            return min(dimension, 16) * 2

    with pytest.raises(InputError):
        create_gallery(tmp_path / "g", engine, issuer=public(), codec=Any16())  # type: ignore[arg-type]
    assert not (tmp_path / "g" / "gallery").exists()


def test_an_issuer_that_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        create_gallery(tmp_path / "g", card(), issuer="alice")


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    import hashlib

    made(tmp_path / "g", 2)
    file = tmp_path / "g" / "gallery"
    raw = file.read_bytes()
    body = raw[:4064].replace(b'"version":1', b'"version":2')
    file.write_bytes(body + hashlib.sha256(body).digest() + raw[4096:])
    with pytest.raises(InputError, match="version 2"):
        open_gallery(tmp_path / "g")


def test_two_writers_one_wins_and_readers_go_on(tmp_path: Path) -> None:
    path = tmp_path / "g"
    rows = made(path, 10)
    with GalleryWriter(path) as writer:
        with pytest.raises(ConflictError):
            GalleryWriter(path)
        writer.compact()
        with pytest.raises(ConflictError):
            GalleryWriter(path)
        with open_gallery(path) as gallery:
            assert lists(found(gallery, PROBE, rank=2)) == slowly(names(10), rows, PROBE, rank=2)
    with GalleryWriter(path) as writer:
        assert len(writer) == 10
    with pytest.raises(StorageError, match="not open"):
        writer.append(["x"], templates(1), engine=ENGINE)
    with pytest.raises(StorageError, match="not open"):
        len(writer)


def test_a_closed_gallery_says_so(tmp_path: Path) -> None:
    made(tmp_path / "g", 1)
    gallery = open_gallery(tmp_path / "g")
    gallery.close()
    with pytest.raises(InputError, match="closed"):
        found(gallery, PROBE, rank=1)


# --- damage --------------------------------------------------------------------------------------


@pytest.fixture
def worn(tmp_path: Path) -> Path:
    """A gallery with a history: appended in parts, some deleted."""
    path = tmp_path / "g"
    made(path, 7)
    with GalleryWriter(path, ops=NoSync()) as writer:
        for at in range(7, 12):
            writer.append([f"id-{at}"], templates(1, seed=at), engine=ENGINE)
        writer.delete(["id-2", "id-9"])
        writer.append(["last"], templates(1, seed=99), engine=ENGINE)
    return path


def offsets(size: int, *, edges: list[int], chance: random.Random) -> list[int]:
    near = {edge + step for edge in edges for step in (-1, 0, 1)}
    return sorted({o for o in near if 0 <= o < size} | {chance.randrange(size) for _ in range(60)})


@pytest.mark.parametrize("which", ["gallery", "rows"])
def test_no_flipped_bit_changes_a_result(worn: Path, which: str) -> None:
    """Anywhere: it is found on opening, or (one of two marks) the answer is what it was."""
    file = worn / "gallery" if which == "gallery" else rows_file(worn)
    good, raw = answer(worn), file.read_bytes()
    assert good != "damage"
    edges = [0, 8, 12, HEADER_BYTES - 32, HEADER_BYTES, HEADER_BYTES + MARK_BYTES, RECORDS_AT]
    edges += list(range(RECORDS_AT, len(raw), RECORD_BYTES)) if which == "gallery" else []
    edges += (
        list(range(0, len(raw), 96)) + list(range(64, len(raw), 96)) if which == "rows" else []
    )
    chance = random.Random(1)
    said = {"damage": 0, "same": 0}
    for offset in offsets(len(raw), edges=[*edges, len(raw)], chance=chance):
        bad = bytearray(raw)
        bad[offset] ^= 1 << chance.randrange(8)
        file.write_bytes(bad)
        got = answer(worn)
        said["damage" if got == "damage" else "same"] += 1
        in_marks = which == "gallery" and HEADER_BYTES <= offset < RECORDS_AT
        deleted = which == "rows" and offset // 96 in (2, 9)  # what is deleted counts for nothing
        assert got == (good if in_marks or deleted else "damage"), offset
    assert said["damage"] > 30


@pytest.mark.parametrize("which", ["gallery", "rows"])
def test_a_file_cut_off_anywhere_is_damage(worn: Path, which: str) -> None:
    file = worn / "gallery" if which == "gallery" else rows_file(worn)
    raw = file.read_bytes()
    edges = [0, HEADER_BYTES, RECORDS_AT, *range(RECORDS_AT, len(raw), RECORD_BYTES)]
    if which == "rows":
        edges = list(range(0, len(raw), 96))
    for size in offsets(len(raw), edges=[*edges, len(raw)], chance=random.Random(2)):
        file.write_bytes(raw[:size])
        with pytest.raises(IntegrityError):
            open_gallery(worn)
        with pytest.raises(IntegrityError):
            GalleryWriter(worn)
        assert file.read_bytes() == raw[:size]  # damage is left as it is, to be looked at


def test_bytes_after_the_end_count_for_nothing(worn: Path) -> None:
    good = answer(worn)
    for file in (worn / "gallery", rows_file(worn)):
        file.write_bytes(file.read_bytes() + os.urandom(300))
        assert answer(worn) == good
    with GalleryWriter(worn):
        pass
    assert answer(worn) == good
    assert rows_file(worn).stat().st_size == 13 * 96


def test_what_a_reader_may_have_seen_is_not_undone(tmp_path: Path) -> None:
    """A record that is there, and a mark for it that is not, or not whole."""
    path = tmp_path / "g"
    made(path, 3)
    before = (path / "gallery").read_bytes()
    with GalleryWriter(path) as writer:
        writer.append(["new"], templates(1, seed=3), engine=ENGINE)
    after = (path / "gallery").read_bytes()
    for torn in (b"", bytes(100)):
        marks = torn + before[HEADER_BYTES + len(torn) : RECORDS_AT]
        (path / "gallery").write_bytes(after[:HEADER_BYTES] + marks + after[RECORDS_AT:])
        assert answer(path)[1] == (4 if torn else 3)
        with GalleryWriter(path) as writer:
            assert len(writer) == 4
        assert answer(path)[1] == 4
        whole = (path / "gallery").read_bytes()
        assert [whole[at + 8 : at + 16] for at in (4096, 4608)].count((2).to_bytes(8)) >= 1


def test_nothing_is_cut_off_before_it_is_zeros(tmp_path: Path) -> None:
    class Watching(NoSync):
        cuts = 0

        def truncate(self, handle: int, size: int) -> None:
            assert not any(os.pread(handle, 1 << 20, size))
            self.cuts += 1
            super().truncate(handle, size)

    made(tmp_path / "g", 3)
    for file in (tmp_path / "g" / "gallery", rows_file(tmp_path / "g")):
        file.write_bytes(file.read_bytes() + os.urandom(5000))
    ops = Watching()
    with GalleryWriter(tmp_path / "g", ops=ops):
        assert ops.cuts == 2


def test_a_missing_file_is_damage(worn: Path) -> None:
    rows_file(worn).unlink()
    assert answer(worn) == "damage"


def test_rows_of_another_gallery_are_damage(worn: Path, tmp_path: Path) -> None:
    made(tmp_path / "h", 13, seed=5)
    shutil.copy(rows_file(tmp_path / "h"), rows_file(worn))
    assert answer(worn) == "damage"


def test_two_rows_swapped_are_damage(worn: Path) -> None:
    raw = rows_file(worn).read_bytes()
    rows_file(worn).write_bytes(raw[96:192] + raw[:96] + raw[192:])
    assert answer(worn) == "damage"


def test_damage_after_opening_is_found_before_it_changes_a_result(worn: Path) -> None:
    """Each search checks each block again: bits that rot, or somebody who edits the file."""
    file = rows_file(worn)
    raw = file.read_bytes()
    with open_gallery(worn) as gallery:
        good = lists(found(gallery, PROBE, rank=3))
        for offset in range(0, len(raw), 31):
            if offset // 96 in (2, 9):
                continue
            bad = bytearray(raw)
            bad[offset] ^= 1
            file.write_bytes(bad)
            with pytest.raises(IntegrityError, match="damaged"):
                found(gallery, PROBE, rank=3)
            file.write_bytes(raw)
            assert lists(found(gallery, PROBE, rank=3)) == good
        file.write_bytes(raw[:500])
        with pytest.raises(IntegrityError, match="damaged"):
            found(gallery, PROBE, rank=3)


def test_a_deletion_does_not_make_damage_good(worn: Path) -> None:
    with GalleryWriter(worn) as writer:
        file = rows_file(worn)
        raw = bytearray(file.read_bytes())
        raw[70] ^= 1
        with file.open("r+b") as handle:
            handle.write(raw)
        with pytest.raises(IntegrityError):
            writer.delete(["id-1"])
    assert answer(worn) == "damage"


def test_a_compaction_does_not_make_damage_good(worn: Path) -> None:
    with GalleryWriter(worn) as writer:
        with rows_file(worn).open("r+b") as handle:
            handle.seek(70)
            handle.write(b"\xff\xff")
        with pytest.raises(IntegrityError):
            writer.compact()
    assert answer(worn) == "damage"


def test_an_older_copy_under_an_open_gallery_is_noticed(worn: Path) -> None:
    old = (worn / "gallery").read_bytes()
    with open_gallery(worn) as gallery:
        with GalleryWriter(worn) as writer:
            writer.append(["more"], templates(1, seed=3), engine=ENGINE)
        found(gallery, PROBE, rank=1)
        with (worn / "gallery").open("r+b") as handle:
            handle.write(old)
            handle.truncate()
        with pytest.raises(IntegrityError, match="less than before"):
            found(gallery, PROBE, rank=1)


def test_templates_too_long_to_be_exact_never_make_a_score(tmp_path: Path) -> None:
    """A file that somebody else wrote, with digests that fit."""
    path = tmp_path / "g"
    made(path, 3)
    with GalleryWriter(path) as writer:
        writer.append(["x"], templates(1, seed=3), engine=ENGINE)
        writer._store  # noqa: B018
        import hashlib

        from countenance.scores.gallery.layout import Record

        row = np.zeros((1, 96), np.uint8)
        row[0, :64] = np.frombuffer(encode_id("long"), np.uint8)
        row[:, 64:].view("<i2")[:] = 30_000
        writer._store.put_rows(row, 4)
        writer._store.commit([Record(1, 4, 1, hashlib.sha256(row.tobytes()).digest())])
    with open_gallery(path) as gallery, pytest.raises(IntegrityError, match="too long"):
        found(gallery, PROBE, rank=1)


# --- erasure -------------------------------------------------------------------------------------


def test_what_is_deleted_is_on_the_disk_no_more(tmp_path: Path) -> None:
    path = tmp_path / "g"
    rows = made(path, 20)
    with GalleryWriter(path) as writer:
        writer.delete(["id-4", "id-17"])
        everything = b"".join(p.read_bytes() for p in path.iterdir())
        for number in (4, 17):
            assert rows[number].tobytes() not in everything
            assert f"id-{number}\0".encode() not in everything
        assert rows[5].tobytes() in everything
        old = rows_file(path).open(
            "rb"
        )  # what was compacted away is overwritten, not only unlinked
        writer.compact()
        with old:
            assert not any(old.read())
        assert writer.header.generation == 2
        assert len(writer) == 18
    with open_gallery(path) as gallery:
        live = [n for n in range(20) if n not in (4, 17)]
        assert lists(found(gallery, PROBE, rank=18)) == slowly(
            [f"id-{n}" for n in live], rows[live], PROBE, rank=18
        )


def test_compaction_names_the_digest_before_it(tmp_path: Path) -> None:
    path = tmp_path / "g"
    made(path, 5)
    with GalleryWriter(path) as writer:
        before, gallery = writer.digest, writer.header.gallery
        writer.compact()
        assert writer.header.previous == before
        assert writer.header.gallery == gallery
        writer.delete(names(5))
        writer.compact()
        assert len(writer) == 0
        writer.append(["id-0"], templates(1), engine=ENGINE)
    assert answer(path)[1] == 1


# --- sealed rows ---------------------------------------------------------------------------------


class KeyStore:
    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}

    def __call__(self, ids: Any) -> list[bytes | None]:
        return [self.keys.get(name) for name in ids]


def test_sealed_templates_are_searched_and_erased_with_their_keys(tmp_path: Path) -> None:
    path, store = tmp_path / "g", KeyStore()
    rows = templates(9)
    store.keys = {name: os.urandom(32) for name in names(9)}
    codec = SealedRows(store)
    create_gallery(path, card(unit=DISTANCE), issuer=public(), codec=codec)
    with GalleryWriter(path, codec=codec) as writer:
        writer.append(names(9), rows, engine=card(unit=DISTANCE).identity)
        writer.delete(["id-3"])
    everything = b"".join(p.read_bytes() for p in path.iterdir())
    assert not any(row.tobytes() in everything for row in rows)
    with open_gallery(path, codec=codec) as gallery:
        live = [0, 1, 2, 4, 5, 6, 7, 8]
        ids = [f"id-{n}" for n in live]
        result = found(gallery, PROBE, rank=4)
        assert lists(result) == slowly(ids, rows[live], PROBE, rank=4, unit=DISTANCE)
        del store.keys["id-5"], store.keys["id-0"]
        result = found(gallery, PROBE, rank=8)
        live = [1, 2, 4, 6, 7, 8]
        ids = [f"id-{n}" for n in live]
        assert lists(result) == slowly(ids, rows[live], PROBE, rank=8, unit=DISTANCE)
        assert (result.compared, result.deleted, result.erased) == (6, 1, 2)
        store.keys["id-1"] = os.urandom(32)
        with pytest.raises(IntegrityError, match="key"):
            found(gallery, PROBE, rank=1)
    with pytest.raises(InputError, match="aes-256-gcm"):
        open_gallery(path)
    with GalleryWriter(path, codec=codec) as writer, pytest.raises(IntegrityError, match="key"):
        writer.append(["no-key"], templates(1), engine=card(unit=DISTANCE).identity)


def test_a_sealed_row_belongs_to_its_id_and_gallery() -> None:
    key = os.urandom(32)
    codec = SealedRows(lambda ids: [key] * len(ids))
    width = 64 + codec.payload_bytes(16)
    rows = np.zeros((2, width), np.uint8)
    for at, name in enumerate(("a", "b")):
        rows[at, :64] = np.frombuffer(encode_id(name), np.uint8)
    codec.seal(rows, templates(2), gallery="aa" * 32)
    opened = codec.open(rows, gallery="aa" * 32, gone=None, mark=b"")
    assert np.array_equal(opened.templates, templates(2))
    assert opened.missing is None
    assert rows[0, 64:76].tobytes() != rows[1, 64:76].tobytes()
    swapped = rows.copy()
    swapped[0, 64:], swapped[1, 64:] = rows[1, 64:], rows[0, 64:]
    for bad, gallery in ((swapped, "aa" * 32), (rows, "bb" * 32)):
        with pytest.raises(IntegrityError):
            codec.open(bad, gallery=gallery, gone=None, mark=b"")


# --- small parts ---------------------------------------------------------------------------------


def test_the_table_of_ids_finds_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    from countenance.scores.gallery import ids as module

    monkeypatch.setattr(module, "_FRESH", 10)
    table = Ids()
    every = [encode_id(f"{'x' * (n % 50)}{n}") for n in range(300)]
    rows = np.frombuffer(b"".join(every[:100]), np.uint8).reshape(-1, 64)
    table.learn(0, np.hstack([rows, np.ones((100, 8), np.uint8)]))
    table.settle()
    for start in range(100, 300, 7):
        table.add(every[start : start + 7], start)
    assert table.known(every).all()
    assert [table.rows(each) for each in every] == [[n] for n in range(300)]
    assert not table.known([encode_id("nobody")]).any()
    assert table.rows(encode_id("nobody")) == []


def test_headers_go_there_and_back() -> None:
    header = GalleryHeader(
        "aa" * 32, "bb" * 32, COSINE, 512, "cc" * 32, "plain", 1024, 7, "dd" * 32
    )
    assert decode_header(header.encode(), where="x")[0] == header
    for field, wrong in {
        "gallery": "x", "engine": None, "issuer": 5, "dimension": 0, "payload_bytes": 1 << 40,
        "generation": True, "previous": "",
    }.items():  # fmt: skip
        with pytest.raises(InputError):
            dataclasses.replace(header, **{field: wrong})
    assert len(Mark(3, bytes(32)).encode(bytes(32))) == MARK_BYTES
