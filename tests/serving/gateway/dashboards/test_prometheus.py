"""A real Prometheus scrapes a real gateway, and answers the three questions: hourly spend, p95 latency, hit rate."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings, VirtualKey
from llmopt.serving.gateway.dashboards.grafana import PANELS, dashboard_text
from llmopt.serving.gateway.dashboards.prometheus import RULES_FILE, rules_text
from llmopt.serving.gateway.metrics.families import LOG_LOST, STORE_ERRORS, TIME_BOUNDS_S
from llmopt.serving.gateway.metrics.gateway_metrics import Budget, GatewayMetrics
from llmopt.serving.gateway.metrics.labels import ModelLabels
from llmopt.serving.gateway.values import Caps
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.calls import call, hit
from tests.serving.gateway.prometheus_programs import Prometheus, promtool
from tests.serving.gateway.running import Running, gateway

SLOW_S = 0.7
KEY = "sk-llmopt-care"
P95 = 0.48 + 0.16 * 80 / 90
"""Of the made-up calls: 300 of 400 are hits, the 380th is the 80th of the 90 between 0.48 and 0.64 s."""


@dataclass(frozen=True)
class Asked:
    """What the client saw of one request."""

    cache: str
    cost_usd: Decimal
    latency_s: float


@dataclass(frozen=True)
class Scene:
    """A Prometheus that has scraped all."""

    prometheus: Prometheus
    asked: list[Asked]

    def one(self, query: str) -> float:
        """Return the only value of a query."""
        ((_, value),) = self.prometheus.wait_for(query)
        return value

    def becomes(self, query: str, expected: float) -> None:
        """Wait until a query gives a value: rules see a scrape a second later."""
        until = time.monotonic() + 60
        while (found := self.one(query)) != pytest.approx(expected, rel=1e-9):
            assert time.monotonic() < until, f"{query}: {found}, not {expected}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / RULES_FILE
    rules.write_text(rules_text(), encoding="utf-8")
    digest = sha256(KEY.encode()).hexdigest()
    key = VirtualKey("care-1", digest, "care", Caps(usd_per_day=Decimal(1)))
    with MockUpstream(Behaviour(input_tokens=1000, output_tokens=200)) as mock, synthetic() as other:
        upstreams = (UpstreamSettings(mock.url, api_key_env=""),)
        config = GatewayConfig(upstreams, keys=(key,), tutorial_metrics=True)
        with gateway(config) as running:
            asked = traffic(running)  # before the first scrape: `rate` would see none of it
            targets = {"llmopt": running.root.removeprefix("http://"), "synthetic": other}
            with Prometheus(folder, targets, rules) as prometheus:
                yield Scene(prometheus, asked)


def traffic(running: Running) -> list[Asked]:
    """Ask twenty requests, six of them again, two of them slow."""
    asked = [ask(running, f"question {number}", slow=number < 2) for number in range(20)]
    return asked + [ask(running, f"question {number}") for number in range(10, 16)]


def ask(running: Running, text: str, *, slow: bool = False) -> Asked:
    body = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    headers |= {"x-mock-latency_s": str(SLOW_S)} if slow else {}
    began = time.perf_counter()
    request = urllib.request.Request(f"{running.url}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
        cost = Decimal(answer.headers["x-llmopt-cost-usd"])
        return Asked(answer.headers["x-llmopt-cache"], cost, time.perf_counter() - began)


class synthetic:  # noqa: N801 - used like a function
    """Metrics of made-up calls behind a port: 90 calls of 0.5 s, 10 of 24 s, 300 hits, a failure."""

    def __init__(self) -> None:
        metrics = GatewayMetrics(ModelLabels(None, ["gpt-4o"]), tutorial=True)
        for number in range(100):
            latency_s = 0.5 if number < 90 else 24.0
            metrics.note(call(latency_s=latency_s, cost_usd=Decimal("0.033"), streamed=True, route="cheap"))
        for _ in range(300):
            metrics.note(hit(latency_s=0.012))
        metrics.note(call(status=502, error="server", cache="bypass", usage=None, cost_usd=None, latency_s=300.0))

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked_by_prometheus = "x-prometheus-scrape-timeout-seconds" in self.headers
                text, content_type = metrics.text(self.headers["accept"], scraped=asked_by_prometheus)
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *values: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> str:
        self._thread.start()
        return f"127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()


def test_hourly_spend_is_what_the_answers_said(scene: Scene) -> None:
    spent = sum(each.cost_usd for each in scene.asked)
    assert spent > 0
    scene.becomes('llmopt:spend_usd:1h{job="llmopt"}', float(spent))
    scene.becomes('sum(llm_api_cost_dollars_total{job="llmopt"})', float(spent))
    scene.becomes('llmopt_tenant_cost_usd_total{tenant="care"}', float(spent))
    scene.becomes('llmopt_budget_spent_usd{tenant="care", period="day"}', float(spent))
    scene.becomes('llmopt:spend_usd:1h{job="synthetic"}', 3.3)


def test_p95_is_in_the_bucket_that_the_slow_ones_are_in(scene: Scene) -> None:
    longest = TIME_BOUNDS_S[bisect_left(TIME_BOUNDS_S, max(each.latency_s for each in scene.asked))]
    for query in (
        'llmopt:latency_seconds:p99_5m{job="llmopt"}',
        'llmopt:model_latency_seconds:p95_5m{job="llmopt"}',
        'histogram_quantile(0.99, sum by (le) (llm_api_latency_seconds_bucket{job="llmopt"}))',
    ):
        assert 0.64 < scene.one(f"{query} > 0") <= longest


def test_p95_of_made_up_calls_is_exact(scene: Scene) -> None:
    scene.becomes('llmopt:model_latency_seconds:p95_5m{job="synthetic"}', 20.48 + 10.24 * 5 / 10)
    scene.becomes('llmopt:latency_seconds:p95_5m{job="synthetic"}', P95)


def test_the_hit_rate_is_what_the_answers_said(scene: Scene) -> None:
    found = [each.cache for each in scene.asked]
    assert (found.count("hit"), found.count("miss")) == (6, 20)
    for window in ("5m", "1h"):
        scene.becomes(f'llmopt:cache_hit_ratio:{window}{{job="llmopt"}}', 6 / 26)
        scene.becomes(f'llmopt:cache_hit_ratio:{window}{{job="synthetic"}}', 0.75)
    hits, misses = (f'sum(llm_cache_{each}_total{{job="llmopt"}})' for each in ("hits", "misses"))
    scene.becomes(f"{hits} / ({hits} + {misses})", 6 / 26)


def test_plain_questions_see_the_first_calls_too(scene: Scene) -> None:
    rates = 'sum by (le) (rate(llm_api_latency_seconds_bucket{job="synthetic"}[5m]))'
    scene.becomes(f"histogram_quantile(0.95, {rates})", P95)
    for job, ratio in (("synthetic", 0.75), ("llmopt", 6 / 26)):
        hits, misses = (f'sum(increase(llm_cache_{each}_total{{job="{job}"}}[5m]))' for each in ("hits", "misses"))
        scene.becomes(f"{hits} / ({hits} + {misses})", ratio)
    spent = float(sum(each.cost_usd for each in scene.asked))
    for job, cost_usd in (("synthetic", 3.3), ("llmopt", spent)):
        found = scene.one(f'sum(increase(llm_api_cost_dollars_total{{job="{job}"}}[1h])) > 0')
        assert found >= cost_usd * (1 - 1e-9)  # Prometheus stretches it, and leaves nothing out


def test_prometheus_likes_what_it_scrapes(scene: Scene) -> None:
    scene.becomes("sum(up)", 2)
    assert scene.one("max(scrape_samples_post_metric_relabeling)") < 1000
    assert scene.one("count(llmopt_build_info)") == 2


def test_every_panel_shows_something(scene: Scene) -> None:
    for panel in PANELS:
        for query in panel.queries:
            assert scene.prometheus.wait_for(filled(query.expr)), panel.title


def test_promtool_likes_every_metric() -> None:
    metrics = GatewayMetrics(tutorial=True, tenants=["a"], budgets=lambda: [Budget("a", "day", Decimal(1), Decimal(2))])
    for each in (call(streamed=True, route="x"), hit(), call(status=500, error="server")):
        metrics.note(each)
    metrics.follow(LOG_LOST, lambda: 1.0)
    metrics.follow(STORE_ERRORS, lambda: 1.0, "cache")
    assert promtool("check", "metrics", given=metrics.text()[0].decode()) == ""


def test_every_query_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": filled(target["expr"])}
        for panel in json.loads(dashboard_text())["panels"]
        for target in panel["targets"]
    ]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)


def filled(expr: str) -> str:
    """Return a query with the values that Grafana puts in."""
    return expr.replace("$job", ".+").replace("$__rate_interval", "1m")
