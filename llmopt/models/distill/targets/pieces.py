"""How the texts are cut: into chunks that are journalled one by one, and these into batches of like lengths.

Both depend on nothing but the lengths and the limits: a run that goes on asks the very batches that it would have asked
without the break. What a text has for batch-mates changes the last bits of its answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TEXTS, _TOKENS = 2_048, 2**15
"""Of a chunk at most. More would be lost when a run is killed, and time limits are looked at between chunks."""
_FIRST = 8
"""The first chunk is so many times smaller: it tells early what the answers will take on disk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a batch."""

    texts: int
    tokens: int
    """With padding; a single text may have more."""


def chunks(lengths: Sequence[int]) -> Iterator[range]:
    """Yield the places of the texts of each chunk, which follow each other.

    Args:
        lengths: tokens of each text.
    """
    start = tokens = 0
    share = _FIRST
    for place, length in enumerate(lengths):
        full = place - start >= _TEXTS // share or tokens + length > _TOKENS // share
        if full and place > start:
            yield range(start, place)
            start, tokens, share = place, 0, 1
        tokens += length
    if start < len(lengths):
        yield range(start, len(lengths))


def batches(places: Sequence[int], lengths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Return places in batches of like lengths, longest first: what does not fit in memory shows at once.

    Args:
        places: of texts.
        lengths: tokens of each text, by its place.
        limits: of a batch.
    """
    made: list[list[int]] = []
    longest = 0
    for place in sorted(places, key=lambda place: (-lengths[place], place)):
        room = made and len(made[-1]) < limits.texts and (len(made[-1]) + 1) * longest <= limits.tokens
        if room:
            made[-1].append(place)
        else:
            made.append([place])
            longest = lengths[place]
    return made
