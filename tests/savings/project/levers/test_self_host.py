"""Own machines: how many they are and what they cost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.levers.self_host import HOUR_US, Machine, cost_usd, machines, serves
from llmopt.savings.project.plan import SelfHostLever

PS_AN_HOUR = HOUR_US * 1_000_000
GOLDEN = Path(__file__).parents[3] / "golden"


def test_work_adds_up() -> None:
    machine = Machine(ps_per_call=7, ps_per_input_token=11, ps_per_output_token=13, says="")
    assert machine.work_ps(1, 10, 3) == 7 + 110 + 39
    assert machine.work_ps(1, 10, 3) + machine.work_ps(2, 5, 0) == machine.work_ps(3, 15, 3)


def test_a_result_is_read_into_picoseconds() -> None:
    machine = Machine.load(SelfHostLever(result=GOLDEN / "bench" / "plain.json"))
    assert machine.ps_per_input_token == round(1e12 / (177.8 * 32))
    assert machine.ps_per_call == 0


def test_machines_are_busy_for_a_share_of_their_time() -> None:
    work, day = 24 * PS_AN_HOUR, 24 * HOUR_US
    assert machines(work, day, Decimal(1)) == 1
    assert machines(work + 1, day, Decimal(1)) == 2
    assert machines(work, day, Decimal("0.5")) == 2
    assert machines(6 * work, day, Decimal("0.6")) == 10  # exactly, as 0.6 is no binary fraction
    assert machines(0, day, Decimal("0.6")) == 1
    assert machines(work, day, Decimal(1), calls=0) == 0


def test_a_log_of_minutes_pays_an_hour() -> None:
    assert cost_usd(3, 0, Decimal("2.5")) == Fraction(15, 2)
    assert cost_usd(1, 2 * HOUR_US + HOUR_US // 3, Decimal("1.5")) == Fraction(7, 2)
    assert machines(PS_AN_HOUR, 5, Decimal(1)) == 1


@given(st.integers(0, 10**22), st.integers(0, 10**13), st.decimals("0.01", "1", places=2))
def test_one_machine_less_would_be_too_busy(work: int, span_us: int, utilization: Decimal) -> None:
    count = machines(work, span_us, utilization)
    room = max(span_us, HOUR_US) * 1_000_000 * Fraction(utilization)
    assert count * room >= work
    assert count == 1 or (count - 1) * room < work


def test_only_calls_with_a_tag_are_served_where_the_lever_names_one() -> None:
    assert serves(SelfHostLever(), {})
    some = SelfHostLever(tags=(("team", "search"),))
    assert serves(some, {"team": "search"})
    assert not serves(some, {"team": "ads"})
