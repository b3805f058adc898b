"""A plan and how to read, in a form that travels to the workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from llmopt.cost.spark.files import content_of, packed, unpacked
from llmopt.cost.wanted import Options, Wanted, wanted_by
from llmopt.savings.project.api import Reading
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.parts.limits import asked_of, check
from llmopt.savings.project.plan import Plan, RoutingLever
from llmopt.serving.routing.policy import load_policy
from llmopt.serving.routing.weights import is_weights_file


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one log."""

    plan: Plan
    """As the user has it."""
    files: Mapping[str, bytes]
    """Of the routing policy: names in its folder -> content; the policy itself first."""
    reading: bytes
    """`packed`."""
    as_of: datetime | None
    """When calls without a time are priced; None: at the newest prices."""

    @property
    def wanted(self) -> Wanted:
        """Formats, plan of reading, and prices."""
        return _wanted(self.reading)

    def widened(self, folder: Path) -> Plan:
        """Return the plan with further levers, of which each is measured alone.

        Args:
            folder: for the files of the policy.
        """
        asked = asked_of(self.plan)
        if asked.routing is None or not self.files:
            return asked
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return replace(asked, routing=replace(asked.routing, policy=folder / next(iter(self.files))))


def asked_for(plan: Plan, reading: Reading) -> Asked:
    """Check what is asked, before any worker hears of it.

    Raises:
        UsageError: a lever that does not partition, or no such format.
        ConfigError: a wrong spec, mapping, price or policy file.
    """
    check(plan)
    options: dict[str, Any] = {name: value for name, value in reading.items() if value is not None}
    options["prices"] = tuple(dict.fromkeys((*options.get("prices", ()), *plan.prices)))
    for name in ("mapping", "deployments"):
        options[name] = dict(options.get(name, {}))
    wanted = wanted_by(Options(**options))
    Looker(asked_of(plan), wanted.table)  # reads the policy
    as_of = options.get("as_of")
    if as_of is not None and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=UTC)
    return Asked(plan, _policy_files(plan.routing), packed(options), as_of)


def _policy_files(lever: RoutingLever | None) -> dict[str, bytes]:
    """Return the policy of a lever, and the weights that it names if they lie beside it or below."""
    if lever is None or lever.policy is None:
        return {}
    files = {lever.policy.name: content_of(lever.policy)}
    score = None if is_weights_file(lever.policy) else load_policy(lever.policy).score
    if score is not None:
        name = os.path.relpath(score.weights, lever.policy.parent)
        if not name.startswith(os.pardir):
            files[name] = content_of(score.weights)
    return files


@lru_cache(maxsize=4)
def _wanted(reading: bytes) -> Wanted:
    """Prices and formats take a tenth of a second to load; a worker's process runs many tasks."""
    with unpacked(reading) as options:
        return wanted_by(Options(**options))
