"""Where calls go: routed, swapped, waiting; and what that costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from llmopt.cost.call_columns import Kind
from llmopt.cost.keying import instant
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import ConfigError
from llmopt.savings.project.levers.models import ModelNames, Targets
from llmopt.savings.project.levers.swap import SAME
from llmopt.savings.project.plan import Plan, RoutingLever, SelfHostLever, SwapLever

DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def kind(table: PriceTable, model: str = "gpt-4o", provider: str | None = None, tier: str = "default") -> Kind:
    resolved = table.resolve(model, provider)
    price = None if resolved is None else table.price_at(resolved, tier, instant(DAY, 0)).price
    return Kind(model, provider, tier, DAY, 0, price)


def plan(*swaps: tuple[str, str], routed: tuple[str, ...] = ()) -> Plan:
    return Plan(swap=SwapLever(swaps), routing=RoutingLever(models=routed))


def test_nothing_on_changes_nothing(table: PriceTable) -> None:
    own = kind(table)
    found = Targets(table, plan(("gpt-4o", "gpt-4o-mini"))).target(own, None, swap=False, batch=False)
    assert found.kind is own
    assert found.shift == SAME
    assert not found.routed
    assert not found.swapped


def test_a_route_is_a_model_without_a_provider(table: PriceTable) -> None:
    own = kind(table, provider="azure")
    found = Targets(table, plan()).target(own, "gpt-4o-mini", swap=False, batch=False)
    assert (found.kind.model, found.kind.provider, found.routed) == ("gpt-4o-mini", None, True)
    assert (found.kind.tier, found.kind.epoch, found.kind.minute) == ("default", DAY, 0)
    assert found.kind.price is not None
    assert found.kind.price.rates.input_uncached == Decimal("0.15")


def test_only_calls_of_the_levers_models_are_routed(table: PriceTable) -> None:
    targets = Targets(table, plan(routed=("GPT-4o",)))
    assert targets.target(kind(table), "gpt-4o-mini", swap=False, batch=False).routed
    assert targets.target(kind(table, "gpt-4o-2024-08-06"), "gpt-4o-mini", swap=False, batch=False).routed
    assert not targets.target(kind(table, "gpt-4"), "gpt-4o-mini", swap=False, batch=False).routed


@pytest.mark.parametrize("name", ["gpt-4o", "GPT-4O", "openai/gpt-4o"])
def test_a_route_to_the_same_model_changes_nothing(table: PriceTable, name: str) -> None:
    own = kind(table, provider="azure")
    found = Targets(table, plan((name, name))).target(own, name, swap=True, batch=False)
    assert found.kind is own
    assert not found.routed
    assert not found.swapped


def test_a_dated_name_is_not_the_same_model(table: PriceTable) -> None:
    own = kind(table, "gpt-4o-2024-05-13")  # it costs twice as much
    found = Targets(table, plan()).target(own, "gpt-4o", swap=False, batch=False)
    assert found.routed
    assert found.kind.price != own.price


def test_swaps_follow_routes_and_make_no_chains(table: PriceTable) -> None:
    swaps = (("gpt-4o", "gpt-4o-mini"), ("gpt-4o-mini", "gpt-4.1-nano"))
    targets = Targets(table, plan(*swaps))
    direct = targets.target(kind(table), None, swap=True, batch=False)
    assert (direct.kind.model, direct.routed, direct.swapped) == ("gpt-4o-mini", False, True)
    after = targets.target(kind(table, "gpt-4"), "gpt-4o", swap=True, batch=False)
    assert (after.kind.model, after.routed, after.swapped) == ("gpt-4o-mini", True, True)


def test_a_name_as_logged_goes_before_the_name_in_the_price_table(table: PriceTable) -> None:
    own = kind(table, "gpt-4o-2024-08-06")
    first = Targets(table, plan(("gpt-4o", "gpt-4.1"))).target(own, None, swap=True, batch=False)
    assert first.kind.model == "gpt-4.1"
    both = plan(("gpt-4o", "gpt-4.1"), ("GPT-4o-2024-08-06", "gpt-4o-mini"))
    assert Targets(table, both).target(own, None, swap=True, batch=False).kind.model == "gpt-4o-mini"


def test_the_first_of_two_swaps_of_one_model_counts(table: PriceTable) -> None:
    swaps = plan(("gpt-4", "gpt-4o"), ("gpt-4", "gpt-4.1"))
    assert Targets(table, swaps).target(kind(table, "gpt-4"), None, swap=True, batch=False).kind.model == "gpt-4o"


def test_tokens_shift_from_the_model_as_logged(table: PriceTable) -> None:
    targets = Targets(table, plan(("gpt-4o", "claude-sonnet-4-5")))
    found = targets.target(kind(table, "claude-opus-4-5"), "gpt-4o", swap=True, batch=False)
    assert found.kind.model == "claude-sonnet-4-5"
    assert not found.shift.changes  # both ends have one tokenizer
    assert targets.target(kind(table), None, swap=True, batch=False).shift.changes


def test_calls_without_a_price_stay(table: PriceTable) -> None:
    own = Kind("mine", None, "default", DAY, 0, None, "unknown model")
    found = Targets(table, plan(("mine", "gpt-4o"))).target(own, "gpt-4o", swap=True, batch=True)
    assert found.kind is own
    assert not found.batch_missed


@pytest.mark.parametrize("swap", [True, False])
def test_a_model_without_a_price_is_an_error(table: PriceTable, swap: bool) -> None:
    targets = Targets(table, plan(("gpt-4o", "gpt-4o-minii")))
    with pytest.raises(ConfigError, match="'gpt-4o-minii', which has no price") as raised:
        targets.target(kind(table), None if swap else "gpt-4o-minii", swap=swap, batch=False)
    assert "--prices" in (raised.value.hint or "")
    assert "did you mean 'gpt-4o" in (raised.value.hint or "")


def test_batch_is_the_batch_row_of_the_model_now(table: PriceTable) -> None:
    targets = Targets(table, plan(("gpt-4o", "gpt-4o-mini")))
    found = targets.target(kind(table), None, swap=True, batch=True)
    assert found.kind.tier == "batch"
    assert found.kind.price is not None
    assert found.kind.price.rates.input_uncached == Decimal("0.075")
    assert not found.batch_missed


def test_only_the_default_tier_waits(table: PriceTable) -> None:
    own = kind(table, tier="priority")
    found = Targets(table, plan()).target(own, None, swap=False, batch=True)
    assert found.kind is own
    assert not found.batch_missed


def test_a_model_without_a_batch_price_stays_and_is_told(table: PriceTable) -> None:
    own = kind(table, "deepseek-chat")
    found = Targets(table, plan()).target(own, None, swap=False, batch=True)
    assert found.kind is own
    assert found.batch_missed


def test_a_tier_that_the_new_model_has_not_is_told(table: PriceTable) -> None:
    found = Targets(table, plan(("gpt-4o", "deepseek-chat"))).target(
        kind(table, tier="priority"), None, swap=True, batch=False
    )
    assert found.tier_missed == "priority"
    assert found.kind.tier == "priority"
    assert found.kind.price is not None
    assert found.kind.price.tier == "default"


def test_own_machines_serve_the_models_that_the_plan_names(table: PriceTable) -> None:
    some = Targets(table, Plan(self_host=SelfHostLever(models=("gpt-4o",))))
    assert some.self_hosted(kind(table, "gpt-4o-2024-08-06"))
    assert not some.self_hosted(kind(table, "gpt-4"))
    assert Targets(table, Plan(self_host=SelfHostLever())).self_hosted(kind(table, "gpt-4"))
    assert not Targets(table, Plan()).self_hosted(kind(table))


def test_a_model_goes_by_all_of_its_names(table: PriceTable) -> None:
    names = ModelNames(table)
    assert names.own("GPT-4o-2024-08-06", None) == ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06")
    assert {"gpt-4o", "openai/gpt-4o"} <= set(names.of("GPT-4o-2024-08-06", None))
    assert "gpt-4" in names.of("gpt-4-0613", None)
    assert "mine" in names.of("mine-1231", None)
    assert names.of("mine-1331", None) == ("mine-1331",)
    assert names.of(None, None) == ()
    assert names.among("mine", None, ())
    assert names.among("mine", None, (" Mine ",))
    assert not names.among(None, None, ("mine",))


def test_a_model_that_no_call_asks_for_is_named(table: PriceTable) -> None:
    own = plan(("gpt4o", "gpt-4.1"), ("gpt-4o", "gpt-4.1"), ("gpt-4o-mini", "gpt-4.1-nano"), routed=("GPT-4O", "zz"))
    targets = Targets(table, own)
    kinds = [kind(table, "gpt-4o-2024-08-06"), Kind(None, None, "default", DAY, 0, None)]
    assert targets.idle("swap", kinds, ["gpt-4o-mini"]) == ("no call asks for 'gpt4o'; did you mean 'gpt-4o-mini'?",)
    assert len(targets.idle("swap", kinds)) == 2
    assert targets.idle("routing", kinds, ["zz"]) == ("no call asks for 'zz'",)
    assert targets.idle("self_host", kinds) == targets.idle("cache", kinds) == ()


def test_answers_are_kept(table: PriceTable) -> None:
    targets = Targets(table, plan(("gpt-4o", "gpt-4o-mini")))
    first = targets.target(kind(table), None, swap=True, batch=False)
    assert targets.target(kind(table), None, swap=True, batch=False) is first
