"""The whole load test against a server on the loopback: short, and never on how fast it is."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.url import sweep_url
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_result import UrlRecommendation, UrlSweep, UrlUnmet
from llmopt.errors import InputError, UsageError
from tests.serving.mock_openai import Behaviour, Mock, serving


def swept(mock: Mock, environ: Mapping[str, str] | None = None, **options: Any) -> UrlSweep:
    asked = {"new_tokens": 4, "max_time_s": 0.8, "min_samples": 20, "rates": (100.0, 200.0), **options}
    return sweep_url(UrlOptions(mock.url, **asked), Workload((5, 9)), environ=environ or {})


def test_a_server_is_measured_at_named_rates() -> None:
    with serving(Behaviour(token_s=0.001)) as mock:
        found = swept(mock, max_time_s=3.0)  # a machine may stand still for a second
    assert (found.target.name, found.target.task, found.target.device_name) == (mock.url, "url", "mock-1")
    assert [point.rate_per_s for point in found.points] == [100.0, 200.0]
    assert all(point.samples >= 20 and not point.failed for point in found.points)
    for point in found.points:
        for ttft_s, latency_s in zip(point.ttfts_s, point.latencies_s, strict=True):
            assert 0 < ttft_s <= latency_s
        assert len(point.tpots_s) == point.samples
        assert point.useful_tokens_per_s == pytest.approx(4 * (point.throughput_per_s or 0))
    assert isinstance(found.recommended, UrlRecommendation)
    assert found.held
    assert found.prompt_tokens == (5, 9)
    asked = [body["messages"][0]["content"] for body in mock.bodies]
    assert len(set(asked)) == len(asked)
    assert {len(text.split()) for text in asked} == {5, 9}
    assert all(body["max_tokens"] == 4 and body["model"] == "mock-1" for body in mock.bodies)


def test_rates_are_found_and_an_slo_is_judged() -> None:
    with serving(Behaviour(first_s=0.02, concurrency=2)) as mock:
        found = swept(mock, rates=None, max_time_s=1.5, slo_p99_s=1e-6, min_samples=5)
    assert len(found.points) >= 1
    assert found.elapsed_s < 30
    assert isinstance(found.recommended, UrlUnmet)


def test_failures_are_counted_not_raised() -> None:
    with serving(Behaviour(status=lambda number: 503 if number > 5 and number % 2 else 200)) as mock:
        found = swept(mock, rates=(200.0,))
    [point] = found.points
    assert point.status == "failing"
    assert point.failed == (("HTTP 503", point.failures),)
    assert isinstance(found.recommended, UrlUnmet)
    assert "most of them with 'HTTP 503'" in found.recommended.reason


def test_a_prompt_that_is_too_long_is_a_failure_and_no_end() -> None:
    with serving(Behaviour(longest=50)) as mock:
        options = UrlOptions(mock.url, new_tokens=4, max_time_s=0.8, min_samples=20, rates=(200.0,))
        found = sweep_url(options, Workload((5,) * 30 + (60,)), environ={})
    assert found.points[0].samples
    assert {reason for reason, _ in found.points[0].failed} <= {"HTTP 400"}


def test_a_key_is_read_from_the_named_variable() -> None:
    with serving(Behaviour(key="k-1")) as mock:
        assert swept(mock, {"OPENAI_API_KEY": "k-1"}, rates=(200.0,)).points[0].samples
        assert swept(mock, {"MINE": " k-1\n"}, rates=(200.0,), api_key_env="MINE").points[0].samples
        with pytest.raises(InputError, match=r"no answer \(HTTP 401") as caught:
            swept(mock, {"MINE": "k-1"})
        assert "set OPENAI_API_KEY" in caught.value.hint
        with pytest.raises(InputError) as caught:
            swept(mock, {"MINE": "wrong"}, api_key_env="MINE")
        assert caught.value.hint == "the server refuses the key in MINE"
        with pytest.raises(UsageError, match="MINE is not set"):
            swept(mock, {}, api_key_env="MINE")


def test_a_named_model_is_not_looked_up() -> None:
    with serving(Behaviour(models_status=500)) as mock:
        assert swept(mock, model="mine", rates=(200.0,)).target.device_name == "mine"


def test_an_unreachable_url_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for model in (None, "m"):
        with pytest.raises(InputError) as caught:
            sweep_url(UrlOptions(f"http://127.0.0.1:{port}", model=model), Workload((5,)), environ={})
        assert "connection refused" in caught.value.message
        assert "\n" not in caught.value.message


def test_a_server_that_never_answers_does_not_keep_the_run() -> None:
    with serving(Behaviour(first_s=3600)) as mock, pytest.raises(InputError, match=r"no (two )?answer"):
        swept(mock, max_time_s=0.2)


def test_rates_that_were_not_reached_are_warned_of() -> None:
    with serving(Behaviour(first_s=0.01)) as mock:
        found = swept(mock, rates=(0.001,), max_time_s=2.0)
    assert found.points[0].status == "skipped"
    assert found.warnings == ("1 rate was not reached in time: give it more (--max-time)",)
    assert found.recommended is None


def test_requests_that_wait_for_a_connection_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.bench.url.CONNECTIONS", 3)
    with serving(Behaviour(first_s=0.1)) as mock:
        found = swept(mock, rates=(100.0,), max_time_s=0.5)
    assert found.points[0].open_most > 3
    assert any("and 3 connections" in warning for warning in found.warnings)
