"""The waterfall of a projection as a chart: from the bill through each lever to what is left."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.report.project_tables import running
from llmopt.report.project_words import is_blind, label
from llmopt.report.table import Chart, Step, Waterfall
from llmopt.savings.project.result import Arithmetic, Projection


def charts(results: Sequence[Projection]) -> tuple[Chart, ...]:
    """Return a waterfall a plan, the plan that saves most first; none where nothing has a price or no lever is on."""
    drawn = [one for one in results if one.replay.levers and one.replay.baseline_usd]
    drawn.sort(key=lambda one: -one.replay.savings_usd)
    return tuple(_waterfall(one, f"{one.name}: " if len(results) > 1 else "") for one in drawn)


def multiplied(result: Arithmetic) -> tuple[Chart, ...]:
    """Return the waterfall of the arithmetic form."""
    steps = [Step("the bill", None, result.baseline_usd, whole=True)]
    steps += [Step(one.name, one.after_usd - one.before_usd, one.after_usd) for one in result.steps]
    steps.append(Step("what is left", None, result.optimized_usd, whole=True))
    return (Waterfall("waterfall", "From the bill to what is left of it", tuple(steps)),)


def _waterfall(result: Projection, prefix: str) -> Waterfall:
    replay = result.replay
    bills = running(replay.baseline_usd, replay.levers)
    steps = [Step("the log as it is", None, replay.baseline_usd, whole=True)]
    steps += [
        Step(label(lever.name), None if is_blind(lever, replay) else -lever.saved_usd, bill)
        for lever, bill in zip(replay.levers, bills, strict=True)
    ]
    steps.append(Step("all together", None, replay.optimized_usd, whole=True))
    name = f"waterfall-{result.name}" if prefix else "waterfall"
    return Waterfall(name, f"{prefix}From the bill to what is left of it", tuple(steps))
