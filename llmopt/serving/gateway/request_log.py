"""The request log: a line of JSON for every call, which `llmopt cost` and `llmopt project` read.

Lines are made and written by a thread, so that a slow disk holds no call up. Several processes may append to one file:
each write holds whole lines, and the kernel puts each at the end (`O_APPEND`, POSIX.1-2017 `write`).
"""

from __future__ import annotations

import atexit
import os
import stat
import sys
import threading
from collections import deque
from pathlib import Path

from llmopt.errors import InputError
from llmopt.serving.cache.stores.forking import watch_forks
from llmopt.serving.gateway.log_line import line_of
from llmopt.serving.gateway.values import Metered

_GATHER_S = 0.05
"""How long lines are gathered for one write."""
_WRITE_BYTES = 2**20
"""A write is this large at most, but for one longer line."""


class RequestLog:
    """Writes a line for every call, in a thread of its own; an `Observer`, also for several threads.

    Args:
        path: appended to, and opened anew where it was moved away (rotated); `-` is standard output.
        most_lines: that wait to be written; further ones are lost, and counted.
        most_bytes: of bodies that wait to be written; likewise.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path, *, most_lines: int = 20_000, most_bytes: int = 64 * 2**20) -> None:
        self._path = path
        self._most_lines, self._most_bytes = most_lines, most_bytes
        self._changed = threading.Condition()
        """Guards all that follows but the file, which is the thread's."""
        self._waiting: deque[Metered] = deque()
        self._waiting_bytes = 0
        self._lost = 0
        self._hurry = False
        self._closed = False
        self._busy = False
        self._thread: threading.Thread | None = None
        self._torn = False
        try:
            self._file = self._opened()
        except OSError as error:
            message = f"{path}: the log cannot be written: {error.strerror}"
            raise InputError(message, "name a file in a folder where this process may write") from error
        atexit.register(self.close)
        watch_forks(self)

    @property
    def lost_lines(self) -> int:
        """Lines that could not be written: too many were waiting, or the disk was full."""
        return self._lost

    def note(self, metered: Metered) -> None:
        """Log a call; the line is made and written in the background."""
        size_bytes = len(metered.request) + len(metered.response)
        with self._changed:
            full = len(self._waiting) >= self._most_lines or self._waiting_bytes + size_bytes > self._most_bytes
            if self._closed or full:
                self._lost += 1
                return
            self._waiting.append(metered)
            self._waiting_bytes += size_bytes
            if len(self._waiting) == 1:
                self._wake()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Write all that was noted so far.

        Args:
            timeout_s: how long to wait for it.

        Returns:
            Whether it was written in that time (or is lost, and counted).
        """
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is left, and close the file; nothing happens the second time.

        Args:
            timeout_s: how long to wait for it; what is not written then is lost.
        """
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        atexit.unregister(self.close)
        if thread is None:
            self._close_file()
        else:
            thread.join(timeout_s)

    def before_fork(self) -> None:
        """Hold still."""
        self._changed.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; a child has no thread yet, and what is waiting is its parent's to write."""
        if not child:
            self._changed.release()
            return
        self._changed = threading.Condition()
        self._waiting.clear()
        self._waiting_bytes, self._lost, self._busy, self._thread = 0, 0, False, None

    def _wake(self) -> None:
        """Have the thread write; it starts with the first line, in the process that logs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="llmopt-request-log", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                self._changed.wait_for(lambda: self._hurry or self._closed, _GATHER_S)
                calls = list(self._waiting)
                self._waiting.clear()
                self._waiting_bytes, self._hurry, self._busy = 0, False, True
                closed = self._closed
            lost = self._write_all(calls)
            with self._changed:
                self._lost += lost
                self._busy = False
                self._changed.notify_all()
            if closed:
                self._close_file()
                return

    def _write_all(self, calls: list[Metered]) -> int:
        """Write lines, and return how many could not be."""
        lost = 0
        lines: list[bytes] = []
        size_bytes = 0
        for number, call in enumerate(calls, 1):
            lines.append(line_of(call))
            size_bytes += len(lines[-1])
            if size_bytes >= _WRITE_BYTES or number == len(calls):
                lost += self._write(lines)
                lines, size_bytes = [], 0
        return lost

    def _write(self, lines: list[bytes]) -> int:
        """Write lines at once, and return how many could not be."""
        text = b"".join(lines)
        written = 0
        try:
            self._reopen_if_moved()
            if self._torn:
                os.write(self._file, b"\n")
                self._torn = False
            while written < len(text):
                written += os.write(self._file, text[written:])
        except OSError:
            there = text[:written]
            self._torn = self._torn or (written > 0 and not there.endswith(b"\n"))
            return len(lines) - there.count(b"\n")
        return 0

    def _reopen_if_moved(self) -> None:
        held = os.fstat(self._file)
        if not stat.S_ISREG(held.st_mode) or str(self._path) == "-":
            return
        try:
            there = self._path.stat()
            moved = (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)
        except FileNotFoundError:
            moved = True
        if moved:
            fresh = self._opened()
            os.close(self._file)
            self._file = fresh

    def _opened(self) -> int:
        """Open the file; what a crash cut off in it becomes a line of its own."""
        if str(self._path) == "-":
            return os.dup(sys.stdout.fileno())
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        size_bytes = os.fstat(file).st_size
        if stat.S_ISREG(os.fstat(file).st_mode) and size_bytes and os.pread(file, 1, size_bytes - 1) != b"\n":
            self._torn = True
        return file

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
