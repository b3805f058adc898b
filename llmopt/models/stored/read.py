"""Bytes of a file by their place: `pread`, so that threads can share a file and nothing is mapped into memory.

Mapped files count as memory of the process for as long as they are touched; what is read into a buffer does not.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from llmopt.errors import InputError, next_step

_AGAIN = "the file is shorter than its header says: fetch it again"
_MOST_AT_ONCE = 1 << 30
"""Bytes that one call reads; Linux itself ends at 2 GiB."""


class RangeReader:
    """A file that is read by ranges of bytes; a context manager. Threads may read at once.

    Args:
        path: of a regular file.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}", next_step(error)) from error

    def read_into(self, offset: int, buffer: bytearray | memoryview) -> None:
        """Fill a writable buffer with the bytes from `offset` on.

        Raises:
            InputError: the file ends before, or cannot be read.
        """
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            try:
                got = os.preadv(self._descriptor, [view[done : done + _MOST_AT_ONCE]], offset + done)
            except OSError as error:
                raise InputError(f"{self._path}: {error.strerror or error}", next_step(error)) from error
            if not got:
                raise InputError(f"{self._path}: it ends at byte {offset + done:,}", _AGAIN)
            done += got

    def read(self, offset: int, size_bytes: int) -> bytearray:
        """Return so many bytes from `offset` on.

        Raises:
            InputError: the file ends before, or cannot be read.
        """
        buffer = bytearray(size_bytes)
        self.read_into(offset, buffer)
        return buffer

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> RangeReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
