"""Read a prompt file whole, remember how it was stored, and store a text the same way."""

from __future__ import annotations

import codecs
import gzip
import os
import sys
from dataclasses import dataclass

from llmopt.errors import InputError
from llmopt.files import DAMAGE, Compression, compression_of, open_unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class NotText(Exception):
    """A file holds no text, or cannot be read."""

    def __init__(self, reason: str, data: bytes = b"", *, broken: bool = False) -> None:
        """Say why.

        Args:
            reason: one line.
            data: its bytes, as far as they could be read.
            broken: it looks like text with a few bytes that are none, and not like another kind of file.
        """
        super().__init__(reason)
        self.reason = reason
        self.data = data
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Source:
    """A text and how it was stored."""

    path: str
    """Where it was read."""
    shown: str
    """What to call it."""
    text: str
    encoding: str
    mark: bytes
    """The byte-order mark; mostly empty."""
    packing: Compression
    stamp: tuple[int, int]
    """Size and time of the file when it was read, to notice that somebody else writes to it."""

    def encoded(self, text: str) -> bytes:
        """Return a text in the encoding of the file, with its byte-order mark."""
        return self.mark + text.encode(self.encoding, "surrogatepass")


def read_source(path: str, shown: str) -> Source:
    """Read a file: UTF-8, or UTF-16 with a byte-order mark; packed or not.

    Args:
        path: where it is.
        shown: what to call it.

    Raises:
        NotText: it is binary, is not in these encodings, is damaged, or cannot be opened.
    """
    try:
        packing = compression_of(path)
        stamp = stamp_of(path)
        with open_unpacked(path, packing) as file:
            data = file.read()
    except InputError as error:
        raise NotText(error.message.removeprefix(f"{path}: ")) from error
    except DAMAGE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged: {error}"
        raise NotText(reason) from error
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "utf-8")
    return Source(path, shown, _decoded(data, len(mark), encoding), encoding, mark, packing, stamp)


def stamp_of(path: str) -> tuple[int, int]:
    """Return the size of a file and when it was last written."""
    found = os.stat(path)  # noqa: PTH116 - paths stay as users wrote them
    return found.st_size, found.st_mtime_ns


def packed(data: bytes, packing: Compression) -> bytes:
    """Return bytes packed; the same bytes give the same result on every day."""
    if packing == "gzip":
        return gzip.compress(data, mtime=0)
    if packing == "zstd":
        return zstd.compress(data)
    return data


def _decoded(data: bytes, start: int, encoding: str) -> str:
    if encoding == "utf-8" and b"\0" in data:
        raise NotText("not text: it holds NUL bytes", data)
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        at = start + error.start
        line = data.count(b"\n", 0, at) + 1
        name = "UTF-8" if encoding == "utf-8" else "UTF-16"
        reason = f"not text: byte 0x{data[at]:02x} at offset {at:,} (line {line:,}) is not {name}"
        raise NotText(reason, data, broken=True) from error
    if "\0" in text:
        raise NotText("not text: it holds NUL characters", data)
    return text
