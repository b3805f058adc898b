"""Models of torch with 8-bit layers in a file of safetensors, and back; no pickles.

An 8-bit layer is written as `weight` (int8, rows by columns), `scale` (float32, one for each row, or a single one) and
`bias`. A tensor that is tied to another is written once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.cpu.graph import quietly
from llmopt.models.cpu.layers import Int8Linear, put
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.cpu.record import unfit
from llmopt.models.cpu.torch_engine import cast

try:
    import torch
    from safetensors.torch import load_file, save_file
    from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_Dynamic: Any = DynamicLinear
FILE = "model-int8.safetensors"


def int8_layers(model: Any) -> tuple[str, ...]:
    """Return the names of the layers that are in 8 bits."""
    return tuple(name for name, layer in model.named_modules() if isinstance(layer, Int8Linear | DynamicLinear))


def write_layers(model: Any, path: Path) -> None:
    """Write the tensors of a model."""
    tensors: dict[str, torch.Tensor] = {}
    seen: set[tuple[int, ...]] = set()
    for name, value in model.state_dict().items():
        if not isinstance(value, torch.Tensor) or not value.numel():
            continue
        mark = (value.data_ptr(), *value.shape)
        if mark not in seen:
            seen.add(mark)
            tensors[name] = value.contiguous()
    for name, layer in model.named_modules():
        if isinstance(layer, DynamicLinear):
            for leaf in ("scale", "zero_point"):
                tensors.pop(f"{name}.{leaf}", None)
            tensors |= _written(name, layer)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})


def read_layers(model: Any, path: Path, recipe: Recipe, layers: tuple[str, ...]) -> None:
    """Put the tensors of a file into a model that was made of its settings alone.

    Args:
        model: of transformers, with no weights yet; is changed.
        path: of the file.
        recipe: that it was made by.
        layers: linear layers that are in 8 bits.

    Raises:
        InputError: the file lacks a tensor, or has one too many.
    """
    tensors = load_file(path)
    if recipe.scales == "tensor":
        whole = {name: _read(name, tensors) for name in layers}
        _fill(model, tensors, path.parent, besides=layers)
        put(model, whole)
        return
    put(model, {name: _empty(name, model.get_submodule(name), tensors) for name in layers})
    cast(model, recipe.rest)
    _fill(model, tensors, path.parent, besides=())


def _fill(model: Any, tensors: dict[str, torch.Tensor], folder: Path, besides: tuple[str, ...]) -> None:
    """Put tensors into a model; those that it has besides are not asked for."""
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    held = model.state_dict(keep_vars=True)
    loaded = {held[name].data_ptr() for name in tensors if name in held}
    lost = [
        name for name in missing if held[name].data_ptr() not in loaded and name.rpartition(".")[0] not in set(besides)
    ]
    if lost or unexpected:
        raise unfit(folder, f"{[*lost, *unexpected][0]} is lacking, or too many")


def _written(name: str, layer: Any) -> dict[str, torch.Tensor]:
    weight, bias = layer.weight(), layer.bias()
    per_channel = weight.qscheme() == torch.per_channel_affine
    scale = weight.q_per_channel_scales() if per_channel else torch.tensor([weight.q_scale()])
    tensors = {f"{name}.weight": weight.int_repr(), f"{name}.scale": scale.double()}
    return tensors if bias is None else tensors | {f"{name}.bias": bias.detach()}


def _read(name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return a layer of torch as it was written; its tensors are taken out."""
    whole, scale = tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.scale")
    rows, columns = whole.shape
    with quietly():
        layer = _Dynamic(columns, rows, dtype=torch.qint8)
        if scale.numel() == rows and rows > 1:
            zeros = torch.zeros(rows, dtype=torch.int64)
            weight = torch._make_per_channel_quantized_tensor(whole, scale, zeros, 0)  # noqa: SLF001 (no public name)
        else:
            weight = torch._make_per_tensor_quantized_tensor(whole, float(scale[0]), 0)  # noqa: SLF001 (no public name)
        layer.set_weight_bias(weight, tensors.pop(f"{name}.bias", None))
    return layer


def _empty(name: str, layer: Any, tensors: dict[str, torch.Tensor]) -> Int8Linear:
    rows, columns = tensors[f"{name}.weight"].shape
    return Int8Linear(rows, columns, layer.weight.dtype, bias=f"{name}.bias" in tensors)
