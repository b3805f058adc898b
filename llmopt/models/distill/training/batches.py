"""Which texts make a batch, and the batch as tensors.

An epoch is shuffled, cut into windows, and each window sorted by length, so that the texts of a batch are about equally
long and little of it is padding; the batches are then shuffled. All of it follows from the seed and the number of the
epoch, so a run that is taken up again needs no list of what was read.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from llmopt.models.distill.training.values import TrainingData
from llmopt.models.distill.values import Batch

TOKENS_A_TEXT = 32
"""A batch has at most so many tokens, padding included, for each text that it may have."""
_WINDOW = 64
"""Batches of a window at most."""
_WINDOWS = 8
"""Windows of an epoch at least: in one window the same texts would meet in every epoch."""
_NONE = -100
"""What torch's cross entropy leaves out."""


def epoch_batches(lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int) -> list[tuple[int, ...]]:
    """Return the batches of an epoch as places in the data; each place is in one of them.

    Args:
        lengths: tokens of each text.
        batch_size: texts of a batch at most; fewer where they are long (`TOKENS_A_TEXT`).
        seed: of the run.
        epoch: from 0.
    """
    order = random.Random(f"{seed}/{epoch}")
    places = list(range(len(lengths)))
    order.shuffle(places)
    window = batch_size * min(_WINDOW, max(1, len(places) // (batch_size * _WINDOWS)))
    batches: list[tuple[int, ...]] = []
    for start in range(0, len(places), window):
        batches += _cut(sorted(places[start : start + window], key=lengths.__getitem__), lengths, batch_size)
    order.shuffle(batches)
    return batches


def _cut(places: list[int], lengths: Sequence[int], batch_size: int) -> list[tuple[int, ...]]:
    """Cut places that are sorted by length."""
    batches: list[tuple[int, ...]] = []
    batch: list[int] = []
    for place in places:
        full = len(batch) == batch_size or (len(batch) + 1) * lengths[place] > TOKENS_A_TEXT * batch_size
        if batch and full:
            batches.append(tuple(batch))
            batch = []
        batch.append(place)
    return [*batches, tuple(batch)] if batch else batches


class Texts:
    """Texts that batches are made of.

    Args:
        data: the texts and the teacher's answers.
        fill: token id that pads.
        place: device of the batches.
        used: how many of the texts; None: all that have answers.
    """

    def __init__(self, data: TrainingData, fill: int, place: torch.device, used: int | None = None) -> None:
        self._data, self._fill, self._place = data, fill, place
        self.lengths = [len(item.student_ids) for item in data.items[: len(data) if used is None else used]]

    def epoch(self, *, batch_size: int, seed: int, epoch: int) -> list[tuple[int, ...]]:
        """Return the batches of an epoch as places in the data."""
        return epoch_batches(self.lengths, batch_size=batch_size, seed=seed, epoch=epoch)

    def batch(self, rows: Sequence[int]) -> Batch:
        """Return some texts as a batch on the device."""
        items = [self._data.items[row] for row in rows]
        ids = [item.student_ids for item in items]
        wanted = [item.wanted for item in items]
        labels = [_NONE if item.label is None else item.label for item in items]
        return Batch(
            rows=tuple(rows),
            ids=_padded(ids, self._fill).to(self._place),
            mask=_padded([[1] * len(one) for one in ids], 0).to(self._place),
            targets={name: answers.to(self._place) for name, answers in self._data.targets.rows(rows).items()},
            labels=torch.tensor(labels, dtype=torch.int64).to(self._place),
            wanted=_padded(wanted if all(wanted) else [], _NONE).to(self._place),
            tokens=sum(map(len, ids)),
        )


def _padded(rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    """Return rows of numbers as `(rows, longest)`, filled up on the right."""
    longest = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], dtype=torch.int64)
