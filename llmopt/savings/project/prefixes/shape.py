"""The form of a finished tree of prefixes, as arrays by node: what a replay asks at every call.

The tree is cut into paths: each node goes on to the node below it that has most nodes below itself, so that whoever
climbs from any node to the root leaves at most log2(nodes) paths (heavy paths: D. D. Sleator and R. E. Tarjan, A Data
Structure for Dynamic Trees, Journal of Computer and System Sciences 26, 1983). A conversation of a thousand turns is
one path, or nearly so.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

ROOT = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """What lies below and above each node."""

    upwards: array[int]
    """All nodes but the root, each before the node above it."""
    top: array[int]
    """Node -> the first node of its path; the root is on no path."""


def shape_of(parents: array[int], ends: array[int]) -> Shape:
    """Return the form of a tree.

    Args:
        parents: node -> the node above it, -1 for the root, which is node 0.
        ends: node -> bytes to its end; more than those of the node above it.
    """
    upwards = array("i", sorted(range(ROOT + 1, len(parents)), key=ends.__getitem__, reverse=True))
    sizes, heavy = array("i", [1]) * len(parents), array("i", [ROOT]) * len(parents)
    for node in upwards:
        above = parents[node]
        sizes[above] += sizes[node]
        if sizes[node] > sizes[heavy[above]] or heavy[above] == ROOT:
            heavy[above] = node
    top = array("i", [ROOT]) * len(parents)
    for node in reversed(upwards):
        above = parents[node]
        top[node] = top[above] if above and heavy[above] == node else node
    return Shape(upwards, top)
