"""`llmopt bench-batch` in every format, from runs with fixed figures."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.bench.report import BenchReport
from llmopt.bench.url_result import UrlRecommendation, UrlUnmet
from llmopt.report import as_screen, bench_batch_json, bench_batch_view, bench_url_view
from llmopt.report.bench_batch_points import COLUMNS
from llmopt.report.render import FORMATS, Format, render
from tests.conftest import ROOT, Golden
from tests.report.bench_reports import COMPARISON, FULL, GENERATE, PLAIN, RECOMMENDED, UNMET, URL, VERIFIED

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
REPORTS = {"full": FULL, "plain": PLAIN, "unmet": UNMET, "generate": GENERATE}
POINT = {
    *("batch_size", "seq_len", "throughput_per_s", "throughput_low", "throughput_high"),
    *("latency_p50_s", "latency_p95_s", "latency_p99_s", "latency_max_s", "samples"),
    *("useful_tokens_per_s", "peak_memory_bytes", "status", "times_s", "useful_tokens", "padded_tokens"),
}
BEST = {"max_batch_size", "max_wait_s", "max_batch_tokens", "rate_per_s", "p99_upper_s", "usd_per_million"}


def rendered(report: BenchReport, format: Format) -> str:
    failed = ("a check",) if report is FULL else ()
    return render(bench_batch_view.view(report), bench_batch_json.payload(report, failed_checks=failed), format)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_runs(name: str, format: Format, golden: Golden) -> None:
    golden(f"bench/{name}.{SUFFIX[format]}", rendered(REPORTS[name], format))


@pytest.mark.parametrize("format", FORMATS)
def test_servers(format: Format, golden: Golden) -> None:
    view, payload = bench_url_view.view(URL, slo_p99_s=0.6), bench_url_view.payload(URL, slo_p99_s=0.6)
    golden(f"bench/url.{SUFFIX[format]}", render(view, payload, format))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals(width: int, golden: Golden) -> None:
    text = as_screen.render(bench_batch_view.view(FULL), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"bench/full-{width}.txt", text)


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals_for_servers(width: int, golden: Golden) -> None:
    golden(f"bench/url-{width}.txt", as_screen.render(bench_url_view.view(URL, slo_p99_s=0.6), width, color=False))


def test_the_document_has_what_it_promises() -> None:
    document = json.loads(rendered(FULL, "json"))
    assert document["schema"] == "llmopt.bench-batch/1"
    assert all(set(point) >= POINT for point in document["points"])
    assert set(document["recommended"]) >= BEST
    assert document["recommended"]["usd_per_million"] == "4.8733"
    assert document["recommended"]["max_batch_tokens"] == 2048
    assert document["environment"]["noise"]["quiet"] is True
    assert document["environment"]["target"]["name"] == "models/minilm"
    assert document["environment"]["target"]["versions"] == {"torch": "2.13.0", "transformers": "5.1.0"}
    assert document["recommended"]["max_queue"] == 1024
    assert document["verified"]["p99_error"] == pytest.approx(VERIFIED.p99_error)
    assert document["comparison"]["regressed"] is True
    assert document["failed_checks"] == ["a check"]
    assert [point["latency_p99_s"] is None for point in document["points"]] == [
        point["samples"] < 299 for point in document["points"]
    ]
    assert [len(point["times_s"]) for point in document["points"]] == [p["samples"] for p in document["points"]]


def test_every_field_is_documented() -> None:
    told = set(re.findall(r"[a-z][a-z0-9_]+", (ROOT / "docs" / "bench-batch.md").read_text(encoding="utf-8")))
    for report in (FULL, UNMET):
        assert names_in(json.loads(rendered(report, "json"))) <= told | {"torch", "transformers"}


def names_in(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set(value).union(*map(names_in, value.values())) if isinstance(value, dict) else set()


def test_shapes_and_settings_are_flat() -> None:
    document = json.loads(rendered(FULL, "json"))
    assert document["comparison"]["shapes"][1]["batch_size"] == 16
    unmet = json.loads(rendered(UNMET, "json"))["unmet"]
    assert (unmet["max_batch_size"], unmet["p99_s"], unmet["slo_p99_s"]) == (1, 0.0151, 0.01)


def test_what_there_is_not_is_null() -> None:
    document = json.loads(rendered(GENERATE, "json"))
    for key in ("curve", "recommended", "unmet", "verified", "comparison", "slo_p99_s"):
        assert document[key] is None
    infinite = replace(FULL, recommended=replace(RECOMMENDED, p99_upper_s=float("inf")))
    assert json.loads(rendered(infinite, "json"))["recommended"]["p99_upper_s"] is None
    assert "p99 at most unknown" in rendered(infinite, "table")


def test_csv_has_seconds_and_no_words_for_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(FULL, "csv"))))
    assert "p99" not in rows[0]
    assert set(rows[0]) == {column.name for column in COLUMNS if not column.people}
    assert Decimal(rows[0]["latency_p50_s"]) == Decimal("0.015")
    assert rows[3]["latency_p99_s"] == ""
    assert Decimal(rows[3]["latency_max_s"]) == Decimal("0.06")
    assert rows[-1]["status"] == "oom"
    assert rows[-1]["reason"] == "CUDA out of memory at 128 requests"
    only = list(csv.DictReader(io.StringIO(rendered(PLAIN, "csv"))))
    assert only[0]["seq_len"] == "32"


def test_few_samples_give_the_max_of_n() -> None:
    text = rendered(FULL, "table")
    assert "max of 40: 60.0" in text
    assert "max of n: the longest of so many; a p99 needs 299 of them." in text
    assert "p99 or max of n of a batch (ms, log scale)" in text
    few = replace(FULL, sweep=replace(FULL.sweep, points=FULL.sweep.points[3:7]))
    assert "\nmax of n of a batch (ms, log scale)" in rendered(few, "table")
    assert "p95" not in rendered(few, "table")
    enough = replace(FULL, sweep=replace(FULL.sweep, points=FULL.sweep.points[:3]))
    assert "max of" not in rendered(enough, "table")
    assert "\np99 of a batch (ms, log scale)" in rendered(enough, "table")


def test_noisy_shapes_are_counted_in_one_line() -> None:
    points = tuple(replace(point, status="noisy", reason=f"{at} of 40") for at, point in enumerate(PLAIN.sweep.points))
    text = rendered(replace(PLAIN, sweep=replace(PLAIN.sweep, points=points)), "table")
    assert "noisy: other work ran beside all of these shapes; their times may be too long." in text
    some = rendered(replace(PLAIN, sweep=replace(PLAIN.sweep, points=(*points[:2], *PLAIN.sweep.points[2:]))), "table")
    assert some.count("noisy:") == 1
    assert "beside 2 of 8 of these shapes" in some
    assert "1 of 40" in rendered(replace(PLAIN, sweep=replace(PLAIN.sweep, points=points)), "csv")


def test_the_last_lines_are_what_to_run() -> None:
    lines = rendered(FULL, "table").splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("Recommended: "))
    assert not any(line.startswith(("warning", "Measured", "Time of")) for line in lines[first:])
    assert not any(line.startswith(("warning", "Measured", "Time of")) for line in lines[:20])
    commented = replace(FULL, config=f"# why\n{FULL.config}")
    assert rendered(commented, "table") == rendered(FULL, "table")


def test_a_function_is_measured_in_words() -> None:
    sweep = PLAIN.sweep
    target = replace(sweep.environment.target, task="callable")
    curve = replace(FULL.curve, per_token_s=1e-4) if FULL.curve else None
    swept = replace(sweep, environment=replace(sweep.environment, target=target))
    text = rendered(replace(FULL, sweep=swept, curve=curve, comparison=None), "table")
    assert "Batches of requests of 32 words" in text
    assert "tokens/s" not in text
    assert "100 us x words, padding included" in text
    assert "$0.152000 a million words" in text


def test_generation_has_ttft_and_tpot_and_no_padding() -> None:
    text = rendered(GENERATE, "table")
    assert "TTFT (ms)" in text
    assert "TPOT (ms)" in text
    assert "padding" not in text
    assert "TTFT" not in rendered(PLAIN, "table")


def test_padding_is_told_where_there_is_some() -> None:
    padded = tuple(replace(point, padded_tokens=point.useful_tokens * 5 // 4) for point in PLAIN.sweep.points)
    text = rendered(replace(PLAIN, sweep=replace(PLAIN.sweep, points=padded)), "table")
    assert "padding" in text
    assert "25.0%" in text


def test_a_verification_says_what_is_wrong_with_it() -> None:
    noise = replace(VERIFIED.noise, quiet=False, reasons=("drift 12%",))
    bad = replace(VERIFIED, failed=3, slo_met=False, noise=noise, measured_p99_upper_s=None)
    text = rendered(replace(FULL, verified=bad), "table")
    assert "warning: 3 of 1,500 requests failed." in text
    assert "warning: The measured p99 misses the SLO." in text
    assert "warning: Not quiet while verifying: drift 12%." in text
    far = replace(VERIFIED, measured_p50_s=VERIFIED.predicted_p50_s * 1.2)
    assert "further apart" in rendered(replace(FULL, verified=far), "table")
    assert "further apart" not in rendered(FULL, "table")


def test_a_verification_below_the_recommended_rate_says_so() -> None:
    assert "and not at" not in rendered(FULL, "table")
    lower = replace(FULL, verified=replace(VERIFIED, rate_per_s=120.0))
    assert "At 120/s and not at the 142.5 requests/s recommended: next to the capacity" in rendered(lower, "table")


def test_a_comparison_says_which_way() -> None:
    assert bench_batch_view.compared(COMPARISON).startswith("8.3% slower over all shapes")
    faster = replace(COMPARISON, change=-0.02, low=-0.03, high=-0.01, regressed=False)
    assert bench_batch_view.compared(faster) == (
        "2.0% faster over all shapes (95% interval of the slow-down -3.0% to -1.0%): no regression beyond 5.0%."
    )


def test_brief_reports_have_no_background() -> None:
    assert "Measured in" not in render(bench_batch_view.view(FULL, brief=True), {}, "table")
    assert "Measured in" not in render(bench_url_view.view(URL, brief=True), {}, "table")


def test_servers_at_rates_that_the_user_named() -> None:
    best = URL.recommended
    assert isinstance(best, UrlRecommendation)
    held = bench_url_view.view(replace(URL, held=True, recommended=replace(best, slo_p99_s=None)))
    assert held.headline == "http://127.0.0.1:8000/v1: at 16/s, 15.84 requests/s answered, p99 at most 504 ms."
    one = render(bench_url_view.view(replace(URL, prompt_tokens=(1024, 1024))), {}, "table")
    assert "prompts of 1,024 tokens" in one
    assert "prompts of 16 to 256 tokens" in render(bench_url_view.view(URL), {}, "table")


def test_servers_without_an_answer() -> None:
    failing = replace(URL, recommended=UrlUnmet(None, 1.0, None, "more than 1% of the requests failed at each rate"))
    assert bench_url_view.view(failing).headline.endswith("requests failed at every rate.")
    unmet = UrlUnmet(0.1, 1.0, None, "the nearest rate, 1/s, has too few samples; raise --max-time")
    near = bench_url_view.view(replace(URL, recommended=unmet), slo_p99_s=0.1)
    assert near.headline == "http://127.0.0.1:8000/v1: no measured rate meets a p99 of 100 ms."
    assert unmet.reason in near.warnings
    assert bench_url_view.payload(replace(URL, recommended=unmet))["recommended"] is None
    silent = bench_url_view.view(replace(URL, recommended=None, points=URL.points[-1:], prompt_tokens=()))
    assert silent.headline.endswith("no request was answered.")
    assert silent.plots == ()
