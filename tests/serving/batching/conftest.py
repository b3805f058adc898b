"""A predict function that a test can hold up, and what batchers tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from llmopt.serving.batching import BatchDone, Reason

NAME = "llmopt-batcher"


class Gate:
    """Doubles numbers, once the gate is open; remembers what it was given."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()

    def __call__(self, numbers: list[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.threads.add(threading.get_ident())
        self.entered.set()
        if not self.opened.wait(30):
            raise TimeoutError("the test never opened the gate")
        return [2 * number for number in numbers]


class Told:
    """Hooks that remember."""

    def __init__(self) -> None:
        self.batches: list[BatchDone] = []
        self.reasons: list[Reason] = []

    def batch_done(self, batch: BatchDone) -> None:
        self.batches.append(batch)

    def dropped(self, reason: Reason) -> None:
        self.reasons.append(reason)


_EARLIER: set[threading.Thread] = set()


def threads() -> list[str]:
    """Return the names of batchers' threads that began in this test; servers of other tests may still run."""
    return [thread.name for thread in threading.enumerate() if thread.name == NAME and thread not in _EARLIER]


@pytest.fixture(autouse=True)
def earlier() -> None:
    _EARLIER.clear()
    _EARLIER.update(threading.enumerate())


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A closed gate; it is opened at the end, so that no thread stays."""
    made = Gate()
    yield made
    made.opened.set()


@pytest.fixture
def told() -> Told:
    return Told()
