"""From numbers to what Prometheus reads: families of metrics, as prometheus_client has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, groupby

from llmopt.errors import MissingExtraError
from llmopt.serving.gateway.metrics.cells import Numbers
from llmopt.serving.gateway.metrics.families import FAMILIES, TIME_BOUNDS_S, Family, Series

try:
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.utils import floatToGoString
except ImportError as error:
    raise MissingExtraError((error.name or "prometheus_client").partition(".")[0], "serve") from error

_BOUNDS = (*map(floatToGoString, TIME_BOUNDS_S), "+Inf")


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a cap is spent."""

    tenant: str
    """Of the virtual keys; empty: all together."""
    period: str
    """`day` or `month`, in UTC."""
    spent_usd: Decimal
    cap_usd: Decimal


def families(numbers: Numbers, known: dict[str, Family] = FAMILIES) -> Iterator[Metric]:
    """Yield the families of all numbers, in the order of `known`, and the series of each in order."""
    sorted_series = sorted(numbers)
    by_name = {name: list(series) for name, series in groupby(sorted_series, key=lambda one: one[0])}
    for name, family in known.items():
        if name in by_name:
            yield _family(name, family, by_name[name], numbers)


def budget_families(budgets: Iterable[Budget]) -> Iterator[Metric]:
    """Yield what is spent of each cap, and the caps."""
    labels = ("tenant", "period")
    spent = GaugeMetricFamily("llmopt_budget_spent_usd", "Spent in this UTC day or month.", labels=labels)
    cap = GaugeMetricFamily("llmopt_budget_usd", "What may be spent in a UTC day or month.", labels=labels)
    for budget in budgets:
        values = (budget.tenant or "all", budget.period)
        spent.add_metric(values, float(budget.spent_usd))
        cap.add_metric(values, float(budget.cap_usd))
    if cap.samples:
        yield from (spent, cap)


def _family(name: str, family: Family, series: Sequence[Series], numbers: Numbers) -> Metric:
    if family.kind == "histogram":
        return _histogram(name, family, series, numbers)
    made = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric: CounterMetricFamily | GaugeMetricFamily = made(name, family.help, labels=family.labels)
    for each in series:
        metric.add_metric(each[1:], numbers[each][0] / family.parts)
    return metric


def _histogram(name: str, family: Family, series: Sequence[Series], numbers: Numbers) -> Metric:
    metric = HistogramMetricFamily(name, family.help, labels=family.labels)
    for each in series:
        *counts, total = numbers[each]
        metric.add_metric(each[1:], list(zip(_BOUNDS, accumulate(counts), strict=True)), total)
    return metric
