"""Prompts of a log by what they have in common: a radix tree over hashes of their blocks. No texts are kept.

A prompt is a row of parts (tools, system, messages); a part is cut into blocks of 64 bytes from its beginning, its last
one shorter. Two prompts share what their first equal blocks hold, so a common prefix is found to 64 bytes within a part
and exactly at its end. Every place where two prompts part is a node, and so is the end of every prompt: the longest
prefix that a prompt shares with any other is always one of its own nodes.

The tree is that of D. R. Morrison, PATRICIA (Journal of the ACM 15, 1968). A block is known by Python's keyed 64-bit
hash (SipHash): in one log of 300,000 two of ten million blocks have one by chance, and hardly ever in the same place.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from llmopt.savings.project.prefixes.shape import ROOT, Shape, shape_of

__all__ = ["BLOCK_BYTES", "ROOT", "PrefixTree"]

BLOCK_BYTES = 64
"""Some 16 tokens of English."""
_WORD = 1 << 64
_LOW = _WORD - 1


class PrefixTree:
    """Nodes by number; a parent may have a higher number than its child."""

    __slots__ = ("_children", "_first", "_length", "_sealed", "_shape", "_tape", "ends", "parents")

    def __init__(self) -> None:
        self.parents: array[int] = array("i", [-1])
        """Node -> the node above it; -1 for the root."""
        self.ends: array[int] = array("q", [0])
        """Node -> bytes from the beginning of the prompt to its end."""
        self._tape: array[int] = array("q")
        """Hashes of blocks; what a prompt shares with an earlier one is not written again."""
        self._first: array[int] = array("q", [0])
        """Node -> where its blocks begin on the tape."""
        self._length: array[int] = array("i", [0])
        """Node -> how many blocks it adds to the node above it."""
        self._sealed = False
        self._shape: Shape | None = None
        self._children: dict[int, int] = {}
        """(number of a node, hash of the first block below it) as one number -> the node there."""

    def __len__(self) -> int:
        return len(self.parents)

    def add(self, parts: Sequence[bytes]) -> int:
        """Return the number of the chain of a prompt: its last node. Equal prompts have one number, for good.

        Raises:
            RuntimeError: the tree is sealed.
        """
        if self._sealed:
            raise RuntimeError("the tree of prefixes is sealed")
        blocks = array("q", _hashes(parts))
        count, at, node = len(blocks), 0, ROOT
        while at < count:
            key = node * _WORD + (blocks[at] & _LOW)
            below = self._children.get(key)
            if below is None:
                return self._append(node, blocks, at, sum(map(len, parts)))
            shared = self._shared(below, blocks, at)
            if shared < self._length[below]:
                below = self._split(below, shared, key, _end(parts, at + shared))
            node, at = below, at + shared
        return node

    def seal(self) -> None:
        """Let go of what only `add` needs, most of the memory; nothing can be added after that."""
        self._sealed = True
        self._children.clear()
        del self._tape[:], self._first[:], self._length[:]

    def chain(self, number: int) -> tuple[tuple[int, int], ...]:
        """Return (node, end in bytes) of every node of a chain, shortest prefix first, the root left out."""
        nodes = []
        while number > ROOT:
            nodes.append((number, self.ends[number]))
            number = self.parents[number]
        return tuple(reversed(nodes))

    def shape(self) -> Shape:
        """Return the form of the tree as it is now; kept until it grows."""
        if self._shape is None or len(self._shape.top) < len(self):
            self._shape = shape_of(self.parents, self.ends)
        return self._shape

    def _append(self, above: int, blocks: array[int], at: int, end: int) -> int:
        """Hang the blocks from `at` on below a node."""
        node = len(self.parents)
        self._children[above * _WORD + (blocks[at] & _LOW)] = node
        self.parents.append(above)
        self.ends.append(end)
        self._first.append(len(self._tape))
        self._length.append(len(blocks) - at)
        self._tape.extend(blocks[at:] if at else blocks)
        return node

    def _shared(self, node: int, blocks: array[int], at: int) -> int:
        """Return how many of a node's blocks are those from `at` on."""
        tape, first = self._tape, self._first[node]
        most = min(self._length[node], len(blocks) - at)
        if tape[first : first + most] == blocks[at : at + most]:
            return most
        least = 1
        while most - least > 1:
            middle = (least + most) // 2
            if tape[first + least : first + middle] == blocks[at + least : at + middle]:
                least = middle
            else:
                most = middle
        return least

    def _split(self, node: int, count: int, key: int, end: int) -> int:
        """Put a node above another that takes over its first blocks."""
        upper, first = len(self.parents), self._first[node]
        self.parents.append(self.parents[node])
        self.ends.append(end)
        self._first.append(first)
        self._length.append(count)
        self.parents[node] = upper
        self._first[node] = first + count
        self._length[node] -= count
        self._children[key] = upper
        self._children[upper * _WORD + (self._tape[first + count] & _LOW)] = node
        return upper


def _hashes(parts: Sequence[bytes]) -> list[int]:
    found: list[int] = []
    for part in parts:
        size = len(part)
        if size > BLOCK_BYTES:
            found += [hash(part[at : at + BLOCK_BYTES]) for at in range(0, size, BLOCK_BYTES)]
        elif size:
            found.append(hash(part))
    return found


def _end(parts: Sequence[bytes], blocks: int) -> int:
    """Return how many bytes the first blocks of a prompt have."""
    end = 0
    for part in parts:
        own = -(-len(part) // BLOCK_BYTES)
        if blocks < own:
            return end + blocks * BLOCK_BYTES
        end, blocks = end + len(part), blocks - own
    return end
