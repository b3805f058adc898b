"""Every tensor is told, quantized with its error or kept with its reason; and so is each variant that was measured."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quantizing.plan import plan
from llmopt.models.stored.folder import open_stored
from tests.models.auto.fakes import BF16, DYNAMIC, FAST32, FP32, INT8, measured
from tests.models.extras import library

torch: Any = library("torch", "semantic")

from llmopt.models.auto.opening import Source, weights_of  # noqa: E402
from llmopt.models.auto.report import kept_of, layers_of, variants  # noqa: E402
from llmopt.models.auto.trial import Explored  # noqa: E402
from llmopt.models.cpu.calibration import Range  # noqa: E402

KEPT = replace(INT8, kept=("a", "b"))
LAYERS = ("layer.0.up", "layer.0.down", "pooler")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    torch.manual_seed(0)
    weights = {f"bert.{name}.weight": torch.randn(64, 64) for name in LAYERS}
    weights["bert.layer.0.down.weight"][1] *= 100
    weights |= {"bert.layer.0.up.bias": torch.zeros(64), "bert.word_embeddings.weight": torch.randn(9, 64)}
    library("safetensors.torch", "semantic").save_file(weights, tmp_path / "model.safetensors")
    stored = open_stored(tmp_path)
    linear = weights_of(LAYERS[:2], stored)
    reasons = {kept.tensor.name: kept.reason for kept in plan(stored, "w8a8", skip=["*.up"]).kept}
    return Source(stored, linear, reasons, lambda name: weights[f"bert.{name}.weight"])


def test_layers_are_found_in_files_with_a_prefix(source: Source) -> None:
    assert {name: tensor.name for name, tensor in source.linear.items()} == {
        "layer.0.up": "bert.layer.0.up.weight",
        "layer.0.down": "bert.layer.0.down.weight",
    }
    assert source.skipped == ("layer.0.up",)
    assert weights_of(["elsewhere"], source.stored) == {}


def test_a_layer_in_8_bits_has_an_error_and_a_size(source: Source) -> None:
    (layer,) = layers_of(source, replace(INT8, kept=("layer.0.up",)), {"layer.0.down": 0.5})
    assert (layer.name, layer.shape, layer.scheme) == ("bert.layer.0.down.weight", (64, 64), "int8 per channel")
    assert (layer.bytes_before, layer.bytes_after, layer.sensitivity) == (16_384, 64 * 64 + 4 * 64, 0.5)
    assert layer.sqnr_db is not None
    assert 35 < layer.sqnr_db < 50


def test_one_scale_for_a_whole_weight_is_worse(source: Source) -> None:
    """One row is a hundred times larger: all others are lost in its steps."""
    by_row, whole = (layers_of(source, recipe, {})[1].sqnr_db for recipe in (INT8, DYNAMIC))
    assert by_row is not None
    assert whole is not None
    weight = source.weight("layer.0.down")
    step = float(weight.abs().max()) / 127
    rounded = torch.round(weight / step) * step
    expected = 10 * math.log10(float(weight.square().sum()) / float((weight - rounded).square().sum()))
    assert whole == pytest.approx(expected, abs=1e-3)
    assert layers_of(source, DYNAMIC, {})[0].bytes_after == 64 * 64 + 4


def test_columns_that_are_scaled_first_have_the_error_of_what_is_stored(source: Source) -> None:
    weight = source.weight("layer.0.down")
    ranges = {"layer.0.down": Range(torch.linspace(0.1, 10, 64), 1.0)}
    (layer,) = layers_of(source, replace(INT8, kept=("layer.0.up",)), {}, ranges)
    stored = weight * ranges["layer.0.down"].factors
    step = stored.abs().amax(1, keepdim=True) / 127
    restored = torch.round(stored / step) * step / ranges["layer.0.down"].factors
    expected = 10 * math.log10(float(weight.square().sum()) / float((weight - restored).square().sum()))
    assert layer.sqnr_db == pytest.approx(expected, abs=1e-3)


def test_bfloat16_is_told_with_its_error(source: Source) -> None:
    layer = layers_of(source, BF16, {})[0]
    assert (layer.scheme, layer.bytes_after) == ("bfloat16", 8_192)
    assert layer.sqnr_db is not None
    assert layer.sqnr_db > 50


@pytest.mark.parametrize("recipe", [INT8, DYNAMIC, BF16, FP32, replace(INT8, kept=("layer.0.up",))])
def test_each_tensor_is_told_once(source: Source, recipe: Recipe) -> None:
    layers = layers_of(source, recipe, {})
    told = [layer.name for layer in layers] + [kept.name for kept in kept_of(source, recipe, layers)]
    assert sorted(told) == sorted(tensor.name for tensor in source.stored.tensors)


def test_what_stays_has_a_reason(source: Source) -> None:
    recipe = replace(INT8, kept=("layer.0.up", "layer.0.down"))
    kept = {tensor.name: tensor.reason for tensor in kept_of(source, recipe, layers_of(source, recipe, {}))}
    assert kept == {
        "bert.layer.0.up.weight": "--skip *.up",
        "bert.layer.0.down.weight": "most sensitive",
        "bert.pooler.weight": "not used, or too small to gain",
        "bert.layer.0.up.bias": "--skip *.up",
        "bert.word_embeddings.weight": "embedding",
    }
    assert {tensor.reason for tensor in kept_of(source, FP32, ())} == {"the model runs in float32"}


def test_a_weight_of_zeros_is_exact(source: Source) -> None:
    zeros = replace(source, weight=lambda name: torch.zeros(64, 64))
    assert [layer.sqnr_db for layer in layers_of(zeros, INT8, {})] == [None, None]


def explored(*, data: bool = True) -> Explored:
    rows = [(FP32, 1.0, 0.0), (DYNAMIC, 2.5, 0.41), (FAST32, 2.3, 0.0), (INT8, 5.0, 0.03), (KEPT, 4.5, 0.015)]
    found = [measured(recipe, speed, drop if data else None) for recipe, speed, drop in rows]
    return Explored(tuple(point for point, _ in found), tuple(trial for _, trial in found), {}, ())


def test_variants_are_listed_from_the_fastest() -> None:
    found = variants(explored(), 4, 0.02, size_bytes=77)
    assert [(one.name, one.on_frontier, one.passes, one.chosen) for one in found] == [
        ("openvino int8 group 64", True, False, False),
        ("openvino int8 group 64, 2 layers kept", True, True, True),
        ("torch quantize_dynamic", False, False, False),
        ("openvino float32", True, True, False),
        ("torch float32", False, True, False),
    ]
    assert [one.size_bytes for one in found] == [None, 77, None, None, None]
    assert [one.quality_drop for one in found] == [0.03, 0.015, 0.41, 0.0, 0.0]
    assert [one.batch_independent for one in found] == [True, True, False, True, True]
    assert found[1].kept_layers == ("a", "b")
    assert found[1].quality is not None
    assert (found[0].engine, found[0].scheme) == ("openvino", "int8")


def test_without_data_nothing_is_on_a_frontier_and_nothing_fails() -> None:
    found = variants(explored(data=False), 0, None, size_bytes=1)
    assert not any(one.on_frontier for one in found)
    assert all(one.passes and one.quality_drop is None and one.quality is None for one in found)
