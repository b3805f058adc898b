"""Replay a log through the levers of a plan: one reading, one shared state, exact dollars.

The log is read into columns once, and each distinct request is looked at once; then every set of levers is replayed
over the columns (`coalitions`), from which each lever's share comes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read_columns import read_columns
from llmopt.errors import UsageError
from llmopt.savings.candidates import FINISH_COLUMNS, is_kept
from llmopt.savings.project.assembly import assembled
from llmopt.savings.project.checklist import MOST_PROMPTS, widened
from llmopt.savings.project.coalitions import Coalitions
from llmopt.savings.project.curves import with_curves
from llmopt.savings.project.log import Log
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.looking_together import LookingTogether
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.plan_file import load_plan, plan_of
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.result import Projection

if TYPE_CHECKING:
    from llmopt.cost.read import Logs

__all__ = ["Plan", "Projection", "Reading", "project", "project_all"]


class Reading(TypedDict, total=False):
    """How a log is read: the options of `llmopt.cost.read_columns.read_columns`."""

    since: datetime | None
    until: datetime | None
    input_format: str
    mapping: Mapping[str, str] | None
    format_specs: Sequence[Path]
    prices: Sequence[Path]
    deployments: Mapping[str, str] | None
    cached: str | None
    dedupe: str
    as_of: datetime | None


def project(
    logs: str | os.PathLike[str] | Logs,
    plan: Plan | str | os.PathLike[str] | Mapping[str, object] | None = None,
    **reading: Unpack[Reading],
) -> Projection:
    """Say what a plan would have saved on a log, and what it saves in a month.

    Args:
        logs: files, directories (recursive), globs, `-`; also pandas DataFrames.
        plan: a plan, the path of a `plan.toml`, or a mapping with the keys of one; None: no lever is on, and only the
            checklist says what each might save.
        reading: options of reading, such as `since`, `mapping`, `prices`.

    Raises:
        InputError: nothing could be read.
        UsageError: no such format.
        ConfigError: a wrong plan, spec, mapping or price file; a model of the plan without a price.
    """
    return project_all(logs, [plan_from(plan)], **reading)[0]


def project_all(
    logs: str | os.PathLike[str] | Logs, plans: Sequence[Plan], **reading: Unpack[Reading]
) -> tuple[Projection, ...]:
    """Project several plans on one log, which is read once for all plans that share their price files.

    Args:
        logs: as for `project`.
        plans: scenarios.
        reading: as for `project`.

    Raises:
        LlmoptError: as `project`.
    """
    by_prices: dict[tuple[Path, ...], list[int]] = {}
    for number, plan in enumerate(plans):
        own = tuple(dict.fromkeys((*reading.get("prices", ()), *plan.prices)))
        by_prices.setdefault(own, []).append(number)
    found: dict[int, Projection] = {}
    for prices, numbers in by_prices.items():
        options = Reading(**{**reading, "prices": prices})
        projected = _together(logs, [plans[number] for number in numbers], options)
        found |= dict(zip(numbers, projected, strict=True))
    return tuple(found[number] for number in range(len(plans)))


def plan_from(plan: Plan | str | os.PathLike[str] | Mapping[str, object] | None) -> Plan:
    """Return a plan, whatever form it is given in.

    Raises:
        UsageError: it is none.
        ConfigError: a wrong plan.
    """
    if plan is None:
        return Plan()
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, Mapping):
        return plan_of(plan)
    if isinstance(plan, str | os.PathLike):
        return load_plan(Path(plan))
    raise UsageError(f"a plan is a Plan, a path or a mapping, not {type(plan).__name__}", "see docs/project.md")


def _together(logs: str | os.PathLike[str] | Logs, plans: Sequence[Plan], options: Reading) -> list[Projection]:
    """Project plans that share their prices, from one reading."""
    table = PriceTable.load(extra=options.get("prices", ()), deployments=options.get("deployments"))
    tree = PrefixTree()
    asked = [widened(plan) for plan in plans]
    looking = LookingTogether(
        [
            Looker(wider, table, tree=tree, most_prompts=None if plan.prompt_cache else MOST_PROMPTS)
            for plan, wider in zip(plans, asked, strict=True)
        ]
    )
    columns = read_columns(
        logs,
        looking.see,
        see_hashed=looking.see_hashed,
        columns=looking.columns,
        groups=looking.groups,
        by_label=looking.by_label,
        kept=is_kept,
        ends=FINISH_COLUMNS,
        sizes=any(plan.cache is not None and plan.cache.size_bytes is not None for plan in plans),
        **options,
    )
    log = Log.of(columns)
    seen = [looking.split(number, columns) for number in range(len(plans))]
    tree.seal()
    projected = []
    for plan, wider, (own, requests) in zip(plans, asked, seen, strict=True):
        coalitions = Coalitions(own, requests, wider, table, tree=tree, as_of=_utc(options.get("as_of")))
        found = assembled(plan, wider, log, coalitions)
        projected.append(with_curves(found, own, requests, coalitions))
    return projected


def _utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant
