"""Scales of 8-bit activations that are found once, on texts of the user, and then stay: nothing is scaled at run time.

One scale has to do for all columns of a layer's input, of which a few are many times larger than the rest. So each
column is divided by a factor, and the weights it meets are multiplied by the same one:

    X W^T = (X / s) (W s)^T,  s_c = max|X_c|^a / max|W_c|^(1-a)

The exponent a, and how much of the largest value the scale covers, are those that change the layer's output least.
Source: Xiao et al., "SmoothQuant" (2022), equation 4; the search is over a grid, for all that read one input together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.cpu.layers import names_of, rounded, weight_of
from llmopt.models.loaded import LoadedModel

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_MOST_REQUESTS = 128
_ROWS = 256
"""Tokens of each layer that exponents are tried on."""
_EXPONENTS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SHARES = (1.0, 0.9, 0.75, 0.5)
_LARGEST = 127
_SMALLEST = 1e-5


@dataclass(frozen=True, slots=True)
class Range:
    """What the inputs of a layer are divided by before they become whole numbers."""

    factors: torch.Tensor
    """One for each column."""
    largest: float
    """Quotient that becomes 127; what is larger is cut."""


Calibration = Mapping[str, Range]
"""Linear layer -> the range of its inputs; layers that read the same input share one."""


@dataclass(slots=True)
class _Seen:
    """What came into a layer, or into all layers that read the same."""

    layers: list[str]
    largest: torch.Tensor
    rows: list[torch.Tensor] = field(default_factory=list)


def calibrated(source: LoadedModel, requests: Sequence[list[int]]) -> Calibration:
    """Return the ranges of all linear layers that can be in 8 bits.

    Args:
        source: of transformers, on the CPU, in float32; not changed.
        requests: token ids of real texts; the first 128 are used, each by itself, so that no padding is counted.

    Raises:
        UsageError: there are no requests.
    """
    if not requests:
        raise UsageError("static scales need texts to find them on", "give some with --data")
    model = source.parts.model
    used = requests[:_MOST_REQUESTS]
    found: dict[str, Range] = {}
    with torch.no_grad():
        for seen in _watched(source, names_of(model, source.parts.task), used):
            weight = torch.cat([weight_of(model.get_submodule(name)) for name in seen.layers])
            found |= dict.fromkeys(seen.layers, best_range(torch.cat(seen.rows), seen.largest, weight))
    return found


def best_range(rows: torch.Tensor, largest: torch.Tensor, weight: torch.Tensor) -> Range:
    """Return the range that changes the outputs of a layer least.

    Args:
        rows: some of its inputs.
        largest: absolute value in each column, of all inputs.
        weight: rows (outputs) by columns.
    """
    wanted = rows @ weight.T
    most, heaviest = largest.clamp(min=_SMALLEST), weight.abs().amax(0).clamp(min=_SMALLEST)
    tried: list[tuple[float, Range]] = []
    for exponent in _EXPONENTS:
        factors = most**exponent / heaviest ** (1 - exponent)
        factors /= factors.mean()
        whole, scale = rounded(weight * factors)
        heavy, light = whole.float() * scale[:, None], rows / factors
        for share in _SHARES:
            top = float((most / factors).max()) * share
            step = top / _LARGEST
            short = (light / step).round_().clamp_(-_LARGEST - 1, _LARGEST).mul_(step)
            tried.append((float((short @ heavy.T - wanted).norm()), Range(factors, top)))
    return min(tried, key=lambda one: one[0])[1]


def _watched(source: LoadedModel, names: Sequence[str], requests: Sequence[list[int]]) -> list[_Seen]:
    """Run requests and return what came into the layers; those that were given one and the same tensor are together."""
    seen: dict[str, _Seen] = {}
    last: list[Any] = [None, None]
    each = -(-_ROWS // len(requests))

    def look(name: str, inputs: torch.Tensor) -> None:
        tokens = inputs.detach().reshape(-1, inputs.shape[-1]).float()
        most = tokens.abs().amax(0)
        if inputs is last[0] and (name not in seen or seen[name] is last[1]):
            if name not in seen:
                seen[name] = last[1]
                last[1].layers.append(name)
            return
        if name not in seen:
            seen[name] = _Seen([name], most)
        last[:] = inputs, seen[name]
        torch.maximum(seen[name].largest, most, out=seen[name].largest)
        step = max(1, len(tokens) // each)
        seen[name].rows.append(tokens[::step][:each].clone())

    layers = {name: source.parts.model.get_submodule(name) for name in names}
    hooks = [
        layer.register_forward_pre_hook(lambda _, given, name=name: look(name, given[0]))
        for name, layer in layers.items()
    ]
    try:
        for request in requests:
            source.predict([request])
    finally:
        for hook in hooks:
            hook.remove()
    return list({id(one): one for one in seen.values()}.values())
