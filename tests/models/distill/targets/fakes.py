"""A teacher whose answers can be worked out by hand, and objectives that ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from llmopt.models.device import CpuDevice
from llmopt.models.distill.values import Batch, Column, DistillTask, Item, Targets, Teacher
from llmopt.models.layout import Layout
from llmopt.models.vocabulary import Vocabulary

VECTORS = Column("vectors", "text", 3, "float32")
STATES = Column("states", "token", 2, "float16")


class Words:
    """Stands for a vocabulary: each token is a letter."""

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(96 + at) for at in ids)


def teacher(task: DistillTask = "embed", *, known_tokens: int = 100) -> Teacher:
    return Teacher(
        name="a-teacher",
        folder=Path("a-teacher"),
        home=Path("a-teacher"),
        task=task,
        model=torch.nn.Identity(),
        device=CpuDevice(),
        vocabulary=cast(Vocabulary, Words()),
        layout=cast(Layout, None),
        labels=(),
        fill=0,
        mask=None,
        known_tokens=known_tokens,
        max_tokens=512,
    )


def items(*texts: Sequence[int]) -> list[Item]:
    return [Item(teacher_ids=ids, student_ids=ids) for ids in texts]


def many(texts: int, *, longest: int = 6) -> list[Item]:
    """Return texts that all differ."""
    return items(*([1 + at % 7, *(1 + (at // 7**place) % 7 for place in range(at % longest))] for at in range(texts)))


class Sums:
    """Asks for a vector of each text (sum, tokens, first) and for two numbers of each token (itself, its half).

    Args:
        stop: the call in which it is interrupted; 0: in none.
        room: numbers of a batch that fit in memory.
        flawed: the token that has no finite answer.
    """

    dropout = False

    def __init__(self, *, stop: int = 0, room: int = 2**20, flawed: int = -1) -> None:
        self.columns: tuple[Column, ...] = (VECTORS, STATES)
        self.texts = self.calls = 0
        self._stop, self._room, self._flawed = stop, room, flawed

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        return ()

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        self.calls += 1
        if self.calls == self._stop:
            raise KeyboardInterrupt
        if ids.numel() > self._room:
            raise MemoryError
        self.texts += len(ids)
        numbers = torch.where(ids == self._flawed, torch.nan, ids.float())
        vectors = torch.stack([(numbers * mask).sum(1), mask.sum(1).float(), numbers[:, 0]], dim=1)
        tokens = numbers[mask.bool()]
        return {"vectors": vectors, "states": torch.stack([tokens, tokens / 2], dim=1)}

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        raise NotImplementedError


class Masked(Sums):
    """Asks for the token itself at the places that are to be filled in, and for all tokens besides."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = (
            Column("states", "token", 1, "float32"),
            Column("top_ids", "token", 1, "int32"),
            Column("top_counts", "text", 1, "int32"),
        )

    def answers(
        self, ids: torch.Tensor, mask: torch.Tensor, wanted: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        if wanted is None:
            raise TypeError("without the places")
        places = wanted != -100
        return {
            "top_ids": wanted[places].unsqueeze(1),
            "top_counts": places.sum(1, keepdim=True),
            "states": ids[mask.bool()].unsqueeze(1).float(),
        }
