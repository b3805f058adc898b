"""Every call is in every figure it belongs to, once; labels are bounded; both formats can be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser

from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.metrics.families import FAMILIES, LOG_LOST, STORE_ERRORS, TIME_BOUNDS_S
from llmopt.serving.gateway.metrics.gateway_metrics import Budget, GatewayMetrics
from llmopt.serving.gateway.metrics.labels import MOST_MODELS, Bounded, ModelLabels
from llmopt.serving.gateway.metrics.registered import metrics_in
from llmopt.serving.gateway.values import Api
from tests.serving.gateway.calls import Told, call, hit

DURATION = "gen_ai_client_operation_duration_seconds"
FIRST = "gen_ai_client_operation_time_to_first_chunk_seconds"
TOKENS = "gen_ai_client_token_usage_total"
TABLE = PriceTable.load()


def made(**more: Any) -> GatewayMetrics:
    return GatewayMetrics(ModelLabels(TABLE), **more)


def test_a_call_is_in_every_figure() -> None:
    metrics = made()
    metrics.note(call(route="cheap", streamed=True, attempts=3, compressed_tokens=7))
    told = Told(metrics)
    operation = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
    assert told.total(f"{DURATION}_count", **operation, error_type="", llmopt_source="model") == 1
    assert told.total(f"{DURATION}_sum") == 1.5
    assert told.total(f"{FIRST}_sum", **operation) == 0.5
    assert told.total(TOKENS, gen_ai_token_type="input", kind="uncached", usage_from="billed") == 700
    assert told.total(TOKENS, gen_ai_token_type="input", kind="cache_read") == 300
    assert told.total(TOKENS, gen_ai_token_type="output", kind="text") == 200
    assert told.total("llmopt_requests_total", api="chat", model="gpt-4o", upstream="default", status="200") == 1
    assert told.total("llmopt_cost_usd_total", model="gpt-4o", provider="openai") == pytest.approx(0.0045)
    assert told.total("llmopt_cache_requests_total", result="miss") == 1
    assert told.total("llmopt_cache_requests_total") == 1
    assert told.total("llmopt_route_requests_total", route="cheap") == 1
    assert told.total("llmopt_upstream_attempts_total", upstream="default") == 3
    assert told.total("llmopt_upstream_retries_total", upstream="default") == 2
    assert told.total("llmopt_compressed_tokens_total") == 7
    assert told.total("llmopt_unpriced_requests_total") == 0
    assert told.total("llmopt_errors_total") is None


def test_a_hit_costs_nothing_and_saves_what_its_answer_cost() -> None:
    metrics = made()
    metrics.note(hit())
    metrics.note(hit(cache="shared", streamed=True))
    told = Told(metrics)
    assert told.total("llmopt_cost_usd_total") is None
    assert told.total("llmopt_saved_usd_total", by="cache") == pytest.approx(0.009)
    assert told.total(f"{DURATION}_count", llmopt_source="cache") == 2
    assert told.total(f"{FIRST}_count", llmopt_source="cache") == 1
    assert told.total(TOKENS) is None
    assert told.total("llmopt_cache_requests_total", result="hit") == 1
    assert told.total("llmopt_cache_requests_total", result="shared") == 1
    assert told.total("llmopt_upstream_attempts_total") is None


def test_a_failure_that_was_shared_is_no_hit() -> None:
    metrics = made()
    metrics.note(call(cache="miss", status=502, error="server", usage=None, cost_usd=None))
    metrics.note(hit(cache="shared", status=502, error="server", saved_usd={}))
    told = Told(metrics)
    assert told.total("llmopt_cache_requests_total", result="shared") == 0
    assert told.total("llmopt_cache_requests_total", result="miss") == 1
    assert told.total(f"{DURATION}_count", error_type="server") == 2


def test_a_model_that_only_its_price_knows_has_the_name_of_the_price() -> None:
    metrics = made()
    metrics.note(call(model="our-deployment", answered_model="", asked_model="", billed_model="gpt-4o"))
    assert Told(metrics).total("llmopt_cost_usd_total", model="gpt-4o") == pytest.approx(0.0045)


def test_what_was_refused_is_no_operation_and_no_bypass() -> None:
    metrics = made()
    refused = call(status=401, error="auth", cache="bypass", attempts=0, usage=None, cost_usd=None, asked_model="")
    refused.model = refused.answered_model = refused.upstream = ""
    metrics.note(refused)
    told = Told(metrics)
    assert told.total("llmopt_requests_total", status="401", model="none", upstream="none") == 1
    assert told.total("llmopt_errors_total", error="auth") == 1
    assert told.total(f"{DURATION}_count") is None
    assert told.total("llmopt_cache_requests_total") == 0
    assert told.total("llmopt_unpriced_requests_total") is None


def test_an_aborted_call_costs_what_was_billed_and_is_not_among_the_answered() -> None:
    metrics = made()
    metrics.note(call(status=499, error="aborted", streamed=True))
    told = Told(metrics)
    assert told.total("llmopt_cost_usd_total") == pytest.approx(0.0045)
    assert told.total(f"{DURATION}_count", error_type="aborted") == 1
    assert told.total(f"{DURATION}_count", error_type="") is None
    assert told.total(f"{FIRST}_count") is None


def test_an_error_without_a_word_has_its_status() -> None:
    metrics = made()
    metrics.note(call(status=404, usage=None, cost_usd=None))
    assert Told(metrics).labels("llmopt_errors_total") == [{"error": "http_404", "upstream": "default"}]


def test_an_unknown_cost_is_counted_and_is_not_zero() -> None:
    metrics = made()
    metrics.note(call(cost_usd=None, model="my-own", answered_model="my-own", asked_model="my-own"))
    metrics.note(call(cost_usd=None, usage=None, usage_from="none"))
    told = Told(metrics)
    assert told.total("llmopt_unpriced_requests_total", model="other") == 1
    assert told.total("llmopt_unpriced_requests_total", model="gpt-4o") == 1


def test_other_paths_are_requests_and_no_operations_unless_they_used_a_model() -> None:
    metrics = made()
    metrics.note(call(api=Api.OTHER, usage=None, cost_usd=None, cache="bypass"))
    told = Told(metrics)
    assert told.total("llmopt_requests_total", api="other") == 1
    assert told.total(f"{DURATION}_count") is None
    assert told.total("llmopt_cache_requests_total") == 0
    metrics.note(call(api=Api.OTHER, cache="bypass"))
    assert Told(metrics).total(f"{DURATION}_count", gen_ai_operation_name="other") == 1


def test_a_count_never_falls_when_routing_costs_more() -> None:
    metrics = made()
    metrics.note(call(saved_usd={"route": Decimal("0.25"), "compress": Decimal("0.5")}))
    metrics.note(call(saved_usd={"route": Decimal("-0.125")}))
    told = Told(metrics)
    assert told.total("llmopt_saved_usd_total", by="route") == 0.25
    assert told.total("llmopt_saved_usd_total", by="compress") == 0.5
    assert told.total("llmopt_extra_usd_total", by="route") == 0.125


def test_money_adds_up_to_the_last_digit() -> None:
    metrics = made(tenants=["care"], tutorial=True)
    saved = {"cache": Decimal("0.1"), "route": Decimal("-0.1")}
    for number in range(3):  # of which the sum of floats is 0.30000000000000004
        metrics.note(
            call(request_id=str(number), cost_usd=Decimal("0.1"), saved_usd=saved, tenant="care", key="care-web")
        )
    told = Told(metrics)
    for name in ("cost", "tenant_cost", "saved", "extra"):
        assert told.total(f"llmopt_{name}_usd_total") == 0.3
    assert told.total("llm_api_cost_dollars_total") == 0.3


def test_only_tenants_of_virtual_keys_are_told_apart() -> None:
    metrics = made(tenants=["care"])
    metrics.note(call(tenant="care", key="care-1"))
    metrics.note(call(tenant="t_0123456789abcdef"))
    metrics.note(call(tenant="care"))
    told = Told(metrics)
    assert told.labels("llmopt_tenant_cost_usd_total") == [{"tenant": "care"}]
    assert told.total("llmopt_tenant_cost_usd_total") == pytest.approx(0.0045)
    assert "t_0123456789abcdef" not in told.text


@given(st.lists(st.floats(min_value=0, max_value=1000), min_size=1, max_size=30))
def test_a_duration_is_in_the_buckets_that_reach_it(durations: list[float]) -> None:
    metrics = GatewayMetrics()
    for duration in durations:
        metrics.note(call(latency_s=duration))
    told = Told(metrics)
    for bound in (*TIME_BOUNDS_S, float("inf")):
        name = "+Inf" if bound == float("inf") else str(bound)
        expected = sum(duration <= bound for duration in durations)
        assert told.total(f"{DURATION}_bucket", le=name) == expected
    assert told.total(f"{DURATION}_count") == len(durations)
    assert told.total(f"{DURATION}_sum") == pytest.approx(sum(durations))


@given(st.tuples(*(st.integers(0, 10**9) for _ in BUCKETS)))
def test_each_token_is_in_one_series(tokens: tuple[int, ...]) -> None:
    usage = Usage(*tokens)
    metrics = GatewayMetrics()
    metrics.note(call(usage=usage))
    told = Told(metrics)
    assert (told.total(TOKENS, gen_ai_token_type="input") or 0) == usage.input_tokens
    assert (told.total(TOKENS, gen_ai_token_type="output") or 0) == usage.output_tokens
    assert (told.total(TOKENS, kind="reasoning") or 0) == usage.output_reasoning


def test_bounds_are_those_of_opentelemetry_and_reach_five_minutes() -> None:
    conventions = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    assert {*conventions, 163.84, 327.68} <= set(TIME_BOUNDS_S)
    assert TIME_BOUNDS_S[-1] == 327.68
    assert all(after / before <= 1.51 for before, after in pairwise(TIME_BOUNDS_S))


def test_ten_thousand_junk_models_are_one_series() -> None:
    metrics = made()
    metrics.note(call(model="junk", asked_model="junk", answered_model="junk"))
    before = len(Told(metrics).samples)
    for number in range(10_000):
        name = f'junk-{number}\n"{{}}'
        metrics.note(call(model=name, asked_model=name, answered_model=name))
    told = Told(metrics)
    assert len(told.samples) == before
    assert told.total("llmopt_requests_total", model="other") == 10_001


def test_junk_in_every_label_is_bounded() -> None:
    metrics = made()
    for number in range(1000):
        junk = f"junk{number}"
        metrics.note(call(provider=junk, upstream="default", route=junk, error=junk, cache=junk, usage_from=junk))
    told = Told(metrics)
    assert len(told.labels("llmopt_route_requests_total")) <= 101
    assert len(told.labels("llmopt_errors_total")) <= 101
    assert len(told.labels("llmopt_cost_usd_total")) <= 101
    assert {each["result"] for each in told.labels("llmopt_cache_requests_total")} <= {
        "hit", "semantic", "shared", "miss", "bypass", "none",
    }  # fmt: skip


def test_even_priced_models_are_bounded() -> None:
    labels = ModelLabels(TABLE, ["mine"])
    told = {labels.of(model.id)[0] for model in TABLE.models()}
    assert len(told) == MOST_MODELS + 1
    assert labels.of("mine") == ("mine", "")


@pytest.mark.parametrize(
    ("names", "label"),
    [
        pytest.param(("gpt-4o",), "gpt-4o", id="its id"),
        pytest.param(("claude-sonnet-4-5-20250929",), "claude-sonnet-4-5", id="dated"),
        pytest.param(("my-fine-tune", "gpt-4o"), "gpt-4o", id="the answered one is known"),
        pytest.param(("my-fine-tune",), "other", id="unknown"),
        pytest.param(("x" * 10_000,), "other", id="long"),
        pytest.param(("", ""), "none", id="none"),
    ],
)
def test_model_labels(names: tuple[str, ...], label: str) -> None:
    assert ModelLabels(TABLE).of(*names)[0] == label


def test_what_cannot_be_encoded_is_no_label() -> None:
    bounded = Bounded(10)
    assert [bounded.of(each) for each in ("größe", "a\nb", "\ud800", "x" * 101)] == ["größe", "other", "other", "other"]


def test_without_prices_only_named_models_are_told_apart() -> None:
    labels = ModelLabels(None, ["llama"])
    assert (labels.of("llama")[0], labels.of("gpt-4o")[0]) == ("llama", "other")


def test_bounded_values() -> None:
    bounded = Bounded(2, "[a-z]+", ["known"])
    assert [bounded.of(each) for each in ("", "known", "A", "one", "two", "known", "one")] == [
        "none", "known", "other", "one", "other", "known", "one",
    ]  # fmt: skip


read_open: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families


def test_openmetrics_can_be_read_and_says_the_same() -> None:
    metrics = made(tutorial=True, budgets=lambda: [Budget("", "day", Decimal(1), Decimal(2))])
    metrics.note(call(streamed=True, route="a", error="weird"))
    text, content_type = metrics.text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    read = {sample.name for family in read_open(text.decode()) for sample in family.samples}
    told = {name for name, _, _ in Told(metrics).samples}
    assert {name for name in told if not name.startswith(("process_", "python_"))} <= read


def test_every_family_has_its_help_and_type() -> None:
    metrics = made()
    for name, family in FAMILIES.items():
        kind = {"counter": "counter", "gauge": "gauge", "histogram": "histogram"}[family.kind]
        metrics.follow(name, lambda: 1.0, *["x"] * len(family.labels)) if len(family.labels) < 2 else None
        if name in Told(metrics).text:
            assert f"# TYPE {name} {kind}\n" in Told(metrics).text


def test_budgets_are_asked_at_each_scrape() -> None:
    spent = [Decimal("1.5")]
    metrics = made(
        budgets=lambda: [Budget("care", "day", spent[0], Decimal(10)), Budget("", "month", spent[0], Decimal(99))]
    )
    spent[0] = Decimal("2.5")
    told = Told(metrics)
    assert told.total("llmopt_budget_spent_usd", tenant="care", period="day") == 2.5
    assert told.total("llmopt_budget_usd", tenant="all", period="month") == 99


def test_counts_of_other_parts_are_followed() -> None:
    metrics = made()
    lost, failed = [0], [3]
    metrics.follow(LOG_LOST, lambda: lost[0])
    metrics.follow(STORE_ERRORS, lambda: failed[0], "cache")
    lost[0] = 5
    told = Told(metrics)
    assert told.total("llmopt_log_lines_lost_total") == 5
    assert told.total("llmopt_store_errors_total", store="cache") == 3


def test_requests_under_way() -> None:
    metrics = made()
    metrics.begun()
    metrics.begun()
    metrics.ended()
    assert Told(metrics).total("llmopt_requests_in_flight") == 1


def test_threads_lose_nothing() -> None:
    metrics = made()

    def note() -> None:
        for _ in range(500):
            metrics.begun()
            metrics.note(call(cost_usd=Decimal("0.25")))
            metrics.ended()

    threads = [threading.Thread(target=note) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    told = Told(metrics)
    assert told.total("llmopt_requests_total") == 4000
    assert told.total("llmopt_cost_usd_total") == 1000
    assert told.total(f"{DURATION}_count") == 4000
    assert told.total("llmopt_requests_in_flight") == 0


def test_two_gateways_do_not_mix_and_nothing_is_global() -> None:
    before = {metric.name for metric in REGISTRY.collect()}
    one, other = made(), made()
    one.note(call())
    assert Told(one).total("llmopt_requests_total") == 1
    assert Told(other).total("llmopt_requests_total") is None
    assert {metric.name for metric in REGISTRY.collect()} == before


def test_a_registry_has_one_set_of_metrics() -> None:
    registry = CollectorRegistry()
    metrics = metrics_in(registry)
    assert metrics_in(registry) is metrics
    assert metrics_in(CollectorRegistry()) is not metrics
    metrics.note(call())
    assert b"llmopt_requests_total{" in generate_latest(registry)


def test_the_tutorials_names_say_the_same_and_come_only_when_asked_for() -> None:
    assert "llm_api_" not in Told(made()).text
    metrics = made(tutorial=True)
    for _ in range(3):
        metrics.note(call())
    metrics.note(call(model="claude-sonnet-4-5", asked_model="claude-sonnet-4-5", provider="anthropic"))
    for _ in range(6):
        metrics.note(hit())
    metrics.note(call(status=500, error="server", usage=None, cost_usd=None))
    told = Told(metrics)
    assert told.total("llm_api_cost_dollars_total", model="gpt-4o") == pytest.approx(3 * 0.0045)
    assert told.total("llm_api_calls_total", model="gpt-4o", status="success") == 9
    assert told.total("llm_api_calls_total", status="error") == 1
    assert told.total("llm_api_tokens_total", model="gpt-4o", type="input") == 3000
    assert told.total("llm_api_latency_seconds_count", model="gpt-4o") == 9
    assert told.total("llm_cache_hits_total") == 6
    assert told.total("llm_cache_misses_total") == 5
