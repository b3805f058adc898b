"""The processes that train one student together; nearly always there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Protocol, cast

import torch

_LAUNCHED = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR")
"""What `accelerate launch` and `torchrun` set in each process."""


class Devices(Protocol):
    """Processes that take the same steps, each with its share of every batch."""

    count: int
    rank: int
    """Of this one; the one of rank 0 writes the files."""

    def alike(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Give all processes the weights of the first."""
        ...

    def average(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes."""
        ...

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over the processes."""
        ...

    def wait(self) -> None:
        """Wait until all processes are here."""
        ...

    def in_turn(self) -> AbstractContextManager[None]:
        """Have the first process do what is below before all others; they do it then, side by side."""
        ...


class Alone:
    """One process."""

    count = 1
    rank = 0

    def alike(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Do nothing."""

    def average(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Do nothing."""

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the values."""
        return list(values)

    def wait(self) -> None:
        """Do nothing."""

    def in_turn(self) -> AbstractContextManager[None]:
        """Wait for nobody."""
        return nullcontext()


def launched() -> int:
    """Return how many processes were launched to train together; 1 where this one runs by itself."""
    if not all(os.environ.get(name) for name in _LAUNCHED):
        return 1
    return int(os.environ["WORLD_SIZE"]) if os.environ["WORLD_SIZE"].isdecimal() else 1


def rank() -> int:
    """Return which of the launched processes this is; 0 where there is one."""
    return int(os.environ["RANK"]) if launched() > 1 else 0


def own_device(name: str) -> str:
    """Return the device of this process: each of several launched ones has a GPU of its own where there are GPUs.

    Args:
        name: what the user asked for.
    """
    if launched() > 1 and name in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{int(os.environ['LOCAL_RANK'])}"
    return name


def devices_of(place: torch.device) -> Devices:
    """Return the processes that train together.

    Args:
        place: device of the student in this process.

    Raises:
        MissingExtraError: several were launched and `accelerate` is not installed.
    """
    if launched() == 1:
        return Alone()
    accelerated = import_module("llmopt.models.distill.training.accelerated")  # loads what one process does not need
    return cast(Devices, accelerated.Accelerated(place))
