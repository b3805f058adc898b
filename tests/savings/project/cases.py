"""Generated logs under drawn plans, prepared both ways: for the replay, and for the oracle."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read_columns import read_columns
from llmopt.savings.candidates import FINISH_COLUMNS, is_kept
from llmopt.savings.project.coalitions import At, Coalitions
from llmopt.savings.project.levers.self_host import Machine
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.plan import (
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
from llmopt.savings.project.prefixes.parts import parts_of
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.requests import Requests
from tests.conftest import ROOT
from tests.savings.project.made import (
    MARK,
    Made,
    Shape,
    answer_bytes,
    flat,
    made_log,
    pair,
    write_lines,
    write_table,
)
from tests.savings.project.oracle import Facts, Oracle, Rule, in_order

BENCH = ROOT / "tests" / "golden" / "bench" / "full.json"
POLICY = f"""
default = "strong"

[routes]
cheap = "gpt-4o-mini"
strong = "gpt-4o"

[[rule]]
name = "in a hurry"
words = ["{MARK}"]
route = "cheap"
"""
"""The cheap model where the last message says so."""


@dataclass(frozen=True, slots=True)
class Case:
    """One log under one plan, replayed and by brute force."""

    found: Coalitions
    oracle: Oracle
    columns: CallColumns
    cheap: Oracle
    """With what is estimated at the end with the fewest dollars."""
    dear: Oracle


def write_policy(folder: Path) -> Path:
    """Write a routing policy that sends to the cheap model what says so."""
    path = folder / "rules.toml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def made_plan(rng: random.Random, policy: Path) -> Plan:
    """Draw how all levers are set."""

    def own() -> OwnCost:
        return OwnCost(Decimal(rng.choice(["0", "0", "20"])), Decimal(rng.choice(["0", "0.00001"])))

    def tags() -> tuple[tuple[str, str], ...]:
        return rng.choice([(), (("tag", "offline"),), (("team", "a"), ("tag", "live"))])

    hosted = rng.choice([("gpt-4o-mini",), ("acme-1", "gpt-4"), ()])
    swaps = rng.choice([(("gpt-4", "gpt-4o"),), (("GPT-4o", "gpt-4o-mini"), ("acme-1", "claude-sonnet-4-5"))])
    return Plan(
        cache=CacheLever(
            rng.choice([10.0, 20.0, 30.0, 86_400.0]),
            rng.choice([None, 1200, 2500]),
            rng.choice(["team", "", "tag"]),
            rng.random() < 0.3,
            own(),
        ),
        routing=RoutingLever(policy, rng.choice([(), ("gpt-4", "acme-1")]), own()),
        swap=SwapLever(swaps, own()),
        compression=CompressionLever(rng.choice(["lossless", "safe"]), own=own()),
        prompt_cache=PromptCacheLever(rng.choice([None, 10.0, 30.0, 86_400.0]), own()),
        batch=BatchLever(tags(), rng.choice([None, (22, 6), (3, 9)]), own()),
        self_host=SelfHostLever(
            BENCH,
            Decimal("0.35"),
            Decimal(rng.choice(["0.6", "0.0000003"])),
            hosted,
            tags(),
            own(),
        ),
    )


def facts_of(plan: Plan, table: PriceTable, requests: Requests, numbers: Mapping[int, int], at: At = "mid") -> Facts:
    """Return what the oracle is told; `numbers` are those of the requests by that of the call."""
    rules, machine = PrefixRules.load(), None if plan.self_host is None else Machine.load(plan.self_host)

    def shift(old: str, new: str) -> tuple[int, int]:
        if old == new:
            return 1, 1
        found = requests.shifts.between(old, new)
        return {"low": found.low, "mid": found.num, "high": found.high}[at], found.den

    def compressed(made: Made) -> tuple[int, int]:
        number = numbers[made.number]
        saved = {"low": requests.saved_most, "mid": requests.saved, "high": requests.saved_least}[at]
        return (saved[number], requests.counted[number]) if number >= 0 and saved else (0, 0)

    return Facts(
        route=lambda body: "gpt-4o-mini" if MARK in body["messages"][-1]["content"] else "gpt-4o",
        shift=cache(shift),
        compressed=compressed,
        rule=cache(lambda model: _rule(rules, table, model)),
        parts=parts_of,
        work_ps=lambda read, wrote: machine.work_ps(1, read, wrote) if machine else 0,
    )


def _rule(rules: PrefixRules, table: PriceTable, model: str) -> Rule | None:
    resolved = table.resolve(model)
    if resolved is None:
        return None
    price = table.price_at(resolved, "default", None).price
    rule = rules.of(Kind(model, None, "default", None, 0, price))
    if rule is None:
        return None
    return Rule(rule.id, rule.minimum_tokens, rule.increment_tokens, rule.ttl_us, rule.automatic, rule.writes_charged)


def case(path: Path, calls: list[tuple[Made, str, int]], plan: Plan, prices: tuple[Path, ...], **reading: Any) -> Case:
    """Read a log and prepare both ways."""
    table, tree = PriceTable.load(extra=prices), PrefixTree()
    looker = Looker(plan, table, tree=tree)
    columns = read_columns(
        path,
        looker.see,
        columns=looker.columns,
        by_label=looker.by_label,
        kept=is_kept,
        ends=FINISH_COLUMNS,
        prices=prices,
        **reading,
    )
    requests = looker.finish()
    found = Coalitions(columns, requests, plan, table, tree=tree)
    numbers = dict(zip((made.number for made, _, _ in in_order(calls)), columns.request, strict=True))
    cheap, oracle, dear = (
        Oracle(calls, plan, facts_of(plan, table, requests, numbers, at)) for at in ("low", "mid", "high")
    )
    return Case(found, oracle, columns, cheap, dear)


def paired(seed: int, shape: Shape, folder: Path) -> tuple[Path, list[tuple[Made, str, int]]]:
    """Write a log of requests beside responses."""
    return written(seed, shape, folder, "pair.jsonl")


def written(seed: int, shape: Shape, folder: Path, form: str) -> tuple[Path, list[tuple[Made, str, int]]]:
    """Write a log.

    Args:
        seed: of the log.
        shape: of the log; tables cannot say that a write was for an hour.
        folder: where to.
        form: `pair`, `flat` or `hashed`, and how the file is called: `.jsonl`, `.csv` or `.parquet`.
    """
    kind, _, suffix = form.partition(".")
    calls = made_log(seed, shape if kind == "pair" else replace(shape, one_hour=False))
    rows = [pair(call) if kind == "pair" else flat(call, hashed=kind == "hashed") for call in calls]
    path = folder / f"{seed}.{suffix}"
    if suffix == "jsonl":
        write_lines(path, rows)
    else:
        write_table(path, rows)
    return path, [(call, kind, answer_bytes(call, kind)) for call in calls]
