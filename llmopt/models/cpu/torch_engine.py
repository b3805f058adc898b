"""Models that torch computes: in bfloat16, with linear layers in 8 bits, or as the tutorial's recipe has them."""

from __future__ import annotations

from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.cpu.graph import quietly
from llmopt.models.cpu.layers import Int8Linear, int8_linear, put, twin
from llmopt.models.cpu.recipe import Recipe

try:
    import torch
    from torch.ao.quantization import default_dynamic_qconfig, per_channel_dynamic_qconfig, quantize_dynamic
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_quantize_dynamic: Any = quantize_dynamic
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def torch_model(model: Any, recipe: Recipe, layers: tuple[str, ...]) -> Any:
    """Return a model that torch computes as a recipe says; weights may be shared with the one it is made of.

    Args:
        model: of transformers; not changed.
        recipe: with the engine `torch`.
        layers: linear layers to put in 8 bits.
    """
    if recipe.scales == "tensor":
        return _dynamic(model, recipe, layers)
    whole = {name: int8_linear(model.get_submodule(name)) for name in layers}
    made = twin(model, layers)
    put(made, whole)
    cast(made, recipe.rest if recipe.numbers == "int8" else recipe.numbers)
    return made


def cast(model: Any, numbers: str) -> None:
    """Put the weights of a model in other numbers; tables of positions stay exact, as when transformers loads them."""
    dtype = _DTYPES[numbers]
    done: dict[int, Any] = {}  # what is tied stays tied
    for layer in model.modules():
        if isinstance(layer, Int8Linear):
            layer.dtype = dtype
        for name, weights in list(layer.named_parameters(recurse=False)):
            if weights.is_floating_point() and weights.dtype != dtype:
                if id(weights) not in done:
                    done[id(weights)] = torch.nn.Parameter(weights.detach().to(dtype), requires_grad=False)
                layer.register_parameter(name, done[id(weights)])


def _dynamic(model: Any, recipe: Recipe, layers: tuple[str, ...]) -> Any:
    """Return what `torch.quantization.quantize_dynamic` makes of a model; without kept layers every linear one."""
    how = per_channel_dynamic_qconfig if recipe.per_channel else default_dynamic_qconfig
    which = dict.fromkeys(layers, how) if recipe.kept else {torch.nn.Linear: how}
    with quietly():
        made = _quantize_dynamic(twin(model), which, dtype=torch.qint8, inplace=True)
    made.eval()
    return made
