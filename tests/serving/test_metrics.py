"""The metrics parse, add up, reach far enough, and belong to one server."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from llmopt.serving.batching import BatchDone, BatchSettings
from llmopt.serving.metrics import TIME_BUCKETS_S, ServerMetrics
from tests.serving.model_server.running import Letters, serving

OURS = "llmopt_"


def batch(size: int = 3, **more: float) -> BatchDone:
    given = {"useful_tokens": 10, "padded_tokens": 12, "waited_s": 0.1, "service_s": 24.0, "queued": 0}
    return BatchDone(size=size, **{**given, "calls": 1, "failed": 0, **more})  # type: ignore[arg-type]


def read(metrics: ServerMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.text()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in plain_text(text)
        for sample in family.samples
    }


def test_a_batch_counts_in_every_figure() -> None:
    metrics = ServerMetrics(32, lambda: 7)
    metrics.batch_done(batch())
    metrics.batch_done(batch(size=32, calls=3, failed=2, useful_tokens=100, padded_tokens=100))
    metrics.dropped("deadline")
    assert metrics.seconds_each == pytest.approx(8 + 0.2 * (0.75 - 8))
    found = read(metrics)
    assert found["llmopt_batch_inputs_count", ()] == 2
    assert found["llmopt_batch_inputs_sum", ()] == 35
    assert found["llmopt_predict_calls_total", ()] == 4
    assert found["llmopt_tokens_total", (("kind", "useful"),)] == 110
    assert found["llmopt_tokens_total", (("kind", "padding"),)] == 2
    assert found["llmopt_batch_wait_seconds_sum", ()] == pytest.approx(0.2)
    assert found["llmopt_batch_service_seconds_sum", ()] == 48
    assert found["llmopt_inputs_dropped_total", (("reason", "deadline"),)] == 1
    assert found["llmopt_inputs_dropped_total", (("reason", "failed"),)] == 2
    assert found["llmopt_queue_inputs", ()] == 7


def test_slow_is_not_shown_as_less_slow() -> None:
    metrics = ServerMetrics(1, lambda: 0)
    metrics.batch_done(batch(size=1, service_s=24.0, waited_s=400.0))
    found = read(metrics)
    assert found["llmopt_batch_service_seconds_bucket", (("le", "20.0"),)] == 0
    assert found["llmopt_batch_service_seconds_bucket", (("le", "50.0"),)] == 1
    assert found["llmopt_batch_wait_seconds_bucket", (("le", "200.0"),)] == 0
    assert found["llmopt_batch_wait_seconds_bucket", (("le", "500.0"),)] == 1


def test_buckets_are_round_and_fine_enough_everywhere() -> None:
    assert (TIME_BUCKETS_S[0], TIME_BUCKETS_S[-1]) == (0.0001, 500.0)
    assert all(2 <= after / before < 2.51 for before, after in pairwise(TIME_BUCKETS_S))
    assert all(len(f"{bound:g}") == len(str(bound).removesuffix(".0")) for bound in TIME_BUCKETS_S)


@pytest.mark.parametrize(
    ("largest", "bounds"), [(1, ["1.0"]), (2, ["1.0", "2.0"]), (20, ["1.0", "2.0", "4.0", "8.0", "16.0", "20.0"])]
)
def test_the_buckets_of_batches_end_at_the_largest(largest: int, bounds: Sequence[str]) -> None:
    found = read(ServerMetrics(largest, lambda: 0))
    assert [labels[0][1] for name, labels in found if name == "llmopt_batch_inputs_bucket"] == [*bounds, "+Inf"]


def test_two_servers_do_not_mix_and_nothing_is_global() -> None:
    before = {metric.name for metric in REGISTRY.collect()}
    one, other = (ServerMetrics(8, lambda: 0, [("model", name)]) for name in "ab")
    one.batch_done(batch())
    assert read(one)["llmopt_batch_inputs_count", ()] == 1
    assert read(other)["llmopt_batch_inputs_count", ()] == 0
    assert read(other)["llmopt_model_info", (("model", "b"),)] == 1
    assert {metric.name for metric in REGISTRY.collect()} == before


def test_names_follow_the_conventions() -> None:
    text = ServerMetrics(8, lambda: 0).text()[0].decode()
    families = [family for family in plain_text(text) if family.name.startswith(OURS)]
    assert len(families) >= 12
    for family in families:
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        assert not [sample for sample in family.samples if sample.name.endswith("_created")]
        for word in ("_ms", "_milliseconds", "_percent"):
            assert word not in family.name


def test_the_form_is_what_the_scraper_asks_for() -> None:
    metrics = ServerMetrics(8, lambda: 0)
    metrics.batch_done(batch())
    text, kind = metrics.text("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    families = list(open_metrics(text.decode()))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {"llmopt_batch_inputs", "llmopt_tokens"}
    assert metrics.text()[1].startswith("text/plain")


def test_the_figures_of_a_server_add_up() -> None:
    with serving(Letters().served(), BatchSettings(max_batch_size=4)) as server:
        for body in ({"input": ["aa", "b", "cccc"]}, {"input": "dd"}, {"input": "x" * 30}, {"input": "e!"}):
            server.ask("/predict", body)
        for at in range(3):
            server.ask(f"/nowhere/{at}")
        server.ask("/predict", {"input": "a"}, method="TRACE")
        text = server.ask("/metrics").body.decode()
    samples = [sample for family in plain_text(text) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    assert total("llmopt_http_requests_total") == 8
    assert total("llmopt_http_requests_total", route="/predict", status="200") == 2
    assert total("llmopt_http_requests_total", route="/predict", status="400") == 1
    assert total("llmopt_http_requests_total", route="/predict", status="500") == 1
    assert total("llmopt_http_requests_total", route="other", method="GET", status="404") == 3
    assert total("llmopt_http_requests_total", method="other") == 1
    assert total("llmopt_http_requests_rejected_total") == 6
    assert total("llmopt_http_requests_rejected_total", reason="too_many_tokens") == 1
    assert total("llmopt_http_request_duration_seconds_count") == total("llmopt_http_requests_total")
    assert total("llmopt_http_requests_in_flight") == 1
    assert total("llmopt_batch_inputs_sum") == 5
    assert total("llmopt_batch_inputs_bucket", le="+Inf") == total("llmopt_batch_inputs_count")
    assert total("llmopt_tokens_total", kind="useful") == 11
    assert total("llmopt_queue_inputs") == 0
    assert total("process_cpu_seconds_total") > 0
