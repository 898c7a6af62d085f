"""Pictures are shown without what cameras write beside them, and only where they are whole."""

from __future__ import annotations

import struct
import zlib

import pytest

from cahier_budget.domain.pictures import JPEG, PHOTO_BYTES_MAX, PNG, WEBP, cleaned
from cahier_kernel.errors import DomainError

SECRET = b"48.8566,2.3522 Ms Dupont's telephone"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def exif(orientation: int, order: str = ">") -> bytes:
    mark = b"MM" if order == ">" else b"II"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = mark + struct.pack(order + "HIH", 42, 8, 1) + entry + struct.pack(order + "I", 0)
    return b"Exif\0\0" + tiff + SECRET


def jpeg(*segments: bytes, after: bytes = b"") -> bytes:
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\x00\x34\xff\xd0\x56"
    tables = segment(0xDB, b"\0" * 65)
    return b"\xff\xd8" + b"".join(segments) + tables + scan + scan + b"\xff\xd9" + after


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + data + chunk(b"IEND", b"")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize("order", [">", "<"])
def test_a_jpeg_keeps_which_way_up_it_is_and_nothing_else_of_the_camera(order):
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    raw = jpeg(jfif, segment(0xE1, exif(6, order)), segment(0xFE, SECRET), segment(0xED, SECRET))
    media_type, kept = cleaned(raw + SECRET)
    assert media_type == JPEG
    assert SECRET not in kept
    assert kept == jpeg(jfif, segment(0xE1, exif(6)[: -len(SECRET)]))
    assert cleaned(kept) == (JPEG, kept)


def test_an_upright_jpeg_needs_no_word_about_it():
    assert cleaned(jpeg(segment(0xE1, exif(1)), segment(0xE1, b"Exif\0\0II")))[1] == jpeg()


def test_a_png_loses_its_texts():
    media_type, kept = cleaned(png(chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET)) + SECRET)
    assert (media_type, kept) == (PNG, png())


def test_a_webp_loses_its_texts_and_says_so():
    head = b"\x0c\0\0\0\0\0\0\0\0\0"
    media_type, kept = cleaned(
        webp((b"VP8X", head), (b"VP8 ", b"abc"), (b"EXIF", SECRET), (b"XMP ", SECRET)) + SECRET
    )
    assert media_type == WEBP
    assert kept == webp((b"VP8X", b"\0" * 10), (b"VP8 ", b"abc"))
    assert cleaned(webp((b"VP8L", b"abcd"), (b"NOTE", SECRET)))[1] == webp((b"VP8L", b"abcd"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "photo_type_unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo_type_unknown"),
        (b"GIF89a", "photo_type_unknown"),
        (b"\xff\xd8\xff", "photo_broken"),
        (b"\xff\xd8\xff\xd9", "photo_broken"),
        (jpeg()[:-2], "photo_broken"),
        (jpeg()[:40], "photo_broken"),
        (png()[:-8], "photo_broken"),
        (webp((b"VP8 ", b"abcd"))[:-1], "photo_broken"),
        (webp((b"VP8X", bytes(10)), (b"ICCP", b"abcd")), "photo_broken"),
        (webp((b"VP8X", b"")), "photo_broken"),
        (b"\xff\xd8\xff" + bytes(PHOTO_BYTES_MAX), "photo_too_large"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data, code):
    with pytest.raises(DomainError) as refusal:
        cleaned(data)
    assert refusal.value.code == code
