"""The replay against brute force: every set of levers on generated logs with known truth, to the last digit."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.savings.project.coalitions import At
from tests.savings.project.cases import Case, case, made_plan, paired, write_policy
from tests.savings.project.made import Shape
from tests.savings.project.made_prices import write_prices
from tests.savings.project.oracle import Oracle

EXACT = Fraction(1, 10**11)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return write_prices(tmp_path_factory.mktemp("prices"))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_policy(tmp_path_factory.mktemp("policy"))


def check(case: Case, sets: list[frozenset[str]]) -> None:
    """Compare the cost of sets of levers, also at both ends of what is estimated."""
    wrong = []
    ends: tuple[tuple[At, Oracle], ...] = (("mid", case.oracle), ("low", case.cheap), ("high", case.dear))
    for on in sets:
        for at, oracle in ends:
            found, wanted = case.found.cost(on, at), oracle.cost(on)
            if abs(Fraction(found) - wanted) > EXACT:
                wrong.append((sorted(on), at, str(found), float(wanted)))
    assert not wrong, f"{len(wrong)} of {3 * len(sets)} costs: {sorted(wrong, key=lambda each: len(each[0]))[:4]}"


def all_sets(levers: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(some) for size in range(len(levers) + 1) for some in combinations(levers, size)]


@pytest.mark.parametrize("seed", range(4))
def test_every_set_of_levers_costs_what_brute_force_says(
    seed: int, tmp_path: Path, prices: tuple[Path, ...], policy: Path
) -> None:
    plan = made_plan(random.Random(seed), policy)
    path, calls = paired(seed, Shape(calls=40), tmp_path)
    check(case(path, calls, plan, prices), all_sets(plan.on))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(6, 10**6), calls=st.integers(1, 60), days=st.sampled_from([0.001, 0.5, 3.0, 900.0]))
def test_logs_of_any_size_cost_what_brute_force_says(
    tmp_path: Path, prices: tuple[Path, ...], policy: Path, seed: int, calls: int, days: float
) -> None:
    rng = random.Random(seed)
    plan = made_plan(rng, policy)
    path, made = paired(seed, Shape(calls=calls, distinct=rng.randint(1, 12), days=days), tmp_path)
    check(case(path, made, plan, prices), [frozenset(), frozenset(plan.on), *rng.sample(all_sets(plan.on), 14)])
