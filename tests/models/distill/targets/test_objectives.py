"""Answers of real, tiny models in the order of the texts: each is what the model says of that text alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from llmopt.models.distill.objectives.masked import Masked
from llmopt.models.distill.objectives.next_tokens import NextTokens
from llmopt.models.distill.objectives.vectors import Vectors
from llmopt.models.distill.targets import precision
from llmopt.models.distill.targets.answered import answered
from llmopt.models.distill.values import DistillTask, Item, Objective, Student, Teacher
from llmopt.models.layout import Layout
from tests.models.distill.targets.fakes import teacher
from tests.models.extras import library, save_bert, save_gpt


def _ids(at: int) -> list[int]:
    return [2, *(5 + (7 * at + 3 * place) % 18 for place in range(at % 9)), 3]


TEXTS = [Item(_ids(at), _ids(at)) for at in range(70)]
COVERED = [
    replace(item, wanted=[token if place % 3 == 1 else -100 for place, token in enumerate(item.teacher_ids)])
    for item in TEXTS
]


class _Layout:
    pooling = "mean"
    lower = False


def _models(task: DistillTask, model: Any) -> tuple[Teacher, Student]:
    layout = cast(Layout, _Layout())
    made = replace(teacher(task, known_tokens=int(model.config.vocab_size)), model=model.eval(), layout=layout)
    student = Student(
        model, "", Path(), made.vocabulary, layout, fill=0, max_tokens=512, own_tokens=False, learning_rate=1
    )
    return made, student


def _check(made: Teacher, objective: Objective, texts: Sequence[Item], folder: Path) -> None:
    answers = answered(made, objective, texts, folder, made="", over=lambda: False)
    places = list(reversed(range(len(texts))))
    found = answers.rows(places)
    for column in objective.columns:
        split = torch.split(found[column.name], answers.counts(column.name, places))
        for place, rows in zip(places, split, strict=True):
            ids = torch.tensor([list(texts[place].teacher_ids)])
            extra = (torch.tensor([list(texts[place].wanted)]),) if texts[place].wanted else ()
            with torch.inference_mode():
                alone = objective.answers(ids, torch.ones_like(ids), *extra)[column.name]
            if column.dtype == "int32" and column.width > 1:
                assert (rows == alone).float().mean() > 0.9 if len(rows) else not len(alone)  # near ties change places
            else:
                assert torch.allclose(rows.float(), alone.float(), atol=2e-3)


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "precision_of", lambda place: "float32")


def test_vectors_and_states(tmp_path: Path) -> None:
    model = library("transformers", "models").AutoModel.from_pretrained(save_bert(tmp_path / "bert"))
    made, student = _models("embed", model)
    objective = Vectors(made, student, tokens=500)
    assert [column.name for column in objective.columns] == ["vectors", "states"]
    _check(made, objective, TEXTS, tmp_path / "bert")


def test_likeliest_next_tokens(tmp_path: Path) -> None:
    model = library("transformers", "models").AutoModelForCausalLM.from_pretrained(save_gpt(tmp_path / "gpt"))
    made, student = _models("generate", model)
    _check(made, NextTokens(made, student, temperature=2, soft_weight=0.9), TEXTS, tmp_path / "gpt")


def test_likeliest_tokens_behind_masks_and_states_of_all(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "bert", "BertForMaskedLM")
    model = library("transformers", "models").AutoModelForMaskedLM.from_pretrained(folder)
    made, student = _models("fill", model)
    objective = Masked(made, student, temperature=2, soft_weight=0.9, tokens=500)
    assert [column.name for column in objective.columns] == ["top_counts", "top_values", "top_ids", "states"]
    _check(made, objective, COVERED, folder)
