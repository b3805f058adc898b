"""Hit rate over time to live as a chart, a line a bound."""

from __future__ import annotations

from decimal import Decimal

from llmopt.report.cache_simulate_best import ratio
from llmopt.report.cache_simulate_notes import room, time_to_live
from llmopt.report.table import Axis, Chart, Meter, Meters, Plot, PlotPoint, Series
from llmopt.savings.caching_result import CacheSimulation, Setting

_HOUR_S = 3600.0


def charts(result: CacheSimulation) -> tuple[Chart, ...]:
    """Return the hit rate of each cache; of a single one there is nothing to draw."""
    settings = result.settings if result.decided else ()
    times = {one.ttl_s for one in settings}
    if len(settings) < 2:
        return ()
    if len(times) < 2:
        return (_by_size(result),)
    sizes = list(dict.fromkeys(one.size_bytes for one in settings))
    series = tuple(
        Series(
            room(size) if len(sizes) > 1 else "",
            tuple(
                PlotPoint(one.ttl_s / _HOUR_S, float(100 * _rate(one, result)), time_to_live(one.ttl_s))
                for one in sorted(settings, key=lambda one: one.ttl_s)
                if one.size_bytes == size
            ),
        )
        for size in sizes
    )
    axes = Axis("time to live", "h", log=True), Axis("hit rate", "%")
    return (Plot("hit-rate", "Hit rate by time to live", *axes, series, point_label="time to live"),)


def _by_size(result: CacheSimulation) -> Chart:
    meters = tuple(
        Meter(room(one.size_bytes), _rate(one, result))
        for one in sorted(result.settings, key=lambda one: (one.size_bytes is None, one.size_bytes or 0))
    )
    kept = time_to_live(result.settings[0].ttl_s)
    return Meters("hit-rate", f"Hit rate by size, answers kept for {kept}", meters, "percent")


def _rate(one: Setting, result: CacheSimulation) -> Decimal:
    return ratio(one.hits, result.decided) or Decimal(0)
