"""Which of the queued requests run now. Pure, so that the simulator decides as the batcher does.

Without a token budget: the oldest ones. With one, the oldest requests (a window of them) are sorted by length, and a
run of neighbours that holds the oldest request is taken. Of those runs the one with the highest

    useful tokens / (padded tokens + full batch / 16)

is taken. Padded tokens are requests times the longest of them, and at most the budget; a full batch is the budget, or
`max_batch_size` requests of mean length where that is less. The added share stands for the fixed cost of a batch:
without it a lone request, which has no padding, would always win. So a few requests of about one length run together,
and a short one does not pay for the padding of one that is many times as long.

Since the oldest is always in the batch, nobody starves: a request behind `n` others runs in one of the next `n + 1`
batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from llmopt.serving.batching.settings import BatchSettings

FIXED_COST = 1 / 16
"""Of a batch, as a part of the time that a full one takes."""


def chosen(lengths: Sequence[int], settings: BatchSettings) -> list[int]:
    """Return the positions of the requests that run now, ascending; at least one where any is queued.

    Args:
        lengths: tokens of each queued request, the oldest first. Only the first `window(settings)` are looked at.
            Without a token budget only their number matters.
        settings: largest batch and token budget.
    """
    limit = settings.max_batch_tokens
    if limit is None or len(lengths) < 2:
        return list(range(min(len(lengths), settings.max_batch_size)))
    seen = lengths[: window(settings)]
    oldest = seen[0]
    positions = range(len(seen))
    # of equally long requests the older one is nearer to the oldest, so that it is taken first
    shorter = sorted([i for i in reversed(positions) if seen[i] < oldest], key=seen.__getitem__)
    order = shorter + sorted([i for i in positions if seen[i] >= oldest], key=seen.__getitem__)
    first, last = _best([seen[i] for i in order], len(shorter), settings.max_batch_size, limit)
    return sorted(order[first : last + 1])


def full(lengths: Sequence[int], settings: BatchSettings) -> bool:
    """Return whether one more request could not make the next batch larger, so that waiting is of no use.

    Args:
        lengths: tokens of each queued request, the oldest first.
        settings: largest batch and token budget.
    """
    if len(lengths) >= settings.max_batch_size:
        return True
    limit = settings.max_batch_tokens
    return limit is not None and bool(lengths) and (len(lengths) + 1) * max(lengths) > limit


def window(settings: BatchSettings) -> int:
    """Return how many of the oldest requests are looked at."""
    if settings.max_batch_tokens is None:
        return settings.max_batch_size
    return max(128, 4 * settings.max_batch_size)


def _best(ascending: list[int], oldest: int, most: int, limit: int) -> tuple[int, int]:
    """Return the first and the last of the best run of `ascending` lengths that holds the one at `oldest`.

    For each possible last (the longest) of the run, shorter ones are added while that raises the ratio: they come in
    descending length, so once one lowers it, so would all after it.
    """
    sums = [0, *accumulate(ascending)]
    fixed = FIXED_COST * min(limit, most * sums[-1] / len(ascending))
    best, found = -1.0, (oldest, oldest)
    for last in range(oldest, len(ascending)):
        longest = ascending[last]
        room = min(most, limit // longest) if longest else most
        first, size = oldest, last - oldest + 1
        if size > room and size > 1:
            break
        useful = sums[last + 1] - sums[oldest]
        cost = size * longest + fixed
        while first and size < room and ascending[first - 1] * cost > useful * longest:
            first -= 1
            size += 1
            useful += ascending[first]
            cost += longest
        if useful / cost > best:
            best, found = useful / cost, (first, last)
    return found
