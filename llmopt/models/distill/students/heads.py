"""Which heads of attention a narrower student keeps, and which dimensions of each.

A head counts by the weights around it (Michel et al. 2019, "Are sixteen heads really better than one?", prune by
importance; the norm is what can be told without data). Queries and keys are multiplied with each other, so they keep
the same dimensions of a head, and so do values and what reads them. Where heads share keys and values, whole groups
are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmopt.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error


@dataclass(frozen=True, slots=True)
class Heads:
    """How attention is divided."""

    queries: int
    groups: int
    """Heads that have keys and values of their own; as many as `queries` unless they share."""
    size: int
    """Dimensions of a head."""
    rotary: bool
    """Whether positions turn queries and keys, each pair of dimensions at its own speed."""

    @property
    def shared(self) -> int:
        """Heads of a group."""
        return self.queries // self.groups


@dataclass(frozen=True, slots=True)
class HeadScores:
    """How much the dimensions of a layer's attention weigh, each one-dimensional: heads times their size."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    mixed: torch.Tensor


@dataclass(frozen=True, slots=True)
class HeadPlaces:
    """Which dimensions a student keeps; None: none fit."""

    query: torch.Tensor | None
    key: torch.Tensor | None
    value: torch.Tensor | None
    mixed: torch.Tensor | None


def heads_of(config: Any) -> Heads | None:
    """Return how a model divides its attention; None where its settings do not say."""
    queries = getattr(config, "num_attention_heads", None)
    hidden = getattr(config, "hidden_size", None)
    if not isinstance(queries, int) or not isinstance(hidden, int) or queries < 1:
        return None
    groups = getattr(config, "num_key_value_heads", None) or queries
    size = getattr(config, "head_dim", None) or hidden // queries
    if queries % groups:
        return None
    rotary = bool(getattr(config, "rope_parameters", None))
    return Heads(queries=queries, groups=groups, size=size, rotary=rotary)


def heads_kept(before: Heads, after: Heads, scores: HeadScores) -> HeadPlaces:
    """Return the dimensions of a layer's attention that weigh most.

    Args:
        before: the teacher's heads.
        after: the student's.
        scores: of the teacher's dimensions.
    """
    fewer = after.groups <= before.groups and after.shared <= before.shared and after.size <= before.size
    if not fewer:
        return HeadPlaces(None, None, None, None)
    heads = _top((_by(scores.query, before.queries) + _by(scores.mixed, before.queries)).sum(1), before, after, scores)
    own = heads[:: after.shared] // before.shared  # the group of each head that leads one
    agreeing = _sizes(scores.query, scores.key, heads, before, after)
    mixing = _sizes(scores.mixed, scores.value, heads, before, after)
    turned = before.rotary and before.size != after.size
    repeated = mixing.repeat_interleave(after.shared, 0)
    return HeadPlaces(
        query=None if turned else _flat(heads, agreeing.repeat_interleave(after.shared, 0), before.size),
        key=None if turned else _flat(own, agreeing, before.size),
        value=_flat(own, mixing, before.size),
        mixed=_flat(heads, repeated, before.size),
    )


def most(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the highest scores in ascending order, the first of equal ones; of each row by itself."""
    order = scores.argsort(dim=-1, descending=True, stable=True)
    return order[..., :count].sort(-1).values


def _top(of_heads: torch.Tensor, before: Heads, after: Heads, scores: HeadScores) -> torch.Tensor:
    """Return the heads of queries that stay, group by group."""
    of_groups = _by(of_heads, before.groups).sum(1)
    of_groups = of_groups + (_by(scores.key, before.groups) + _by(scores.value, before.groups)).sum(1)
    groups = most(of_groups, after.groups)
    inside = most(_by(of_heads, before.groups)[groups], after.shared)
    return (groups[:, None] * before.shared + inside).flatten()


def _sizes(
    of_queries: torch.Tensor, of_group: torch.Tensor, heads: torch.Tensor, before: Heads, after: Heads
) -> torch.Tensor:
    """Return which dimensions of a head stay, `(groups, size)`."""
    read = _by(of_queries, before.queries)[heads].reshape(after.groups, after.shared, before.size).sum(1)
    kept = heads[:: after.shared] // before.shared
    return most(read + _by(of_group, before.groups)[kept], after.size)


def _by(scores: torch.Tensor, parts: int) -> torch.Tensor:
    return scores.reshape(parts, -1)


def _flat(heads: torch.Tensor, sizes: torch.Tensor, size: int) -> torch.Tensor:
    """Return the places of some dimensions of some heads among all dimensions."""
    return (heads[:, None] * size + sizes).flatten()
