"""Linear layers in 8 bits with a scale for each token, computed by torch on any processor.

    y = s_x s_w (x / s_x) (W / s_w) + b,  s_x = max|x| / 127 for each token,  s_w = max|w| / 127 for each row of W

with both quotients rounded to whole numbers; products of these are summed without error in 32 bits. A token's result
depends on nothing but the token. Source: Dettmers et al., "LLM.int8()" (2022), vector-wise quantization.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from llmopt.errors import MissingExtraError

try:
    import torch
    from transformers.pytorch_utils import Conv1D
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_LARGEST = 127
_SMALLEST = 1e-12
"""Scale of a token or a row that is all zeros."""
_HEADS = ("classifier", "score", "lm_head", "embed_out", "qa_outputs")
_TINY = 64
"""Layers with fewer rows or columns have nothing to gain."""


class Int8Linear(torch.nn.Module):
    """A linear layer whose weight is in 8 bits.

    Args:
        rows: outputs.
        columns: inputs.
        dtype: of the answer.
        bias: whether it has one.
    """

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, rows: int, columns: int, dtype: torch.dtype, *, bias: bool) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("weight", torch.zeros(rows, columns, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(rows))
        self.register_buffer("bias", torch.zeros(rows) if bias else None)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of each token."""
        tokens = inputs.reshape(-1, inputs.shape[-1])
        scale = tokens.abs().amax(1, keepdim=True).float().clamp_(min=_SMALLEST).div_(_LARGEST)
        whole = torch.div(tokens, scale).round_().to(torch.int8)
        sums = torch._int_mm(whole, self.weight.t())  # noqa: SLF001 (no public name)
        products = torch.mul(sums, scale)
        found = products.mul_(self.scale) if self.bias is None else torch.addcmul(self.bias, products, self.scale)
        return found.to(self.dtype).reshape(*inputs.shape[:-1], -1)


def is_linear(layer: Any) -> bool:
    """Return whether a layer is a linear one of torch, or the transposed kind that GPT-2 has."""
    return type(layer) is torch.nn.Linear or type(layer) is Conv1D


def weight_of(layer: Any) -> torch.Tensor:
    """Return the weight of a linear layer in float32, rows (outputs) by columns."""
    weight: torch.Tensor = layer.weight.detach().float()
    return weight.T if isinstance(layer, Conv1D) else weight


def rounded(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a weight in 8 bits and the scale of each of its rows."""
    scale = weight.abs().amax(1).clamp(min=_SMALLEST) / _LARGEST
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


def int8_linear(layer: Any) -> Int8Linear:
    """Return a linear layer in 8 bits."""
    whole, scale = rounded(weight_of(layer))
    made = Int8Linear(whole.shape[0], whole.shape[1], layer.weight.dtype, bias=layer.bias is not None)
    made.weight, made.scale = whole, scale
    if layer.bias is not None:
        made.bias = layer.bias.detach().float()
    return made


def names_of(model: Any, task: str) -> tuple[str, ...]:
    """Return the linear layers of a model that can be in 8 bits, in its own order.

    Heads are left out (small, and every error shows), and so are layers that the task does not use.
    """
    head = model.get_output_embeddings() if task == "generate" else None
    return tuple(
        name
        for name, layer in model.named_modules()
        if is_linear(layer)
        and layer is not head
        and name.rpartition(".")[2] not in _HEADS
        and min(layer.weight.shape) >= _TINY
        and not (task == "embed" and "pooler" in name.split("."))
    )


def twin(model: Any, without: Iterable[str] = ()) -> Any:
    """Return a copy of a model that shares its weights with it.

    Args:
        model: of torch.
        without: layers that will be replaced; both models have the same ones.
    """
    shared: dict[int, Any] = {id(part): part for part in (*model.parameters(), *model.buffers())}
    shared |= {id(layer): layer for layer in (model.get_submodule(name) for name in without)}
    return copy.deepcopy(model, shared)


def put(model: Any, layers: Mapping[str, Any]) -> None:
    """Put layers into a model in place of those of the same name."""
    for name, layer in layers.items():
        path, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(path), leaf, layer)
