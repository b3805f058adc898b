"""A tiny student, a teacher's answers in memory, and an objective, to train in milliseconds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.report import Training
from llmopt.models.distill.training.train import train
from llmopt.models.distill.training.values import TrainingData
from llmopt.models.distill.values import Batch, Column, Item, Objective, Student
from tests.models.extras import library

torch = library("torch", "models")
WIDTH = 8
KNOWN = 30


class Answers:
    """A teacher's answers in memory."""

    def __init__(self, vectors: Any) -> None:
        self._vectors = vectors

    @property
    def texts(self) -> int:
        return len(self._vectors)

    def rows(self, places: Sequence[int]) -> dict[str, Any]:
        return {"vectors": self._vectors[list(places)]}


class Vectors:
    """Mean-pooled vectors are to be those of the teacher."""

    columns = (Column("vectors", "text", WIDTH, "float32"),)

    def __init__(self, *, dropout: bool = True, scale: float = 1.0) -> None:
        self.dropout = dropout
        self._scale = scale

    def prepare(self, targets: Any) -> tuple[str, ...]:
        return ()

    def answers(self, ids: Any, mask: Any) -> dict[str, Any]:
        raise NotImplementedError

    def loss(self, model: Any, batch: Batch) -> dict[str, Any]:
        states = model(batch.ids)
        held = batch.mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * held).sum(1) / held.sum(1)
        return {"total": self._scale * (1 - torch.cosine_similarity(pooled, batch.targets["vectors"])).mean()}


class Small(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A vector for each token, with what a model of transformers has: a table, dropout, a layer, a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(KNOWN, WIDTH)
        self.dropout = torch.nn.Dropout(0.05)
        self.layer = torch.nn.Linear(WIDTH, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH)
        self.unused = torch.nn.Linear(WIDTH, 1)

    def forward(self, ids: Any) -> Any:
        return self.norm(self.layer(self.dropout(self.table(ids))))


def student(*, seed: int = 0, frozen: tuple[str, ...] = (), lr: float = 5e-2) -> Student:
    """Make a small model."""
    torch.manual_seed(seed)
    nothing = cast(Any, None)
    return Student(Small(), "made up", Path(), nothing, nothing, 0, 64, False, lr, frozen)


def data(count: int, *, seed: int = 0) -> TrainingData:
    """Make texts whose vectors are the means of vectors of their tokens."""
    draw = random.Random(seed)
    table = torch.nn.functional.normalize(torch.randn(KNOWN, WIDTH, generator=torch.Generator().manual_seed(1)), dim=1)
    ids = [[draw.randrange(1, KNOWN) for _ in range(draw.randrange(2, 12))] for _ in range(count)]
    vectors = torch.stack([table[one].mean(0) for one in ids]) if ids else torch.empty(0, WIDTH)
    return TrainingData([Item(one, one) for one in ids], Answers(vectors))


def trained(folder: Path, config: DistillConfig, one: Student | None = None, **asked: Any) -> tuple[Student, Training]:
    """Train on the texts made up; return the student and how it went."""
    one = one or student()
    objective: Objective = asked.pop("objective", Vectors())
    texts = asked.pop("texts", data(60))
    others = asked.pop("others", data(12, seed=9))
    asked.setdefault("made", "a of b")
    return one, train(one, objective, texts, others, config, folder, **asked)


def weights(one: Student) -> dict[str, Any]:
    """Return copies of a student's weights."""
    return {name: value.clone() for name, value in one.model.state_dict().items()}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether two students are equal bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
