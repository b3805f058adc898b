"""Provider prompt caches: tokens a second of putting prompts into the tree of prefixes and replaying a log over it.

Shapes: shared system prompts, agent conversations that grow, retrieved documents behind a head that varies, a clock at
the head of a system prompt, tools in a varying order, unique prompts. Each is built from decoded requests, as a log
gives them, with the search for templates that part too early, and replayed with an automatic and an explicit rule, as
`llmopt project --prompt-cache auto` does; four bytes are a token. A token trie of dictionaries in plain Python stands
beside. A part of every shape is checked against a replay that compares each prompt with all earlier ones; the exit code
is 1 if one call differs. Prints a table; the last line is one JSON object.

    python benchmarks/prefixes.py [--tokens 4000000] [--rounds 3] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import cpu_count
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.prefixes_data import SHAPES, Request, Words
from llmopt.savings.project.prefixes.divergence import TemplateFinder
from llmopt.savings.project.prefixes.parts import parts_of
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import BLOCK_BYTES, PrefixTree
from llmopt.savings.project.prefixes.warm import breakpoints, warm

SECOND_US = 1_000_000
AUTOMATIC = PrefixRule("automatic", 1024, 128, 300 * SECOND_US, automatic=True, writes_charged=False)
EXPLICIT = PrefixRule("explicit", 1024, 1, 300 * SECOND_US, automatic=False, writes_charged=True)
GOAL_TOKENS_PER_S = 10_000_000
BYTES_A_TOKEN = 4
CHECKED = 120
"""Calls of each shape that are checked by brute force."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One shape, measured; CPU seconds of each round."""

    size_bytes: int
    calls: int
    nodes: int
    build_s: list[float]
    """Parts and tree."""
    search_s: list[float]
    """Looking for templates that part too early."""
    replay_s: list[float]
    """Breakpoints and both rules."""
    trie_s: float
    """The token trie, one rule, on a tenth of the calls, times ten."""
    wrong: int

    @property
    def tokens(self) -> int:
        """Of all prompts."""
        return self.size_bytes // BYTES_A_TOKEN

    @property
    def whole_s(self) -> float:
        """Of all three, in the median round."""
        return median(map(sum, zip(self.build_s, self.search_s, self.replay_s, strict=True)))


def main() -> None:
    """Measure every shape, print the table."""
    parser = argparse.ArgumentParser(description="Time the replay of provider prompt caches.")
    parser.add_argument("--tokens", type=int, default=4_000_000, help="of each shape, at least")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    timed = {name: measure(shape(Words(options.seed)), options) for name, shape in SHAPES.items()}
    titles = f"{'Mtok/s':>7} {'MB/s':>6} {'x trie':>7} {'build':>6} {'search':>6} {'replay':>6} {'wrong':>5}"
    print(f"{'shape':14} {'tokens':>11} {'calls':>7} {'nodes':>7} {titles}")
    for name, one in timed.items():
        parts = " ".join(f"{median(each):>6.3f}" for each in (one.build_s, one.search_s, one.replay_s))
        print(
            f"{name:14} {one.tokens:>11,} {one.calls:>7,} {one.nodes:>7,} {one.tokens / one.whole_s / 1e6:>7.1f}"
            f" {one.size_bytes / one.whole_s / 1e6:>6.0f} {one.trie_s / one.whole_s:>7.1f} {parts} {one.wrong:>5}"
        )
    result = {
        "benchmark": "prefixes",
        "tokens_per_s": {name: one.tokens / one.whole_s for name, one in timed.items()},
        "bytes_per_s": {name: one.size_bytes / one.whole_s for name, one in timed.items()},
        "ratio_to_trie": {name: one.trie_s / one.whole_s for name, one in timed.items()},
        "raw_cpu_s": {
            name: {"build": one.build_s, "search": one.search_s, "replay": one.replay_s} for name, one in timed.items()
        },
        "goal_tokens_per_s": GOAL_TOKENS_PER_S,
        "met": all(one.tokens / one.whole_s >= GOAL_TOKENS_PER_S for one in timed.values()),
        "wrong": sum(one.wrong for one in timed.values()),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "python": platform.python_version(),
        "processors": cpu_count(),
        "seed": options.seed,
    }
    print(json.dumps(result))
    sys.exit(1 if result["wrong"] else 0)


