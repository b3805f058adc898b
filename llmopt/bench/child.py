"""A target in a process of its own, which may die of a batch that does not fit while the sweep goes on.

Batches are timed in the child (`spawned`); the pipe between the two is no part of it.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from llmopt.bench.child_process import received
from llmopt.bench.spawned import Child
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.batch import BatchTiming
from llmopt.core.target import LocalModel, TargetFacts
from llmopt.errors import InputError, LlmoptError, OutOfMemory, UsageError

_PATIENCE_S = 3600.0
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit codes of a process that the system killed, seen by its parent or by a shell between them."""
_SMALLER = "a smaller batch, shorter requests, or more memory"


class Factory(Protocol):
    """Opens a model in whatever process it is sent to; picklable."""

    @property
    def name(self) -> str:
        """What the user calls the model."""
        ...

    def open(self) -> LocalModel:
        """Load the model in this process."""
        ...


class Process(Protocol):
    """A process that answers messages: `llmopt.bench.spawned.Child`, or one on another host."""

    @property
    def pid(self) -> int | None:
        """Number of the process on its host; None where there is none."""
        ...

    def ask(self, message: Any, limit_s: float) -> tuple[Any, Any]:
        """Send a message and return the answer; TimeoutError after a while, EOFError when the process is gone."""
        ...

    def kill(self) -> None:
        """Kill the process at once."""
        ...

    def end(self) -> int | None:
        """End the process and return its exit code; None where it had to be killed."""
        ...


class ChildTarget:
    """A `llmopt.bench.target.Target` whose model lives in a process of its own.

    The process starts at the first call, and again after it died or its GPU did not recover from running out of
    memory; the first batch of a new process is run twice and counted once, so that no sample holds the start.

    Args:
        factory: opens the model there.
        remaining_s: returns how long a call may take from now on, in seconds; None: an hour.
        longest_batch_s: a batch that takes longer hangs, whatever time remains.
        begin: starts the process; None: on this machine.
    """

    def __init__(
        self,
        factory: Factory,
        remaining_s: Callable[[], float] | None = None,
        *,
        longest_batch_s: float = math.inf,
        begin: Callable[[], Process] | None = None,
    ) -> None:
        self._factory = factory
        self._remaining_s = remaining_s or (lambda: _PATIENCE_S)
        self._longest_batch_s = longest_batch_s
        self._begin = begin
        self._child: Process | None = None
        self._closed = False
        self._on_gpu = False
        self._fitted: set[tuple[int, int]] = set()

    def facts(self) -> TargetFacts:
        """Return what the model says of itself."""
        facts: TargetFacts = self._called("facts")
        return facts

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        """Run one batch of requests with these lengths (tokens).

        Raises:
            OutOfMemory: the batch does not fit, or the system killed the process; twice, where it did fit before.
            InputError: the model does not do what it should, its process died otherwise, or the time is up.
        """
        shape = len(lengths), max(lengths, default=0)
        try:
            timing = self._timed(lengths)
        except OutOfMemory:
            if shape not in self._fitted:
                raise
            timing = self._timed(lengths)  # it did before: memory was in pieces, or somebody else ended the process
        self._fitted.add(shape)
        return timing

    def load(self, plan: LoadPlan) -> LoadRun:
        """Serve a plan with an `AdaptiveBatcher` in that process."""
        run: LoadRun = self._called("load", plan)
        return run

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call another method of the model there; arguments and result go through a pipe.

        Args:
            name: of the method.
            arguments: as it takes them; picklable.

        Raises:
            OutOfMemory: it does not fit, or the system killed the process.
            InputError: it fails, the process died otherwise, or the time is up.
        """
        return self._called("ask", name, *arguments)

    @property
    def pid(self) -> int | None:
        """Number of the process; None where there is none."""
        child = self._child
        return None if child is None else child.pid

    def close(self) -> None:
        """End the process; a second time does nothing."""
        self._closed = True
        if self._child is not None:
            self._child.end()
            self._child = None

    def stop(self) -> None:
        """Kill the process from another thread than the one that waits for it, which then raises."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()

    def _timed(self, lengths: Sequence[int]) -> BatchTiming:
        if self._child is None:
            self._called("run", tuple(lengths))
        timing: BatchTiming = self._called("run", tuple(lengths))
        return timing

    def _called(self, name: str, *arguments: Any) -> Any:
        if self._closed:
            raise UsageError(f"{self._factory.name}: the target is closed")
        if self._child is None:
            self._start()
        try:
            return self._asked((name, arguments))
        except OutOfMemory:
            if self._on_gpu and not self._recovered():
                self._drop()
            raise

    def _recovered(self) -> bool:
        """Say whether the process, if there still is one, can compute again: loading a model anew takes long."""
        if self._child is None:
            return True
        try:
            self._asked(("run", ((1,),)))
        except LlmoptError:
            return False
        return True

    def _start(self) -> None:
        self._child = Child() if self._begin is None else self._begin()
        try:
            if self._closed:  # stopped by another thread, which saw no child yet
                raise UsageError(f"{self._factory.name}: the target is closed")
            self._asked(self._factory)
            facts: TargetFacts = self._asked(("facts", ()))
        except BaseException:
            self._drop()
            raise
        self._on_gpu = facts.device.startswith("cuda")

    def _asked(self, message: Any) -> Any:
        """Send a message to the child and return its answer; a child that gives none is ended."""
        child = self._child
        if child is None:
            raise UsageError(f"{self._factory.name}: the target is closed")
        try:
            result, error = child.ask(message, self._limit_s(message))
        except (EOFError, ConnectionError):
            code = child.end()
            self._child = None
            raise _death(self._factory.name, code) from None
        except TimeoutError:
            self._drop()
            what = "not open yet when" if message is self._factory else "no answer before"
            raise InputError(
                f"{self._factory.name}: {what} the time was up", "allow more with --max-time, or look why it hangs"
            ) from None
        except BaseException:
            self._drop()
            raise
        if error is not None:
            raise received(error)
        return result

    def _limit_s(self, message: Any) -> float:
        is_batch = message is not self._factory and message[0] == "run"
        return min(self._remaining_s(), self._longest_batch_s if is_batch else math.inf)

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.end()
            self._child = None


def _death(name: str, code: int | None) -> OutOfMemory | InputError:
    """Return what to say of a child that went away by itself."""
    if code is None:
        return InputError(f"{name}: its process closed the pipe", "the model's code must leave open files alone")
    if code in _KILLED:
        return OutOfMemory(f"{name}: its process was killed, as the system does when memory runs out", _SMALLER)
    if code < 0:
        return InputError(f"{name}: its process died of {signal.Signals(-code).name}", "run it alone to see why")
    return InputError(f"{name}: its process ended with exit code {code}", "what it said is above")
