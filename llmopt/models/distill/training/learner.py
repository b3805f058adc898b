"""One update of a student, and its loss on texts that it does not learn from.

An update is a function of the weights, the moments, the batch and the number of the step: what is random in it
(dropout) is drawn anew from the seed for each step. So a snapshot needs no state of a random generator, and processes
that train together draw differently from each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import torch

from llmopt.errors import InputError, OutOfMemory
from llmopt.models.distill.training.batches import Texts
from llmopt.models.distill.training.devices import Devices
from llmopt.models.distill.training.optimizer import optimizer_of
from llmopt.models.distill.values import Batch, Objective
from llmopt.models.exhaustion import computed

_CLIP = 1.0
"""Largest norm of a gradient (Pascanu et al. 2013)."""


class Learner:
    """A student with its optimizer.

    Args:
        model: the student.
        objective: what it learns.
        weights: of the model, by name, that are trained.
        devices: that train together.
        lr: the highest learning rate, for messages and steps.
        seed: of the run.

    Attributes:
        optimizer: of the weights.
    """

    def __init__(
        self,
        model: Any,
        objective: Objective,
        weights: Mapping[str, torch.nn.Parameter],
        devices: Devices,
        *,
        lr: float,
        seed: int,
    ) -> None:
        self._model, self._objective, self._devices = model, objective, devices
        self._weights = list(weights.values())
        self._lr, self._seed = lr, seed
        self.optimizer = optimizer_of(weights)

    def step(self, texts: Texts, rows: Sequence[int], number: int, rate: float) -> tuple[float, int]:
        """Update the weights; return the loss and the tokens of this process's share of the batch.

        The losses of all processes add up to the one of the batch.

        Args:
            texts: to learn from.
            rows: places of the batch in them, for all processes together.
            number: of the step, from 0.
            rate: share of the highest learning rate.

        Raises:
            InputError: the loss or its gradient is not a finite number.
            OutOfMemory: the batch does not fit.
        """
        own = rows[self._devices.rank :: self._devices.count]
        batch = texts.batch(own or rows[:1])  # a process without a text goes through the motions, at no weight
        share = len(own) / len(rows)
        drawn = _drawn(self._seed, number, self._devices.rank)
        loss = self._fitting(partial(self._gradient, batch, share * self._devices.count, drawn))
        self._devices.average(self._weights)
        norm = float(torch.nn.utils.clip_grad_norm_(self._weights, _CLIP))
        (total,) = self._devices.total([loss * share])
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise InputError(
                f"the loss is no longer a finite number at step {number + 1} (loss {total:g}, gradient {norm:g})",
                f"take a lower --lr than {self._lr:g}",
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr * rate
        self.optimizer.step()
        return total, batch.tokens if own else 0

    def loss(self, texts: Texts, batches: Sequence[Sequence[int]]) -> float:
        """Return the mean loss over texts; the weights stay as they are.

        Raises:
            InputError: it is not a finite number.
            OutOfMemory: a batch does not fit.
        """
        self._model.eval()
        total = 0.0
        with torch.no_grad():  # what a model keeps from inference mode could not be trained with
            for rows in batches[self._devices.rank :: self._devices.count]:
                batch = texts.batch(rows)
                total += len(rows) * self._fitting(partial(self._value, batch))
        mean = self._devices.total([total])[0] / sum(map(len, batches))
        if not math.isfinite(mean):
            raise InputError("the loss on the validation texts is not a finite number", f"lower --lr ({self._lr:g})")
        return mean

    def works(self, texts: Texts, rows: Sequence[int]) -> bool:
        """Return whether a batch can be computed, as the model computes now, with a loss that is a number.

        Some models cannot be computed in less than float32: they mask with its lowest number, or mix the two.

        Raises:
            OutOfMemory: the batch does not fit.
        """
        self._model.eval()
        try:
            with torch.no_grad():
                return math.isfinite(self._fitting(partial(self._value, texts.batch(rows))))
        except RuntimeError:  # memory that ran out is told otherwise
            return False

    def _gradient(self, batch: Batch, weight: float, drawn: int) -> float:
        """Set the gradients to those of a weighted loss, and return the loss without the weight."""
        torch.manual_seed(drawn)
        self._model.train(self._objective.dropout)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._total(batch)
        torch.autograd.backward(loss * weight)
        return float(loss.detach())

    def _total(self, batch: Batch) -> torch.Tensor:
        return self._objective.loss(self._model, batch)["total"]

    def _value(self, batch: Batch) -> float:
        return float(self._total(batch))

    def _fitting(self, work: Callable[[], float]) -> float:
        place = self._weights[0].device
        try:
            return computed(work, str(place), self._release)
        except OutOfMemory as error:
            raise OutOfMemory(error.message, "a smaller --batch-size") from error

    def _release(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self._weights[0].is_cuda:
            torch.cuda.empty_cache()


def _drawn(seed: int, number: int, rank: int) -> int:
    """Return the seed of a step: near ones would give near numbers in some generators."""
    return int.from_bytes(blake2b(f"{seed}/{number}/{rank}".encode(), digest_size=7).digest(), "big")
