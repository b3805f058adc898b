"""The response cache and the provider's prompt cache alone against brute force, with instants that fall together."""

from __future__ import annotations

import random
from array import array

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmopt.cost.call_columns import KEPT, NO_TIME, UNTIMED, CallColumns, Kind
from llmopt.savings.project.hits import HIT, NOT, SHARED, outcomes
from llmopt.savings.project.plan import CacheLever
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.prefixes.warm import breakpoints, warm
from llmopt.savings.project.requests import HASHED, READS_MORE, SAMPLES, UNKNOWN_SETTINGS, Requests
from tests.savings.project.oracle import BLOCK, Store, lcp, worth_marking

LABELS: tuple[dict[str, str], ...] = ({}, {"team": "a"}, {"team": "b", "shop": "1"})


def drawn_columns(rng: random.Random, span_us: int, keys: int) -> CallColumns:
    timed, untimed = rng.randint(1, 60), rng.randint(0, 3)
    count = timed + untimed
    return CallColumns(
        at_us=array("q", [*sorted(rng.randrange(span_us) for _ in range(timed)), *[NO_TIME] * untimed]),
        kind=array("i", [0] * count),
        request=array("i", rng.choices([-1, *[*range(keys)] * 3], k=count)),
        usage={},
        took_us=array("q", rng.choices([0, 0, 1, 3, span_us // 3, span_us], k=count)),
        answer_bytes=array("q", rng.choices([1, 5, 10, 30], k=count)),
        flags=array("B", [rng.choice([0, KEPT, KEPT, KEPT]) | UNTIMED * (n >= timed) for n in range(count)]),
        label=array("i", rng.choices(range(len(LABELS)), k=count)),
        kinds=[Kind("m", None, "default", None, 0, None)],
        labels=list(LABELS),
    )


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_cache_answers_what_the_simplest_one_does(seed: int) -> None:
    rng = random.Random(seed)
    ttl_us, size_bytes = rng.choice([1, 2, 5, 20, 100, 5000]), rng.choice([None, None, 1, 10, 30, 60])
    keys = rng.randint(1, 8)
    columns = drawn_columns(rng, rng.choice([5, 30, 1000]), keys)
    requests = Requests(
        canonical=array("i", [rng.choice([key, key, key, 0, -1]) for key in range(keys)]),
        flags=array("B", rng.choices([0, 0, 0, SAMPLES, UNKNOWN_SETTINGS, READS_MORE, HASHED], k=keys)),
    )
    lever = CacheLever(ttl_us / 1e6, size_bytes, rng.choice(["team", "", "shop"]), rng.random() < 0.3)
    store, wanted = Store(ttl_us, size_bytes), list[bool | None]()
    for call, asked in enumerate(columns.request):
        key = -1 if asked < 0 or columns.at_us[call] == NO_TIME else requests.canonical[asked]
        bits = requests.flags[asked]
        if key < 0 or bits & READS_MORE or (lever.only_deterministic and bits & (SAMPLES | UNKNOWN_SETTINGS)):
            wanted.append(None)
            continue
        whose = columns.labels[columns.label[call]].get(lever.tenant, "")
        at_us, took_us, size = columns.at_us[call], columns.took_us[call], columns.answer_bytes[call]
        wanted.append(store.ask((key, whose), at_us, took_us, size, kept=bool(columns.flags[call] & KEPT)))
    found = [None if came == NOT else came in (HIT, SHARED) for came in outcomes(columns, requests, lever)]
    assert found == wanted


def drawn_prompt(rng: random.Random) -> list[bytes]:
    letters = [bytes([letter]) * BLOCK for letter in b"abc"[: rng.randint(1, 3)]]
    parts = [b"".join(rng.choices(letters, k=rng.randint(0, 4))) for _ in range(rng.randint(1, 4))]
    return [part + b"x" * rng.choice([0, rng.randint(1, BLOCK - 1)]) for part in parts if part] or [b"z"]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=121096)  # a prompt whose head is written by others further than it pays for itself
def test_prefixes_are_warm_where_an_earlier_prompt_left_them_so(seed: int) -> None:
    rng = random.Random(seed)
    pool = [drawn_prompt(rng) for _ in range(rng.randint(1, 12))]
    pool += [[*prompt, *drawn_prompt(rng)] for prompt in pool if rng.random() < 0.6]
    prompts, tree = rng.choices(pool, k=rng.randint(1, 30)), PrefixTree()
    chains = [tree.add(prompt) for prompt in prompts]
    rule = PrefixRule(
        "some",
        minimum_tokens=rng.choice([1, 50, 128, 300]),
        increment_tokens=rng.choice([1, 16, 64]),
        ttl_us=rng.choice([0, 1, 5, 20, 200]),
        automatic=rng.random() < 0.5,
        writes_charged=rng.random() < 0.5,
    )
    stream = [number for number in range(len(prompts)) if rng.random() < 0.8]
    at_us = sorted(rng.randrange(100) for _ in stream)
    totals = [rng.choice([10, 100, 500, 1000]) for _ in stream]
    everybody = sorted((rng.randrange(100), number) for number in range(len(prompts)))
    marks = breakpoints(
        tree, [at for at, _ in everybody], [chains[n] for _, n in everybody], rule.ttl_us, charged=rule.writes_charged
    )
    read, written = warm(tree, rule, at_us, [chains[n] for n in stream], totals, marks)
    assert [*zip(read, written, strict=True)] == brute(
        prompts, rule, everybody, [*zip(stream, at_us, totals, strict=True)]
    )


def brute(
    prompts: list[list[bytes]], rule: PrefixRule, everybody: list[tuple[int, int]], stream: list[tuple[int, int, int]]
) -> list[tuple[int, int]]:
    """Return tokens read and written of each call, by comparing each prompt with every other one."""
    blocks = [[part[at : at + BLOCK] for part in prompt for at in range(0, len(part), BLOCK)] for prompt in prompts]

    def tokens(number: int, count: int, total: int) -> int:
        held = total * sum(map(len, blocks[number][:count])) // sum(map(len, blocks[number]))
        steps = (held - rule.minimum_tokens) // rule.increment_tokens
        return 0 if held < rule.minimum_tokens else rule.minimum_tokens + steps * rule.increment_tokens

    touched: list[tuple[int, int, int]] = []
    found = []
    for number, now_us, total in stream:
        own = blocks[number]
        end = len(own)
        if not rule.automatic:
            end = worth_marking(everybody, blocks, number, rule.ttl_us, charged=rule.writes_charged)
        whole, read = tokens(number, end, total), 0
        if whole:
            near = (min(lcp(own, blocks[n]), to) for n, then_us, to in touched if now_us - then_us <= rule.ttl_us)
            read = tokens(number, min(max(near, default=0), end), total)
            touched.append((number, now_us, end))
        found.append((read, whole - read if rule.writes_charged else 0))
    return found
