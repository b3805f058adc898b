"""How alike two sets of vectors of the same texts are: cosines, and whether each text keeps its neighbours.

Only similarities within a set are compared, so both may have any size; the cosine between the two vectors of a text
needs sizes that are equal. All pairs of texts count; they are computed in blocks of rows, in bounded memory.

A neighbour has changed where the other model puts a text first that the reference puts lower by more than float32 can
err. A model that puts all texts at one place has no nearest one, and so keeps none.

Source: Spearman, "The proof and measurement of association between two things" (1904), equal values sharing the mean of
their ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmopt.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

FEWEST = 3
"""Texts: of two, each is the other's nearest with any model."""
MOST_NEIGHBOURS = 10
TIED = 1e-6
"""Cosines that differ by less are equal: what the order of a sum changes in float32."""
MOST_RANKED = 2_000
"""Texts whose ranks of all others are compared; of more texts, so many spread over them."""
_BLOCK = 2_000_000
"""Similarities at a time."""
_LOW_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike two sets of vectors are."""

    texts: int
    unchanged: int
    """Texts whose nearest other text is the same."""
    topk: float
    """Share of the `k` nearest that are among the reference's `k` nearest."""
    k: int
    rank_correlation: float
    """Spearman's, mean over texts."""
    cosine: float | None
    """Mean over texts; None where the sizes differ."""
    cosine_p5: float | None
    undecided: int
    """Texts for which the reference itself has several nearest ones."""
    crowding: float
    """Mean cosine of two texts by the reference: near 0 where it tells texts apart, near 1 with random weights."""


def alike(before: torch.Tensor, after: torch.Tensor) -> Alike:
    """Compare vectors of the reference with those of another model, `(texts, size)` each, in the same order.

    Args:
        before: of `FEWEST` different texts or more.
        after: of the same texts.
    """
    before, after = (torch.nn.functional.normalize(vectors.float(), dim=1) for vectors in (before, after))
    texts = len(before)
    k = min(MOST_NEIGHBOURS, texts - 1)
    ranked = -(-texts // MOST_RANKED)
    unchanged = kept = undecided = rows = 0
    correlation = 0.0
    for start, mine, others in _blocks(before, after):
        near, near_others = (block >= block.amax(1, keepdim=True) - TIED for block in (mine, others))
        unchanged += int((~(near_others & ~near).any(1)).sum())
        undecided += int((near.sum(1) > 1).sum())
        kept += _kept(mine, others, k)
        picked = torch.arange(-start % ranked, len(mine), ranked)
        rows += len(picked)
        correlation += float(rank_correlations(mine[picked], others[picked]).sum())
    cosine, lowest = _cosines(before, after)
    crowding = (float(before.sum(0, dtype=torch.float64).square().sum()) - texts) / (texts * (texts - 1))
    return Alike(texts, unchanged, kept / (texts * k), k, correlation / rows, cosine, lowest, undecided, crowding)


def rank_correlations(mine: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return Spearman's correlation of each row of similarities; where all are equal 0.

    Args:
        mine: `(rows, texts)`; in each row the text itself is minus infinity, in both.
        others: of the other model.
    """
    first, second = (_centred_ranks(block) for block in (mine, others))
    products, one, other = (
        (left * right).sum(1, dtype=torch.float64)
        for left, right in ((first, second), (first, first), (second, second))
    )
    return products / (one * other).sqrt().clamp(min=1e-9)


def _blocks(before: torch.Tensor, after: torch.Tensor) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Yield similarities of some texts to all, from both; a text's to itself is minus infinity."""
    texts = len(before)
    rows = max(1, _BLOCK // texts)
    for start in range(0, texts, rows):
        both = []
        for vectors in (before, after):
            block = vectors[start : start + rows] @ vectors.T
            own = torch.arange(len(block))
            block[own, own + start] = -torch.inf
            both.append(block)
        yield start, both[0], both[1]


def _kept(mine: torch.Tensor, others: torch.Tensor, k: int) -> int:
    """Return how many of the other's `k` nearest texts are as near as the reference's `k` nearest."""
    least = mine.topk(k, dim=1).values[:, -1:] - TIED
    return int((mine.gather(1, others.topk(k, dim=1).indices) >= least).sum())


def _centred_ranks(block: torch.Tensor) -> torch.Tensor:
    """Return ranks less their mean, equal values sharing a rank; 0 for the text itself, which is the lowest."""
    texts = block.shape[1]
    ascending, order = block.sort(dim=1)
    places = torch.arange(texts, dtype=torch.float32)
    ranks = torch.empty_like(block).scatter_(1, order, places.expand(len(block), -1))
    tied = (ascending[:, 1:] == ascending[:, :-1]).any(1).nonzero().squeeze(1)
    if len(tied):
        sorted_rows, rows = ascending[tied].contiguous(), block[tied].contiguous()
        below, through = (torch.searchsorted(sorted_rows, rows, right=right) for right in (False, True))
        ranks[tied] = (below + through - 1).float() / 2
    ranks -= texts / 2  # places 1 to texts - 1 are those of the other texts
    return ranks.masked_fill_(block == -torch.inf, 0.0)


def _cosines(before: torch.Tensor, after: torch.Tensor) -> tuple[float | None, float | None]:
    if before.shape != after.shape:
        return None, None
    cosines = (before * after).sum(1).clamp(-1, 1).sort().values
    return float(cosines.double().mean()), float(cosines[int(_LOW_SHARE * len(cosines))])
