from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.prefixes import warm as warming
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.prefixes.warm import Walks, breakpoints, warm
from tests.savings.project.prefixes.brute import PROMPTS, shared_bytes

SECOND = 1_000_000
OPENAI = PrefixRule("openai", 1024, 128, 300 * SECOND, automatic=True, writes_charged=False)
ANTHROPIC = PrefixRule("anthropic", 1024, 1, 300 * SECOND, automatic=False, writes_charged=True)
SYSTEM = b"s" * 8000


def replayed(
    rule: PrefixRule, calls: Sequence[tuple[int, list[bytes]]], totals: Sequence[int], ttl_us: int | None = None
) -> list[tuple[int, int]]:
    tree = PrefixTree()
    chains = [tree.add(prompt) for _, prompt in calls]
    at_us = [at for at, _ in calls]
    marks = breakpoints(tree, at_us, chains, rule.ttl_us if ttl_us is None else ttl_us, charged=rule.writes_charged)
    reads, writes = warm(tree, rule, at_us, chains, totals, marks, ttl_us)
    return list(zip(reads, writes, strict=True))


def test_a_shared_system_prompt_is_read_in_steps_of_128() -> None:
    calls = [(at * SECOND, [SYSTEM, b"%06d" % at]) for at in (0, 10, 400)]
    # 8000 of 8006 bytes are 2498 of 2500 tokens: 1024 and eleven steps of 128 are 2432.
    assert replayed(OPENAI, calls, [2500, 2500, 2500]) == [(0, 0), (2432, 0), (0, 0)]
    assert replayed(OPENAI, calls, [2500, 2500, 2500], 390 * SECOND) == [(0, 0), (2432, 0), (2432, 0)]


def test_sending_it_again_starts_the_time_anew() -> None:
    calls = [(at * SECOND, [SYSTEM, b"%06d" % at]) for at in (0, 200, 500, 801)]
    assert [read for read, _ in replayed(OPENAI, calls, [2500] * 4)] == [0, 2432, 2432, 0]


def test_below_the_minimum_nothing_is_kept() -> None:
    calls = [(at * SECOND, [SYSTEM]) for at in (0, 1, 2)]
    assert replayed(OPENAI, calls, [1023, 1024, 1024]) == [(0, 0), (0, 0), (1024, 0)]


def test_a_breakpoint_stands_where_calls_part_and_writes_are_charged() -> None:
    calls = [(0, [SYSTEM, b"%0500d" % 1]), (1, [SYSTEM, b"%0500d" % 2])]
    # 8000 of 8500 bytes and the zeros that both questions begin with (seven blocks of 64): 8448 of 8500.
    assert replayed(ANTHROPIC, calls, [8500, 8500]) == [(0, 8448), (8448, 0)]


def test_a_prompt_that_nobody_shares_gets_no_breakpoint() -> None:
    calls = [(0, [b"a" * 8000]), (1, [b"b" * 8000])]
    assert replayed(ANTHROPIC, calls, [2000, 2000]) == [(0, 0), (0, 0)]


def test_a_conversation_reads_what_it_has_said_and_writes_the_rest() -> None:
    turns = [b"%d" % turn * 4000 for turn in range(4)]
    calls = [(turn * SECOND, turns[: turn + 1]) for turn in range(4)]
    # The last turn goes on nowhere: its breakpoint is the end of the turn before.
    assert replayed(ANTHROPIC, calls, [1000 * turn for turn in (2, 4, 6, 8)]) == [
        (0, 2000),
        (2000, 2000),
        (4000, 2000),
        (6000, 0),
    ]


def test_a_shorter_prompt_is_warm_while_a_longer_one_is() -> None:
    calls = [(0, [SYSTEM]), (200 * SECOND, [SYSTEM, b"more"]), (450 * SECOND, [SYSTEM])]
    assert [read for read, _ in replayed(OPENAI, calls, [2048] * 3)] == [0, 1920, 2048]


@given(
    PROMPTS,
    st.data(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(1, 1), (50, 7), (100, 64)]),
    st.sampled_from([0, 3, 20]),
)
def test_replay_equals_brute_force(
    prompts: list[list[bytes]], data: st.DataObject, automatic: bool, charged: bool, steps: tuple[int, int], ttl: int
) -> None:
    rule = PrefixRule("made up", *steps, ttl, automatic, charged)
    times = sorted(data.draw(st.lists(st.integers(0, 50), min_size=1, max_size=25)))
    calls = [(at, data.draw(st.sampled_from(prompts))) for at in times]
    totals = [data.draw(st.integers(0, 400)) for _ in calls]
    assert replayed(rule, calls, totals) == list(brute(rule, calls, totals))


