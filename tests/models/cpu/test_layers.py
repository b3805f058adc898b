"""8-bit layers compute what their formula says, each token by itself, and copies leave a model as it is."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests.models.extras import library

torch = library("torch", "models")
transformers = library("transformers", "models")
layers: Any = importlib.import_module("llmopt.models.cpu.layers")


def reference(layer: Any, inputs: Any) -> Any:
    """Compute the formula in float64."""
    weight, x = layers.weight_of(layer).double(), inputs.double()
    row = weight.abs().amax(1, keepdim=True) / 127
    token = x.abs().amax(-1, keepdim=True) / 127
    y = torch.round(x / token) @ torch.round(weight / row).T * token * row.T
    return y if layer.bias is None else y + layer.bias.double()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("columns", "rows"), [(64, 96), (65, 33), (384, 384)])
def test_it_computes_the_formula(columns: int, rows: int, bias: bool) -> None:
    torch.manual_seed(columns)
    layer = torch.nn.Linear(columns, rows, bias=bias)
    inputs = torch.randn(3, 5, columns)
    found = layers.int8_linear(layer)(inputs)
    assert found.shape == (3, 5, rows)
    wanted = reference(layer, inputs)
    assert (found.double() - wanted).abs().max() < 2e-2 * wanted.abs().max()
    assert (found.double() - wanted).norm() < 1e-3 * wanted.norm()


def test_the_transposed_kind_is_the_same() -> None:
    torch.manual_seed(1)
    conv = transformers.pytorch_utils.Conv1D(96, 64)
    inputs = torch.randn(7, 64)
    with torch.no_grad():
        assert torch.allclose(layers.int8_linear(conv)(inputs), conv(inputs), atol=2e-2)
    assert layers.int8_linear(conv).weight.shape == (96, 64)


def test_a_token_does_not_depend_on_others() -> None:
    torch.manual_seed(2)
    layer = layers.int8_linear(torch.nn.Linear(64, 64))
    inputs = torch.randn(4, 64)
    crowd = torch.cat([inputs, 1000 * torch.randn(9, 64)])
    assert torch.equal(layer(inputs), layer(crowd)[:4])


def test_zeros_and_what_is_not_finite() -> None:
    layer = torch.nn.Linear(64, 64)
    torch.nn.init.zeros_(layer.weight[3:4].data)
    made = layers.int8_linear(layer)
    assert torch.equal(made(torch.zeros(2, 64))[0], layer.bias.detach())
    assert made(torch.full((1, 64), float("nan"))).isnan().all()


def test_bfloat16_comes_out_as_it_went_in() -> None:
    layer = layers.int8_linear(torch.nn.Linear(64, 64).to(torch.bfloat16))
    assert layer(torch.randn(2, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_twin_shares_weights_and_nothing_else() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Linear(64, 64))
    made = layers.twin(model, ["1"])
    layers.put(made, {"1": layers.int8_linear(model[1])})
    assert made[0].weight is model[0].weight
    assert made[0] is not model[0]
    assert type(model[1]) is torch.nn.Linear
