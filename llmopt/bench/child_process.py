"""The process in which a `ChildTarget` keeps its model: takes calls from a pipe and answers until the pipe closes.

It volunteers to be the first that Linux kills when memory runs out (`oom_score_adj`, proc(5)), so that the process
which drives it lives on. What it or the model prints goes to standard error: standard output is for results.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from llmopt import errors
from llmopt.bench.local import LocalTarget
from llmopt.errors import LlmoptError

Sent = tuple[str, str, str]
"""An error on its way: the name of its class in `llmopt.errors`, message and hint."""
_FIRST_TO_KILL = b"500"


def main(number: int) -> None:
    """Serve calls from a pipe and end the process.

    Args:
        number: of the file descriptor of the pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # standard error may be closed
        os.dup2(2, 1)
    sys.stdout = sys.stderr
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_FIRST_TO_KILL)
    threading.Thread(target=_end_with_parent, args=(number,), daemon=True).start()
    pipe: Connection[Any, Any] = Connection(number)
    try:
        serve(pipe)
    finally:
        sys.stderr.flush()
    os._exit(0)  # what a model library would tidy up, the system does at once


def serve(pipe: Connection[Any, Any]) -> None:
    """Open what the first message says and answer calls until there is nobody to answer.

    Args:
        pipe: gives a factory, then pairs of a method's name and its arguments; takes `(result, None)` or
            `(None, error)` for each, the factory included.
    """
    try:
        target = _answered(pipe, lambda: LocalTarget(pipe.recv().open()), show=lambda _: None)
        if target is None:
            return
        gc.collect()
        gc.freeze()  # a full collection would go through all of torch in the middle of a batch
        while True:
            name, arguments = pipe.recv()
            _answered(pipe, lambda: getattr(target, name)(*arguments), show=lambda result: result)  # noqa: B023
    except (EOFError, ConnectionError):
        return


def sent(error: LlmoptError) -> Sent:
    """Return an error as it travels; of a class that `llmopt.errors` does not know, its nearest ancestor there."""
    kind = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
    return kind.__name__, error.message, error.hint


def received(packed: Sent) -> LlmoptError:
    """Return an error as it was before it travelled."""
    name, message, hint = packed
    kind: type[LlmoptError] = getattr(errors, name)
    error = kind.__new__(kind)
    LlmoptError.__init__(error, message, hint)
    return error


def _end_with_parent(number: int) -> None:
    """Wait until the other end of the pipe is closed and end the process, even in the middle of a batch."""
    hangup = select.poll()
    hangup.register(number, 0)
    hangup.poll()
    os._exit(1)


def _answered(pipe: Connection[Any, Any], work: Callable[[], Any], show: Callable[[Any], Any]) -> Any:
    try:
        result = work()
    except LlmoptError as error:
        packed = sent(error)
    else:
        pipe.send((show(result), None))
        return result
    pipe.send((None, packed))
    return None
