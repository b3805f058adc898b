"""The cost of a log under sets of levers, worked out by hand; brute force has its own tests."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import ConfigError, InputError
from llmopt.savings.project.changes import Changed
from llmopt.savings.project.coalitions import Coalitions
from llmopt.savings.project.levers.swap import Shift, Shifts
from llmopt.savings.project.plan import (
    LEVERS,
    BatchLever,
    CacheLever,
    CompressionLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.requests import HASHED, READS_MORE, SAMPLES, UNDECIDED, Requests
from llmopt.savings.project.streams import Prompts, serve
from tests.conftest import ROOT
from tests.savings.project.made_prices import write_prices
from tests.savings.project.small_columns import One, columns

DAY_S = 86_400.0
BENCH = ROOT / "tests" / "golden" / "bench" / "full.json"
ANYBODY = CacheLever(tenant="")
NONE: frozenset[str] = frozenset()
SONNET, GPT4, MINI, UNKNOWN = range(4)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PriceTable:
    return PriceTable.load(extra=write_prices(tmp_path_factory.mktemp("prices")))


def kinds(table: PriceTable) -> list[Kind]:
    found = []
    for model in ("claude-sonnet-4-5", "gpt-4", "gpt-4o-mini"):
        resolved = table.resolve(model)
        assert resolved is not None
        found.append(
            Kind(model, resolved.provider, "default", None, 0, table.price_at(resolved, "default", None).price)
        )
    return [*found, Kind("nobody", None, "default", None, 0, None, "unknown model")]


def call(at_s: float | None, request: int = 0, kind: int = GPT4, label: int = 0, **tokens: int) -> One:
    """A call; of 1,000 tokens read and 100 written where nothing is said, 0.036 dollars at gpt-4's prices."""
    return One(at_s, request, tokens or {"input_uncached": 1000, "output_text": 100}, kind, label=label)


def log(table: PriceTable, *calls: One) -> CallColumns:
    return columns(calls, kinds(table), [{}, {"tag": "offline"}])


def known(count: int, flags: tuple[int, ...] = ()) -> Requests:
    return Requests(array("i", range(count)), array("B", flags or bytes(count)))


def on(*levers: str) -> frozenset[str]:
    return frozenset(levers)


GPT4_USD, MINI_USD = Decimal("0.036"), Decimal("0.000157")
"""Of a call as `call` makes it; gpt-4o-mini's newest row, without a fee."""


def test_nothing_on_costs_what_the_log_costs(table: PriceTable) -> None:
    found = Coalitions(log(table, call(0), call(1, 1, MINI), call(2, 2, UNKNOWN)), known(3), Plan(), table)
    assert found.cost(NONE) == GPT4_USD + MINI_USD
    assert found.by_day(NONE) == {date(1970, 1, 1): GPT4_USD + MINI_USD}
    assert found.exact(NONE)


def test_a_hit_costs_nothing_and_no_other_lever_changes_it(table: PriceTable) -> None:
    plan = Plan(cache=ANYBODY, swap=SwapLever((("gpt-4", "gpt-4o-mini"),)))
    found = Coalitions(log(table, call(0), call(1), call(2, 1, UNKNOWN), call(3, 1, UNKNOWN)), known(2), plan, table)
    assert found.cost(NONE) == 2 * GPT4_USD
    assert found.cost(on("cache")) == GPT4_USD
    assert found.changed("cache", on("cache")) == 2
    assert [found.changed("swap", some) for some in (NONE, on("swap"), on("swap", "cache"))] == [0, 2, 1]
    assert "1 call answered from the cache without a price: no dollars are saved there" in found.notes(
        "cache", on("cache")
    )


def test_another_tokenizer_is_a_range_and_money_follows_it(table: PriceTable) -> None:
    plan = Plan(swap=SwapLever((("gpt-4", "gpt-4o-mini"),)), routing=RoutingLever())
    found = Coalitions(log(table, call(0)), known(1), plan, table)
    low, mid, high = (found.cost(on("swap"), at) for at in ("low", "mid", "high"))
    assert low < mid < high < GPT4_USD
    assert not found.exact(on("swap"))
    assert found.exact(NONE)
    (note,) = found.notes("swap", on("swap"))
    assert note == (
        "gpt-4 to gpt-4o-mini, 1 call: the same text has 0.95 times the tokens (0.64 to 1.00), "
        "typical of many kinds of text"
    )
    measured = known(1)
    measured.shifts = Shifts({("cl100k_base", "o200k_base"): Shift(998, 1000, 996, 1002)})
    (note,) = Coalitions(log(table, call(0)), measured, plan, table).notes("swap", on("swap"))
    assert note.endswith("the same text has 0.998 times the tokens (0.996 to 1.002), measured on texts of the log")
    measured.shifts = Shifts({("cl100k_base", "o200k_base"): Shift(1000, 1000, 1000, 1000)})
    assert Coalitions(log(table, call(0)), measured, plan, table).notes("swap", on("swap")) == ()


