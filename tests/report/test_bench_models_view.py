"""`llmopt bench` in every format, from results with fixed figures."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.bench.comparing.checks import failed_checks
from llmopt.bench.comparing.result import BenchResult, Memory
from llmopt.report import as_screen, bench_models_json, bench_models_view
from llmopt.report.render import FORMATS, Format, render
from tests.conftest import ROOT, Golden
from tests.report.bench_models_results import ALONE, PAIR, RESULTS, SEVERAL
from tests.report.hostile import CONTROLS, HOSTILE
from tests.report.quantize_reports import BETTER

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
PROMISED = {
    *("name", "latency_p50_s", "throughput_per_s", "size_bytes", "peak_memory_bytes"),
    *("speedup", "speedup_low", "speedup_high", "quality"),
}


def rendered(result: BenchResult, format: Format) -> str:
    payload = bench_models_json.payload(result, failed_checks=failed_checks(result))
    return render(bench_models_view.view(result), payload, format)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", RESULTS)
def test_results(name: str, format: Format, golden: Golden) -> None:
    golden(f"bench-models/{name}.{SUFFIX[format]}", rendered(RESULTS[name], format))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals(width: int, golden: Golden) -> None:
    text = as_screen.render(bench_models_view.view(PAIR), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"bench-models/pair-{width}.txt", text)


def test_the_document_has_what_it_promises() -> None:
    for result in RESULTS.values():
        document = json.loads(rendered(result, "json"))
        assert document["schema"] == "llmopt.bench/1"
        assert all(set(model) >= PROMISED for model in document["models"])
    document = json.loads(rendered(PAIR, "json"))
    assert document["models"][1]["quality"]["drop"] == 0.015625
    assert document["models"][1]["cost"]["at_speedup"] == "515.73"
    assert document["models"][1]["facts"]["versions"] == {"torch": "2.13.0", "transformers": "5.1.0"}
    assert document["models"][1]["memory"]["above_libraries_bytes"] == 2 * 265_469_720
    assert document["models"][0]["shapes"][0]["turns_s"] == [0.412, 0.412 * 1.01]
    assert document["price_per_month"] == "1000"
    assert document["environment"]["noise"]["quiet"] is True
    assert document["failed_checks"] == list(PAIR.failures)
    noisy = json.loads(rendered(SEVERAL, "json"))
    assert noisy["failed_checks"][0].startswith("the machine was not quiet: CPU pressure 31%")
    assert noisy["models"][2]["latency_p50_s"] is None
    assert noisy["models"][2]["shapes"][0]["status"] == "oom"
    assert noisy["lengths"]["longest"] == 402


def test_every_field_is_documented() -> None:
    told = set(re.findall(r"[a-z][a-z0-9_]*", (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")))
    for result in RESULTS.values():
        assert names_in(json.loads(rendered(result, "json"))) <= told | {"torch", "transformers"}


def names_in(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set(value).union(*map(names_in, value.values())) if isinstance(value, dict) else set()


def test_csv_has_numbers_and_no_words_for_them() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(PAIR, "csv"))))
    assert [row["name"] for row in rows] == ["models/bert-base", "models/distilbert"]
    assert (Decimal(rows[0]["speedup"]), Decimal(rows[1]["speedup"])) == (Decimal(1), Decimal("1.939"))
    assert Decimal(rows[1]["quality_drop_low"]) == Decimal("0.0059")
    assert rows[1]["drop_metric"] == "nearest neighbours changed"
    assert rows[1]["usd_per_month"] == "515.73"
    assert (rows[0]["quality_drop"], rows[0]["is_base"], rows[1]["is_base"]) == ("", "1", "0")
    assert list(csv.DictReader(io.StringIO(rendered(SEVERAL, "csv"))))[2]["reason"].endswith("do not fit in memory")


def test_the_verdict_is_the_headline() -> None:
    assert rendered(PAIR, "table").splitlines()[2] == (
        "models/distilbert: 1.94x as fast as models/bert-base (1.90x to 1.98x); 1.56% of nearest neighbours changed "
        "(0.59% to 2.73%, 512 texts); 438 MB -> 265 MB on disk (-39.4%); 1.28 GB -> 933 MB of memory (-27%); "
        "$1,000.00 -> $515.73 a month."
    )


def test_what_may_be_no_faster_promises_no_dollars() -> None:
    alike = replace(PAIR.models[1], speedup=1.01, speedup_low=0.99, speedup_high=1.03)
    said = bench_models_view.verdict(PAIR, alike)
    assert "about as fast as models/bert-base" in said
    assert "a month" not in said


def test_one_model_is_compared_with_nothing() -> None:
    text = rendered(ALONE, "table")
    assert text.splitlines()[2] == "m.py:f: 50 ms for 8 requests, 160 requests/s."
    assert "speed-up" not in text
    assert "base" not in text
    assert "tokens of" not in text
    silent = replace(ALONE, models=(replace(ALONE.models[0], latency_p50_s=None, reason="no memory"),))
    assert "m.py:f: not measured (no memory)." in rendered(silent, "table")
    measured = replace(ALONE, models=PAIR.models[:1], shapes=PAIR.shapes)
    assert "412 ms for 8 requests of 128 tokens, 19.42 requests/s" in rendered(measured, "table")


def test_several_models_have_a_verdict_each() -> None:
    lines = rendered(SEVERAL, "table").splitlines()
    assert lines[2].startswith("None is faster than llama. The next: llama-w4a16: slower than llama: 0.83x (0.81x to")
    assert lines[-1] == "llama-big: its speed is not known (8 requests of 128 tokens do not fit in memory); " + (
        "2.50 GB -> 26.0 GB on disk (+940%)."
    )
    assert "warning: The machine was not quiet: CPU pressure 31% (at most 5%)." in lines
    assert "Batches of 8, 1 requests of 11 to 402 tokens (median 96), each with 32 new ones" in lines
    assert "new tokens/s" in "\n".join(lines)
    faster = replace(PAIR, models=(*PAIR.models, replace(PAIR.models[1], name="third", speedup=1.5)))
    assert bench_models_view.headline(faster).startswith("The fastest of 3 is models/distilbert: 1.94x as fast as")


def test_memory_of_a_device_is_said_to_be_that() -> None:
    on_gpu = replace(PAIR.models[0], memory=Memory(1, 1, 1, 1, device_peak_bytes=5))
    notes = bench_models_view.view(replace(PAIR, models=(on_gpu, PAIR.models[1]))).notes
    assert "on the device" in notes[0].text
    assert len(bench_models_view.view(PAIR, brief=True).notes) == len(bench_models_view.view(PAIR).notes) - 2


def test_a_warning_is_said_once() -> None:
    few = replace(PAIR.models[1], quality=replace(BETTER, warnings=("few texts", "one label")))
    result = replace(PAIR, models=(PAIR.models[0], few), warnings=(f"{few.name}: few texts",))
    text = rendered(result, "table")
    assert (text.count("few texts"), text.count("one label")) == (1, 1)


def test_figures_of_two_kinds_share_a_table() -> None:
    other = replace(PAIR.models[1], name="third", quality=BETTER)
    tables = bench_models_view.view(replace(PAIR, models=(*PAIR.models, other))).tables
    quality = next(table for table in tables if table.name == "quality")
    assert quality.columns[1].label == "drop"
    assert quality.rows[1][9] == "91.05% -> 91.35%"


@pytest.mark.parametrize("format", FORMATS)
def test_names_of_strangers_drive_nothing(format: Format) -> None:
    for text in HOSTILE:
        hostile = replace(PAIR.models[1], name=text, reason=text)
        assert not CONTROLS & set(rendered(replace(PAIR, models=(PAIR.models[0], hostile), warnings=(text,)), format))
