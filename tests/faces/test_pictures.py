"""Reading pictures: known pixels in every kind of file, and files made to hurt."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from countenance.core import sha256_bytes
from countenance.faces import Picture, Unreadable, read_picture
from countenance.faces.pictures import MAX_BYTES

LOSSLESS = {
    "PNG": {},
    "TIFF": {},
    "BMP": {},
    "WEBP": {"lossless": True},
}


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    found = read_picture(data)
    assert isinstance(found, Picture), found
    return found.pixels


def reason(source: Any) -> str:
    found = read_picture(source)
    assert isinstance(found, Unreadable)
    assert found.reason
    assert not found.reason.endswith(".")
    return found.reason


def rgb(height: int = 5, width: int = 7, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG by hand (PNG specification, third edition), so that Pillow does not test itself."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header),
            *(chunk(part[:4], part[4:]) for part in extra),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def tiff(samples: np.ndarray, photometric: int, order: str) -> bytes:
    """An uncompressed TIFF 6.0 by hand: uint8 or uint16 (h, w) or (h, w, 3)."""
    height, width = samples.shape[:2]
    count = samples.shape[2] if samples.ndim == 3 else 1
    bits = samples.dtype.itemsize * 8
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    mark = b"II*\0" if order == "<" else b"MM\0*"
    extra = 8 + 2 + 9 * 12 + 4
    entries = [(256, 4, 1, width), (257, 4, 1, height)]
    entries.append((258, 3, count, extra if count > 2 else bits))
    entries += [(259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, extra + 2 * count)]
    entries += [(277, 3, 1, count), (278, 4, 1, height), (279, 4, 1, len(data))]
    body = mark + struct.pack(order + "IH", 8, len(entries))
    for tag, kind, number, value in entries:
        short = kind == 3 and number == 1
        packed = struct.pack(
            order + ("HH" if short else "I"), *((value, 0) if short else (value,))
        )
        body += struct.pack(order + "HHI", tag, kind, number) + packed
    body += struct.pack(order + "I", 0)
    return body + struct.pack(order + "H" * count, *[bits] * count) + data


# Kinds of samples


@pytest.mark.parametrize("kind", LOSSLESS)
def test_rgb(kind: str) -> None:
    want = rgb()
    data = encode(Image.fromarray(want), kind, **LOSSLESS[kind])
    found = read_picture(data, "mine")
    assert isinstance(found, Picture)
    assert np.array_equal(found.pixels, want)
    assert found.name == "mine"
    assert found.sha256 == sha256_bytes(data)
    assert found.pixels.flags.c_contiguous
    assert not found.pixels.flags.writeable


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_in_three_colour_spaces(mode: str, progressive: bool) -> None:
    """Flat colour survives JPEG to within 2 levels. C=0.2, M=0.6, Y=0, K=0.4 by hand."""
    value = {"RGB": (200, 30, 90), "L": 77, "CMYK": (51, 153, 0, 102)}[mode]
    want = {"RGB": (200, 30, 90), "L": (77, 77, 77), "CMYK": (122, 61, 153)}[mode]
    image = Image.new(mode, (32, 24), value)
    got = pixels(encode(image, "JPEG", quality=95, progressive=progressive, subsampling=0))
    assert got.shape == (24, 32, 3)
    assert np.abs(got.astype(int) - want).max() <= 2


def test_cmyk_jpeg_without_adobes_marker_is_not_inverted() -> None:
    """The samples of a plain file are ink; Adobe's are 255 - ink, and say so in APP14."""
    ink = (51, 153, 0, 102)
    stored_inverted = encode(Image.new("CMYK", (16, 16), ink), "JPEG", quality=100)
    plain = encode(
        Image.new("CMYK", (16, 16), tuple(255 - v for v in ink)), "JPEG", quality=100
    )  # written as 255 - (255 - ink)
    at = plain.index(b"\xff\xee")
    length = int.from_bytes(plain[at + 2 : at + 4], "big")
    assert plain[at + 4 : at + 9] == b"Adobe"
    plain = plain[:at] + plain[at + 2 + length :]
    for data in (stored_inverted, plain):
        assert np.abs(pixels(data)[8, 8].astype(int) - (122, 61, 153)).max() <= 2


