"""Sizes are those of the weights; what two layers share counts once, and what a config does not say is not known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from tests.models.distill.proof.pairs import teacher_of
from tests.models.extras import library

torch = library("torch", "semantic")
library("transformers", "semantic")

from llmopt.models.distill.proof.sizes import size_of  # noqa: E402


def test_shared_weights_count_once(tmp_path: Path) -> None:
    model = teacher_of(tmp_path / "gpt", "generate").model
    size = size_of("gpt", model)
    assert model.lm_head.weight is model.transformer.wte.weight
    assert size.parameters == sum(weights.numel() for weights in model.transformer.parameters())
    assert (size.name, size.layers, size.hidden_size, size.size_bytes) == ("gpt", 2, 8, 4 * size.parameters)


def test_what_a_config_does_not_say_is_not_known() -> None:
    model = torch.nn.Linear(3, 2)
    model.config = SimpleNamespace(get_text_config=SimpleNamespace)
    size = size_of("line", model)
    assert (size.parameters, size.layers, size.hidden_size) == (8, None, None)
