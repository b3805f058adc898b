"""What a reader must know beside the figures is said once, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from tests.models.auto.values import a_quality, a_speedup
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.explored import Explored  # noqa: E402
from llmopt.models.auto.remarks import NO_DATA, remarks  # noqa: E402
from llmopt.models.quantizing.config import QuantizeConfig  # noqa: E402
from tests.models.auto.fakes import BF16, DYNAMIC, FAST32, FP32, INT8, measured  # noqa: E402

SPEEDUP = a_speedup()
WITH_DATA = QuantizeConfig(target="cpu", data="texts.txt")


def explored(*rows: tuple[object, float], left_out: tuple[str, ...] = ()) -> Explored:
    found = [measured(recipe, speed, 0.0) for recipe, speed in rows]  # type: ignore[arg-type]
    return Explored(tuple(point for point, _ in found), tuple(trial for _, trial in found), {}, left_out)


FINE = explored((FP32, 1.0), (FAST32, 2.0), (INT8, 4.0))


def test_where_all_is_well_nothing_is_said() -> None:
    assert remarks(WITH_DATA, FINE, INT8, gate=0.02, quality=a_quality(0.02), speedup=SPEEDUP, processor=None) == ()


def test_without_data_it_is_said_what_is_not_known() -> None:
    config = QuantizeConfig(target="cpu")
    said = remarks(config, FINE, BF16, gate=0.02, quality=None, speedup=SPEEDUP, processor=None)
    assert said == (NO_DATA, "without data auto takes nothing in 8 bits: torch bfloat16 is the fastest of the others")
    named = replace(config, scheme="int8")
    assert remarks(named, FINE, INT8, gate=0.02, quality=None, speedup=SPEEDUP, processor=None) == (NO_DATA,)


def test_a_gate_that_nobody_asked_for_is_told_and_no_failure() -> None:
    quality = a_quality(0.034, warnings=("few texts",))
    said = remarks(WITH_DATA, FINE, INT8, gate=0.02, quality=quality, speedup=SPEEDUP, processor=None)
    assert said[0] == "few texts"
    assert said[1].startswith("3.40% nearest neighbours changed: more than the 2% that is looked for")
    asked = replace(WITH_DATA, max_quality_drop=0.02)
    assert remarks(asked, FINE, INT8, gate=0.02, quality=quality, speedup=SPEEDUP, processor=None) == ("few texts",)


def test_batch_mates_that_change_a_result_are_told() -> None:
    (said,) = remarks(WITH_DATA, FINE, DYNAMIC, gate=0.02, quality=a_quality(), speedup=SPEEDUP, processor=None)
    assert said.endswith("the result of a row depends on its batch-mates")


def test_8_bits_that_are_slower_than_the_same_engine_are_told() -> None:
    found = explored((FP32, 1.0), (DYNAMIC, 0.6), (FAST32, 2.0), (INT8, 1.5), (replace(INT8, kept=("a",)), 1.2))
    said = remarks(WITH_DATA, found, FAST32, gate=0.02, quality=a_quality(), speedup=SPEEDUP, processor=None)
    assert said == (
        "torch quantize_dynamic is slower than float32 on this processor: 0.60x",
        "openvino int8 group 64 is slower than float32 on this processor: 0.75x",
    )


def test_a_processor_that_is_slow_in_8_bits_is_told_where_they_were_tried() -> None:
    arguments = {"gate": 0.02, "quality": a_quality(), "speedup": SPEEDUP, "processor": "no VNNI"}
    assert remarks(WITH_DATA, FINE, FAST32, **arguments) == ("no VNNI",)  # type: ignore[arg-type]
    plain = explored((FP32, 1.0), (FAST32, 2.0))
    assert remarks(WITH_DATA, plain, FAST32, **arguments) == ()  # type: ignore[arg-type]


def test_what_was_cut_or_left_out_is_told() -> None:
    found = replace(FINE, left_out=("onnx int8 was left out: no such operator",) * 2)
    said = remarks(
        WITH_DATA, found, INT8, gate=0.02, quality=a_quality(), speedup=replace(SPEEDUP, seq_len=64), processor=None
    )
    assert said == ("requests have 64 tokens: the model reads no more", "onnx int8 was left out: no such operator")


def test_times_that_vary_are_told() -> None:
    noisy = replace(SPEEDUP, low=1.5, high=2.5)
    (said,) = remarks(WITH_DATA, FINE, INT8, gate=0.02, quality=a_quality(), speedup=noisy, processor=None)
    assert said.startswith("times vary: the speed-up is between 1.50x and 2.50x")