def test_cmyk_tiff() -> None:
    data = encode(Image.new("CMYK", (3, 2), (51, 153, 0, 102)), "TIFF")
    assert pixels(data)[0, 0].tolist() == [122, 61, 153]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit(kind: str) -> None:
    want = np.array([[0, 255, 255], [255, 0, 255]], np.uint8)
    got = pixels(encode(Image.fromarray(want).convert("1"), kind))
    assert np.array_equal(got, np.repeat(want[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette(kind: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    assert pixels(encode(image, kind)).tolist() == [[[200, 100, 50], [10, 20, 30]]]


SIXTEEN = np.array([[0, 257, 32767, 32896, 65535]], np.uint16)
EIGHT = [0, 1, 127, 128, 255]  # round(v / 257): 32767 / 257 = 127.498


def test_16_bit_grey_png() -> None:
    data = png(5, 1, 16, 0, b"\0" + SIXTEEN.astype(">u2").tobytes())
    assert pixels(data)[0].tolist() == [[v, v, v] for v in EIGHT]


def test_16_bit_grey_tiff_that_pillow_does_not_know() -> None:
    """Big-endian with white as zero: refused, which is better than read wrong."""
    assert reason(tiff(65535 - SIXTEEN, 0, ">"))


@pytest.mark.parametrize(("order", "white_is_zero"), [("<", False), (">", False), ("<", True)])
def test_16_bit_grey_tiff(order: str, white_is_zero: bool) -> None:
    samples = 65535 - SIXTEEN if white_is_zero else SIXTEEN
    data = tiff(samples, 0 if white_is_zero else 1, order)
    assert pixels(data)[0].tolist() == [[v, v, v] for v in EIGHT]


@pytest.mark.parametrize("order", ["<", ">"])
def test_8_bit_grey_tiff_where_white_is_zero(order: str) -> None:
    data = tiff(np.array([[0, 55, 255]], np.uint8), 0, order)
    assert pixels(data)[0, :, 0].tolist() == [255, 200, 0]


def test_16_bit_rgb() -> None:
    """Pillow keeps the high byte, which is at most one level below the nearest."""
    samples = np.random.default_rng(2).integers(0, 65536, (4, 6, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    for data in (png(6, 4, 16, 2, rows), tiff(samples, 2, "<"), tiff(samples, 2, ">")):
        assert np.abs(pixels(data) - samples / 257).max() <= 1


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_stated_range_are_refused(mode: str) -> None:
    assert "range" in reason(encode(Image.new(mode, (4, 4), 3), "TIFF"))


# Transparency: over white


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_composited_over_white(kind: str) -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(10, 20, 30, 255), (10, 20, 30, 0), (10, 20, 30, 128)])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    got = pixels(encode(image, kind, **options)).astype(int)
    assert got[0, 0].tolist() == [10, 20, 30]
    assert got[0, 1].tolist() == [255, 255, 255]
    assert np.abs(got[0, 2] - (132, 137, 142)).max() <= 1  # (10 * 128 + 255 * 127) / 255


def test_grey_with_alpha() -> None:
    image = Image.new("LA", (2, 1))
    image.putdata([(40, 255), (40, 0)])
    assert pixels(encode(image, "PNG"))[0].tolist() == [[40] * 3, [255] * 3]


def test_palette_with_transparency_as_bytes_and_as_index() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    image.putdata([0, 1, 2])
    want = [[10, 20, 30], [255] * 3, [1, 2, 3]]
    assert pixels(encode(image, "PNG", transparency=1))[0].tolist() == want
    assert pixels(encode(image, "PNG", transparency=b"\xff\x00\xff"))[0].tolist() == want


def test_a_transparent_colour_in_rgb_and_grey() -> None:
    colours = b"\0" + bytes([9, 8, 7, 50, 60, 70])
    clear = b"tRNS" + struct.pack(">HHH", 9, 8, 7)
    assert pixels(png(2, 1, 8, 2, colours, clear))[0].tolist() == [[255] * 3, [50, 60, 70]]
    clear = b"tRNS" + struct.pack(">H", 9)
    assert pixels(png(2, 1, 8, 0, b"\0" + bytes([9, 50]), clear))[0].tolist() == [
        [255] * 3,
        [50] * 3,
    ]


# Orientation

# EXIF 2.32, tag 274: where the first row and the first column of what is stored belong.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera with that orientation writes, pixel by pixel from the table above."""
    height, width = upright.shape[:2]
    first_row, first_column = SIDES[orientation]
    turned = first_row in ("left", "right")
    rows, columns = (width, height) if turned else (height, width)
    out = np.empty((rows, columns, 3), np.uint8)
    for r in range(rows):
        for c in range(columns):
            down, along = (c, r) if turned else (r, c)
            y = height - 1 - down if "bottom" in (first_row, first_column) else down
            x = width - 1 - along if "right" in (first_row, first_column) else along
            out[r, c] = upright[y, x]
    return out


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_orientation(kind: str, orientation: int) -> None:
    want = rgb(3, 5)
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(stored(want, orientation))
    assert np.array_equal(pixels(encode(image, kind, exif=exif, **LOSSLESS[kind])), want)


@pytest.mark.parametrize("orientation", SIDES)
def test_orientation_of_a_jpeg(orientation: int) -> None:
    """Blocks of 16 pixels, which JPEG keeps apart."""
    want = np.kron(rgb(2, 3, seed=5), np.ones((16, 16, 1), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(stored(want, orientation))
    got = pixels(encode(image, "JPEG", quality=100, subsampling=0, exif=exif))
    assert np.abs(got.astype(int) - want).max() <= 4


def test_orientation_of_16_bit_grey() -> None:
    exif = Image.Exif()
    exif[274] = 6
    image = Image.fromarray(np.array([[0, 65535]], np.uint16))
    assert pixels(encode(image, "PNG", exif=exif))[:, 0, 0].tolist() == [0, 255]


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_unknown_orientation_changes_nothing(value: int) -> None:
    exif = Image.Exif()
    exif[274] = value
    want = rgb()
    assert np.array_equal(pixels(encode(Image.fromarray(want), "PNG", exif=exif)), want)


@pytest.mark.parametrize(
    "junk", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"\0" * 64, b"MM\0*junk"]
)
def test_damaged_exif_does_not_lose_the_picture(junk: bytes) -> None:
    data = encode(Image.new("RGB", (8, 8), (1, 2, 3)), "JPEG", exif=b"Exif\0\0" + junk)
    assert pixels(data).shape == (8, 8, 3)


# Several pictures in one file


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_several_frames_are_refused(kind: str) -> None:
    frames = [Image.fromarray(rgb(seed=s)) for s in range(3)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert "3 frames" in reason(data)


def test_of_a_multi_picture_jpeg_the_primary_is_read() -> None:
    frames = [Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 200))]
    data = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    got = pixels(data)
    assert got.shape == (16, 16, 3)
    assert got[0, 0, 0] > 190


# Files that are no picture


def test_a_path_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(tmp_path) == "this is a folder, not a file"
    assert reason(tmp_path / "none.jpg") == "there is no such file"
    assert reason(str(tmp_path / "none.jpg")) == "there is no such file"
    assert reason("null\0byte")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert reason(tmp_path / "loop")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # a read of it would never end
        assert reason(tmp_path / "pipe") == "this is not a regular file"
    closed = tmp_path / "closed.png"
    closed.write_bytes(encode(Image.new("RGB", (2, 2)), "PNG"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # a test may run as root, whom chmod does not stop
    assert "permission" in reason(closed)


def test_the_name_and_hash_of_what_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("I am text.")
    assert read_picture(path) == Unreadable(
        sha256_bytes(b"I am text."),
        str(path),
        "not a JPEG, PNG, WebP, TIFF or BMP picture, or damaged",
    )
    assert read_picture(b"", "gone") == Unreadable(None, "gone", "the file is empty")


def test_other_formats_are_not_opened() -> None:
    """Every format is a decoder to trust; these five are enough."""
    image = Image.new("RGB", (4, 4))
    for kind in ("GIF", "PPM", "ICO", "TGA", "PCX"):
        assert "not a JPEG" in reason(encode(image, kind))


def test_a_file_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: no disk is used
    assert f"{MAX_BYTES:,}" in reason(path)


EVERY_KIND = [
    ("JPEG", {"quality": 90}),
    ("JPEG", {"quality": 90, "progressive": True}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_deflate"}),
    ("BMP", {}),
]


@pytest.mark.parametrize(("kind", "options"), EVERY_KIND)
def test_cut_anywhere_it_is_refused_or_whole(kind: str, options: dict[str, Any]) -> None:
    """Half a face is never enrolled: what is accepted has every pixel of the whole file."""
    data = encode(Image.fromarray(rgb(40, 40)), kind, **options)
    whole = pixels(data)
    cuts = {*range(0, len(data), max(1, len(data) // 60)), *range(len(data) - 12, len(data))}
    refused = 0
    for cut in cuts:
        found = read_picture(data[:cut])
        if isinstance(found, Picture):
            assert np.array_equal(found.pixels, whole)
        refused += isinstance(found, Unreadable)
    assert refused > len(cuts) * 0.7


def test_another_librarys_switch_for_truncated_files_is_not_obeyed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(Image.fromarray(rgb(40, 40)), "JPEG")
    assert "cut short" in reason(data[: len(data) // 2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # and left as it was


SEEDS = [encode(Image.fromarray(rgb(12, 12)), kind, **options) for kind, options in EVERY_KIND]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
)
def test_damaged_bytes_never_raise(data: bytes, edits: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for place, value in edits:
        damaged[place % len(damaged)] = value
    found = read_picture(bytes(damaged))
    if isinstance(found, Unreadable):
        assert found.reason
    else:
        assert found.pixels.size <= 150_000_000


@settings(max_examples=100)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b"BM"]),
)
def test_arbitrary_bytes_never_raise(body: bytes, start: bytes) -> None:
    read_picture(start + body)


# Bombs

BOMB = """
import resource, sys
from pathlib import Path
from countenance.faces import read_picture
import PIL.Image, PIL.PngImagePlugin, PIL.WebPImagePlugin, PIL.JpegImagePlugin, PIL.TiffImagePlugin
PIL.Image.MAX_IMAGE_PIXELS = None      # a host program may have switched Pillow's own check off
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = read_picture(data)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024, found.reason)
"""


def bomb(kind: str) -> bytes:
    """A small file that promises 900 megapixels (WebP: its most, 268)."""
    side = 30_000
    if kind == "png":
        packer = zlib.compressobj(9)
        row = bytes(1 + side)
        rows = b"".join(packer.compress(row) for _ in range(2000)) + packer.flush()
        honest = png(side, side, 8, 0, b"")
        return honest.replace(zlib.compress(b""), rows)
    if kind == "jpeg":
        data = bytearray(encode(Image.new("L", (16, 16)), "JPEG"))
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", side, side)
        return bytes(data)
    if kind == "tiff":
        data = bytearray(tiff(np.zeros((4, 4), np.uint8), 1, "<"))
        for place in (10, 22):  # the values of the first two entries: width and height
            data[place + 8 : place + 12] = struct.pack("<I", side)
        return bytes(data)
    if kind == "webp":
        data = bytearray(encode(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
        bits = int.from_bytes(data[21:25], "little") | 0x0FFF_FFFF  # both sides 14 bits of ones
        data[21:25] = bits.to_bytes(4, "little")
        return bytes(data)
    if kind == "webp lossy":
        data = bytearray(encode(Image.new("RGB", (16, 16)), "WEBP"))
        data[26:30] = b"\xff\x3f\xff\x3f"
        return bytes(data)
    body = struct.pack("<B3s", 0, b"") + (side - 1).to_bytes(3, "little") * 2  # webp, extended
    chunk = b"VP8X" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk + bytes(8)


@pytest.mark.skipif(sys.platform == "win32", reason="measures with getrusage")
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "webp lossy", "webp extended"])
def test_a_bomb_is_refused_before_it_goes_off(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb(kind))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BOMB, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    grown, _, why = done.stdout.strip().partition(" ")
    assert "50,000,000 pixels" in why
    assert int(grown) < 40  # MiB; the picture would take 900 or more
    assert done.stderr == ""


# Behaviour as a neighbour


def test_no_warning_leaks_and_no_filter_is_left_behind() -> None:
    image = Image.new("P", (40, 40))
    image.putpalette(list(range(256)) * 3)
    odd = encode(image, "PNG", transparency=bytes(range(256)))
    large = png(9500, 9500, 8, 0, b"")  # above Pillow's own warning limit
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        read_picture(odd)
        read_picture(large)
        read_picture(encode(Image.new("RGB", (4, 4)), "TIFF")[:-3])
        assert warnings.filters == filters
    assert seen == []


def test_many_threads_read_the_same() -> None:
    want = rgb(64, 64)
    data = encode(Image.fromarray(want), "PNG")
    results: list[bool] = []

    def work() -> None:
        for _ in range(20):
            results.append(np.array_equal(pixels(data), want))
            results.append(isinstance(read_picture(data[:200]), Unreadable))

    before = list(warnings.filters)
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 240
    assert all(results)
    assert warnings.filters == before


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), rgb(0, 3)])
def test_a_picture_is_only_made_of_right_pixels(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels"):
        Picture(bad, "", "")
