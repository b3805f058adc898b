"""Models in turn as a chart: quality against speed where answers were compared, else speed alone."""

from __future__ import annotations

from decimal import Decimal

from llmopt.bench.comparing.result import BenchResult, ModelResult
from llmopt.report.bench_models_tables import ratio_of
from llmopt.report.figures import cell
from llmopt.report.table import Axis, Chart, Meter, Meters, Plot, PlotPoint, Series


def charts(result: BenchResult) -> tuple[Chart, ...]:
    """Return the chart of a comparison; none where nothing was measured."""
    compared = [one for one in result.models if one.quality is not None and one.speedup is not None]
    if compared:
        return (_frontier(result, compared),)
    faster = [meter for one in result.models if (meter := _speed(one)) is not None]
    if result.base is not None and len(faster) > 1:
        return (Meters("speed-up", f"Speed-up against {result.base}", tuple(faster), "number", "x"),)
    rates = [Meter(one.name, rate) for one in result.models if (rate := _known(one.throughput_per_s)) is not None]
    return (Meters("throughput", "Throughput", tuple(rates), "number", "requests/s"),) if len(rates) > 1 else ()


def _frontier(result: BenchResult, compared: list[ModelResult]) -> Plot:
    places = [(one, one.speedup or 0.0, 100 * (one.quality.drop if one.quality else 0.0)) for one in compared]
    base = [one for one in result.models if one.is_base and one not in compared]
    places += [(one, 1.0, 0.0) for one in base]
    best = [(one, x, y) for one, x, y in places if not any(_beats(other[1:], (x, y)) for other in places)]
    line = tuple(PlotPoint(x, y, one.name) for one, x, y in sorted(best, key=lambda place: place[1]))
    beaten = tuple(PlotPoint(x, y, one.name) for one, x, y in places if (one, x, y) not in best)
    series = (Series("frontier", line), Series("beaten by another", beaten, joined=False))
    return Plot(
        "frontier",
        "Quality lost against speed-up",
        Axis("speed-up", f"x {result.base}"),
        Axis("quality drop", "%"),
        tuple(one for one in series if one.points),
        point_label="model",
    )


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one point is at least as fast and as good as another, and not the same."""
    return one[0] >= other[0] and one[1] <= other[1] and one != other


def _speed(model: ModelResult) -> Meter | None:
    value = _known(model.speedup)
    ratio = ratio_of(model)
    if value is None:
        return None
    if ratio is None or model.is_base:
        return Meter(model.name, value)
    return Meter(model.name, value, _known(ratio.low), _known(ratio.high))


def _known(value: float | None) -> Decimal | None:
    found = cell(value)
    return found if isinstance(found, Decimal) else None
