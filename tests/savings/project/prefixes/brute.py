"""Prompts by their blocks, one at a time: what the tree must agree with."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_PARTS = [letter * size for letter in (b"a", b"b", b"c") for size in (1, 63, 64, 65, 200)]
PROMPTS = st.lists(st.lists(st.sampled_from(_PARTS), max_size=6), min_size=1, max_size=12)
"""Rows of parts that have much in common."""


def blocks_of(parts: Sequence[bytes]) -> list[bytes]:
    """Return the blocks of a prompt."""
    return [part[at : at + 64] for part in parts for at in range(0, len(part), 64)]


def shared_bytes(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return the bytes of the first blocks that are equal."""
    size = 0
    for mine, its in zip(blocks_of(one), blocks_of(other), strict=False):
        if mine != its:
            break
        size += len(mine)
    return size
