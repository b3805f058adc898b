"""Gates that nothing is measured for are refused; those that do not hold are told in a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmopt.errors import UsageError
from llmopt.models.auto.gates import check_gates, failures
from llmopt.models.quantizing.config import QuantizeConfig
from tests.models.auto.values import a_quality, a_speedup

ALL = QuantizeConfig(target="cpu", data="texts.txt", max_quality_drop=0.02, min_speedup=1.5)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (QuantizeConfig(target="cpu", max_quality_drop=0.02), "--max-quality-drop: without data"),
        (QuantizeConfig(target="vllm", min_speedup=2), "--min-speedup: speed is not measured for --target vllm"),
        (QuantizeConfig(price_per_month=Decimal(9)), "--price-per-month: speed is not measured"),
    ],
)
def test_gates_that_cannot_be_held_are_refused(config: QuantizeConfig, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_gates(config)


def test_gates_that_can_be_held_are_let_pass() -> None:
    check_gates(ALL)
    check_gates(QuantizeConfig(data="texts.txt", max_quality_drop=0.02))
    check_gates(QuantizeConfig())


def test_what_holds_is_not_told() -> None:
    assert failures(ALL, a_quality(0.02), a_speedup(strongest=1.5)) == ()
    assert failures(QuantizeConfig(target="cpu"), a_quality(0.9), a_speedup(0.1, 0.1)) == ()


def test_each_gate_that_does_not_hold_is_a_sentence() -> None:
    assert failures(ALL, a_quality(0.031), a_speedup(9, strongest=1.2)) == (
        "3.10% nearest neighbours changed on 500 texts that nothing was chosen on; the gate is 2.00%",
        "1.20x the strongest FP32 (openvino float32); the gate is 1.5x",
    )


def test_what_was_not_measured_does_not_hold() -> None:
    assert failures(ALL, None, None) == (
        "quality could not be measured; the gate is a drop of 2.00%",
        "speed could not be measured; the gate is 1.5x",
    )
