"""Projections for machines: the documents of `llmopt.project/1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from llmopt.report.as_json import Json, document, plain
from llmopt.savings.project.plan import OwnCost, Plan
from llmopt.savings.project.result import Arithmetic, Projection


def payload(results: Sequence[Projection], *, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return projections as one document: the fields of the plan; of several, those of each under `plans`.

    Args:
        results: one for each plan.
        failed_checks: a line for each check that does not hold.
    """
    failed: dict[str, Json] = {"failed_checks": list(failed_checks)}
    if len(results) == 1:
        return document("project", {**_plan(results[0]), **failed})
    best = max(results, key=lambda one: one.replay.savings_usd).name
    return document("project", {"best": best, "plans": [_plan(one) for one in results], **failed})


def arithmetic_payload(result: Arithmetic, *, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return multiplied savings as a document."""
    body = {field.name: plain(getattr(result, field.name)) for field in fields(result)}
    return document("project", {**body, "failed_checks": list(failed_checks)})


def _plan(result: Projection) -> dict[str, Json]:
    days: list[Json] = [
        {"day": plain(day), "baseline_usd": plain(before), "optimized_usd": plain(after)}
        for day, before, after in result.days
    ]
    own: dict[str, Json] = {"days": days, "plan": _echo(result.plan)}
    body = {field.name: plain(getattr(result, field.name)) for field in fields(result) if field.name not in own}
    return {**body, **own}


def _echo(plan: Plan) -> dict[str, Json]:
    """Return the settings that a projection comes from: those of the levers that are on, by their names."""
    return {
        "file": plan.where or None,
        "growth_per_month": plain(plan.growth_per_month),
        "prices": [str(path) for path in plan.prices],
        "levers": {name: _settings(getattr(plan, name)) for name in plan.on},
    }


def _settings(lever: object) -> dict[str, Json]:
    """Return the fields of a lever, its own costs beside the others, as in a plan file."""
    found: dict[str, Json] = {}
    for field in fields(lever) if is_dataclass(lever) else ():
        value = getattr(lever, field.name)
        if isinstance(value, OwnCost):
            found |= _settings(value)
        else:
            found[field.name] = str(value) if isinstance(value, Path) else plain(value)
    return found
