"""Several devices, a process each, through `accelerate`: `accelerate launch` starts them and says who is who.

Each process computes the gradient of its share of a batch, and all take the step with the mean. The gradients go round
in one piece after the backward pass: a student is small, and weights that a loss leaves out do no harm this way.
A loss between the texts of a batch sees the pairs within each share only.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch

from llmopt.errors import InputError, MissingExtraError

try:
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs, broadcast
except ImportError as error:
    raise MissingExtraError("accelerate", "distill") from error


_PATIENCE = timedelta(days=1)
"""The others wait so long while the first asks the teacher."""


class Accelerated:
    """The processes that were launched together; the folder of the snapshots is one that all of them see.

    Args:
        place: device of the student in this process.
    """

    def __init__(self, place: torch.device) -> None:
        self._accelerator = Accelerator(
            cpu=place.type == "cpu",
            mixed_precision="no",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
        )
        atexit.register(_leave)
        self._place = place
        self.count = int(self._accelerator.num_processes)
        self.rank = int(self._accelerator.process_index)

    def alike(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Give all processes the weights of the first."""
        held = [weight.data for weight in weights]
        flat = torch.cat([one.reshape(-1) for one in held])
        with _together():
            flat = broadcast(flat)
        _spread(flat, held)

    def average(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes."""
        held = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([one.reshape(-1) for one in held])
        with _together():
            flat = self._accelerator.reduce(flat, reduction="mean")
        _spread(flat, held)

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over the processes."""
        given = torch.tensor(values, dtype=torch.float64, device=self._place)
        with _together():
            return [float(value) for value in self._accelerator.reduce(given, reduction="sum").tolist()]

    def wait(self) -> None:
        """Wait until all processes are here."""
        with _together():
            self._accelerator.wait_for_everyone()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Have the first process do what is below before all others; they do it then, side by side."""
        if self.rank:
            self.wait()
        yield
        if not self.rank:
            self.wait()


@contextmanager
def _together() -> Iterator[None]:
    """Tell that another process has gone; the backends tell it in many ways, all of them a `RuntimeError`."""
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            f"another process of this training has ended or cannot be reached: {_first_line(error)}",
            "see what it said, and start all of them again; with --resume where DST.partial was left",
        ) from error


def _first_line(error: RuntimeError) -> str:
    return str(error).split("\n")[0].split(". ")[0]


def _leave() -> None:
    """Leave the others: threads that still run when Python has gone would abort this process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _spread(flat: torch.Tensor, held: list[torch.Tensor]) -> None:
    """Copy one piece into the tensors that it was made of."""
    start = 0
    for one in held:
        one.copy_(flat[start : start + one.numel()].view_as(one))
        start += one.numel()
