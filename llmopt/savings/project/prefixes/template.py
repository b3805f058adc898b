"""Find the fixed text of templates in a sample of prompts: the pieces that nearly all prompts of a group hold.

A group is the prompts that hold one piece; the piece is the one that makes up most of the sample (its bytes times the
prompts that hold it) among those that a fair share of the sample holds: documents that come up now and then are no
template. What is left of the sample is looked at again. Fixed text has an order, that of the fullest prompt; tools come
sorted, as what counts of their order is only that it stays.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pieces = list[bytes]
"""A text, cut at the ends of lines and sentences."""
_ANCHOR_BYTES = 24
"""A shorter piece may stand in prompts of any template."""
_FAIR_SHARE = 0.05
"""Of the sample, that holds a piece of a template; three prompts at least."""
_NEARLY_ALL = 0.9
"""Share of the prompts of a group that hold what counts as fixed."""
_MOST = 0.8
"""Share of the fixed text that a prompt of the template holds."""
_WORTH_BYTES = 256
"""Fixed text behind the first difference that is worth moving; some 64 tokens, the least that any provider caches."""
_ROLE = re.compile(r"^\n(\w+)\n")
_AROUND = 48
"""Characters shown before and behind the place."""


@dataclass(frozen=True, slots=True)
class Head:
    """A prompt up to the first answer."""

    pieces: Pieces
    """Tools first, sorted, one a piece."""
    tools: bytes
    """As they were sent."""
    count: int
    """How many tools there are."""

    def text(self) -> bytes:
        """Return it as it was sent."""
        return self.tools + b"".join(self.pieces[self.count :])


@dataclass(frozen=True, slots=True)
class Wording:
    """The fixed text of a template."""

    anchor: bytes
    """A piece that all its prompts hold."""
    ranks: Mapping[bytes, int]
    """Fixed piece -> its place among them."""
    fixed_bytes: int
    at_bytes: int
    """Bytes before the first difference."""
    text: str
    """What stands there."""

    def reorder(self, pieces: Pieces) -> tuple[bytes, bytes, bytes] | None:
        """Return (fixed text, what comes behind it, what stood amid it) of a prompt; None if it is none of these."""
        first: dict[bytes, int] = {}
        for number, piece in enumerate(pieces):
            if piece in self.ranks:
                first.setdefault(piece, number)
        if sum(map(len, first)) < _MOST * self.fixed_bytes:
            return None
        places = set(first.values())
        end = max(places) + 1
        amid = (piece for number, piece in enumerate(pieces[:end]) if number not in places)
        fixed: list[bytes] = sorted(first, key=self.ranks.__getitem__)
        return b"".join(fixed), b"".join(pieces[end:]), b"".join(amid)


def learn(sample: Sequence[Head]) -> list[tuple[Wording, int]]:
    """Return the wordings that part too early, each with the number of a prompt of it; commonest first."""
    held = [set(head.pieces) for head in sample]
    left = list(range(len(sample)))
    least = max(min(3, len(sample)), math.ceil(_FAIR_SHARE * len(sample)))
    held_by = Counter(piece for pieces in held for piece in pieces if len(piece) >= _ANCHOR_BYTES)
    common = Counter({piece: count for piece, count in held_by.items() if count >= least})
    found = []
    while len(left) >= max(2, least):
        anchor = _anchor(common, least)
        if anchor is None:
            break
        group = [number for number in left if anchor in held[number]]
        wording = _wording(anchor, [sample[number] for number in group], [held[number] for number in group])
        if wording is not None:
            found.append((wording, group[0]))
        gone = set(group)
        left = [number for number in left if number not in gone]
        common.subtract(piece for number in group for piece in held[number] & common.keys())
    return found


def _anchor(common: Mapping[bytes, int], least: int) -> bytes | None:
    """Return the piece, held by at least so many prompts, that makes up most of them all."""
    several = [(count * len(piece), piece) for piece, count in common.items() if count >= least]
    return max(several)[1] if several else None


def _wording(anchor: bytes, group: Sequence[Head], held: Sequence[set[bytes]]) -> Wording | None:
    """Return the fixed text of a group of prompts; None where moving the rest would gain little."""
    counts = Counter(piece for pieces in held for piece in pieces)
    fixed = {piece for piece, count in counts.items() if count >= _NEARLY_ALL * len(group)}
    fullest = max(range(len(group)), key=lambda number: len(held[number] & fixed))
    order = dict.fromkeys(piece for piece in group[fullest].pieces if piece in fixed)
    ranks = {piece: rank for rank, piece in enumerate((*order, *sorted(fixed - order.keys())))}
    fixed_bytes = sum(map(len, fixed))
    at_bytes, text = _parting(group, ranks)
    if fixed_bytes - at_bytes < _WORTH_BYTES or not any(head.text() != group[0].text() for head in group):
        return None
    return Wording(anchor, ranks, fixed_bytes, at_bytes, _around(text, at_bytes))


def _parting(group: Sequence[Head], ranks: Mapping[bytes, int]) -> tuple[int, bytes]:
    """Return how many bytes the prompts of a group share, typically, and one of them."""
    (usual, count), *others = Counter(head.tools for head in group).most_common(2)
    if others and count < _NEARLY_ALL * len(group):
        texts = [usual, others[0][0]]
        text = next(head.text() for head in group if head.tools == usual)
    else:
        places = [_before(head.pieces, ranks) for head in group]
        at_bytes = sorted(places)[len(places) // 2]
        texts = [head.text() for place, head in zip(places, group, strict=True) if place == at_bytes]
        text = texts[0]
        if len(set(texts)) == 1:
            return at_bytes, text
    return _common(texts), text


def _before(pieces: Pieces, ranks: Mapping[bytes, int]) -> int:
    """Return how many bytes stand before the first piece that differs, or is out of order."""
    size, gap, wanted = 0, 0, 0
    seen: set[bytes] = set()
    for piece in pieces:
        rank = ranks.get(piece)
        if rank is None:
            return size
        if piece not in seen:
            seen.add(piece)
            if rank < wanted:
                return gap
            if rank > wanted and not gap:
                gap = size
            wanted = rank + 1
        size += len(piece)
    return size


def _common(texts: Sequence[bytes]) -> int:
    """Return how many bytes texts share from the beginning, whole characters only."""
    first, last = min(texts), max(texts)
    size, most = 0, len(first)
    while size < most:
        middle = (size + most + 1) // 2
        size, most = (middle, most) if first[:middle] == last[:middle] else (size, middle - 1)
    while size and last[size : size + 1] and last[size] & 0xC0 == 0x80:
        size -= 1
    return size


def _around(text: bytes, at: int) -> str:
    before = text[max(0, at - 4 * _AROUND) : at].decode("utf-8", "replace")[-_AROUND:]
    before = _ROLE.sub(r"\1: ", before)
    behind = text[at : at + 4 * _AROUND].decode("utf-8", "replace")[:_AROUND]
    return " ".join(f"{before}{behind}".split())
