"""Which chart each result gets, and that it says what the tables say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.report import bench_models_chart, cache_simulate_chart, compress_eval_view, project_chart
from llmopt.report.table import Meters, Plot, Waterfall
from tests.cli.test_compress_eval import RESULT as EVALUATION
from tests.report.bench_models_results import ALONE, PAIR, SEVERAL
from tests.report.cache_results import SIMULATION
from tests.report.projections import ARITHMETIC, PROJECTION


def test_the_waterfall_of_a_plan_ends_at_its_bill() -> None:
    (chart,) = project_chart.charts([PROJECTION])
    assert isinstance(chart, Waterfall)
    first, *steps, last = chart.steps
    replay = PROJECTION.replay
    assert (first.level, last.level) == (replay.baseline_usd, replay.optimized_usd)
    assert [step.change for step in steps] == [-lever.saved_usd for lever in replay.levers]
    assert steps[-1].level == replay.baseline_usd - sum(lever.saved_usd for lever in replay.levers)


def test_a_lever_that_saw_nothing_is_not_drawn_as_nothing() -> None:
    blind = replace(PROJECTION.replay.levers[0], unseen=PROJECTION.replay.calls)
    replay = replace(PROJECTION.replay, levers=(blind, *PROJECTION.replay.levers[1:]))
    (chart,) = project_chart.charts([replace(PROJECTION, replay=replay)])
    assert isinstance(chart, Waterfall)
    assert chart.steps[1].change is None


def test_several_plans_have_a_waterfall_each_and_the_best_comes_first() -> None:
    less = replace(PROJECTION, name="less", replay=replace(PROJECTION.replay, savings_usd=Decimal(1)))
    charts = project_chart.charts([less, PROJECTION])
    assert [chart.name for chart in charts] == [f"waterfall-{PROJECTION.name}", "waterfall-less"]
    unpriced = replace(PROJECTION, replay=replace(PROJECTION.replay, baseline_usd=Decimal(0)))
    assert project_chart.charts([unpriced]) == ()


def test_the_arithmetic_form_has_one_too() -> None:
    (chart,) = project_chart.multiplied(ARITHMETIC)
    assert isinstance(chart, Waterfall)
    assert chart.steps[0].level == ARITHMETIC.baseline_usd
    assert chart.steps[-1].level == ARITHMETIC.optimized_usd == chart.steps[-2].level


def test_hit_rates_are_a_line_a_bound() -> None:
    (chart,) = cache_simulate_chart.charts(SIMULATION)
    assert isinstance(chart, Plot)
    bounds = {setting.size_bytes for setting in SIMULATION.settings}
    assert len(chart.series) == len(bounds)
    found = {(point.x * 3600, round(point.y, 3)) for series in chart.series for point in series.points}
    assert found == {
        (setting.ttl_s, round(100 * setting.hits / SIMULATION.decided, 3)) for setting in SIMULATION.settings
    }


def test_one_time_to_live_is_drawn_by_size_and_one_setting_not_at_all() -> None:
    one = SIMULATION.settings[0]
    sizes = tuple(replace(one, size_bytes=size) for size in (None, 1000, 500))
    (chart,) = cache_simulate_chart.charts(replace(SIMULATION, settings=sizes))
    assert isinstance(chart, Meters)
    assert [meter.label for meter in chart.meters] == ["500 B", "1.00 kB", "unbounded"]
    assert cache_simulate_chart.charts(replace(SIMULATION, settings=(one,))) == ()


def test_models_are_drawn_by_quality_and_speed() -> None:
    (chart,) = bench_models_chart.charts(PAIR)
    assert isinstance(chart, Plot)
    drawn = {point.label: (point.x, point.y) for series in chart.series for point in series.points}
    assert drawn.keys() == {model.name for model in PAIR.models}
    for model in PAIR.models:
        if model.quality is not None:
            assert drawn[model.name] == (model.speedup, 100 * model.quality.drop)


def test_a_model_that_another_beats_is_off_the_frontier() -> None:
    (chart,) = bench_models_chart.charts(SEVERAL)
    assert isinstance(chart, Plot)
    frontier = chart.series[0].points
    assert [point.x for point in frontier] == sorted(point.x for point in frontier)
    assert [point.y for point in frontier] == sorted(point.y for point in frontier)


def test_without_answers_to_compare_speed_alone_is_drawn() -> None:
    models = tuple(replace(model, quality=None) for model in PAIR.models)
    (chart,) = bench_models_chart.charts(replace(PAIR, models=models))
    assert isinstance(chart, Meters)
    other = next(model for model in models if not model.is_base)
    (meter,) = (one for one in chart.meters if one.label == other.name)
    assert (float(meter.value), float(meter.low or 0)) == (other.speedup, other.speedup_low)
    assert bench_models_chart.charts(ALONE) == ()


def test_two_models_without_a_base_are_drawn_by_throughput() -> None:
    models = tuple(replace(model, quality=None, speedup=None, is_base=False) for model in PAIR.models)
    (chart,) = bench_models_chart.charts(replace(PAIR, models=models, base=None))
    assert isinstance(chart, Meters)
    assert chart.name == "throughput"


def test_shares_are_drawn_beside_their_goals() -> None:
    (chart,) = compress_eval_view.view(EVALUATION).charts
    assert isinstance(chart, Meters)
    assert [(meter.label, meter.good) for meter in chart.meters] == [("safe at safe", False), ("logs", True)]
    none = replace(EVALUATION, metrics=EVALUATION.metrics[2:])
    assert compress_eval_view.view(none).charts == ()
