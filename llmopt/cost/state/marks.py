"""What a file is known by, so that it is recognised when it has grown, was renamed, or was compressed.

Whole files are not hashed: that would take as long as reading them. The first and the last 64 KiB are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Literal
from uuid import uuid4

from llmopt.cost.sources import DAMAGE, Source, open_bytes

WINDOW_BYTES = 64 * 1024
START_BYTES = 256
_STEP_BYTES = 1 << 20
Continued = Literal["same", "grown"]


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells without reading whether a file is as it was."""

    size_bytes: int
    mtime_ns: int = 0
    """Of a local file."""
    inode: str = ""
    """Device and number of a local file."""
    etag: str = ""
    """Of an object in a store."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file's content is known by."""

    size_bytes: int
    compression: str = "none"
    head_bytes: int = 0
    """How much of the unpacked file `head` is of."""
    start: bytes = b""
    """Digest of the first few unpacked bytes, by which candidates are found; empty for a file with fewer."""
    head: bytes = b""
    tail: bytes = b""
    """Digest of the last bytes as they lie on the disk."""


def path_of(source: Source) -> str:
    """Return by what a file is known from run to run."""
    return source.stored.url if source.stored else source.path


def stat_of(source: Source) -> Stat:
    """Look at a file without reading it; of an object in a store, take what the listing said.

    An object of which a store says neither is never the same.
    """
    stored = source.stored
    if stored is not None:
        written_ns = 0 if stored.etag or not stored.modified else int(stored.modified.timestamp() * 1e6) * 1000
        return Stat(stored.size_bytes, written_ns, etag=stored.etag or ("" if written_ns else uuid4().hex))
    found = os.stat(source.path)  # noqa: PTH116 - a Path takes as long to make as the file to look at
    return Stat(found.st_size, found.st_mtime_ns, f"{found.st_dev}:{found.st_ino}")


def mark_of(source: Source, stat: Stat) -> Mark:
    """Read the ends of a file; an object in a store is known by its etag instead.

    Args:
        source: the file.
        stat: taken before; what was written since does not count.
    """
    if source.stored:
        return Mark(stat.size_bytes, source.compression)
    head = _head(source, WINDOW_BYTES if source.compression != "none" else min(WINDOW_BYTES, stat.size_bytes))
    start = _digest(head[:START_BYTES]) if len(head) >= START_BYTES else b""
    with Path(source.path).open("rb") as file:
        tail = _digest(_window(file, stat.size_bytes))
    return Mark(stat.size_bytes, source.compression, len(head), start, _digest(head), tail)


def start_of(source: Source) -> bytes:
    """Return the digest that `Mark.start` has of the same content."""
    head = b"" if source.stored else _head(source, START_BYTES)
    return _digest(head) if len(head) >= START_BYTES else b""


def continued(source: Source, stat: Stat, mark: Mark) -> Continued | None:
    """Return whether a file holds what the marked one held, all of it or with more behind it.

    A plain file is also recognised when it has been compressed. One that was unpacked is not.
    """
    if source.stored or not mark.head_bytes:
        return None
    if source.compression == "none" != mark.compression:
        return None
    if _digest(_head(source, mark.head_bytes)) != mark.head:
        return None
    if source.compression != mark.compression:
        return _unpacked_continues(source, mark)
    if stat.size_bytes < mark.size_bytes:
        return None
    with Path(source.path).open("rb") as file:
        if _digest(_window(file, mark.size_bytes)) != mark.tail:
            return None
    return "same" if stat.size_bytes == mark.size_bytes else "grown"


def _unpacked_continues(source: Source, mark: Mark) -> Continued | None:
    """Unpack a file to see whether it was made of the marked plain one: its head says that it is worth the time."""
    try:
        with open_bytes(source) as file:
            left = max(0, mark.size_bytes - WINDOW_BYTES)
            while left and (part := file.read(min(left, _STEP_BYTES))):
                left -= len(part)
            tail = file.read(min(WINDOW_BYTES, mark.size_bytes))
            if left or _digest(tail) != mark.tail:
                return None
            return "grown" if file.read(1) else "same"
    except DAMAGE:
        return None


def _head(source: Source, size: int) -> bytes:
    parts: list[bytes] = []
    try:
        with open_bytes(source) as file:
            while size > 0 and (part := file.read(size)):
                parts.append(part)
                size -= len(part)
    except DAMAGE:
        pass
    return b"".join(parts)


def _window(file: IO[bytes], end: int) -> bytes:
    """Return the bytes of a file before the place `end`."""
    start = max(0, end - WINDOW_BYTES)
    file.seek(start)
    return file.read(end - start)


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