def brute(
    rule: PrefixRule, calls: Sequence[tuple[int, list[bytes]]], totals: Sequence[int]
) -> Sequence[tuple[int, int]]:
    sent: list[tuple[int, list[bytes], int]] = []
    found = []
    for (now, prompt), total in zip(calls, totals, strict=True):
        size = sum(map(len, prompt))
        mark = size if rule.automatic else breakpoint_bytes(prompt, calls, rule)
        most = rule.tokens(mark, size, total)
        if not most:
            found.append((0, 0))
            continue
        warm_bytes = [min(shared_bytes(prompt, old), end) for at, old, end in sent if now - at <= rule.ttl_us]
        read = rule.tokens(max(warm_bytes, default=0), size, total)
        found.append((read, most - read if rule.writes_charged else 0))
        sent.append((now, prompt, mark))
    return found


def breakpoint_bytes(prompt: list[bytes], calls: Sequence[tuple[int, list[bytes]]], rule: PrefixRule) -> int:
    """Return the end of the longest prefix, up to where the prompt parts from some call's, of which marking pays."""
    ends = {shared_bytes(prompt, other) for _, other in calls} - {0}
    for end in sorted(ends, reverse=True):
        times = [at for at, other in calls if shared_bytes(prompt, other) >= end]
        warm_calls = sum(now - before <= rule.ttl_us for before, now in pairwise(times))
        others = len(times) - warm_calls
        if 18 * warm_calls > 5 * others if rule.writes_charged else warm_calls:
            return end
    return 0


def test_marking_must_pay_over_the_whole_log() -> None:
    days = [day * 86_400 * SECOND for day in range(4)]
    once_a_day = [(at, [SYSTEM]) for at in days]
    assert replayed(ANTHROPIC, once_a_day, [2500] * 4) == [(0, 0)] * 4
    # One of five is read: 18 < 5 * 4; one of four: 18 > 5 * 3.
    twice = sorted([*once_a_day, (days[1] + SECOND, [SYSTEM])])
    assert replayed(ANTHROPIC, twice, [2500] * 5) == [(0, 0)] * 5
    assert replayed(ANTHROPIC, twice[1:], [2500] * 4) == [(0, 2500), (2500, 0), (0, 2500), (0, 2500)]
    free = replace(ANTHROPIC, writes_charged=False)
    assert replayed(free, twice, [2500] * 5) == [(0, 0), (0, 0), (2500, 0), (0, 0), (0, 0)]


def test_the_breakpoint_is_the_deepest_that_pays() -> None:
    # The long prompt comes back too late, what it begins with does not.
    long = [SYSTEM, b"d" * 4000]
    calls = [(at * SECOND, [SYSTEM, b"%d" % at]) for at in range(0, 1000, 100)]
    calls = sorted([*calls, (50 * SECOND, long), (650 * SECOND, long)])
    found = replayed(ANTHROPIC, calls, [sum(map(len, prompt)) for _, prompt in calls])
    assert found == [(0, 8000), *[(8000, 0)] * 11]


@pytest.mark.parametrize("ttl_s", [0, 3, 40])
def test_long_conversations_with_side_ways_equal_brute_force(ttl_s: int) -> None:
    random, said, calls = Random(ttl_s), [b"%064d" % turn for turn in range(40)], []
    for at in range(120):
        turns = random.randrange(1, 41)
        aside = [b"aside %058d" % random.randrange(4)] if random.random() < 0.4 else []
        calls.append((at // 2, [*said[:turns], *aside]))
    rule = PrefixRule("made up", 64, 1, ttl_s, automatic=ttl_s == 3, writes_charged=True)
    totals = [sum(map(len, prompt)) for _, prompt in calls]
    assert replayed(rule, calls, totals) == list(brute(rule, calls, totals))


@pytest.mark.parametrize(("of_bytes", "tokens"), [(0, 0), (1023, 0), (1024, 1024), (1151, 1024), (1152, 1152)])
def test_tokens_of_a_prefix(of_bytes: int, tokens: int) -> None:
    assert OPENAI.tokens(of_bytes, 4000, 4000) == tokens


def test_tokens_of_an_empty_prompt() -> None:
    assert OPENAI.tokens(0, 0, 5000) == 0


def test_a_walk_is_known_again_where_only_tokens_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, walks = PrefixTree(), Walks()
    nodes = array("i", [tree.add([b"s" * 6400, text]) for text in (b"a", b"b")])
    at_us = array("q", [0, 1])
    first = walks.found(tree, at_us, nodes, 5)
    assert list(first) == [0, tree.parents[nodes[0]]]
    assert walks.found(tree, array("q", at_us), array("i", nodes), 5) is first
    assert list(walks.found(tree, at_us, nodes, 0)) == [0, 0]
    assert list(walks.found(tree, array("q", [0, 9]), nodes, 5)) == [0, 0]
    monkeypatch.setattr(warming, "_MOST_KEPT", 2)
    walks.found(tree, at_us, nodes, 4)
    again = walks.found(tree, at_us, nodes, 5)
    assert again == first
    assert again is not first
