"""Greedy generation of a fixed number of tokens, with a mark when the first one is there.

Every request of a batch gets exactly as many new tokens, end-of-text or not, so that all batches of a shape do the same
work. What `generation_config.json` wishes (sampling, penalties) is left out for the same reason. Prompts of different
lengths are padded on the left, so that all of them end where generation begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmopt.errors import MissingExtraError

try:
    import torch
    from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error


class Generator:
    """Generates with one model.

    Args:
        model: a causal language model of transformers; its generation settings are replaced.
        new_tokens: how many tokens each request gets.
        fill: token id that pads.
        mark: called once a batch, when the scores of the first new token are there.
    """

    def __init__(self, model: Any, *, new_tokens: int, fill: int, mark: Callable[[], None]) -> None:
        given = model.generation_config
        config: Any = GenerationConfig
        model.generation_config = config(
            do_sample=False,
            num_beams=1,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
            bos_token_id=getattr(given, "bos_token_id", None),
            eos_token_id=getattr(given, "eos_token_id", None),
            pad_token_id=fill,
        )
        self._model = model
        self._mark = mark

    def generate(self, ids: torch.Tensor, mask: torch.Tensor) -> list[list[int]]:
        """Return the new token ids of each row of a batch that is padded on the left."""
        first = LogitsProcessorList([_First(self._mark)])
        done: torch.Tensor = self._model.generate(input_ids=ids, attention_mask=mask, logits_processor=first)
        rows: list[list[int]] = done[:, ids.shape[1] :].tolist()
        return rows


class _First(LogitsProcessor):
    """Leaves the scores as they are and calls back the first time that it sees some."""

    supports_continuous_batching = False

    def __init__(self, mark: Callable[[], None]) -> None:
        self._mark: Callable[[], None] | None = mark

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._mark is not None:
            self._mark()
            self._mark = None
        return scores