def test_a_model_without_a_rate_for_what_calls_use_is_named(table: PriceTable) -> None:
    plan = Plan(swap=SwapLever((("gpt-4", "text-embedding-3-small"),)))
    found = Coalitions(log(table, call(0)), known(1), plan, table)
    assert found.cost(NONE) == GPT4_USD
    with pytest.raises(ConfigError, match="'text-embedding-3-small', which has no price for output text tokens"):
        found.cost(on("swap"))


def test_calls_that_can_wait_are_counted_and_so_are_models_that_have_no_batch_price(table: PriceTable) -> None:
    plan = Plan(batch=BatchLever((("tag", "offline"),)))
    calls = call(0, label=1), call(1), call(2, 0, MINI, 1)
    found = Coalitions(log(table, *calls), known(1), plan, table)
    assert found.cost(on("batch")) == GPT4_USD / 2 + GPT4_USD + Decimal("0.0001")
    assert found.changed("batch", on("batch")) == 2
    assert (found.unseen("batch"), found.notes("batch", on("batch"))) == (0, ())


def compressing(count: int, saved: int, counted: int) -> Requests:
    requests = known(count)
    requests.counted = array("q", [counted] * count)
    requests.saved = requests.saved_least = requests.saved_most = array("q", [saved] * count)
    return requests


def test_compression_that_kills_the_cache_of_the_provider_is_counted_with_its_price(table: PriceTable) -> None:
    # 1,500 tokens, 1,200 of them read from the provider's cache: at half the length none are.
    logged = call(0, 0, SONNET, input_uncached=300, input_cache_read=1200, output_text=0)
    found = Coalitions(log(table, logged), compressing(1, 1, 2), Plan(compression=CompressionLever()), table)
    assert found.cost(NONE) == Decimal("0.00126")
    assert found.cost(on("compression")) == Decimal("0.00225")
    assert found.killed(on("compression")) == (1, Decimal("0.00225") - Decimal("0.00063"))
    assert found.killed(NONE) == (0, Decimal(0))
    assert found.changed("compression", on("compression")) == 1
    assert found.exact(on("compression"))


def test_a_sample_leaves_a_range(table: PriceTable) -> None:
    requests = compressing(1, 50, 100)
    requests.saved_least, requests.saved_most = array("q", [40]), array("q", [60])
    found = Coalitions(log(table, call(0)), requests, Plan(compression=CompressionLever()), table)
    assert [found.cost(on("compression"), at) for at in ("low", "mid", "high")] == [
        Decimal("0.018"),
        Decimal("0.021"),
        Decimal("0.024"),
    ]
    assert not found.exact(on("compression"))


def chained(*prompts: tuple[bytes, ...]) -> tuple[Requests, PrefixTree]:
    tree, requests = PrefixTree(), known(len(prompts))
    requests.chain = array("i", [tree.add(parts) for parts in prompts])
    return requests, tree


RULES, OTHER_RULES = b"r" * 6400, b"q" * 6400


def test_prompts_moved_into_a_better_order_are_worth_what_the_cache_then_saves(table: PriceTable) -> None:
    requests, tree = chained((b"date 1", RULES), (b"date 2", RULES))
    moved = {
        requests.chain[number]: tree.add((RULES, date_text)) for number, date_text in enumerate((b"date 1", b"date 2"))
    }
    calls = [call(at_s, at_s, SONNET, input_uncached=3000, output_text=0) for at_s in range(2)]
    found = Coalitions(log(table, *calls), requests, Plan(prompt_cache=PromptCacheLever()), table, tree=tree)
    assert found.cost(on("prompt_cache")) == found.cost(NONE) == Decimal("0.018")
    cached = 3000 * 6400 // 6406
    once, twice = (cached * rate for rate in (Decimal("3.75"), Decimal("0.3")))
    after = (once + twice + 2 * (3000 - cached) * 3) / 1_000_000
    assert found.moved("claude-sonnet-4-5", moved) == Decimal("0.018") - after
    assert found.moved("gpt-4", moved) == 0


