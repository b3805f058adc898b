"""What a reader must know is said once, and nothing else; gates that nothing is measured for are refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.errors import UsageError
from tests.models.auto.values import a_quality, a_speedup
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.remarks import NO_DATA, check_gates, failures, remarks  # noqa: E402
from llmopt.models.auto.trial import Explored  # noqa: E402
from llmopt.models.quantizing.config import QuantizeConfig  # noqa: E402
from tests.models.auto.fakes import BF16, DYNAMIC, FAST32, FP32, INT8, measured  # noqa: E402

SPEEDUP = a_speedup()
ALL = QuantizeConfig(target="cpu", data="texts.txt", max_quality_drop=0.02, min_speedup=1.5)
WITH_DATA = QuantizeConfig(target="cpu", data="texts.txt")


def explored(*rows: tuple[object, float]) -> Explored:
    found = [measured(recipe, speed, 0.0) for recipe, speed in rows]  # type: ignore[arg-type]
    return Explored(tuple(point for point, _ in found), tuple(trial for _, trial in found), {}, ())


MATES = INT8.mates_note or ""
FINE = explored((FP32, 1.0), (FAST32, 2.0), (INT8, 4.0))


def test_where_all_is_well_nothing_is_said() -> None:
    assert remarks(WITH_DATA, FINE, INT8, gate=0.02, quality=a_quality(0.02), speedup=SPEEDUP, processor=None) == (
        MATES,
    )


def test_without_data_it_is_said_what_is_not_known() -> None:
    config = QuantizeConfig(target="cpu")
    said = remarks(config, FINE, BF16, gate=0.02, quality=None, speedup=SPEEDUP, processor=None)
    assert said[0] == NO_DATA
    assert said[1] == "without data auto takes nothing in 8 bits: torch bfloat16 is the fastest of the others"
    named = replace(config, scheme="int8")
    assert remarks(named, FINE, INT8, gate=0.02, quality=None, speedup=SPEEDUP, processor=None) == (NO_DATA, MATES)


def test_a_gate_that_nobody_asked_for_is_told_and_no_failure() -> None:
    quality = a_quality(0.034, warnings=("few texts",))
    said = remarks(WITH_DATA, FINE, INT8, gate=0.02, quality=quality, speedup=SPEEDUP, processor=None)
    assert said[0] == "few texts"
    assert said[1].startswith("3.40% of nearest neighbours changed: more than the 2% that is looked for")
    asked = replace(WITH_DATA, max_quality_drop=0.02)
    said = remarks(asked, FINE, INT8, gate=0.02, quality=quality, speedup=SPEEDUP, processor=None)
    assert said == ("few texts", MATES)


def test_batch_mates_that_change_a_result_are_told() -> None:
    (said,) = remarks(WITH_DATA, FINE, DYNAMIC, gate=0.02, quality=a_quality(), speedup=SPEEDUP, processor=None)
    assert said.endswith("the result of a row depends on its batch-mates")


def test_8_bits_that_are_slower_than_the_same_engine_are_told() -> None:
    found = explored((FP32, 1.0), (DYNAMIC, 0.6), (FAST32, 2.0), (INT8, 1.5), (replace(INT8, kept=("a",)), 1.2))
    said = remarks(WITH_DATA, found, FAST32, gate=0.02, quality=a_quality(), speedup=SPEEDUP, processor=None)
    assert said == (
        "slower than float32 of the same engine on this processor: "
        "torch quantize_dynamic (0.60x), openvino int8 group 64 (0.75x)",
    )


def test_a_processor_that_is_slow_in_8_bits_is_told_where_they_were_tried() -> None:
    arguments = {"gate": 0.02, "quality": a_quality(), "speedup": SPEEDUP, "processor": "no VNNI"}
    assert remarks(WITH_DATA, FINE, FAST32, **arguments) == ("no VNNI",)  # type: ignore[arg-type]
    plain = explored((FP32, 1.0), (FAST32, 2.0))
    assert remarks(WITH_DATA, plain, FAST32, **arguments) == ()  # type: ignore[arg-type]


def test_what_was_cut_or_left_out_is_told() -> None:
    found = replace(FINE, said=("onnx int8 was left out: no such operator",) * 2)
    said = remarks(
        WITH_DATA, found, FAST32, gate=0.02, quality=a_quality(), speedup=replace(SPEEDUP, seq_len=64), processor=None
    )
    assert said == ("requests have 64 tokens: the model reads no more", "onnx int8 was left out: no such operator")


def test_times_that_vary_are_told() -> None:
    noisy = replace(SPEEDUP, low=1.5, high=2.5)
    (said,) = remarks(WITH_DATA, FINE, FAST32, gate=0.02, quality=a_quality(), speedup=noisy, processor=None)
    assert said.startswith("times vary: the speed-up is between 1.50x and 2.50x")


def test_other_programs_are_told_where_they_take_much() -> None:
    def said(others: float) -> tuple[str, ...]:
        return remarks(WITH_DATA, FINE, FAST32, gate=0.02, quality=None, speedup=SPEEDUP, processor=None, others=others)

    assert said(0.05) == ()
    assert said(0.3)[0].startswith("other programs took 30% of the CPUs meanwhile")


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
        "3.10% of nearest neighbours changed on 500 texts that nothing was chosen on; the gate is 2.00%",
        "1.20x the strongest FP32 (openvino float32); the gate is 1.5x",
    )


def test_what_was_not_measured_does_not_hold() -> None:
    assert failures(ALL, None, None) == (
        "quality could not be measured; the gate is a drop of 2.00%",
        "speed could not be measured; the gate is 1.5x",
    )


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("labels changed", "3.10% of labels changed on 500 texts of texts.txt"),
        ("accuracy lost", "3.10 points of accuracy lost on 500 texts of texts.txt"),
        ("perplexity gained", "3.10% perplexity gained on 500 texts of texts.txt"),
    ],
)
def test_the_drop_is_told_in_the_words_of_its_kind(metric: str, said: str) -> None:
    config = QuantizeConfig(data="texts.txt", max_quality_drop=0.02)
    assert failures(config, a_quality(0.031, drop_metric=metric), None) == (f"{said}; the gate is 2.00%",)
