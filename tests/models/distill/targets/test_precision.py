from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from llmopt.errors import InputError
from llmopt.models.distill.targets import precision
from llmopt.models.distill.targets.answered import answered
from llmopt.models.distill.targets.precision import MOST_LOSS, chosen
from llmopt.models.distill.values import Batch, Column, Targets
from llmopt.models.encoder import sentence_vectors
from tests.models.distill.targets.fakes import items, teacher
from tests.models.extras import library, save_bert

CPU = torch.device("cpu")
EXACT = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


@pytest.fixture(autouse=True)
def _bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "precision_of", lambda place: "bfloat16")


def said(exact: torch.Tensor, rounded: torch.Tensor) -> str:
    answers = {"float32": {"x": exact}, "bfloat16": {"x": rounded}}
    return chosen(CPU, [3, 4, 5], lambda places, name: answers[name])


def test_rounding_may_take_a_small_part_of_the_variance() -> None:
    # the variance sums to 4 numbers of 1; an error of e in each of the 8 numbers is 8 e^2
    edge = (MOST_LOSS * 4 / 8) ** 0.5
    assert said(EXACT, EXACT + 0.99 * edge) == "bfloat16"
    assert said(EXACT, EXACT + 1.01 * edge) == "float32"


def test_what_all_answers_have_in_common_tells_nothing() -> None:
    assert said(EXACT + 1_000, EXACT + 1_000.05) == "float32"
    assert said(torch.ones_like(EXACT), torch.ones_like(EXACT) + 1e-3) == "float32"
    assert said(torch.ones_like(EXACT), torch.ones_like(EXACT)) == "bfloat16"


def test_answers_that_are_nothing_are_not_compared() -> None:
    assert said(EXACT, EXACT[:3]) == "float32"
    assert said(EXACT, EXACT * torch.nan) == "float32"
    assert said(EXACT[:0], EXACT[:0]) == "bfloat16"


@pytest.mark.parametrize("error", [RuntimeError("expected BFloat16 but found Float"), InputError("not finite", "")])
def test_a_teacher_that_cannot_be_rounded_computes_in_float32(error: Exception) -> None:
    def ask(places: list[int], name: str) -> dict[str, torch.Tensor]:
        if name == "bfloat16":
            raise error
        return {"x": EXACT}

    assert chosen(CPU, [3, 4], ask) == "float32"


def test_token_ids_may_change_places() -> None:
    ids = torch.tensor([[3, 4]])
    assert said(ids, ids.flip(1)) == "bfloat16"
    assert said(ids, ids[:0]) == "float32"


def test_one_text_is_too_few_and_a_few_are_enough() -> None:
    seen: list[list[int]] = []

    def ask(places: list[int], name: str) -> dict[str, torch.Tensor]:
        seen.append(places)
        return {"x": EXACT}

    assert chosen(CPU, [3], ask) == "float32"
    assert seen == []
    assert chosen(CPU, [10] * 6_400, ask) == "bfloat16"
    assert chosen(CPU, [900] * 50, ask) == "bfloat16"
    assert chosen(CPU, [9_000] * 50, ask) == "bfloat16"
    assert seen[::2] == [list(range(0, 6_400, 200)), [0, 1], [0, 1]]


def test_processor_without_bfloat16_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "precision_of", lambda place: "float32")
    assert said(EXACT, EXACT) == "float32"


class Vectors:
    """Asks for sentence vectors."""

    dropout = False

    def __init__(self, model: Any) -> None:
        self.columns: tuple[Column, ...] = (Column("vectors", "text", 8, "float32"),)
        self._model = model

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        return ()

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"vectors": sentence_vectors(self._model, ids, mask, "mean")}

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        raise NotImplementedError


@pytest.mark.parametrize("wanted", ["bfloat16", "float32"])
def test_teacher_computes_in_what_was_chosen_and_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setattr(precision, "precision_of", lambda place: wanted)
    transformers = library("transformers", "models")
    model = transformers.AutoModel.from_pretrained(save_bert(tmp_path / "bert")).eval()
    texts = items(*([2, 5 + at % 20, 5 + at % 13, 3] for at in range(40)))
    folder = tmp_path / "answers"
    folder.mkdir()
    asked = replace(teacher(), model=model)
    found = answered(asked, Vectors(model), texts, folder, made="", over=lambda: False, progress=None)
    assert found.precision == wanted
    with torch.inference_mode():
        ids = torch.tensor([list(text.teacher_ids) for text in texts])
        exact = sentence_vectors(model, ids, torch.ones_like(ids), "mean")
    vectors = found.rows(range(40))["vectors"]
    assert torch.allclose(vectors, exact, rtol=0, atol=1e-6) is (wanted == "float32")
    assert (vectors * exact).sum(1).min() > 0.999
    again = answered(asked, Vectors(model), texts, folder, made="", over=lambda: False, progress=None)
    assert (again.precision, again.found) == (wanted, 40)
