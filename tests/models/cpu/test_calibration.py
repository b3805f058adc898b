"""Static scales: found on texts, shared by layers that read one input, and close to what they stand for."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.models.cpu.recipe import Recipe, recipes
from tests.models.extras import library, save_tokenizer

torch = library("torch", "models")
transformers = library("transformers", "models")
open_model: Any = importlib.import_module("llmopt.models.checkpoint").open_model
calibration: Any = importlib.import_module("llmopt.models.cpu.calibration")
making: Any = importlib.import_module("llmopt.models.cpu.build")
saved: Any = importlib.import_module("llmopt.models.cpu.saved")

STATIC = Recipe("openvino", "int8", scales="static")
FIRST, KEY = "encoder.layer.0.attention.self.query", "encoder.layer.0.attention.self.key"
REQUESTS = [[5 + (at * at + tokens) % 20 for at in range(tokens)] for tokens in (5, 17, 9, 30)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    config = transformers.BertConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, num_labels=3
    )
    config.vocab_size = save_tokenizer(folder)
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def source(place: Path) -> Any:
    return open_model(place, device="cpu")


@pytest.fixture(scope="module")
def ranges(source: Any) -> Any:
    return calibration.calibrated(source, REQUESTS)


def answers(model: Any) -> Any:
    return torch.stack([torch.from_numpy(row) for row in model.predict(REQUESTS)])


def test_every_layer_has_a_range_and_what_reads_one_input_shares_it(source: Any, ranges: Any) -> None:
    assert set(ranges) == set(making.linear_layers(source))
    assert ranges[FIRST] is ranges[KEY]
    assert len({id(one) for one in ranges.values()}) == 8
    for one in ranges.values():
        assert one.largest > 0
        assert (one.factors > 0).all()


def test_the_source_is_as_it_was(source: Any) -> None:
    before = answers(source)
    calibration.calibrated(source, REQUESTS)
    assert not any(layer._forward_pre_hooks for layer in source.parts.model.modules())
    assert torch.equal(answers(source), before)


def test_the_product_is_the_same_but_for_rounding() -> None:
    """A few columns are much larger than the rest, which one scale alone would lose."""
    torch.manual_seed(0)
    rows, weight = torch.randn(200, 64), torch.randn(32, 64)
    rows[:, :3] *= 50
    found = calibration.best_range(rows, rows.abs().amax(0), weight)

    def error(factors: Any, largest: float) -> float:
        step = largest / 127
        short = (rows / factors / step).round().clamp(-128, 127) * step
        return float((short @ (weight * factors).T - rows @ weight.T).norm() / (rows @ weight.T).norm())

    assert error(found.factors, found.largest) < 0.5 * error(torch.ones(64), float(rows.abs().max()))


@pytest.mark.parametrize("recipe", [one for one in recipes("embed", calibrated=True) if one.scales == "static"],
                         ids=lambda one: one.name)  # fmt: skip
def test_it_is_close_and_opens_again(recipe: Recipe, source: Any, ranges: Any, place: Path, tmp_path: Path) -> None:
    recipe = replace(recipe, kept=(KEY,))
    built = making.build(source, recipe, ranges)
    found, wanted = answers(built), answers(source)
    assert 0 < (found - wanted).norm() < 0.06 * wanted.norm()
    saved.save(built, recipe, place, tmp_path)
    again = saved.open_saved(tmp_path)
    assert torch.equal(answers(again), found)
    assert b"FakeQuantize" in (tmp_path / "openvino_model.xml").read_bytes()


def test_what_batch_mates_say_changes_no_bit(source: Any, ranges: Any) -> None:
    if STATIC not in recipes("embed", calibrated=True):
        pytest.skip("not installed")
    model = making.build(source, STATIC, ranges)
    row, first, second = REQUESTS[0], model.predictor.item(30), REQUESTS[3]
    one, other = (model.predict([row, mate])[0] for mate in (first, second))
    assert first != second
    assert one.tolist() == other.tolist()


def test_without_texts_there_are_none(source: Any) -> None:
    with pytest.raises(UsageError, match="texts"):
        calibration.calibrated(source, [])
    with pytest.raises(UsageError, match="found on texts"):
        making.build(source, STATIC)
    assert STATIC not in recipes("embed")
    assert not [one for one in recipes("generate", calibrated=True) if one.scales == "static"]
