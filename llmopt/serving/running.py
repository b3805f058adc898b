"""What every server of llmopt does at its beginning and its end: take an address, wait for a signal, drain.

On the first SIGTERM, SIGINT or SIGHUP nothing new is taken, and what was taken is answered, within bounds; a second
SIGTERM or SIGINT ends the process at once. A terminal that goes may send SIGHUP twice.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from llmopt.errors import UsageError

BACKLOG = 2048
"""Clients that may wait to be let in."""
INTERRUPTED = 130
"""Exit code of a process that a second signal ended."""
FORCING = (signal.SIGTERM, signal.SIGINT)
"""Signals that end a process at once when they come second."""
_LOOPBACK = "127.0.0.1 is this machine alone"
_OTHER_PORT = "--port 0 takes a free one"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a server came to its end."""

    unanswered: int
    """Requests that were not answered when the time was up."""
    clean: bool
    """Whether nothing of its work runs any more; else the process has to be ended by force."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on an address, so that a taken one is known before anything is loaded.

    Args:
        host: name or address.
        port: 0 takes a free one.

    Raises:
        UsageError: it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host!r}: {_reason(error)}", _LOOPBACK) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        hint = _LOOPBACK if error.errno == errno.EADDRNOTAVAIL else _OTHER_PORT
        raise UsageError(f"cannot listen on {host}:{port}: {_reason(error)}", hint) from error
    return listener


def let_in(listener: socket.socket) -> None:
    """Begin to listen, with room for many; uvloop would not tell that it fails.

    Args:
        listener: as `listen` makes it.

    Raises:
        UsageError: another program listens there by now.
    """
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen any more: {_reason(error)}", _OTHER_PORT) from error


def signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a server: SIGTERM, SIGINT, and that of a terminal that goes, but under `nohup`."""
    gone = getattr(signal, "SIGHUP", None)  # which Windows does not have
    return FORCING if gone is None or signal.getsignal(gone) is signal.SIG_IGN else (*FORCING, gone)


def on_signals(stopped: asyncio.Event, *, forced: bool = True) -> None:
    """Set an event at the first of `signals`; in the main thread only.

    Args:
        stopped: the event.
        forced: whether a second signal ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def come() -> None:
        if forced and stopped.is_set():
            os._exit(INTERRUPTED)
        stopped.set()

    for one in signals():
        with suppress(NotImplementedError):  # Windows, where Ctrl-C interrupts by itself
            asyncio.get_running_loop().add_signal_handler(one, come if one in FORCING else stopped.set)


async def first_of(running: asyncio.Task[None], *others: Coroutine[Any, Any, Any]) -> None:
    """Wait until a server ends or one of some other things comes."""
    tasks = [asyncio.ensure_future(other) for other in others]
    try:
        await asyncio.wait([running, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call a function in a loop, from any thread; nothing happens once the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
