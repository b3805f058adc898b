"""`project` from the file to the figures against brute force, over every form that a log may have."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from llmopt.savings.project.api import project
from llmopt.savings.project.result import Projection
from tests.savings.project.cases import case, made_plan, write_policy, written
from tests.savings.project.made import Shape
from tests.savings.project.made_prices import write_prices
from tests.savings.project.oracle import Oracle

FORMS = ("pair.jsonl", "flat.jsonl", "flat.csv", "flat.parquet", "hashed.jsonl", "hashed.csv", "hashed.parquet")
MICRO = Fraction(1, 10**6)


def near(found: Decimal, wanted: Fraction, off: Fraction = MICRO / 1000) -> bool:
    return abs(Fraction(found) - wanted) <= off


def check(found: Projection, oracle: Oracle) -> None:
    """Compare every dollar that brute force can tell."""
    levers, replay = frozenset(oracle.plan.on), found.replay
    baseline, optimized = oracle.cost(()), oracle.cost(levers)
    assert near(replay.baseline_usd, baseline, Fraction(0))
    assert near(replay.optimized_usd, optimized)
    assert near(replay.savings_usd, baseline - optimized)
    assert [lever.name for lever in replay.levers] == list(oracle.plan.on)
    shapley, brochure = oracle.shapley(), Fraction(1)
    for lever in replay.levers:
        alone = baseline - oracle.cost({lever.name})
        assert near(lever.saved_usd, shapley[lever.name]), lever.name
        assert near(lever.alone_usd, alone), lever.name
        assert near(lever.last_in_usd, oracle.cost(levers - {lever.name}) - optimized), lever.name
        brochure *= 1 - alone / baseline
    assert sum(lever.saved_usd for lever in replay.levers) == replay.savings_usd
    assert near(found.brochure.optimized_usd, baseline * brochure)
    assert replay.calls == len(oracle.calls)


@pytest.mark.parametrize(("form", "seed"), [(form, seed) for seed, form in enumerate(FORMS)])
def test_a_projection_is_what_brute_force_says(form: str, seed: int, tmp_path: Path) -> None:
    prices = write_prices(tmp_path)
    drawn = made_plan(random.Random(seed), write_policy(tmp_path))
    # Four of the seven levers: all sets of seven are compared elsewhere.
    off: dict[str, Any] = dict.fromkeys(random.Random(seed).sample(drawn.on, 3))
    plan = replace(drawn, **off)
    path, calls = written(seed, Shape(calls=40), tmp_path, form)
    cached = None if form.startswith("pair") else "included"
    found = project(path, plan, prices=prices, cached=cached)
    check(found, case(path, calls, plan, prices, cached=cached).oracle)
