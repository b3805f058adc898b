"""Width and height of an image from the first bytes of its base64 text; nothing but the header is decoded.

Layouts: PNG (RFC 2083, IHDR), GIF89a (logical screen), JPEG (ITU T.81, frame headers), WebP (RFC 9649, VP8, VP8L
and VP8X chunks).
"""

from __future__ import annotations

import binascii

_HEADER = 64
"""Bytes that PNG, GIF and WebP need, with room to spare."""
_JPEG = 512 * 1024
"""Bytes in which the frame header of a JPEG must come; profiles and thumbnails may stand before it."""
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
_SIZELESS = frozenset((0x01, *range(0xD0, 0xD9)))
_NO_FRAME = frozenset((0xC4, 0xC8, 0xCC))


def size_of(encoded: str) -> tuple[int, int] | None:
    """Return the width and height of an image; None where they cannot be told.

    Args:
        encoded: base64, or a data URL of it, of any length; damaged and cut-off data is fine.
    """
    start = encoded.find(",") + 1 if encoded[:5].lower() == "data:" else 0
    head = _decode(encoded, start, _HEADER)
    size = _png(head) or _gif(head) or _webp(head)
    if size is None and head[:2] == b"\xff\xd8":
        size = _jpeg(_decode(encoded, start, _JPEG))
    return size if size and size[0] > 0 and size[1] > 0 else None


def _decode(encoded: str, start: int, size: int) -> bytes:
    """Decode about the first `size` bytes; empty for text that is not base64."""
    text = encoded[start : start + size * 4 // 3 + 64].translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(text[: len(text) // 4 * 4])
    except ValueError:
        return b""


def _png(head: bytes) -> tuple[int, int] | None:
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR" or len(head) < 24:
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _gif(head: bytes) -> tuple[int, int] | None:
    if head[:6] not in (b"GIF87a", b"GIF89a") or len(head) < 10:
        return None
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _webp(head: bytes) -> tuple[int, int] | None:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the first frame header (SOF)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _SIZELESS:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        else:
            at += 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return None
