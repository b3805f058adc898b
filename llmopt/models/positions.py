"""Limits and token ids that a loaded model tells, under the several names that transformers has for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model says of itself in numbers; another engine that computes it does not know them."""

    known_tokens: int
    """Token ids from 0 up to this one, itself left out, are valid."""
    longest: int | None
    """Tokens that it can read at once; None where its settings set no limit."""
    parameters: int
    """Weights, biases and the like."""


def limits_of(model: Any) -> Limits:
    """Return the limits of a model of transformers."""
    parameters = sum(weights.numel() for weights in model.parameters())
    return Limits(known_tokens(model), longest_input(model), parameters)


def longest_input(model: Any) -> int | None:
    """Return how many tokens a model can read at once; None where its settings set no limit.

    Models that number their positions from behind the padding token (RoBERTa and its kin) lose so many of the table.
    """
    config = model.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", getattr(config, "max_seq_len", None))  # the second of MPT
    if not isinstance(limit, int) or limit < 1:
        return None
    for name, part in model.named_modules():
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            return max(1, limit - int(part.padding_idx) - 1)
    return limit


def known_tokens(model: Any) -> int:
    """Return how many token ids a model knows."""
    return int(next(model.get_input_embeddings().parameters()).shape[0])


def fill_token(settings: Any, known_tokens: int, of_tokenizer: int | None) -> int:
    """Return the token id that pads: the model's own, the tokenizer's, else one that ends texts, else the first.

    A model without one gets it: classifiers made of language models look for it to find where a request ends.

    Args:
        settings: the `config` of a model of transformers.
        known_tokens: how many token ids the model knows.
        of_tokenizer: the token id that pads by the tokenizer's settings.
    """
    config, known = settings.get_text_config(), range(known_tokens)
    ends = getattr(config, "eos_token_id", None)
    wishes = (getattr(config, "pad_token_id", None), of_tokenizer, *(ends if isinstance(ends, list) else [ends]))
    fill = next((wish for wish in wishes if isinstance(wish, int) and wish in known), 0)
    config.pad_token_id = settings.pad_token_id = fill
    return fill
