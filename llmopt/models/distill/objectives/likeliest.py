"""The teacher's likeliest tokens: what is kept of an answer that has a number for each token of the vocabulary."""

from __future__ import annotations

from llmopt.errors import MissingExtraError
from llmopt.models.distill.values import Column, Targets

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

TOP = 64
"""Tokens that are kept of each answer at most; all others are one more class (`top_kd_loss`)."""
_PIECE = 4_000_000
"""Logits that are looked at together."""
_LOOKED_AT = 256
_LITTLE = 0.5


def top_columns(known_tokens: int) -> tuple[Column, Column]:
    """Return `top_values` (logarithms of probabilities) and `top_ids`, a row for each token that is predicted."""
    top = min(TOP, known_tokens)
    return Column("top_values", "token", top, "float16"), Column("top_ids", "token", top, "int32")


def likeliest(logits: torch.Tensor, top: int, temperature: float) -> dict[str, torch.Tensor]:
    """Return both columns, the likeliest first.

    Args:
        logits: `(tokens, vocabulary)`.
        top: tokens to keep of each row.
        temperature: of the probabilities.
    """
    values, ids = [logits.new_empty((0, top), dtype=torch.float32)], [logits.new_empty((0, top), dtype=torch.int32)]
    step = max(1, _PIECE // logits.shape[1])
    for start in range(0, len(logits), step):
        softened = logits[start : start + step].float() / temperature
        found, places = softened.topk(top)
        values.append(found - softened.logsumexp(1, keepdim=True))
        ids.append(places.int())
    return {"top_values": torch.cat(values), "top_ids": torch.cat(ids)}


def little_kept(targets: Targets, known_tokens: int, temperature: float) -> tuple[str, ...]:
    """Return a warning where the tokens that are kept have little of the probability.

    Args:
        targets: with both columns.
        known_tokens: by the teacher.
        temperature: of the probabilities.
    """
    values = targets.rows(range(min(_LOOKED_AT, targets.texts)))["top_values"]
    if not len(values) or values.shape[1] >= known_tokens:
        return ()
    kept = float(values.double().exp().sum(1).mean())
    if kept >= _LITTLE:
        return ()
    return (
        f"at --temperature {temperature:g} the {values.shape[1]} likeliest of {known_tokens:,} tokens, which the "
        f"student learned from, have {kept:.0%} of the teacher's probability: a lower one tells more",
    )
