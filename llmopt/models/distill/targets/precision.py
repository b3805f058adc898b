"""What a teacher computes in: products in bfloat16 where the processor has them and the answers stay what they are.

Weights stay float32 and are rounded for the products alone (autocast of torch). Rounding makes a part of the answers
that means nothing; how large it is is measured on some texts, in the units of what tells one answer from another:

    loss = sum of (rounded - exact)^2 / sum of (exact - mean of exact)^2, sums over all texts and numbers

It is 1 - R^2, the share of variance that is not explained. For vectors of length 1 it is at least twice 1 minus the
mean cosine; for logits and log-probabilities a small one means a small divergence too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.distill.training.precision import Precision, precision_of

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

MOST_LOSS = 0.002
"""Of the variance of the answers; MiniLM has 0.0001 (a mean cosine of 0.99997)."""
_TEXTS, _TOKENS = 32, 2_048
"""To measure with, at most."""


def chosen(
    place: torch.device, lengths: Sequence[int], ask: Callable[[list[int], Precision], Mapping[str, torch.Tensor]]
) -> Precision:
    """Return what to compute in.

    Args:
        place: the teacher's device.
        lengths: tokens of each text.
        ask: returns the answers to the texts at some places, computed in a precision, by column.
    """
    places, rounded = _probe(lengths), precision_of(place)
    if len(places) < 2 or rounded == "float32":
        return "float32"
    exact = ask(places, "float32")
    try:
        other = ask(places, rounded)
    except (RuntimeError, InputError):  # some models cannot be computed so, or give what is no number
        return "float32"
    return rounded if all(_close(exact[name], other[name]) for name in exact) else "float32"


def _probe(lengths: Sequence[int]) -> list[int]:
    """Return places of texts from all over the data, of so many tokens that they take no time."""
    step = max(1, len(lengths) // _TEXTS)
    places: list[int] = []
    tokens = 0
    for place in range(0, len(lengths), step)[:_TEXTS]:
        tokens += lengths[place]
        if len(places) >= 2 and tokens > _TOKENS:
            break
        places.append(place)
    return places


def _close(exact: torch.Tensor, rounded: torch.Tensor) -> bool:
    """Return whether rounding takes little away; whole numbers (ids of tokens) are as good as what goes with them."""
    if exact.shape != rounded.shape or not exact.is_floating_point():
        return exact.shape == rounded.shape
    before, after = exact.double(), rounded.double()
    spread = float((before - before.mean(0)).square().sum()) if len(before) else 0.0
    return float((after - before).square().sum()) <= MOST_LOSS * spread
