"""Processes take turns at opening a file of an SQLite store and at putting another one in its place.

SQLite finds the write-ahead log and its index by name. A process that opens the old file while it is being renamed
could share them with the new one, and break both (sqlite.org/howtocorrupt.html, section 2.5).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows does not rename files that are open
    fcntl = None  # type: ignore[assignment]

TURN_WAIT_S = 5.0


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Open a file together with others, while none replaces it."""
    with _locked(path.parent, exclusive=False):
        yield


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Put another file in the place of one while nobody opens it."""
    with _locked(path.parent, exclusive=True):
        yield


@contextmanager
def _locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Lock a folder: there is always one, and it leaves no file behind. A lock that cannot be had is done without."""
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _wait(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, kind: int) -> None:
    end_s = time.monotonic() + TURN_WAIT_S
    while time.monotonic() < end_s:
        try:
            fcntl.flock(descriptor, kind)
        except BlockingIOError:
            time.sleep(0.002)
        except OSError:  # not every file system has locks
            return
        else:
            return
