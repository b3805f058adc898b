"""What became of each tensor on the CPU route: which layers take fewer bits with what error, which stay and why.

The error is that of the weight alone, by row or for the whole tensor as the recipe scales it: `s = max|w| / 127`,
`w' = s round(w / s)`; the engines round the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmopt.errors import MissingExtraError
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quantizing.report import KeptTensor, Layer
from llmopt.models.stored.values import Stored, StoredTensor

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_MOST, _SCALE_BYTES = 127, 4


@dataclass(frozen=True, slots=True)
class Source:
    """A checkpoint with the linear layers of its model, and why other tensors are no such layers."""

    stored: Stored
    linear: Mapping[str, StoredTensor]
    """Name of a layer in the model -> its weight in the files."""
    reasons: Mapping[str, str]
    """Name of a tensor in the files -> why it stays as it is."""
    weight: Callable[[str], torch.Tensor]
    """Weight of a linear layer of the model, rows (outputs) by columns, in float32."""

    @property
    def skipped(self) -> tuple[str, ...]:
        """Linear layers that the user wants to stay."""
        return tuple(
            name for name, tensor in self.linear.items() if self.reasons.get(tensor.name, "").startswith("--skip")
        )


def weights_of(layers: Sequence[str], stored: Stored) -> dict[str, StoredTensor]:
    """Return the stored weight of each linear layer; in the files there may be a prefix before its name."""
    by_name = {tensor.name: tensor for tensor in stored.tensors}
    found: dict[str, StoredTensor] = {}
    for layer in layers:
        name = f"{layer}.weight"
        ends = (stored_name for stored_name in by_name if stored_name.endswith(f".{name}"))
        if (stored_name := name if name in by_name else min(ends, key=len, default=None)) is not None:
            found[layer] = by_name[stored_name]
    return found


def layers_of(source: Source, recipe: Recipe, sensitivity: Mapping[str, float]) -> tuple[Layer, ...]:
    """Return the linear layers that a recipe computes in fewer bits, with the error of each weight.

    Args:
        source: the checkpoint.
        recipe: that was chosen.
        sensitivity: of the layers whose effect was measured.
    """
    if recipe.numbers == "float32":
        return ()
    kept = set(recipe.kept)
    return tuple(_layer(source, name, recipe, sensitivity.get(name)) for name in source.linear if name not in kept)


def kept_of(source: Source, recipe: Recipe, layers: Sequence[Layer]) -> tuple[KeptTensor, ...]:
    """Return all other tensors with the reason of each."""
    changed = {layer.name for layer in layers}
    linear = {tensor.name for tensor in source.linear.values()}
    kept = []
    for tensor in source.stored.tensors:
        if tensor.name in changed:
            continue
        reason = source.reasons.get(tensor.name, "")
        if recipe.numbers == "float32":
            reason = "the model runs in float32"
        elif tensor.name in linear and not reason.startswith("--skip"):
            reason = "most sensitive"
        kept.append(
            KeptTensor(
                tensor.name, tensor.shape, tensor.dtype, tensor.size_bytes, reason or "not used, or too small to gain"
            )
        )
    return tuple(kept)


def _layer(source: Source, name: str, recipe: Recipe, sensitivity: float | None) -> Layer:
    tensor, weight = source.linear[name], source.weight(name)
    whole = recipe.numbers == "int8"
    scales = len(weight) if recipe.per_channel else 1
    return Layer(
        name=tensor.name,
        shape=tensor.shape,
        scheme=f"int8 per {'channel' if recipe.per_channel else 'tensor'}" if whole else "bfloat16",
        sqnr_db=_sqnr_db(weight, _rounded(weight, per_channel=recipe.per_channel) if whole else weight.bfloat16()),
        bytes_before=tensor.size_bytes,
        bytes_after=weight.numel() + _SCALE_BYTES * scales if whole else 2 * weight.numel(),
        sensitivity=sensitivity,
    )


def _rounded(weight: torch.Tensor, *, per_channel: bool) -> torch.Tensor:
    peak = weight.abs().amax(1, keepdim=True) if per_channel else weight.abs().max()
    scale = torch.where(peak > 0, peak / _MOST, 1.0)
    return (weight / scale).round_() * scale


def _sqnr_db(weight: torch.Tensor, rounded: torch.Tensor) -> float | None:
    noise = float((weight - rounded).square().sum(dtype=torch.float64))
    signal = float(weight.square().sum(dtype=torch.float64))
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
