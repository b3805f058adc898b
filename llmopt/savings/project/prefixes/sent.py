"""When each prefix of a log was last sent, kept so that a call costs little however long its conversation is.

On a path of the tree (see `shape`) every prompt goes down to some node and leaves there. What was sent later and went
further down hides what was sent before it; what is left is a queue from the deepest and oldest node to the shallowest
and newest. What is too old falls off its front, so the front is the deepest prefix of the path that is still warm. It
is the queue of sliding maxima, once a path, linked through arrays: most paths of a large log hold one node.
"""

from __future__ import annotations

from array import array

from llmopt.savings.project.prefixes.tree import ROOT, PrefixTree

_NEVER = -(2**63)


class Sent:
    """Prompts by time. Times must not fall, and `since` must not either."""

    __slots__ = ("_above", "_deeper", "_ends", "_newest", "_oldest", "_shallower", "_top", "last")

    def __init__(self, tree: PrefixTree) -> None:
        """Begin with nothing sent.

        Args:
            tree: with all prompts that will be sent.
        """
        self._above, self._ends, self._top = tree.parents, tree.ends, tree.shape().top
        none = array("i", [ROOT]) * len(tree)
        self._newest, self._oldest = none[:], none[:]
        """Top of a path -> ends of its queue; the root for an empty one."""
        self._deeper, self._shallower = none[:], none[:]
        """Node in a queue -> the next one."""
        self.last: array[int] = array("q", [_NEVER]) * len(tree)
        """Node -> when a prompt last left its path there: it was sent then, and perhaps again since."""

    def touch(self, node: int, now: int) -> None:
        """Mark what is sent now: a prompt, or the part of it up to its breakpoint."""
        last, top, above, newest = self.last, self._top, self._above, self._newest
        while node:
            last[node] = now
            path = top[node]
            if newest[path] != node:
                self._queue(path, node)
            node = above[path]

    def search(self, node: int, since: int) -> int:
        """Return the deepest prefix, of those up to a node, that was sent since a time; the root for none."""
        top, above, oldest, last, ends = self._top, self._above, self._oldest, self.last, self._ends
        while node:
            path = top[node]
            front = oldest[path]
            if front and last[front] < since:
                front = self._drop(path, front, since)
            if front:
                return node if ends[front] >= ends[node] else front
            node = above[path]
        return ROOT

    def _queue(self, path: int, node: int) -> None:
        """Put a node behind the deeper ones of its path, in the place of the others."""
        end, ends, deeper = self._ends[node], self._ends, self._deeper
        before = self._newest[path]
        while before and ends[before] <= end:
            before = deeper[before]
        deeper[node], self._shallower[node] = before, ROOT
        if before:
            self._shallower[before] = node
        else:
            self._oldest[path] = node
        self._newest[path] = node

    def _drop(self, path: int, front: int, since: int) -> int:
        """Take what is too old from the front of a queue, and return what is there then."""
        last, shallower = self.last, self._shallower
        while front and last[front] < since:
            front = shallower[front]
        self._oldest[path] = front
        if front:
            self._deeper[front] = ROOT
        else:
            self._newest[path] = ROOT
        return front