def measure(requests: Iterator[Request], options: argparse.Namespace) -> Timed:
    """Take requests until there are enough tokens, and time what is done with them."""
    taken: list[Request] = []
    sizes: list[int] = []
    while sum(sizes) < options.tokens * BYTES_A_TOKEN or len(taken) < CHECKED:
        batch = [next(requests) for _ in range(CHECKED)]
        taken += batch
        sizes += [sum(map(len, parts_of(request))) for request in batch]
    totals = [size // BYTES_A_TOKEN for size in sizes]
    at_us = [number * SECOND_US // 2 for number in range(len(taken))]
    rounds = [_round(taken, totals, at_us) for _ in range(options.rounds)]
    build_s, search_s, replay_s, nodes = map(list, zip(*rounds, strict=True))
    trie_s = 10 * _trie_s(taken[: max(1, len(taken) // 10)], totals, at_us)
    wrong = _wrong(taken[:CHECKED], totals[:CHECKED], at_us[:CHECKED])
    return Timed(sum(sizes), len(taken), int(nodes[0]), build_s, search_s, replay_s, trie_s, wrong)


def _round(requests: Sequence[Request], totals: Sequence[int], at_us: Sequence[int]) -> tuple[float, float, float, int]:
    """Return CPU seconds of the build, of the search and of the replay, and how many nodes there are."""
    tree = PrefixTree()
    finder = TemplateFinder(tree)
    shown: set[int] = set()
    chains, search_ns = [], 0
    began = process_time_ns()
    for number, request in enumerate(requests):
        parts = parts_of(request)
        chain = tree.add(parts)
        chains.append(chain)
        if chain not in shown:
            shown.add(chain)
            start = process_time_ns()
            finder.see(parts, chain, "gpt-4o", f"log:{number}")
            search_ns += process_time_ns() - start
    built = process_time_ns()
    finder.finish()
    finished = process_time_ns()
    for rule in (AUTOMATIC, EXPLICIT):
        _replay(tree, rule, at_us, chains, totals)
    replayed = process_time_ns()
    build_ns, search_ns = built - began - search_ns, finished - built + search_ns
    return build_ns / 1e9, search_ns / 1e9, (replayed - finished) / 1e9, len(tree)


def _replay(
    tree: PrefixTree, rule: PrefixRule, at_us: Sequence[int], chains: Sequence[int], totals: Sequence[int]
) -> tuple[Sequence[int], Sequence[int]]:
    marks = None if rule.automatic else breakpoints(tree, at_us, chains, rule.ttl_us, charged=rule.writes_charged)
    return warm(tree, rule, at_us, chains, totals, marks)


def _trie_s(requests: Sequence[Request], totals: Sequence[int], at_us: Sequence[int]) -> float:
    """Replay over a trie with a dictionary for each token; tokens are cut evenly, as no tokenizer is timed here."""
    prompts = []
    for request, total in zip(requests, totals, strict=False):
        text = b"".join(parts_of(request))
        step = max(1, len(text) // max(1, total))
        prompts.append([text[at : at + step] for at in range(0, len(text), step)])
    began = process_time_ns()
    root: dict[bytes, Any] = {}
    for now, tokens in zip(at_us, prompts, strict=False):
        node, read = root, 0
        for place, token in enumerate(tokens):
            entry = node.get(token)
            if entry is None:
                entry = node[token] = [now, {}]
            elif now - entry[0] <= AUTOMATIC.ttl_us and read == place:
                read = place + 1
            entry[0] = now
            node = entry[1]
    return (process_time_ns() - began) / 1e9


def _wrong(requests: Sequence[Request], totals: Sequence[int], at_us: Sequence[int]) -> int:
    """Return how many calls differ from a replay that compares each prompt with all earlier ones."""
    tree = PrefixTree()
    prompts = [_blocks(parts_of(request)) for request in requests]
    chains = [tree.add(parts_of(request)) for request in requests]
    wrong = 0
    for rule in (AUTOMATIC, EXPLICIT):
        reads, writes = _replay(tree, rule, at_us, chains, totals)
        expected = _brute(rule, prompts, totals, at_us)
        wrong += sum(pair != (read, write) for pair, read, write in zip(expected, reads, writes, strict=True))
    return wrong


def _brute(
    rule: PrefixRule, prompts: Sequence[list[bytes]], totals: Sequence[int], at_us: Sequence[int]
) -> Iterator[tuple[int, int]]:
    sent: list[tuple[int, list[bytes], int]] = []
    for now, prompt, total in zip(at_us, prompts, totals, strict=True):
        size = sum(map(len, prompt))
        mark = size if rule.automatic else _mark(prompt, rule, prompts, at_us)
        most = rule.tokens(mark, size, total)
        held = (min(_shared(prompt, old), end) for at, old, end in sent if now - at <= rule.ttl_us)
        read = rule.tokens(max(held, default=0), size, total) if most else 0
        yield read, most - read if rule.writes_charged else 0
        if most:
            sent.append((now, prompt, mark))


def _mark(prompt: list[bytes], rule: PrefixRule, prompts: Sequence[list[bytes]], at_us: Sequence[int]) -> int:
    """Return the end of the longest prefix of which marking pays; writes are charged."""
    shared = [_shared(prompt, other) for other in prompts]
    for end in sorted(set(shared) - {0}, reverse=True):
        times = [at for at, size in zip(at_us, shared, strict=True) if size >= end]
        held = sum(now - before <= rule.ttl_us for before, now in pairwise(times))
        if 18 * held > 5 * (len(times) - held):
            return end
    return 0


def _blocks(parts: Sequence[bytes]) -> list[bytes]:
    return [part[at : at + BLOCK_BYTES] for part in parts for at in range(0, len(part), BLOCK_BYTES)]


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    size = 0
    for mine, its in zip(one, other, strict=False):
        if mine != its:
            break
        size += len(mine)
    return size


if __name__ == "__main__":
    main()
