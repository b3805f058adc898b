"""`llmopt distill` in every format, from results with fixed figures."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from llmopt.core.ratio import Ratio
from llmopt.models.distill.report import DistillReport
from llmopt.report import as_screen, distill_json, distill_view
from llmopt.report.distill_tables import MOST_CHECKS, quality_table, training_table, verdict_table
from llmopt.report.render import FORMATS, Format, render
from llmopt.report.table import Cell
from tests.conftest import ROOT, Golden
from tests.report.distill_reports import CHECKS, CLASSIFY, EMBED, FILL, REPORTS
from tests.report.hostile import CONTROLS, HOSTILE
from tests.report.quantize_reports import OTHER_TOKENS

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}


def rendered(report: DistillReport, format: Format) -> str:
    return render(distill_view.view(report), distill_json.payload(report), format)


@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
@pytest.mark.parametrize("name", REPORTS)
def test_results(name: str, format: Format, golden: Golden) -> None:
    golden(f"distill/{name}.{SUFFIX[format]}", rendered(REPORTS[name], format))


@pytest.mark.parametrize("format", ["json", "html"])
def test_results_with_all_fields(format: Format, golden: Golden) -> None:
    golden(f"distill/embed.{SUFFIX[format]}", rendered(EMBED, format))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals(width: int, golden: Golden) -> None:
    text = as_screen.render(distill_view.view(EMBED), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"distill/embed-{width}.txt", text)


def test_the_verdict_comes_first() -> None:
    lines = rendered(EMBED, "table").splitlines()
    assert lines[2] == (
        "models/minilm -> models/small, layers 0, 2, 5 of the teacher: 22.7M -> 17.4M parameters (-23.4%); 1.94x as "
        "fast as the teacher (1.91x to 1.98x); 63.6% of nearest neighbours kept (61.5% to 65.7%, 2,000 held-out "
        "texts), mean cosine 0.9123; $1,000.00 -> $515.46 a month."
    )
    assert lines[-1].strip() == EMBED.load_line


def test_every_metric_has_words_of_its_own() -> None:
    assert "99% of the teacher's accuracy kept (97.8% to 100%, 1,000 held-out texts)." in rendered(CLASSIFY, "table")
    labels = replace(CLASSIFY, kept=replace(CLASSIFY.kept, metric="labels"))
    assert "99% of the teacher's labels kept" in rendered(labels, "table")
    assert row(labels, "labels kept") == ("labels kept", None, None, "99%", "97.8% to 100%")
    assert row(CLASSIFY, "accuracy kept") == ("accuracy kept", "91.2%", "90.3%", "99%", "97.8% to 100%")
    fill = rendered(FILL, "table")
    assert "93.8% of the teacher's quality kept, by perplexity (92.5% to 95.2%, 40 held-out texts of 812 masked" in fill
    assert "most likely token unchanged" in fill
    assert row(FILL, "perplexity kept")[1:3] == ("8.214", "8.757")
    other = replace(FILL, kept=replace(FILL.kept, metric="bits per byte"), quality=OTHER_TOKENS)
    assert "93.8% of the teacher's quality kept, by bits per byte (" in rendered(other, "table")
    assert row(other, "bits per byte kept")[1:4] == ("1.021", "0.9996", "93.8%")
    unknown = replace(other, quality=replace(OTHER_TOKENS, bits_per_byte_before=None, bits_per_byte_after=None))
    assert row(unknown, "bits per byte kept")[1:3] == (None, None)
    odd = replace(FILL, kept=replace(FILL.kept, metric="{} {0}", value=math.nan))
    assert "unknown of {} {0} kept" in rendered(odd, "table")


def row(report: DistillReport, name: str) -> tuple[Cell, ...]:
    return next(one for one in verdict_table(report).rows if one[0] == name)


def test_what_is_not_known_has_no_row() -> None:
    names = [one[0] for one in verdict_table(FILL).rows]
    assert {"layers", "width", "cosine to the teacher's vector"} & set(names) == set()
    half = replace(EMBED, student_size=replace(EMBED.student_size, layers=None))
    assert row(half, "layers") == ("layers", "6", None, None, None)


def test_what_may_be_no_faster_promises_no_dollars() -> None:
    text = distill_view.headline(FILL)
    assert "models/bert -> a student, layers 0, 1 of the teacher: 110M -> 110M parameters (0%);" in text
    assert "about as fast as the teacher: 0.99x (0.97x to 1.02x)" in text
    assert "a month" not in text
    assert row(FILL, "dollars a month at equal load")[3] == "+$10.10"
    slower = replace(FILL, speed=replace(FILL.speed, ratio=Ratio(0.8, 0.75, 0.85)))
    assert "slower than the teacher: 0.80x" in distill_view.headline(slower)
    assert "$1,000.00 -> $1,010.10 a month" in distill_view.headline(slower)


def test_the_beginning_is_beside_the_end() -> None:
    rows = {one[0]: one[1:] for one in quality_table(EMBED).rows}
    assert rows["cosine, mean"] == ("0.4721", "0.9123")
    assert rows["nearest text unchanged"] == ("25.9%", "63.6%")
    assert [one[1] for one in quality_table(CLASSIFY).rows] == [None] * 4
    assert quality_table(CLASSIFY).for_people().columns[1].name == "trained"


def test_the_course_of_the_training() -> None:
    table = training_table(EMBED)
    assert table.title == "Training: 1,000 steps in 455 s"
    assert [one[4] for one in table.rows].count("these weights") == 1
    assert table.rows[8] == (900, "2.25", "410 s", "0.0868", "these weights")
    assert [note.text for note in table.notes] == [
        "loss: embed, mean over 500 validation texts.",
        "The training ended when the time was over.",
    ]
    again = training_table(replace(EMBED, training=replace(EMBED.training, resumed=1, ended="epochs")))
    assert again.notes[1].text == "The training ended after the last epoch. It was resumed once."
    assert "Training" not in rendered(FILL, "table")


def test_many_checks_are_thinned_and_the_best_one_stays() -> None:
    table = training_table(CLASSIFY)
    assert table.notes[1].text == "The training ended early, as the loss fell no more. It was resumed 2 times."
    steps = [one[0] for one in table.rows]
    assert len(steps) in (MOST_CHECKS, MOST_CHECKS + 1)
    assert (steps[0], steps[-1]) == (10, 400)
    assert 40 in steps
    assert table.notes[2].text == f"{40 - len(steps)} more checks are in JSON."
    other = training_table(replace(CLASSIFY, training=replace(CLASSIFY.training, ended="x")))
    assert "ended by x." in other.notes[1].text


def test_background_says_what_was_learned_from() -> None:
    notes = [note.text for note in distill_view.view(EMBED).notes]
    assert notes[0] == (
        "Learned from 34,120 texts; 500 more said when to stop; judged on 2,000 that neither has seen. "
        "Left out: 38 repeats, 412 near duplicates."
    )
    assert notes[1] == (
        "The teacher took 61.4 s, the training 455 s: 85,300 texts in batches of up to 64, 1,876,600 tokens, 4,124 a "
        "second, in bfloat16 on 1 device, learning rate 0.001."
    )
    labelled = [note.text for note in distill_view.view(CLASSIFY).notes]
    assert labelled[0].startswith("Learned from 9,000 texts (2,400 with a label); 450 more")
    assert labelled[0].endswith("seen.")
    assert "a second" not in distill_view.view(FILL).notes[1].text


def test_brief_leaves_the_background_out() -> None:
    whole, brief = (distill_view.view(EMBED, brief=short) for short in (False, True))
    assert len(whole.notes) - len(brief.notes) == 4
    assert whole.warnings == brief.warnings


def test_warnings_are_said_once() -> None:
    said = CLASSIFY.quality.warnings[0]
    assert distill_view.view(CLASSIFY).warnings == (said,)
    both = replace(CLASSIFY, warnings=(said,))
    assert distill_view.view(both).warnings == (said,)


def test_the_document_has_every_field() -> None:
    names = {field.name for field in fields(DistillReport)} - {"failures"} | {"failed_checks", "schema", "llmopt"}
    for report in REPORTS.values():
        document = json.loads(rendered(report, "json"))
        assert set(document) == names
        assert document["schema"] == "llmopt.distill/1"
        assert len(document["training"]["checks"]) == len(report.training.checks)
    document = json.loads(rendered(EMBED, "json"))
    assert document["cost"]["at_speedup"] == "515.46"
    assert document["speed"]["ratio"] == {"value": 1.94, "low": 1.91, "high": 1.98}
    assert document["failed_checks"] == list(EMBED.failures)
    assert json.loads(rendered(CLASSIFY, "json"))["untrained"] is None


def test_every_field_is_documented() -> None:
    told = set(re.findall(r"[a-z][a-z0-9_]*", (ROOT / "docs" / "distill.md").read_text(encoding="utf-8")))
    for report in REPORTS.values():
        assert names_in(json.loads(rendered(report, "json"))) <= told


def names_in(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set(value).union(*map(names_in, value.values())) if isinstance(value, dict) else set()


def test_what_json_has_no_number_for_is_null() -> None:
    broken = replace(CHECKS[0], loss=math.nan)
    endless = replace(EMBED, training=replace(EMBED.training, checks=(broken,)))
    assert json.loads(rendered(endless, "json"))["training"]["checks"][0]["loss"] is None
    assert "unknown" in rendered(endless, "table")


def test_csv_has_a_row_a_figure() -> None:
    rows = {one["figure"]: one for one in csv.DictReader(io.StringIO(rendered(EMBED, "csv")))}
    assert (rows["parameters"]["teacher"], rows["parameters"]["student"]) == ("22713216", "17389824")
    assert Decimal(rows["latency_p50_s"]["teacher"]) == Decimal("0.1284")
    kept = rows["nearest neighbours kept"]
    assert [kept[name] for name in ("value", "low", "high")] == ["0.6365", "0.6152", "0.6573"]
    assert (rows["cosine"]["untrained"], rows["cosine"]["value"]) == ("0.47211", "0.91234")
    assert [rows["usd_per_month"][name] for name in ("teacher", "student", "low")] == ["1000", "515.46", "505.05"]
    assert "perplexity" not in rows
    rows = {one["figure"]: one for one in csv.DictReader(io.StringIO(rendered(CLASSIFY, "csv")))}
    assert (rows["accuracy"]["teacher"], rows["accuracy"]["student"], rows["accuracy"]["untrained"]) == (
        "0.912",
        "0.903",
        "",
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names(text: str, format: Format) -> None:
    size = replace(EMBED.teacher_size, name=text)
    report = replace(EMBED, teacher_size=size, student=text, destination=text, warnings=(text,), load_line=text)
    assert not CONTROLS & set(rendered(report, format))
