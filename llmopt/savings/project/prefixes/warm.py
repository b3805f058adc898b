"""Calls by time against one provider's prompt cache: how much of each prompt is read, and how much is written.

One stream is one namespace: calls of one rule and one model. Streams do not know each other. A prefix is warm for as
long as some prompt that begins with it was sent within the time to live; sending it again starts that time anew.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from itertools import compress, count
from operator import and_

from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.sent import Sent
from llmopt.savings.project.prefixes.tree import ROOT, PrefixTree

_SAVED, _PAID = 18, 5
"""Nine tenths and a quarter, in twentieths."""
_MOST_KEPT = 8_000_000
"""Calls whose walk is kept, 4 bytes each."""


def breakpoints(
    tree: PrefixTree, at_us: Sequence[int], chains: Sequence[int], ttl_us: int, *, charged: bool
) -> array[int]:
    """Return where calls mark their prompts: at the longest prefix of which marking pays over the whole log.

    A call is warm at a prefix if a prompt that begins with it was sent at most `ttl_us` ago. Then it saves nine tenths
    of what the prefix costs; every other call pays a quarter more, where writes are charged. So marking pays if
    18 times the warm calls are more than 5 times the others. Factors of 0.1 and 1.25:
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing.

    Args:
        tree: with the prompts of all calls.
        at_us: when, ascending; calls that have a time.
        chains: of these calls, -1 where there is none.
        ttl_us: how long a prefix is kept after it was used last.
        charged: whether writes cost more than plain input.

    Returns:
        Node -> itself or the deepest node above it where marking pays; 0 (the root) where none is.
    """
    parents, sent = tree.parents, Sent(tree)
    calls, warm_calls = array("i", bytes(4 * len(tree))), array("i", bytes(4 * len(tree)))
    for now, chain in zip(at_us, chains, strict=True):
        if chain > ROOT:
            # It is warm at the deepest prefix that is, and at all above that.
            calls[chain] += 1
            warm_calls[sent.search(chain, now - ttl_us)] += 1
            sent.touch(chain, now)
    order = tree.shape().upwards
    for node in order:
        calls[parents[node]] += calls[node]
        warm_calls[parents[node]] += warm_calls[node]
    marks = array("i", bytes(4 * len(tree)))
    for node in reversed(order):
        warm_here = warm_calls[node]
        pays = _SAVED * warm_here > _PAID * (calls[node] - warm_here) if charged else warm_here > 0
        marks[node] = node if pays else marks[parents[node]]
    return marks


class Walks:
    """Walks calls through a provider's cache, and keeps where they led: tokens may differ and the walk be the same."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: OrderedDict[bytes, array[int]] = OrderedDict()
        self._kept_calls = 0

    def found(self, tree: PrefixTree, at_us: array[int], nodes: array[int], ttl_us: int) -> array[int]:
        """Return the deepest prefix of each call that was sent at most `ttl_us` before; the root for none.

        Args:
            tree: with the prompts; the same one at each call of this.
            at_us: when, ascending.
            nodes: what is sent: the whole prompt, or up to its breakpoint.
            ttl_us: how long a prefix is kept.
        """
        key = sha256(b"%d %d " % (ttl_us, len(nodes)) + at_us.tobytes() + nodes.tobytes()).digest()
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        self._known[key] = found = _walk(tree, at_us, nodes, ttl_us)
        self._kept_calls += len(found)
        while len(self._known) > 1 and self._kept_calls > _MOST_KEPT:
            self._kept_calls -= len(self._known.popitem(last=False)[1])
        return found


def _walk(tree: PrefixTree, at_us: array[int], nodes: array[int], ttl_us: int) -> array[int]:
    sent, found = Sent(tree), array("i", bytes(4 * len(nodes)))
    last, touch, search = sent.last, sent.touch, sent.search
    for number, (now, node) in enumerate(zip(at_us, nodes, strict=True)):
        found[number] = node if last[node] >= now - ttl_us else search(node, now - ttl_us)
        touch(node, now)
    return found


def warm(
    tree: PrefixTree,
    rule: PrefixRule,
    at_us: Sequence[int],
    chains: Sequence[int],
    totals: Sequence[int],
    marks: array[int] | None,
    ttl_us: int | None = None,
    walks: Walks | None = None,
) -> tuple[array[int], array[int]]:
    """Return (tokens read, tokens written) of each call of one stream.

    Args:
        tree: with the prompts.
        rule: of the stream.
        at_us: when, ascending.
        chains: number of the prompt; all known.
        totals: tokens of the prompt, all that a cache may hold.
        marks: what `breakpoints` returned for the whole log; where explicit rules cache up to; not for automatic ones.
        ttl_us: instead of the rule's.
        walks: those that are known already.
    """
    reads, writes = array("q", bytes(8 * len(chains))), array("q", bytes(8 * len(chains)))
    least, step, ends = rule.minimum_tokens, rule.increment_tokens, tree.ends
    marked = chains if marks is None or rule.automatic else array("i", map(marks.__getitem__, chains))
    most = (
        totals if marked is chains else map(_part, totals, map(ends.__getitem__, marked), map(ends.__getitem__, chains))
    )
    cached = bytes(map(and_, map(least.__le__, most), map(bool, marked)))
    turns, times, nodes = (
        array(kind, compress(column, cached)) for kind, column in (("i", count()), ("q", at_us), ("i", marked))
    )
    found = (walks or Walks()).found(tree, times, nodes, rule.ttl_us if ttl_us is None else ttl_us)
    for number, node, known in zip(turns, nodes, found, strict=True):
        if known or rule.writes_charged:
            total, end = totals[number], ends[chains[number]]
            read = total * ends[known] // end
            reads[number] = read = 0 if read < least else read - (read - least) % step
            if rule.writes_charged:
                whole = total * ends[node] // end
                writes[number] = whole - (whole - least) % step - read
    return reads, writes


def _part(total: int, end: int, whole: int) -> int:
    return total * end // whole if whole else 0
