"""Calls by time against one provider's prompt cache: how much of each prompt is read, and how much is written.

One stream is one namespace: calls of one rule and one model. Streams do not know each other. A prefix is warm for as
long as some prompt that begins with it was sent within the time to live; sending it again starts that time anew.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.sent import Sent
from llmopt.savings.project.prefixes.tree import ROOT, PrefixTree

_SAVED, _PAID = 18, 5
"""Nine tenths and a quarter, in twentieths."""


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


def warm(
    tree: PrefixTree,
    rule: PrefixRule,
    at_us: Sequence[int],
    chains: Sequence[int],
    totals: Sequence[int],
    marks: array[int] | None,
    ttl_us: int | None = None,
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
    """
    reads, writes = array("q", bytes(8 * len(chains))), array("q", bytes(8 * len(chains)))
    ttl = rule.ttl_us if ttl_us is None else ttl_us
    least, step, charged = rule.minimum_tokens, rule.increment_tokens, rule.writes_charged
    ends, sent = tree.ends, Sent(tree)
    last, touch, search = sent.last, sent.touch, sent.search
    cached = chains if marks is None or rule.automatic else array("i", map(marks.__getitem__, chains))
    for number, (now, chain, node, total) in enumerate(zip(at_us, chains, cached, totals, strict=True)):
        if total < least or not node:
            continue
        end = ends[chain]
        most = total if node == chain else total * ends[node] // end
        if most < least:
            continue
        found = node if last[node] >= now - ttl else search(node, now - ttl)
        touch(node, now)
        read = 0
        if found:
            read = most if found == node else total * ends[found] // end
            reads[number] = read = 0 if read < least else read - (read - least) % step
        if charged:
            writes[number] = most - (most - least) % step - read
    return reads, writes
