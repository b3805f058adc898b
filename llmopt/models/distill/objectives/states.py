"""The last hidden states of all tokens: what they take on disk, and when that is too much."""

from __future__ import annotations

from typing import Any

from llmopt.models.distill.values import Column

STATES_BYTES = 4_000_000_000
"""Of the states of all texts on disk, at most."""
_NUMBER_BYTES = 2


def states_column(width: int) -> Column:
    """Return `states`, a row for each token."""
    return Column("states", "token", width, "float16")


def too_many(tokens: int, width: int) -> str:
    """Return what to say where the states of so many tokens take too much room; empty where they do not."""
    size_bytes = tokens * width * _NUMBER_BYTES
    if size_bytes <= STATES_BYTES:
        return ""
    return (
        f"the teacher's vectors of all tokens would take {size_bytes / 1e9:,.1f} GB, more than "
        f"{STATES_BYTES / 1e9:g} GB: the student learned without them"
    )


def width_of(model: Any) -> int:
    """Return how many numbers a hidden state has."""
    return int(model.config.get_text_config().hidden_size)
