"""What is kept of each distinct request."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.core.usage import Usage
from llmopt.cost.call import Call
from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import ConfigError, UsageError
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.requests import HASHED, NOT_LOGGED, READS_MORE, SAMPLES, UNDECIDED, UNKNOWN_SETTINGS

ALL = Plan(
    cache=CacheLever(),
    routing=RoutingLever(),
    swap=SwapLever((("gpt-4o", "claude-sonnet-4-5"),)),
    compression=CompressionLever(sample=5),
    prompt_cache=PromptCacheLever(),
)


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def call(request: Any, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "where": "a.jsonl:1",
        "at": None,
        "model": "gpt-4o",
        "provider": None,
        "request": request,
        "whole": True,
        "response": None,
        "usage": Usage(input_uncached=100, output_text=10),
        "cost_usd": Decimal(1),
    }
    return Call(**(values | changes))


def ask(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "temperature": 0, **more}


def canonical(table: PriceTable, *calls: Call) -> list[int]:
    looker = Looker(Plan(cache=CacheLever()), table)
    assert [looker.see(one) for one in calls] == list(range(len(calls)))
    return list(looker.finish().canonical)


def test_requests_with_one_key_have_one_number(table: PriceTable) -> None:
    body = ask()
    found = canonical(
        table,
        call(body),
        call({**body, "stream": True}),
        call(dict(reversed(body.items()))),
        call({**body, "model": "gpt-4o"}),
        call({**body, "temperature": 1}),
        call(body, model="gpt-4o-mini"),
        call(body, provider="azure"),
        call(body, where="b.jsonl:7", usage=None),
    )
    assert found == [0, 0, 0, 0, 1, 2, 3, 0]


def test_flags_are_those_of_the_cache(table: PriceTable) -> None:
    looker = Looker(Plan(cache=CacheLever()), table)
    for body, whole in (
        (ask(), True),
        (ask(temperature=1), False),
        ({"messages": []}, True),
        ({"messages": []}, False),
        (ask(conversation="c"), True),
        ({"prompt_hash": "abc"}, False),
    ):
        looker.see(call(body, whole=whole))
    looker.see(call({"input": "text"}, model="text-embedding-3-small", whole=False))
    flags = [0, SAMPLES, SAMPLES, UNKNOWN_SETTINGS, READS_MORE, HASHED | UNKNOWN_SETTINGS, 0]
    assert list(looker.finish().flags) == flags


def test_no_request_is_no_number(table: PriceTable) -> None:
    looker = Looker(ALL, table)
    assert looker.see(call(None)) == -1
    assert len(looker.finish()) == 0


def test_what_json_cannot_spell_has_no_key_and_is_told(table: PriceTable) -> None:
    looker = Looker(ALL, table)
    assert looker.see(call({"prompt": "x", "n": {1, 2}})) == 0
    assert looker.see(call(ask())) == 1
    found = looker.finish()
    assert list(found.canonical) == [-1, 0]
    assert found.notes["cache"] == ("1 distinct request that JSON cannot spell: no key in a cache",)


@pytest.mark.parametrize("seed", [0, 1])
def test_all_columns_are_of_one_length(table: PriceTable, seed: int) -> None:
    looker = Looker(replace(ALL, seed=seed), table)
    rng = random.Random(seed)
    for number in range(60):
        kinds: list[Any] = [
            ask(f"Tell me about the number {number}. " * rng.randint(1, 40)),
            {"prompt_hash": f"{number}"},
            {"prompt": [1, 2, 3]},
            {"input": "embed me"},
        ]
        looker.see(call(rng.choice(kinds), model=rng.choice(("gpt-4o", "claude-sonnet-4-5", "text-embedding-3-small"))))
    first = looker.see_hashed(call({"prompt_hash": "x"}), 5)
    assert first == 60
    found = looker.finish()
    columns = (found.flags, found.route, found.counted, found.saved, found.saved_least, found.saved_most)
    assert {len(column) for column in (*columns, found.measured, found.chain)} == {65}
    assert len(set(found.canonical[60:])) == 5
    assert min(found.canonical[60:]) > max(found.canonical[:60])
    assert all(
        low <= mid <= high <= of
        for low, mid, high, of in zip(found.saved_least, found.saved, found.saved_most, found.counted, strict=True)
    )
    assert set(found.chain[60:]) == {-1}
    assert set(found.counted[60:]) == {0}


def test_levers_that_are_off_leave_nothing(table: PriceTable) -> None:
    looker = Looker(Plan(cache=CacheLever()), table)
    looker.see(call(ask()))
    found = looker.finish()
    assert not found.route
    assert not found.counted
    assert not found.measured
    assert not found.chain
    assert found.routes == ()
    assert found.notes == {}
    assert looker.columns == ()
    assert not looker.by_label


def test_hashes_that_come_one_by_one_are_told_apart(table: PriceTable) -> None:
    found = canonical(
        table,
        call({"prompt_hash": "a"}),
        call({"prompt_hash": "b"}),
        call({"prompt_hash": "a"}, usage=None),
        call({"prompt_hash": "a"}, model="gpt-4"),
        call({"prompt_hash": "a"}, provider="azure"),
    )
    assert found == [0, 1, 0, 2, 3]


def test_routes_of_texts_and_of_hashes(table: PriceTable) -> None:
    looker = Looker(Plan(routing=RoutingLever()), table)
    looker.see(call(ask("What is a plan?"), model="gpt-4"))
    looker.see(call(ask("Please write me a long story about a dog and a cat that go to sea."), model="gpt-4"))
    looker.see(call({"prompt_hash": "a"}))
    looker.see(call({"input": "What is a plan?"}, model="text-embedding-3-small"))
    found = looker.finish()
    models = [found.routes[route] if route >= 0 else "" for route in found.route]
    assert models == ["gpt-4o-mini", "gpt-4o", "", ""]
    assert [bool(flags & UNDECIDED) for flags in found.flags] == [False, False, True, False]
    assert found.notes["routing"][0].startswith("1 distinct request known by a hash only: without the text")


def test_only_the_models_of_the_lever_are_routed(table: PriceTable) -> None:
    looker = Looker(Plan(routing=RoutingLever(models=("gpt-4",))), table)
    for model in ("gpt-4", "gpt-4-0613", "gpt-4o"):
        looker.see(call(ask("What is a plan?"), model=model))
    looker.see_hashed(call({"prompt_hash": "a"}), 2)
    looker.see_hashed(call({"prompt_hash": "a"}, model="gpt-4"), 1)
    found = looker.finish()
    assert [route >= 0 for route in found.route] == [True, True, False, False, False, False]
    assert [bool(flags & UNDECIDED) for flags in found.flags] == [False] * 5 + [True]


def test_a_policy_that_looks_at_labels_is_asked_for_each(table: PriceTable, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'default = "strong"\n[routes]\ncheap = "gpt-4o-mini"\nstrong = "gpt-4o"\n'
        '[[rule]]\nname = "bulk"\ntenant = ["ads"]\nroute = "cheap"\n',
        encoding="utf-8",
    )
    looker = Looker(Plan(cache=CacheLever(tenant=""), routing=RoutingLever(policy=policy)), table)
    assert looker.by_label
    looker.see(call(ask(), groups={"team": "ads", "user": None}))
    looker.see(call(ask(), groups={"team": "search"}))
    looker.see(call({"prompt_hash": "a"}, groups={"team": "ads"}))
    found = looker.finish()
    assert [found.routes[route] for route in found.route] == ["gpt-4o-mini", "gpt-4o", "gpt-4o-mini"]
    assert list(found.canonical) == [0, 0, 1]


def test_rules_route_calls_without_a_request_where_they_can(table: PriceTable, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'default = "strong"\n[routes]\ncheap = "gpt-4o-mini"\nstrong = "gpt-4o"\n'
        '[[rule]]\nname = "old"\nmodel = ["gpt-3.5-turbo"]\nroute = "cheap"\n'
        '[[rule]]\nname = "ads"\ntenant = ["ads"]\nroute = "cheap"\n'
        '[[rule]]\nname = "long"\ntokens_above = 9\nroute = "strong"\n',
        encoding="utf-8",
    )
    names = ("gpt-3.5-turbo", "gpt-4", "text-embedding-3-small")
    log = CallColumns(
        at_us=array("q", range(6)),
        kind=array("i", [0, 1, 1, 2, 0, 1]),
        request=array("i", [-1, -1, -1, -1, -1, 0]),
        usage={},
        took_us=array("q", bytes(48)),
        answer_bytes=array("q", bytes(48)),
        flags=array("B", bytes(6)),
        label=array("i", [0, 0, 1, 1, 0, 1]),
        kinds=[Kind(name, None, "default", None, 0, None) for name in names],
        labels=[{}, {"team": "ads"}],
    )
    looker = Looker(replace(ALL, routing=RoutingLever(policy=policy)), table)
    assert looker.see(call(ask(), model="gpt-4", groups={"team": "ads"})) == 0
    placed = looker.place(log)
    found = looker.finish()
    assert list(placed.request) == [1, -1, 2, -1, 1, 0]
    assert list(log.request) == [-1, -1, -1, -1, -1, 0]
    assert [found.routes[route] for route in found.route] == ["gpt-4o-mini"] * 3
    assert list(found.canonical) == [0, -1, -1]
    assert [bool(flags & NOT_LOGGED) for flags in found.flags] == [False, True, True]
    assert "compression" not in found.notes
    assert {len(column) for column in (found.flags, found.counted, found.chain)} == {3}
    assert Looker(Plan(), table).place(log) is log


def test_requests_in_which_no_text_is_found_are_told(table: PriceTable) -> None:
    looker = Looker(ALL, table)
    looker.see(call({"model": "gpt-4o", "text_to_ask": "Explain entropy, please."}))
    looker.see(call(ask()))
    found = looker.finish()
    assert found.counted[0] == 0 < found.counted[1]
    said = "1 distinct request without a text that can be found: nothing to compress"
    assert found.notes["compression"] == (said,)


def test_the_columns_that_levers_need(table: PriceTable) -> None:
    plan = Plan(
        cache=CacheLever(tenant="customer"),
        batch=BatchLever(tags=(("job", "nightly"), ("team", "ads"))),
        self_host=SelfHostLever(tags=(("region", "eu"), ("job", "x"))),
    )
    assert Looker(plan, table).columns == ("customer", "job", "region")


def test_a_sample_stands_for_the_others(table: PriceTable) -> None:
    def look(numbers: list[int]) -> dict[int, tuple[int, int]]:
        looker = Looker(Plan(compression=CompressionLever(sample=5)), table)
        for number in numbers:
            rows = ",   \n\n\n".join(f'  {{ "id" :  {number + n} }}' for n in range(20))
            looker.see(call(ask(f"Read this:\n\n[{rows}]")))
        found = looker.finish()
        assert sum(found.measured) == 5
        assert found.notes["compression"][0].startswith("measured on 5 of 30 distinct requests")
        return {number: (found.counted[at], found.saved[at]) for at, number in enumerate(numbers)}

    numbers = list(range(30))
    first = look(numbers)
    random.Random(1).shuffle(numbers)
    assert look(numbers) == first
    assert all(0 < saved < counted for counted, saved in first.values())


def test_embeddings_are_not_compressed(table: PriceTable) -> None:
    looker = Looker(Plan(compression=CompressionLever()), table)
    looker.see(call({"input": "a    b\n\n\n\n c"}, model="text-embedding-3-small"))
    looker.see(call({"prompt_hash": "x"}))
    found = looker.finish()
    assert list(found.counted) == [0, 0]
    assert list(found.saved) == [0, 0]
    assert found.notes["compression"] == ("1 distinct request known by a hash only: nothing to compress",)


def test_prompts_with_one_beginning_share_nodes(table: PriceTable) -> None:
    tree = PrefixTree()
    looker = Looker(Plan(prompt_cache=PromptCacheLever()), table, tree=tree)
    system = {"role": "system", "content": "You answer questions about orders. " * 40}
    for number, text in enumerate(("a", "b", "a")):
        looker.see(call({"messages": [system, {"role": "user", "content": text}]}, where=f"a.jsonl:{number}"))
    found = looker.finish()
    assert found.chain[0] == found.chain[2] != found.chain[1]
    shared = {node for node, _ in tree.chain(found.chain[0])} & {node for node, _ in tree.chain(found.chain[1])}
    assert max(tree.ends[node] for node in shared) > 1000


def test_ratios_of_tokenizers_are_measured_where_another_model_is_asked(table: PriceTable) -> None:
    looker = Looker(ALL, table)
    for number in range(10):
        looker.see(call(ask(f"The order {number} was sent yesterday and will be with you in three days.")))
    shifts = looker.finish().shifts
    assert ("o200k_base", "claude-3") in shifts.measured
    assert 1000 < shifts.between("gpt-4o", "claude-sonnet-4-5").num < 1400


def test_wrong_settings_are_told_before_anything_is_read(table: PriceTable, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml"):
        Looker(Plan(routing=RoutingLever(policy=tmp_path / "no.toml")), table)
    with pytest.raises(UsageError, match="extreme"):
        Looker(Plan(compression=CompressionLever(level="extreme")), table)
