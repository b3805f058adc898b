"""Forward passes over token ids: padding, pooling into one vector, and class probabilities; the only place for each.

Vectors are made as sentence-transformers makes them (Reimers and Gurevych, 2019): token vectors pooled by the mean or
by the first token, then normalised. A batch is padded to its longest request and no further.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.layout import Pooling

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error


def padded(
    requests: Sequence[Sequence[int]], place: torch.device, *, fill: int = 0, left: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and attention mask of a batch, both of requests times the longest of them.

    Args:
        requests: token ids of each.
        place: the device to put them on.
        fill: token id for what is no request.
        left: pad before the tokens, as generation needs, instead of behind them.
    """
    longest = max(map(len, requests))
    ids, mask = array("q"), array("q")
    fills, zeros, ones = (array("q", (value,)) * longest for value in (fill, 0, 1))
    for request in requests:  # whole pieces at once: a GPU computes half a million tokens in less time than a loop
        gap, row = longest - len(request), len(request)
        before, behind = (gap, 0) if left else (0, gap)
        ids += fills[:before]
        ids.fromlist(list(request))
        ids += fills[:behind]
        mask += zeros[:before]
        mask += ones[:row]
        mask += zeros[:behind]
    shape = len(requests), longest
    both = (torch.frombuffer(values, dtype=torch.int64).reshape(shape) for values in (ids, mask))
    first, second = (values.to(place) for values in both)
    return first, second


def sentence_vectors(model: Any, ids: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return one normalised vector for each row, in float32."""
    return pooled_vectors(model(input_ids=ids, attention_mask=mask).last_hidden_state, mask, pooling)


def pooled_vectors(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return one normalised vector for each row of vectors of tokens, in float32.

    Args:
        states: `(requests, longest, size)`, of the last layer.
        mask: `(requests, longest)`.
        pooling: how they become one.
    """
    if pooling == "cls":
        pooled = states[:, 0].float()
    else:
        weights = mask.unsqueeze(-1).to(torch.float32)
        pooled = (states.float() * weights).sum(1) / weights.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(pooled, dim=1)


def class_scores(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return for each row what its classes get: probabilities, or plain numbers from a model that has one output."""
    logits: torch.Tensor = model(input_ids=ids, attention_mask=mask).logits.float()
    kind = getattr(model.config, "problem_type", None)
    if kind == "multi_label_classification":
        return logits.sigmoid()
    if kind == "regression" or logits.shape[-1] == 1:
        return logits
    return logits.softmax(-1)
