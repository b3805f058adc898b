"""`llmopt quantize` in every format, from results with fixed figures."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.core.ratio import Ratio
from llmopt.models.quantizing.report import KeptTensor, QuantizeReport
from llmopt.report import as_screen, quantize_json, quantize_view
from llmopt.report.quantize_frontier import MOST, frontier_plot, frontier_table, numbered
from llmopt.report.quantize_layers import kept_table, layers_table, shape, worst_db
from llmopt.report.render import FORMATS, Format, render
from tests.conftest import ROOT, Golden
from tests.report.hostile import CONTROLS, HOSTILE
from tests.report.quantize_reports import (
    AUTO,
    EMBED,
    GENERATE,
    OTHER_TOKENS,
    REPORTS,
    SLOWER,
    SPEED,
    WEIGHTS,
    layer,
    variant,
)

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
PROMISED = {
    *("scheme", "format", "tensors", "bytes_before", "bytes_after", "peak_memory_bytes", "mb_per_s", "layers"),
    *("quality", "speedup", "cost"),
}


def rendered(report: QuantizeReport, format: Format) -> str:
    gate = 0.02 if report is AUTO else None
    return render(quantize_view.view(report, max_quality_drop=gate), quantize_json.payload(report), format)


@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
@pytest.mark.parametrize("name", REPORTS)
def test_results(name: str, format: Format, golden: Golden) -> None:
    report = REPORTS[name]
    if report is WEIGHTS and format == "csv":
        report = replace(report, kept=report.kept[:20])
    golden(f"quantize/{name}.{SUFFIX[format]}", rendered(report, format))


@pytest.mark.parametrize("format", ["json", "html"])
def test_results_with_all_fields(format: Format, golden: Golden) -> None:
    golden(f"quantize/auto.{SUFFIX[format]}", rendered(AUTO, format))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals(width: int, golden: Golden) -> None:
    text = as_screen.render(quantize_view.view(AUTO, max_quality_drop=0.02), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"quantize/auto-{width}.txt", text)


def test_the_document_has_what_it_promises() -> None:
    for report in REPORTS.values():
        document = json.loads(rendered(report, "json"))
        assert document["schema"] == "llmopt.quantize/1"
        assert set(document) >= PROMISED
        assert set(document["tensors"]) == {"quantized", "kept"}
        assert [set(one) >= {"name", "sqnr_db"} for one in document["layers"]] == [True] * len(report.layers)
        assert len(document["kept"]) == len(report.kept)
    document = json.loads(rendered(AUTO, "json"))
    assert document["cost"]["at_speedup"] == "432.9"
    assert document["speedup"]["against_strongest"] == {"value": 1.74, "low": 1.69, "high": 1.79}
    assert document["failed_checks"] == list(AUTO.failures)
    assert [one["chosen"] for one in document["frontier"]].count(True) == 1
    assert json.loads(rendered(WEIGHTS, "json"))["quality"] is None


def test_every_field_is_documented() -> None:
    told = set(re.findall(r"[a-z][a-z0-9_]*", (ROOT / "docs" / "quantize.md").read_text(encoding="utf-8")))
    for report in REPORTS.values():
        assert names_in(json.loads(rendered(report, "json"))) <= told


def names_in(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set(value).union(*map(names_in, value.values())) if isinstance(value, dict) else set()


def test_what_json_has_no_number_for_is_null() -> None:
    endless = replace(WEIGHTS, layers=(layer(0, "x", math.inf), layer(1, "x", math.nan)), mb_per_s=math.inf)
    document = json.loads(rendered(endless, "json"))
    assert [one["sqnr_db"] for one in document["layers"]] == [None, None]
    assert document["mb_per_s"] is None
    assert worst_db(endless.layers) is None
    assert "SQNR" not in rendered(endless, "table")


def test_csv_has_a_row_a_tensor() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(WEIGHTS, "csv"))))
    assert len(rows) == len(WEIGHTS.layers) + len(WEIGHTS.kept)
    assert Decimal(rows[0]["sqnr_db"]) == Decimal("19.25")
    assert rows[3]["sqnr_db"] == ""
    assert rows[-1]["kept"] == "'--skip rare.2999"
    assert sum(int(row["bytes_before"]) for row in rows[:14]) == 14 * 2_359_296


def test_the_verdict_comes_first() -> None:
    lines = rendered(AUTO, "table").splitlines()
    assert lines[2] == (
        "models/minilm -> models/minilm-fast, int8, 2 layers kept: 90.9 MB -> 34.4 MB (-62.1%); 2.31x as fast as torch "
        "float32 (2.24x to 2.39x); 1.56% of nearest neighbours changed (0.59% to 2.73%, 512 held-out texts); "
        "$1,000.00 -> $432.90 a month."
    )
    assert lines[-1].strip() == AUTO.load_line


def test_what_is_slower_or_unsure_is_called_so() -> None:
    text = rendered(SLOWER, "table")
    assert "slower than torch float32: 0.80x (0.78x to 0.83x)" in text
    assert "0.3 points of accuracy gained (-0.05 to 0.65, 2,000 held-out texts)" in text
    assert "$1,000.00 -> $1,250.00 a month" in text
    assert "+$250.00" in text
    assert "4.00 MB -> 4.10 MB (+2.5%)" in text
    assert "the fastest FP32 here" not in text
    speed = replace(SPEED, low=0.97, value=1.01, high=1.05)
    assert "about as fast as torch float32: 1.01x (0.97x to 1.05x)" in rendered(replace(SLOWER, speedup=speed), "table")


def test_without_data_the_error_of_the_weights_is_the_headline() -> None:
    text = rendered(WEIGHTS, "table")
    assert "1.31 GB -> 403 MB (-69.3%); weights at 19.2 dB SQNR or better." in text
    assert "warning: no --data" in text
    assert "Quality on" not in text


def test_a_language_model_says_how_many_tokens() -> None:
    assert "perplexity 1.82% higher (1.41% to 2.26%, 40 texts of 8,431 tokens)" in rendered(GENERATE, "table")
    other = rendered(replace(GENERATE, quality=OTHER_TOKENS), "table")
    assert "bits per byte 2.1% fewer (1.2% to 3%, 40 texts of 8,431 tokens)" in other
    assert "1.021 -> 0.9996" in other


def test_a_figure_without_a_phrase_of_its_own_is_named() -> None:
    odd = replace(EMBED, drop_metric="{} {0} lost", drop=math.nan)
    assert "unknown {} {0} lost (0.59% to 2.73%, 512 held-out texts)" in rendered(replace(AUTO, quality=odd), "table")


def test_only_the_worst_layers_are_shown() -> None:
    table = layers_table(WEIGHTS.layers)
    assert len(table.rows) == 10
    assert [row[3] for row in table.rows] == sorted((row[3] for row in table.rows), key=lambda one: float(str(one)))
    assert "4 more layers are in JSON and CSV." in table.notes[0].text
    assert layers_table(WEIGHTS.layers[:2]).notes[0].text.startswith("SQNR:")
    none = layers_table((layer(0, "x", None), layer(1, "x", 30.0), layer(2, "x", 20.0)))
    assert [row[3] for row in none.rows] == ["20.0", "30.0", None]


def test_kept_tensors_are_counted_by_reason() -> None:
    table = kept_table(WEIGHTS.kept)
    assert table.rows[0] == ("lm_head", 1, 131_072_000, "lm_head.weight")
    assert table.rows[1] == ("1 dimension", 11, 45_056, "model.layers.0.norm.weight")
    assert len(table.rows) == 20
    assert table.notes[0].text == "2,982 more reasons, 2,982 tensors, are in JSON and CSV."
    assert kept_table(AUTO.kept).notes == ()


def test_no_figure_without_a_variant_that_has_both() -> None:
    assert frontier_plot((), 0.02) is None
    assert frontier_plot((variant("a int8", 2.0, None, frontier=True),) * 3, 0.02) is None
    many = [variant(f"onnx int8 {at}", 1.0 + at / 100, at / 100, kept=at) for at in range(50)]
    many.append(variant("torch bf16", 1.001, 0.3, frontier=True, chosen=True))
    assert len(numbered(many)) == MOST
    assert any(one.chosen for _, one in numbered(many))
    table = frontier_table(many, 0.02)
    assert table.notes[0].text == "21 more, all of them beaten by others, are in JSON."
    assert [row[-1] for row in table.rows if row[1] == "torch bf16"] == ["chosen, over the gate"]
    unchosen = frontier_plot([replace(one, chosen=False) for one in AUTO.frontier], 0.02)
    assert unchosen is not None
    assert [note.text for note in unchosen.notes] == ["Not drawn, far above the gate: 2 (41%)."]
    every = frontier_plot(AUTO.frontier, 0.0)
    assert every is not None
    assert every.notes == ()
    assert [point.label for point in every.series[0].points] == ["1", "3 chosen", "4", "5"]
    broken = variant("torch int8", 2.0, 0.1, frontier=True)
    odd = (replace(broken, speedup=Ratio(math.nan, 0.0, math.inf)), broken, variant("a b", 3.0, 0.2, frontier=True))
    plot = frontier_plot(odd, None)
    assert plot is not None
    assert [point.x for point in plot.series[0].points] == [3.0, 2.0]
    assert plot.limits == ()
    assert "unknown" in rendered(replace(AUTO, frontier=odd), "table")


def test_a_faster_variant_that_was_not_taken_is_explained() -> None:
    taken, near = variant("openvino float32", 1.5, 0.0, chosen=True), variant("onnx int8", 3.0, 0.0195)
    sure, exact = variant("torch bfloat16", 1.4, 0.0, frontier=True), variant("torch float32", 1.0, 0.02)
    table = frontier_table((taken, near, sure, exact, variant("a int8", 0.9, None)), 0.02)
    assert [row[-1] for row in table.rows] == ["unsure", "chosen", "frontier", "beaten", "beaten"]
    assert "unsure: within the gate on these texts" in table.notes[1].text
    assert [row[-1] for row in frontier_table((taken, near), None).rows] == ["beaten", "chosen"]
    slow = replace(variant("a int8", 1.0, None), passes=False)
    assert [row[-1] for row in frontier_table((taken, slow), 0.02).rows] == ["chosen", "too slow"]


def test_labels_of_a_plot_are_not_written_over_others() -> None:
    crowd = [variant("onnx int8", 2.0 + at / 1000, 0.0) for at in range(9)]
    taken = variant("torch int8", 1.8, 0.0, chosen=True)
    plot = frontier_plot((*crowd, taken, variant("torch int8", 3.0, 0.0, frontier=True)), 0.02)
    assert plot is not None
    labels = {series.label: [point.label for point in series.points] for series in plot.series}
    assert labels == {"frontier": ["1"], "beaten by another": ["2", *[""] * 8], "chosen": ["11 chosen"]}


def test_what_may_be_no_faster_promises_no_dollars() -> None:
    assert AUTO.speedup is not None
    alike = replace(AUTO, speedup=replace(AUTO.speedup, value=1.01, low=0.99, high=1.03))
    assert "a month" in quantize_view.headline(AUTO)
    assert "a month" not in quantize_view.headline(alike)


def test_sixteen_bits_are_no_quantization() -> None:
    table = quantize_view.verdict_table(replace(WEIGHTS, scheme="bf16", format="bfloat16"))
    assert table.title == "bf16 as bfloat16 for vllm: 14 tensors converted, 3,012 kept"


def test_a_scalar_has_a_shape() -> None:
    assert (shape(()), shape((3,)), shape((3, 4))) == ("one value", "3", "3 x 4")


def test_brief_leaves_the_background_out() -> None:
    whole, brief = (quantize_view.view(AUTO, brief=short) for short in (False, True))
    assert len(whole.notes) - len(brief.notes) == 3
    assert whole.warnings == brief.warnings
    assert AUTO.failures[0] in brief.warnings
    assert EMBED.warnings[0] in brief.warnings


@pytest.mark.parametrize("format", FORMATS)
def test_names_of_strangers_drive_nothing(format: Format) -> None:
    for text in HOSTILE:
        kept = (KeptTensor(text, (1,), text, 4, text),)
        report = replace(AUTO, source=text, kept=kept, layers=(replace(layer(0, text, 1.0), name=text),))
        assert not CONTROLS & set(rendered(report, format))
