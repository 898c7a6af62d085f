"""Pictures as they may be shown: known types, bounded, and without what cameras write beside them.

A phone's picture names the place and the second it was taken at, and whose phone it was; that is
nobody's business. Only what a browser needs to show it is kept: for JPEG (ITU T.81) also which way
up it is, for PNG (W3C) and WebP (Google's container) the colours. What follows the picture's end
is cut off.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from cahier_kernel.errors import Invalid, TooLarge

PHOTO_BYTES_MAX = 2_000_000
JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"sBIT",
    b"pHYs",
}
_WEBP_PICTURE = {b"VP8 ", b"VP8L", b"ANMF"}
_WEBP_KEPT = {*_WEBP_PICTURE, b"VP8X", b"ALPH", b"ANIM", b"ICCP"}
_WEBP_FLAGS_DROPPED = 0x08 | 0x04
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_UPRIGHT = 1
_ORIENTATION = 0x0112
_EXIF_HEAD = b"Exif\0\0"
_TIFF = struct.Struct(">2sHIHHHIHHI")


def cleaned(data: bytes) -> tuple[str, bytes]:
    """The media type and the bytes to keep.

    Raises TooLarge `photo_too_large`, Invalid `photo_type_unknown` or `photo_broken`.
    """
    if len(data) > PHOTO_BYTES_MAX:
        raise TooLarge(
            "photo_too_large", f"at most {PHOTO_BYTES_MAX} bytes", field="data", max=PHOTO_BYTES_MAX
        )
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return JPEG, b"".join(_jpeg(data))
        if data.startswith(_PNG_SIGNATURE):
            return PNG, b"".join(_png(data))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return WEBP, _webp(data)
    except (struct.error, IndexError, ValueError) as error:
        raise Invalid("photo_broken", "the picture ends before its end", field="data") from error
    raise Invalid("photo_type_unknown", "a JPEG, PNG or WebP picture", field="data")


def _jpeg(data: bytes) -> Iterator[bytes]:
    yield b"\xff\xd8"
    at, has_scan = 2, False
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1  # Fill bytes may stand before a marker.
            continue
        if marker == _EOI:
            if not has_scan:
                raise ValueError("no picture")
            yield b"\xff\xd9"
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        segment = data[at:end]
        if end > len(data):
            raise ValueError("cut off")
        if marker == _SOS:
            following = _NEXT_MARKER.search(data, end)
            if following is None:
                raise ValueError("no end")
            segment, end, has_scan = data[at : following.start()], following.start(), True
        at = end
        yield from _jpeg_kept(marker, segment)


def _jpeg_kept(marker: int, segment: bytes) -> Iterator[bytes]:
    if marker == _APP1:
        turned = _orientation(segment[4:])
        if turned != _UPRIGHT:
            yield _exif_of(turned)
    elif _is_needed(marker, segment):
        yield segment


def _is_needed(marker: int, segment: bytes) -> bool:
    """Whether a decoder needs it: pictures, tables, and what says how colours are meant."""
    if marker == _APP2:
        return segment[4:15] == b"ICC_PROFILE"
    is_comment = marker == _COM or _APP0 <= marker <= _APP15
    return not is_comment or marker in (_APP0, _APP14)


def _orientation(exif: bytes) -> int:
    """Which way up (EXIF 2.3, tag 0x0112), 1 to 8; 1 where nothing sensible is said."""
    tiff = exif[len(_EXIF_HEAD) :]
    if not exif.startswith(_EXIF_HEAD) or tiff[:2] not in (b"II", b"MM"):
        return _UPRIGHT
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return int(value) if 1 <= value <= 8 else _UPRIGHT
    except struct.error:
        return _UPRIGHT
    return _UPRIGHT


def _exif_of(orientation: int) -> bytes:
    tiff = _TIFF.pack(b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
    body = _EXIF_HEAD + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _png(data: bytes) -> Iterator[bytes]:
    yield _PNG_SIGNATURE
    at, kinds = len(_PNG_SIGNATURE), set[bytes]()
    while b"IEND" not in kinds:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError("cut off")
        if kind in _PNG_KEPT:
            yield data[at:end]
        kinds.add(kind)
        at = end
    if not {b"IHDR", b"IDAT"} <= kinds:
        raise ValueError("no picture")


def _webp(data: bytes) -> bytes:
    size = struct.unpack_from("<I", data, 4)[0] + 8
    if size > len(data):
        raise ValueError("cut off")
    kept, kinds, at = [b"WEBP"], set[bytes](), 12
    while at < size:
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        chunk = data[at:end]
        if len(chunk) < end - at:
            raise ValueError("cut off")
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_FLAGS_DROPPED]) + chunk[9:]
        if kind in _WEBP_KEPT:
            kept.append(chunk)
        kinds.add(kind)
        at = end
    if not kinds & _WEBP_PICTURE:
        raise ValueError("no picture")
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
