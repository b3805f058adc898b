"""Linear layers in 8 bits as torchao has them: a scale for each token and for each row of a weight."""

from __future__ import annotations

import copy
from typing import Any

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.cpu.graph import quietly
from llmopt.models.cpu.layers import put, twin
from llmopt.models.loading import quiet

try:
    import torch

    with quiet():  # it tells what it cannot load
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
except ImportError as error:
    raise MissingExtraError((error.name or "torchao").partition(".")[0], "torchao") from error


def torchao_model(model: Any, layers: tuple[str, ...], *, keep_floats: bool) -> Any:
    """Return a model of which torchao computes some layers.

    Args:
        model: of transformers; not changed, and what stays is shared with it.
        layers: linear layers to put in 8 bits; the transposed ones of GPT-2 stay.
        keep_floats: let `floats_of` know the weights as they were.

    Raises:
        UsageError: there is no layer to put in 8 bits.
    """
    made = twin(model, layers)
    own = {name: _own(made.get_submodule(name)) for name in layers}
    put(made, own)
    if not any(isinstance(layer, torch.nn.Linear) for layer in own.values()):
        raise UsageError("it has no linear layers that torchao knows", "take the engine torch")
    chosen = {id(layer) for layer in own.values() if isinstance(layer, torch.nn.Linear)}
    with quietly():
        quantize_(made, Int8DynamicActivationInt8WeightConfig(), lambda layer, _: id(layer) in chosen)
    made.llmopt_floats = model.state_dict if keep_floats else None
    return made


def floats_of(model: Any) -> dict[str, torch.Tensor]:
    """Return the tensors that such a model was made of; made of these again it is the same."""
    if model.llmopt_floats is None:
        raise UsageError("the weights that torchao rounded are not known any more", "copy the folder they came from")
    floats: dict[str, torch.Tensor] = model.llmopt_floats()
    return floats


def int8_layers_of(model: Any) -> tuple[str, ...]:
    """Return the names of the layers that torchao computes."""
    ends = ".weight"
    return tuple(name.removesuffix(ends) for name, one in model.state_dict().items() if _is_theirs(one))


def _is_theirs(tensor: Any) -> bool:
    return type(tensor) not in (torch.Tensor, torch.nn.Parameter)


def _own(layer: Any) -> Any:
    """Return another layer with the same weights, which torchao may change."""
    shared: dict[int, Any] = {id(part): part for part in layer.parameters()}
    return copy.deepcopy(layer, shared)
