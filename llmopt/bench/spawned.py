"""A process that answers messages through a pipe: started, asked with a limit of time, and ended.

It is a fresh interpreter with the module path of this one, not a copy of it and not a second run of the user's script,
as `multiprocessing` would make it: scripts without a main guard and code from standard input work too. It is in a
process group of its own, so that Ctrl-C reaches this process alone, which then ends the child.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from llmopt.bench.child_process import main; main(int(sys.argv[1]))"
)
_END_S = 5.0
_LOOK_S = 0.25
"""How often to look whether the process lives; the pipe alone does not tell when a process of its own holds it open."""


class Child:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,
            )
        finally:
            theirs.close()
        self._end = weakref.finalize(self, _ended, self._process, self._pipe)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask(self, message: Any, limit_s: float) -> tuple[Any, Any]:
        """Send a message and return the answer; TimeoutError after a while, EOFError when the process is gone."""
        until = time.monotonic() + limit_s
        self._pipe.send(message)
        while not self._pipe.poll(max(0.0, min(_LOOK_S, until - time.monotonic()))):
            if self._process.poll() is not None and not self._pipe.poll():
                raise EOFError
            if time.monotonic() >= until:
                raise TimeoutError
        answer: tuple[Any, Any] = self._pipe.recv()
        return answer

    def kill(self) -> None:
        """Kill the process at once."""
        self._process.kill()

    def end(self) -> int | None:
        """Close the pipe, at which the process ends, and wait for it.

        Returns:
            Its exit code; None where it had to be killed.
        """
        code: int | None = self._end()
        return code


def _ended(process: subprocess.Popen[bytes], pipe: Connection[Any, Any]) -> int | None:
    pipe.close()
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_END_S)
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # a driver that hangs holds even a killed one
        process.wait(_END_S)
    return None
