"""AdamW (Loshchilov and Hutter 2019) over the weights that are trained.

Its moments are read and set by the names of the weights, so that a snapshot does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

_BETAS = (0.9, 0.98)
_DECAY = 0.01
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@contextmanager
def frozen(model: Any, names: tuple[str, ...]) -> Iterator[dict[str, torch.nn.Parameter]]:
    """Keep some weights as they are, and give the others by name; a weight with two names has the first of them."""
    held = [weight for name, weight in model.named_parameters() if name in names and weight.requires_grad]
    for weight in held:
        weight.requires_grad_(False)
    try:
        yield {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    finally:
        for weight in held:
            weight.requires_grad_(True)


def optimizer_of(weights: Mapping[str, torch.nn.Parameter]) -> torch.optim.AdamW:
    """Return the optimizer; biases and the weights of norms do not decay."""
    matrices = [weight for weight in weights.values() if weight.dim() > 1]
    others = [weight for weight in weights.values() if weight.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=_BETAS, fused=True)


def moments(optimizer: torch.optim.Optimizer, weights: Mapping[str, torch.nn.Parameter]) -> dict[str, torch.Tensor]:
    """Return what the optimizer remembers, by `KIND.NAME`; nothing of weights that had no gradient yet."""
    found = {}
    for name, weight in weights.items():
        for kind, value in optimizer.state.get(weight, {}).items():
            found[f"{kind}.{name}"] = value
    return found


def set_moments(
    optimizer: torch.optim.Optimizer, weights: Mapping[str, torch.nn.Parameter], kept: Mapping[str, torch.Tensor]
) -> None:
    """Set what the optimizer remembers to what `moments` gave."""
    for name, weight in weights.items():
        state = {kind: kept[f"{kind}.{name}"] for kind in _MOMENTS if f"{kind}.{name}" in kept}
        if state:
            optimizer.state[weight] = {kind: value.to(weight.device) for kind, value in state.items()}
