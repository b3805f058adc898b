"""One reading for several plans: each plan gets its own numbers."""

from __future__ import annotations

from array import array
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from llmopt.cost.call import Call
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.api import project_all
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.looking_together import LookingTogether
from llmopt.savings.project.plan import CacheLever, Plan, RoutingLever
from llmopt.savings.project.requests import Requests
from tests.savings.project.small_columns import One, columns, kind

KINDS = [kind()]


class Seen:
    """Numbers requests by one field of theirs; those without it have none."""

    def __init__(self, field: str, *, by_label: bool = False, columns: tuple[str, ...] = ()) -> None:
        self.field, self.by_label, self.columns = field, by_label, columns
        self.numbers: dict[Any, int] = {}
        self.blind = False
        self.groups: tuple[str, ...] = ()

    def see(self, call: Call) -> int:
        value = (call.request or {}).get(self.field)
        return -1 if value is None else self.numbers.setdefault(value, len(self.numbers))

    def see_hashed(self, call: Call, count: int) -> int:
        first = len(self.numbers)
        self.numbers |= {(call.model, number): first + number for number in range(count)}
        return first

    def place(self, columns: CallColumns) -> CallColumns:
        """Give all calls without a request one number."""
        if not self.blind or -1 not in columns.request:
            return columns
        own = self.numbers.setdefault("blind", len(self.numbers))
        return replace(columns, request=array("i", (own if number < 0 else number for number in columns.request)))

    def finish(self) -> Requests:
        return Requests(canonical=array("i", range(len(self.numbers))))


def together(*lookers: Seen) -> LookingTogether:
    return LookingTogether([cast(Looker, looker) for looker in lookers])


def call(**request: Any) -> Call:
    return Call("log:1", None, "m", "p", request, False, None, None, None)


def test_plans_that_tell_requests_apart_differently_get_their_own_numbers() -> None:
    looking = together(Seen("a"), Seen("b"))
    asked = [call(a=1, b=1), call(a=1, b=2), call(a=2, b=2), call(a=1, b=1), call(c=0), call(b=2)]
    numbers = [looking.see(one) for one in asked]
    assert numbers == [0, 1, 2, 0, -1, 3]
    log = columns([One(second, request=number) for second, number in enumerate(numbers)], KINDS)
    first, requests = looking.split(0, log)
    second, others = looking.split(1, log)
    assert list(first.request) == [0, 0, 1, 0, -1, -1]
    assert list(second.request) == [0, 1, 1, 0, -1, 1]
    assert (len(requests), len(others)) == (2, 2)
    assert list(log.request) == numbers


def test_hashes_are_numbered_by_the_hundred() -> None:
    looking = together(Seen("a"), Seen("b"))
    assert looking.see(call(a=1)) == 0
    assert looking.see_hashed(call(), 3) == 1
    assert looking.see(call(b=1)) == 4
    log = columns([One(second, request=second) for second in range(5)], KINDS)
    assert list(looking.split(0, log)[0].request) == [0, 1, 2, 3, -1]
    assert list(looking.split(1, log)[0].request) == [-1, 0, 1, 2, 3]


def test_one_plan_keeps_the_numbers_of_its_looker() -> None:
    looker = Seen("a")
    looking = together(looker)
    log = columns([One(0, request=looking.see(call(a=5)))], KINDS)
    assert looking.see_hashed(call(), 2) == 1
    split, _ = looking.split(0, log)
    assert split is log


def test_calls_without_a_request_are_placed_by_each_plan_for_itself() -> None:
    blind, other = Seen("a"), Seen("a")
    blind.blind = True
    for lookers in ((blind, other), (blind,)):
        looking = together(*lookers)
        numbers = [looking.see(one) for one in (call(a=1), call(c=0), call(a=2))]
        log = columns([One(second, request=number) for second, number in enumerate(numbers)], KINDS)
        placed, requests = looking.split(0, log)
        assert (list(placed.request), len(requests)) == ([0, 2, 1], 3)
        assert list(log.request) == [0, -1, 1]
    assert list(together(other).split(0, log)[0].request) == [0, -1, 1]


def test_a_log_without_prompts_is_routed_by_the_rules_that_need_none(tmp_path: Path) -> None:
    log, policy = tmp_path / "log.csv", tmp_path / "policy.toml"
    lines = ["timestamp,model,input_tokens,output_tokens,team", *(f"2026-03-02T0{at}:00:00Z,{{}}" for at in range(3))]
    calls = ("gpt-4o,1000000,0,ads", "gpt-4o,1000000,0,law", "gpt-4o-mini,1000000,0,ads")
    log.write_text("\n".join(lines).format(*calls), encoding="utf-8")
    rule = '[[rule]]\nname = "ads"\ntenant = ["ads"]\nroute = "cheap"\n'
    routes = '[routes]\ncheap = "gpt-4o-mini"\nstrong = "gpt-4o"\n'
    policy.write_text(f'default = "strong"\n{routes}{rule}', encoding="utf-8")
    routed, cached = project_all(log, [Plan(routing=RoutingLever(policy)), Plan(cache=CacheLever())])
    assert (routed.replay.baseline_usd, routed.replay.optimized_usd) == (Decimal("5.15"), Decimal("2.8"))
    assert routed.replay.levers[0].unseen == 0
    assert (cached.replay.savings_usd, cached.replay.levers[0].unseen) == (Decimal(0), 3)


def test_what_any_plan_needs_is_read() -> None:
    looking = together(Seen("a", columns=("tag", "team")), Seen("b", by_label=True, columns=("tag", "night")))
    assert looking.by_label
    assert looking.columns == ("tag", "team", "night")
    assert not together(Seen("a")).by_label
