"""Limits and token ids that a loaded model tells, under the several names that transformers has for them."""

from __future__ import annotations

from typing import Any


def longest_input(model: Any) -> int | None:
    """Return how many tokens a model can read at once; None where its settings set no limit.

    Models that number their positions from behind the padding token (RoBERTa and its kin) lose so many of the table.
    """
    config = model.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit < 1:
        return None
    for name, part in model.named_modules():
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            return max(1, limit - int(part.padding_idx) - 1)
    return limit


def known_tokens(model: Any) -> int:
    """Return how many token ids a model knows."""
    return int(next(model.get_input_embeddings().parameters()).shape[0])


def fill_token(model: Any, of_tokenizer: int | None) -> int:
    """Return the token id that pads: the model's own, the tokenizer's, else one that ends texts, else the first.

    A model without one gets it: classifiers made of language models look for it to find where a request ends.

    Args:
        model: of transformers.
        of_tokenizer: the token id that pads by the tokenizer's settings.
    """
    config, known = model.config.get_text_config(), range(known_tokens(model))
    ends = getattr(config, "eos_token_id", None)
    wishes = (getattr(config, "pad_token_id", None), of_tokenizer, *(ends if isinstance(ends, list) else [ends]))
    fill = next((wish for wish in wishes if isinstance(wish, int) and wish in known), 0)
    config.pad_token_id = model.config.pad_token_id = fill
    return fill