def test_a_stream_is_replayed_once_for_all_sets_that_send_the_same_calls(
    table: PriceTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []

    def counted(prompts: Prompts, rule: PrefixRule, *rest: Any, **options: Any) -> list[Changed]:
        served.append(rule.id)
        return serve(prompts, rule, *rest, **options)

    monkeypatch.setattr("llmopt.savings.project.replays.serve", counted)
    requests, tree = chained((RULES,), (OTHER_RULES,))
    calls = [call(at_s, at_s % 2, SONNET, label=at_s % 2, input_uncached=3000) for at_s in range(4)]
    plan = Plan(prompt_cache=PromptCacheLever(), batch=BatchLever((("tag", "offline"),)), cache=ANYBODY)
    found = Coalitions(log(table, *calls), requests, plan, table, tree=tree)
    for some in (on("prompt_cache"), on("prompt_cache", "batch"), on("prompt_cache", "cache")):
        assert found.cost(some) == found.cost(some)
    assert len(served) == 2
    assert found.changed("prompt_cache", on("prompt_cache")) == 4


def test_days_add_up_to_the_whole_with_own_costs_and_machines(table: PriceTable) -> None:
    plan = Plan(
        cache=replace(ANYBODY, own=OwnCost(Decimal(30), Decimal("0.001"))),
        self_host=SelfHostLever(BENCH, Decimal(2), models=("gpt-4o-mini",), own=OwnCost(Decimal(0), Decimal("0.01"))),
    )
    calls = [call(0), call(DAY_S / 2, 1, MINI), call(DAY_S, 2, MINI), call(2 * DAY_S - 1, 0), call(2.5 * DAY_S, 3)]
    found = Coalitions(log(table, *calls), known(4), plan, table)
    every = on("cache", "self_host")
    assert found.own("cache", every) == Decimal("2.5") + 5 * Decimal("0.001")
    assert found.own("self_host", every) == 5 * Decimal("0.01")
    assert found.own("self_host", on("cache")) == 0
    days = found.by_day(every)
    assert list(days) == [date(1970, 1, day) for day in (1, 2, 3)]
    assert abs(sum(days.values()) - found.cost(every)) < Decimal("1e-11")
    # One machine for 60 hours, and the three calls to gpt-4.
    assert found.cost(every) == 3 * GPT4_USD + 120 + found.own("cache", every) + found.own("self_host", every)
    assert found.changed("self_host", every) == 2
    assert found.notes("self_host", every)[0] == "1 machine for 2 calls"


def test_calls_far_from_the_others_make_no_years_of_fees_and_machines(table: PriceTable) -> None:
    plan = Plan(
        cache=replace(ANYBODY, own=OwnCost(Decimal(30), Decimal("0.001"))),
        self_host=SelfHostLever(BENCH, Decimal(2), models=("gpt-4o-mini",)),
    )
    times_s = [1000 * DAY_S, 1001 * DAY_S, 1002 * DAY_S]
    calls = [call(at_s, number, MINI if number == 1 else GPT4) for number, at_s in enumerate(times_s)]
    strays = [call(0, 3, MINI), *calls, call(1034 * DAY_S, 4)]
    found = Coalitions(log(table, *strays), known(5), plan, table)
    every = on("cache", "self_host")
    assert found.own("cache", every) == 2 + 5 * Decimal("0.001")
    assert found.cost(every) == 3 * GPT4_USD + 48 * 2 + found.own("cache", every)
    days = found.by_day(every)
    first, last = date(1970, 1, 1), date(1972, 10, 31)
    assert list(days) == [first, *(date(1972, 9, day) for day in (27, 28, 29)), last]
    assert (days[first], days[last]) == (Decimal("48.001"), GPT4_USD + Decimal("0.001"))
    assert abs(sum(days.values()) - found.cost(every)) < Decimal("1e-11")


def every_lever() -> tuple[Requests, PrefixTree, Plan]:
    requests, tree = chained((RULES, b"1"), (RULES, b"2"), (OTHER_RULES, b"3"))
    requests.route, requests.routes = array("i", [-1, 0, 0]), ("gpt-4o-mini",)
    requests.counted, requests.saved = array("q", [100, 100, 0]), array("q", [10, 60, 0])
    requests.saved_least, requests.saved_most = array("q", [5, 50, 0]), array("q", [15, 70, 0])
    plan = Plan(
        cache=replace(ANYBODY, own=OwnCost(Decimal(3))),
        routing=RoutingLever(models=("claude-sonnet-4-5",)),
        swap=SwapLever((("gpt-4", "gpt-4o-mini"),), OwnCost(Decimal(1), Decimal("0.001"))),
        compression=CompressionLever(),
        prompt_cache=PromptCacheLever(ttl_s=DAY_S),
        batch=BatchLever((("tag", "offline"),), (0, 3)),
        self_host=SelfHostLever(BENCH, Decimal(2), models=("gpt-4o-mini",), tags=(("tag", "offline"),)),
    )
    return requests, tree, plan


def test_days_add_up_to_the_whole_for_every_set_of_levers(table: PriceTable) -> None:
    requests, tree, plan = every_lever()
    # Inputs on both sides of the bands of claude-sonnet-4-5, at 3,000 and 8,000 tokens.
    calls = [
        call(
            number * 0.2 * DAY_S,
            number % 3,
            number % 4,
            number % 5 == 0,
            input_uncached=1500 * (number % 7),
            output_text=9,
        )
        for number in range(30)
    ]
    found = Coalitions(log(table, *calls), requests, plan, table, tree=tree)
    for size in range(len(LEVERS) + 1):
        for some in map(frozenset, combinations(LEVERS, size)):
            days = found.by_day(some)
            assert list(days) == [date(1970, 1, day) for day in range(1, 7)]
            assert abs(sum(days.values()) - found.cost(some)) < Decimal("1e-11"), sorted(some)


def test_a_benchmark_is_read_only_where_its_lever_is_asked_for(table: PriceTable, tmp_path: Path) -> None:
    plan = Plan(cache=ANYBODY, self_host=SelfHostLever(tmp_path / "nothing.json", Decimal(1)))
    found = Coalitions(log(table, call(0)), known(1), plan, table)
    assert found.cost(on("cache")) == GPT4_USD
    assert found.by_day(on("cache")) == {date(1970, 1, 1): GPT4_USD}
    with pytest.raises(InputError, match=r"nothing\.json"):
        found.cost(on("self_host"))


def test_a_benchmark_is_read_also_where_no_call_is_for_own_machines(table: PriceTable, tmp_path: Path) -> None:
    plan = Plan(self_host=SelfHostLever(tmp_path / "nothing.json", Decimal(1), models=("gpt-4o",)))
    with pytest.raises(InputError, match=r"nothing\.json"):
        Coalitions(log(table, call(0)), known(1), plan, table).cost(on("self_host"))


def test_what_a_lever_could_not_look_at_is_counted(table: PriceTable) -> None:
    requests = known(4, (0, HASHED, UNDECIDED | SAMPLES, READS_MORE))
    requests.chain = array("i", [5, -1, -1, -1])
    calls = [*(call(at_s, at_s) for at_s in range(4)), call(4, -1), call(5, 2), call(None, 0)]
    plan = Plan(cache=replace(ANYBODY, only_deterministic=True), batch=BatchLever(hours=(1, 2)))
    found = Coalitions(log(table, *calls), requests, plan, table)
    seen = {
        lever: found.unseen(lever) for lever in ("cache", "routing", "swap", "compression", "prompt_cache", "batch")
    }
    assert seen == {"cache": 2, "routing": 3, "swap": 0, "compression": 2, "prompt_cache": 6, "batch": 1}
    assert found.notes("cache", on("cache")) == (
        "1 call without a request in the log: never answered from the cache",
        "1 call without a time: never answered from the cache",
        "1 call with a request that reads more than its own text: never answered from the cache",
        "2 calls with a request that samples, or may: left out, as only_deterministic says",
    )


def test_names_that_no_call_has_are_told(table: PriceTable) -> None:
    plan = Plan(
        cache=replace(ANYBODY, tenant="tem"),
        batch=BatchLever((("tag", "offlin"), ("tag", "offline"))),
        self_host=SelfHostLever(BENCH, Decimal(1), tags=(("team", "nobody"),)),
    )
    found = Coalitions(log(table, call(0), call(1, label=1)), known(1), plan, table)
    assert found.notes("cache", NONE) == ("no record names a tem: all are taken for one",)
    assert found.notes("batch", NONE) == ("no call has tag=offlin",)
    assert found.notes("self_host", NONE) == ("no call has team=nobody",)


def test_what_the_cache_saves_of_requests_that_sample_is_said(table: PriceTable) -> None:
    found = Coalitions(log(table, call(0), call(1)), known(1, (SAMPLES,)), Plan(cache=ANYBODY), table)
    assert "1 call answered from the cache ($0.036000) with a request that samples" in "".join(
        found.notes("cache", on("cache"))
    )


def test_a_log_without_times_still_has_a_cost(table: PriceTable) -> None:
    own = OwnCost(Decimal(720), Decimal(1))
    found = Coalitions(log(table, call(None), call(None)), known(1), Plan(cache=replace(ANYBODY, own=own)), table)
    # A fee of a dollar an hour runs for an hour at least.
    assert found.cost(on("cache")) == 2 * GPT4_USD + 1 + 2
    assert found.by_day(on("cache")) == {}


def test_a_log_without_calls_costs_nothing(table: PriceTable) -> None:
    found = Coalitions(log(table), known(0), Plan(cache=ANYBODY, prompt_cache=PromptCacheLever()), table)
    assert found.cost(on("cache", "prompt_cache")) == 0
