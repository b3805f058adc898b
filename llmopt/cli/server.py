"""What commands that serve have in common: their log on stderr, and what is said of their end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from llmopt.errors import CheckFailed
from llmopt.report.text import clean

if TYPE_CHECKING:
    from llmopt.serving.running import Ended


@contextmanager
def logged(names: Sequence[str], level: int) -> Iterator[None]:
    """Write what some loggers say to stderr, for as long as this lasts.

    Args:
        names: of the loggers.
        level: what is less than that is left out.
    """
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.level, one.propagate) for one in loggers]
    handler = log_to_stderr(names, level)
    try:
        yield
    finally:
        for one, (old, propagate) in zip(loggers, before, strict=True):
            one.removeHandler(handler)
            one.setLevel(old)
            one.propagate = propagate


def log_to_stderr(names: Sequence[str], level: int) -> logging.Handler:
    """Write what some loggers say to stderr from now on.

    Args:
        names: of the loggers.
        level: what is less than that is left out.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("llmopt: %(levelname)s: %(message)s"))
    for one in (logging.getLogger(name) for name in names):
        one.addHandler(handler)
        one.setLevel(level)
        one.propagate = False
    return handler


def say(lines: Sequence[str]) -> None:
    """Write lines to stderr; that nobody reads them is no reason not to serve."""
    with suppress(OSError):
        sys.stderr.write("".join(f"{clean(line)}\n" for line in lines))
        sys.stderr.flush()


def tell_end(ended: Ended, drain: str) -> None:
    """Tell what was left unanswered; what still runs cannot be stopped but with its process.

    Args:
        ended: how the server came to its end.
        drain: how long it had for that, as a user reads it.

    Raises:
        CheckFailed: something was left.
    """
    count = ended.unanswered
    failure = (
        f"{count:,} {'request was' if count == 1 else 'requests were'} not answered within {drain}" if count else ""
    )
    if not ended.clean:
        sys.stderr.write(f"llmopt: check failed: {failure}\n" if failure else "")
        sys.stderr.flush()
        os._exit(CheckFailed.exit_code if failure else 0)
    if failure:
        raise CheckFailed(failure)


class _OneLine(logging.Formatter):
    """Keeps what strangers send from writing to the terminal what they like; tracebacks keep their lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the standard library
        """Return the line without control characters."""
        return clean(super().formatMessage(record))
