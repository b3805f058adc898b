"""The rules under the real promtool: each question has its right number, whatever befell gateway and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmopt.serving.gateway.dashboards.alerts import ALERTS
from llmopt.serving.gateway.dashboards.prometheus import RULES_FILE, config_text, rules_text
from llmopt.serving.gateway.dashboards.rules import risen, rules
from llmopt.serving.gateway.metrics.families import TIME_BOUNDS_S
from tests.serving.gateway.prometheus_programs import promtool

HERE = '{job="llmopt", instance="a"}'
STARTED = f"llmopt_start_time_seconds{HERE}"
COST = 'llmopt_cost_usd_total{job="llmopt", instance="a", model="gpt-4o", provider="openai"}'
CACHE = 'llmopt_cache_requests_total{job="llmopt", instance="a", result="%s"}'
REQUESTS = 'llmopt_requests_total{job="llmopt", instance="a", status="%s"}'
DURATION = (
    'gen_ai_client_operation_duration_seconds_bucket{job="llmopt", instance="a", le="%s", error_type="%s",'
    ' gen_ai_request_model="gpt-4o", llmopt_source="model"}'
)


@pytest.fixture(scope="module")
def rules_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / RULES_FILE
    path.write_text(rules_text(), encoding="utf-8")
    return path


def question(
    series: dict[str, str],
    answers: Mapping[str, Mapping[str, float | None]],
    digits: float = 0.0001,
    interval: str = "1m",
) -> Any:
    """Return a test: series as promtool writes them, a value an interval; expression -> time -> value, None: none."""
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"round(sum({expr}), {digits})",
                "eval_time": at,
                "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
            }
            for expr, times in answers.items()
            for at, value in times.items()
        ],
    }


def alarms(series: dict[str, str], firing: dict[str, dict[str, dict[str, str] | None]], interval: str) -> Any:
    """Return a test: alert -> time -> its labels, None: it is silent."""
    told = {alert.name: alert for alert in ALERTS}
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "alertname": name,
                "eval_time": at,
                "exp_alerts": []
                if labels is None
                else [
                    {"exp_labels": {"severity": told[name].severity, **labels}, "exp_annotations": ANNOTATIONS[name]}
                ],
            }
            for name, times in firing.items()
            for at, labels in times.items()
        ],
    }


def check(folder: Path, rules_file: Path, *tests: Any) -> None:
    """Run promtool's unit tests; rules are worked out at the interval of the first one's series."""
    path = folder / "tests.yml"
    settings = {
        "rule_files": [str(rules_file)],
        "evaluation_interval": tests[0]["interval"],
        "group_eval_order": ["llmopt", "llmopt-alerts"],  # any order, else, and alarms are late by an interval at times
        "tests": tests,
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", path)


def buckets(durations: list[float], error: str = "") -> dict[str, str]:
    """Return the buckets of some durations, there from the first minute on."""
    bounds = [*TIME_BOUNDS_S, float("inf")]
    return {
        DURATION % ("+Inf" if bound == float("inf") else bound, error): f"{sum(each <= bound for each in durations)}x60"
        for bound in bounds
    }


def test_the_files_are_valid(rules_file: Path) -> None:
    config = rules_file.parent / "llmopt-prometheus.yml"
    config.write_text(config_text("127.0.0.1:8080"), encoding="utf-8")
    assert f"{len(rules()) + len(ALERTS)} rules found" in promtool("check", "rules", rules_file)
    assert "is valid prometheus config" in promtool("check", "config", config)


def test_every_line_is_short_enough_to_be_read() -> None:
    assert max(map(len, rules_text().splitlines())) <= 330
    assert "increase" in risen("x", "1h")


SPEND, MONTH = "llmopt:spend_usd:1h", "llmopt:spend_usd:projected_month"


@pytest.mark.parametrize(
    ("series", "answers"),
    [
        pytest.param(
            {STARTED: "0x200", COST: "0.033x200"},
            {SPEND: {"5m": 0.033, "59m": 0.033, "100m": 0}},
            id="one call before the first scrape",
        ),
        pytest.param(
            {STARTED: "0x200", COST: "_x90 0.033x100"},
            {SPEND: {"80m": None, "95m": 0.033, "140m": 0.033, "155m": 0}},
            id="a model that is called for the first time",
        ),
        pytest.param({STARTED: "0x200", COST: "0+0.5x200"}, {SPEND: {"30m": 15, "3h": 30}}, id="steady"),
        pytest.param(
            {STARTED: "-999999x200", COST: "5000+0.5x200"},
            {SPEND: {"30m": 15, "2h": 30}},
            id="an old gateway that Prometheus has just met",
        ),
        pytest.param(
            {STARTED: "0x90 5460x100", COST: "0+0.5x90 0+0.5x100"},
            {SPEND: {"89m": 30, "2h": 29.5, "170m": 30}},
            id="a restart",
        ),
        pytest.param(
            {STARTED: "0x70 _x30 0x100", COST: "0+0.5x70 _x30 50+0.5x100"},
            {SPEND: {"69m": 30, "105m": 29.5, "140m": 19.5, "180m": 30}},
            id="Prometheus was away for half an hour",
        ),
        pytest.param(
            {
                STARTED: "0x200",
                COST: "1x200",
                COST.replace('"a"', '"b"'): "2x200",
                STARTED.replace('"a"', '"b"'): "0x200",
                COST.replace("gpt-4o", "gpt-4"): "4x200",
            },
            {SPEND: {"20m": 7}, 'llmopt:model_spend_usd:1h{model="gpt-4o"}': {"20m": 3}},
            id="several models and gateways",
        ),
    ],
)
def test_hourly_spend(
    tmp_path: Path, rules_file: Path, series: dict[str, str], answers: dict[str, dict[str, float | None]]
) -> None:
    check(tmp_path, rules_file, question(series, answers))


@pytest.mark.parametrize(
    ("series", "answers"),
    [
        pytest.param({STARTED: "0x300", COST: "0+5x300"}, {"10m": 21600, "2h": 21600, "2d": 21600}, id="steady"),
        pytest.param({STARTED: "-999999x30", COST: "5000+5x30"}, {"2h": 21600}, id="an old gateway, met just now"),
        pytest.param(
            {STARTED: "0x300", COST: "0+5x144 720x156"}, {"36h": 10800, "2d": 0}, id="less than the day before"
        ),
    ],
)
def test_projected_month(
    tmp_path: Path, rules_file: Path, series: dict[str, str], answers: dict[str, float | None]
) -> None:
    check(tmp_path, rules_file, question(series, {MONTH: answers}, digits=1, interval="10m"))


def test_p95_is_found_also_when_it_is_long_and_the_calls_were_made_before_the_first_scrape(
    tmp_path: Path, rules_file: Path
) -> None:
    durations = [0.5] * 90 + [24.0] * 10
    p95 = 20.48 + (30.72 - 20.48) * (95 - 90) / 10
    failed = buckets([300.0] * 50, "timeout")
    check(
        tmp_path,
        rules_file,
        question(
            {STARTED: "0x60", **buckets(durations), **failed},
            {
                "llmopt:latency_seconds:p95_5m": {"3m": p95},
                "llmopt:latency_seconds:p50_5m": {"3m": round(0.48 + 0.16 * 50 / 90, 4)},
                'llmopt:model_latency_seconds:p95_5m{gen_ai_request_model="gpt-4o"}': {"3m": p95},
            },
        ),
    )


def test_the_hit_rate_leaves_out_what_bypasses_the_cache(tmp_path: Path, rules_file: Path) -> None:
    counts = {"hit": "0+5x90", "semantic": "0+1x90", "shared": "0+1x90", "miss": "0+3x90", "bypass": "0+50x90"}
    series = {STARTED: "0x90", **{CACHE % result: values for result, values in counts.items()}}
    ratios = {f"llmopt:cache_hit_ratio:{window}": {"80m": 0.7} for window in ("5m", "1h")}
    before = {STARTED: "0x9", CACHE % "hit": "7x9", CACHE % "miss": "3x9"}
    check(
        tmp_path,
        rules_file,
        question(series, ratios),
        question(before, {"llmopt:cache_hit_ratio:5m": {"1m": 0.7}}),
    )


def test_savings_are_less_by_what_went_wrong(tmp_path: Path, rules_file: Path) -> None:
    saved, extra = (f'llmopt_{name}_usd_total{{job="llmopt", instance="a", by="route"}}' for name in ("saved", "extra"))
    series = {STARTED: "0x90", saved: "0+2x90", extra: "0+0.5x90"}
    check(tmp_path, rules_file, question(series, {'llmopt:saved_usd:1h{by="route"}': {"80m": 90}}))


def test_the_share_of_server_errors(tmp_path: Path, rules_file: Path) -> None:
    good = {STARTED: "0x20", REQUESTS % "200": "0+9x20"}
    bad = {**good, REQUESTS % "503": "0+1x20", REQUESTS % "499": "0+2x20"}
    ratio = "llmopt:error_ratio:5m"
    check(
        tmp_path,
        rules_file,
        question(bad, {ratio: {"10m": round(1 / 12, 4)}}),
        question(good, {ratio: {"10m": 0}}),
    )


BUDGET = 'llmopt_budget%s_usd{job="llmopt", instance="a", tenant="care", period="day"}'
TENANT = {"job": "llmopt", "instance": "a", "tenant": "care", "period": "day"}
UNPRICED = 'llmopt_unpriced_requests_total{job="llmopt", instance="a", model="other"}'
ANNOTATIONS = {
    alert.name: {"summary": summary, "description": alert.todo}
    for alert in ALERTS
    for summary in [
        {
            "LlmoptGatewayGone": "No gateway of the job llmopt can be scraped any more.",
            "LlmoptBudgetSpent": "care has spent its cap of this day: its requests are refused.",
            "LlmoptBudgetNearlySpent": "care has spent more than 80 % of its cap of this day.",
            "LlmoptSpendSurge": "The last hour cost 60.00 USD, more than three times the mean hour of the last day.",
            "LlmoptErrors": "10% of the requests end in a server error.",
            "LlmoptSlow": "One request in twenty takes longer than 5m 23s.",
            "LlmoptCacheHitsFell": "The hit rate fell to 10%, less than half of a day ago.",
            "LlmoptUnpriced": "3 calls of other within an hour are missing in the spending: no price, or no usage.",
            "LlmoptLogLinesLost": "a could not write 10 lines of the request log.",
            "LlmoptStoreErrors": "The cache store of a fails; requests go on without it.",
            "LlmoptSeriesRefused": "Metrics of a are not whole: there are too many series.",
        }[alert.name]
    ]
}
JOB = {"job": "llmopt"}
STORE = 'llmopt_store_errors_total{job="llmopt", instance="a", store="cache"}'


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        pytest.param({STARTED: "0x10 _x20"}, {"LlmoptGatewayGone": {"9m": None, "20m": JOB}}, id="gone"),
        pytest.param(
            {BUDGET % "_spent": "7 8 9.9 10 11 0", BUDGET % "": "10x5"},
            {
                "LlmoptBudgetNearlySpent": {"0m": None, "1m": TENANT, "3m": None, "5m": None},
                "LlmoptBudgetSpent": {"2m": None, "3m": TENANT, "4m": TENANT, "5m": None},
            },
            id="budget",
        ),
        pytest.param(
            {STARTED: "0x60", REQUESTS % "200": "0+99x20 1980+9x40", REQUESTS % "500": "0+1x60"},
            {"LlmoptErrors": {"15m": None, "40m": JOB}},
            id="errors",
        ),
        pytest.param(
            {
                STARTED: "0x60",
                **{name: f"0+{values.removesuffix('x60')}x60" for name, values in buckets([250.0] * 10).items()},
            },
            {"LlmoptSlow": {"1m": None, "30m": JOB}},
            id="slow",
        ),
        pytest.param(
            {STARTED: "0x200", UNPRICED: "0x20 3x180"},
            {"LlmoptUnpriced": {"19m": None, "30m": {**JOB, "model": "other"}, "90m": None}},
            id="unpriced",
        ),
        pytest.param(
            {f"llmopt_log_lines_lost_total{HERE}": "0x20 10x40"},
            {"LlmoptLogLinesLost": {"19m": None, "25m": {**JOB, "instance": "a"}, "45m": None}},
            id="log lines",
        ),
        pytest.param(
            {STORE: "0x20 1+1x40"},
            {"LlmoptStoreErrors": {"22m": None, "40m": {**JOB, "instance": "a", "store": "cache"}}},
            id="store",
        ),
        pytest.param(
            {f"llmopt_metric_series_refused_total{HERE}": "0 1"},
            {"LlmoptSeriesRefused": {"0m": None, "1m": {**JOB, "instance": "a"}}},
            id="series",
        ),
    ],
)
def test_alerts(
    tmp_path: Path, rules_file: Path, series: dict[str, str], firing: dict[str, dict[str, dict[str, str] | None]]
) -> None:
    check(tmp_path, rules_file, alarms(series, firing, "1m"))


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        pytest.param(
            {STARTED: "0x300", COST: "0+0.1x140 14+10x20"},
            {"LlmoptSpendSurge": {"1400m": None, "1480m": JOB}},
            id="surge",
        ),
        pytest.param(
            {STARTED: "0x300", CACHE % "hit": "0+90x150 13500+10x150", CACHE % "miss": "0+10x150 1500+90x150"},
            {"LlmoptCacheHitsFell": {"1490m": None, "1700m": JOB}},
            id="hits fell",
        ),
    ],
)
def test_alerts_of_a_day(
    tmp_path: Path, rules_file: Path, series: dict[str, str], firing: dict[str, dict[str, dict[str, str] | None]]
) -> None:
    check(tmp_path, rules_file, alarms(series, firing, "10m"))


def test_every_alert_is_tried() -> None:
    assert {alert.name for alert in ALERTS} == set(ANNOTATIONS)
