"""Tiny teachers and students of each kind, and batches of texts with the teacher's answers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmopt.models.distill.objectives.items import items_of
from llmopt.models.distill.opening import open_teacher
from llmopt.models.distill.values import Batch, Item, Objective, Student, Teacher
from llmopt.models.quality.data import Sample
from tests.models.extras import WORDS, library, save_bert, save_gpt

torch = library("torch", "models")
KINDS = {
    "embed": "BertModel",
    "classify": "BertForSequenceClassification",
    "fill": "BertForMaskedLM",
    "generate": "GPT2LMHeadModel",
}
WORDS_ONLY = [word for word in WORDS.split() if word.isalpha()]
TEXTS = [" ".join(WORDS_ONLY[at % 9 : at % 9 + 3 + at % 7]) for at in range(12)]


def teacher_of(folder: Path, task: str) -> Teacher:
    """Write a tiny model and open it."""
    save = save_gpt if task == "generate" else save_bert
    return open_teacher(save(folder, KINDS[task]), None, "cpu")


def student_of(teacher: Teacher, *, noise: float = 0.1, **changed: Any) -> Student:
    """Return a student with the teacher's weights and some noise."""
    model = changed.pop("model", None) or copy.deepcopy(teacher.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights += noise * torch.randn(weights.shape, generator=generator)
    settings: dict[str, Any] = {
        "model": model,
        "origin": "the teacher's weights and noise",
        "home": teacher.home,
        "vocabulary": teacher.vocabulary,
        "layout": teacher.layout,
        "fill": teacher.fill,
        "max_tokens": teacher.max_tokens,
        "own_tokens": False,
        "learning_rate": 1e-3,
    }
    return Student(**settings | changed)


def narrow(teacher: Teacher, width: int, **changed: Any) -> Any:
    """Return a model of the same kind and another width, with random weights."""
    config = copy.deepcopy(teacher.model.config)
    config.update({"hidden_size": width} | changed)
    torch.manual_seed(0)
    return type(teacher.model)(config).eval()


def items(teacher: Teacher, student: Student, texts: Sequence[str] = TEXTS, **asked: Any) -> tuple[Item, ...]:
    """Return texts as items, of changing classes."""
    classes = [at % 2 for at in range(len(texts))]
    return items_of(teacher, student, [Sample(text) for text in texts], classes, seed=asked.get("seed", 0))


def batch(objective: Objective, texts: Sequence[Item], fill: int = 0) -> Batch:
    """Return all texts as one batch, with the teacher's answers as they are before they are written."""
    ids, mask = _padded([item.student_ids for item in texts], fill)
    read, seen = _padded([item.teacher_ids for item in texts], fill)
    wanted = _padded([item.wanted for item in texts], -100)[0] if texts[0].wanted else torch.empty(0, dtype=torch.int64)
    extra = (wanted,) if texts[0].wanted else ()
    ask: Any = objective.answers
    with torch.inference_mode():
        answers = ask(read, seen, *extra)
    labels = torch.tensor([-100 if item.label is None else item.label for item in texts])
    targets = {name: rows.clone() for name, rows in answers.items()}
    return Batch(tuple(range(len(texts))), ids, mask, targets, labels, wanted, int(mask.sum()))


def value(scalar: Any) -> float:
    """Return the number in a tensor that may have a gradient."""
    return float(scalar.detach())


class InMemory:
    """Answers to texts, in memory; a `Targets`."""

    def __init__(self, objective: Objective, texts: Sequence[Item]) -> None:
        self._objective, self._items = objective, texts

    @property
    def texts(self) -> int:
        return len(self._items)

    def rows(self, places: Sequence[int]) -> dict[str, Any]:
        return dict(batch(self._objective, [self._items[place] for place in places]).targets)


def _padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[Any, Any]:
    longest = max(map(len, rows))
    ids = [[*row, *[fill] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)
