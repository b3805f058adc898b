"""Several processes that serve one address: begun, watched, begun anew when one dies, and ended together.

Each process has a socket to the one that began them, and ends when that closes: by a signal, or because it died.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import selectors
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path

from llmopt.errors import ConfigError, LlmoptError
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.running import Ready, serve, url_of
from llmopt.serving.running import FORCING, INTERRUPTED, Ended, signals

_UP = b"up"
_SPAWN = multiprocessing.get_context("spawn")
_PAUSE_S = 1.0
"""Before a worker that died is begun anew, so that one that dies at once does not use up the machine."""
_LONGER_S = 5.0
"""A worker may take so much longer than its time to drain."""
_LOG = logging.getLogger("llmopt.gateway")


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    line: socket.socket
    """To the worker; it reads the end of it, and writes when it is up or cannot be."""
    told: bytes = b""


def run_workers(
    config: GatewayConfig, listener: socket.socket, ready: Ready, prepare: Callable[[], object] | None = None
) -> Ended:
    """Serve with several processes until a signal comes.

    Args:
        config: all settings; `workers` says how many.
        listener: as `listen` makes it; all processes share it.
        ready: called once when all take requests.
        prepare: called first in each process; must be picklable.

    Raises:
        LlmoptError: the configuration holds mistakes.
    """
    folder = Path(tempfile.mkdtemp(prefix="llmopt-gateway-"))
    crew = _Crew(config, listener, folder, prepare)
    try:
        crew.begin()
        if not crew.stopped.is_set():
            ready(url_of(listener), crew.stop)
        crew.watch()
    finally:
        unanswered = crew.end()
        shutil.rmtree(folder, ignore_errors=True)
    return Ended(unanswered, clean=True)


class _Crew:
    """The workers."""

    def __init__(
        self, config: GatewayConfig, listener: socket.socket, folder: Path, prepare: Callable[[], object] | None
    ) -> None:
        self._config = config
        self._listener = listener
        self._folder = folder
        self._prepare = prepare
        self._workers: list[_Worker] = []
        self.stopped = threading.Event()
        self._woken, self._waker = socket.socketpair()
        for each in (self._woken, self._waker):
            each.setblocking(False)
        self._restored = _on_signals(self.stop, self._kill, self._waker)

    def stop(self) -> None:
        """Begin to end."""
        self.stopped.set()
        with suppress(OSError):
            self._waker.send(b"!")

    def begin(self) -> None:
        """Begin all, and wait until they are up.

        Raises:
            LlmoptError: one cannot serve.
        """
        self._workers = [self._begun() for _ in range(self._config.workers)]
        for worker in self._workers:
            self._wait_up(worker)

    def watch(self) -> None:
        """Wait for the signal, and begin anew who dies before."""
        while not self.stopped.is_set():
            self._wait_for(*(worker.process.sentinel for worker in self._workers))
            for index, worker in enumerate(self._workers):
                if not worker.process.is_alive() and not self.stopped.is_set():
                    _LOG.error("%s; another one begins", _end_of(worker))
                    worker.line.close()
                    self._wait_for(timeout_s=_PAUSE_S)
                    self._workers[index] = self._begun()

    def end(self) -> int:
        """End all; return how many requests were not answered in time."""
        for worker in self._workers:
            worker.line.shutdown(socket.SHUT_WR)
        until = time.monotonic() + self._config.times.drain_s + _LONGER_S
        for worker in self._workers:
            while worker.process.is_alive() and (left_s := until - time.monotonic()) > 0:
                self._wait_for(worker.process.sentinel, timeout_s=left_s)
            worker.process.kill()
            worker.process.join()
        self._restored()
        unanswered = sum(_unanswered(worker) for worker in self._workers)
        for line in (*(worker.line for worker in self._workers), self._woken, self._waker):
            line.close()
        return unanswered

    def _kill(self) -> None:
        """End all at once."""
        for worker in self._workers:
            worker.process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begun(self) -> _Worker:
        ours, theirs = socket.socketpair()
        given = (self._config, self._listener, theirs, self._folder, self._prepare)
        process = _SPAWN.Process(target=_work, args=given, name="llmopt gateway worker")
        # A signal to the whole group of a terminal must not end a worker that only begins; it takes over the mask. So
        # does Python's own tracker of resources, which by itself ignores two of the signals, and lifts their mask here.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals())
        try:
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, signals())
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return _Worker(process, ours)

    def _wait_up(self, worker: _Worker) -> None:
        """Wait until a worker has said that it is up, or why it cannot be."""
        while not self.stopped.is_set() and worker.told != _UP:
            if worker.line.fileno() in self._wait_for(worker.line.fileno()):
                piece = worker.line.recv(65536)
                worker.told += piece
                if not piece:
                    raise _fault(worker)

    def _wait_for(self, *files: int, timeout_s: float | None = None) -> set[int]:
        """Wait for files, or for the signal, and return those of the files that can be read.

        Also for a signal that interrupts no wait, for it comes just before or another thread takes it: its byte comes.
        Python's own waits for a process or an event would sleep on, or lock up where the signal's handler sets it.
        """
        with selectors.DefaultSelector() as waiting:
            for file in (self._woken.fileno(), *files):
                waiting.register(file, selectors.EVENT_READ)
            readable = {key.fd for key, _ in waiting.select(timeout_s)}
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        return readable


def _work(
    config: GatewayConfig,
    listener: socket.socket,
    line: socket.socket,
    folder: Path,
    prepare: Callable[[], object] | None,
) -> None:
    """Serve in a process of its own."""
    blocked = signals()
    for one in blocked:
        signal.signal(one, signal.SIG_IGN)  # who began this one is told, too, and closes the line
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    if prepare is not None:
        prepare()
    try:
        ended = serve(config, listener, ready=lambda _: line.sendall(_UP), metrics_folder=folder, parent=line)
    except LlmoptError as error:
        line.sendall(json.dumps([error.message, error.hint]).encode())
    else:
        _tell(line, ended, folder)
    line.close()


def _tell(line: socket.socket, ended: Ended, folder: Path) -> None:
    """Tell who began this process how it ended; who is gone cannot remove the folder any more."""
    try:
        line.sendall(b"%d" % ended.unanswered)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _end_of(worker: _Worker) -> str:
    """Return how a worker ended that nobody told to end."""
    worker.line.setblocking(False)
    with suppress(OSError, ValueError, TypeError):
        message, hint = json.loads((worker.told + worker.line.recv(65536)).removeprefix(_UP))
        return f"a worker could not begin: {message}{hint and f'; {hint}'}"
    return f"a worker died with exit code {worker.process.exitcode}"


def _fault(worker: _Worker) -> LlmoptError:
    try:
        message, hint = json.loads(worker.told)
    except ValueError:
        worker.process.join(_LONGER_S)
        return ConfigError(f"a worker ended with exit code {worker.process.exitcode} before it was up")
    return ConfigError(message, hint)


def _unanswered(worker: _Worker) -> int:
    worker.line.setblocking(False)
    with suppress(OSError, ValueError):
        return int((worker.told + worker.line.recv(64)).removeprefix(_UP) or b"0")
    return 0


def _on_signals(stop: Callable[[], None], kill: Callable[[], None], waker: socket.socket) -> Callable[[], None]:
    """Have the first signal call a function, and the second one another, and end this process.

    Args:
        stop: the first one.
        kill: the second one.
        waker: gets a byte for each signal, whatever the main thread does.

    Returns:
        A function that has signals do again what they did before.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    seen: list[int] = []

    def come(number: int, _frame: object) -> None:
        if seen and number in FORCING:
            kill()
            os._exit(INTERRUPTED)
        seen.append(number)
        stop()

    before = {one: signal.signal(one, come) for one in signals()}
    other_waker = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def restored() -> None:
        signal.set_wakeup_fd(other_waker)
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)

    return restored
