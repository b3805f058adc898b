"""Gates are held against values, said in words that tell the two apart; intervals only warn."""

from __future__ import annotations

import pytest

from llmopt.core.ratio import Ratio
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.proof.verdict import failures, remarks
from llmopt.models.distill.report import Kept, LatencyRatio

KEPT = Kept("accuracy", 0.9412, 0.91, 0.97)


def speed(value: float = 2.0, low: float = 1.95, high: float = 2.05) -> LatencyRatio:
    return LatencyRatio(Ratio(value, low, high), 0.2, 0.1, 8, 128, 2, 15)


def test_nothing_is_said_without_gates_and_of_steady_times() -> None:
    assert failures(DistillConfig(), KEPT, speed()) == ()
    assert remarks(DistillConfig(), KEPT, speed()) == ()


def test_gates_that_hold_say_nothing() -> None:
    config = DistillConfig(min_quality=0.9412, min_speedup=2.0)
    assert failures(config, KEPT, speed()) == ()


def test_each_gate_that_does_not_hold_is_said() -> None:
    config = DistillConfig(min_quality=0.95, min_speedup=2.5)
    assert failures(config, KEPT, speed()) == (
        "94.12% of the teacher's accuracy on texts that it has not seen; the gate is 95.00%",
        "2.00x as fast as the teacher; the gate is 2.5x",
    )


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("labels", "94.12% of labels are the teacher's"),
        ("nearest neighbours", "94.12% of nearest neighbours are the teacher's"),
        ("perplexity", "the teacher's perplexity is 94.12% of the student's"),
        ("bits per byte", "the teacher's bits per byte are 94.12% of the student's"),
        ("taste", "94.12% of the teacher's taste"),
    ],
)
def test_each_metric_has_words(metric: str, words: str) -> None:
    said = failures(DistillConfig(min_quality=1.0), Kept(metric, 0.9412, 0.9, 0.95), speed())
    assert said == (f"{words} on texts that it has not seen; the gate is 100.00%",)


def test_figures_that_would_look_equal_get_more_digits() -> None:
    config = DistillConfig(min_quality=0.95, min_speedup=2)
    said = failures(config, Kept("labels", 0.94999, 0.9, 0.96), speed(1.9999))
    assert said[0].startswith("94.9990% of labels")
    assert said[0].endswith("the gate is 95.0000%")
    assert said[1] == "1.9999x as fast as the teacher; the gate is 2x"


def test_what_is_not_a_number_holds_no_gate() -> None:
    nan = float("nan")
    said = failures(DistillConfig(min_quality=0.5, min_speedup=1), Kept("labels", nan, nan, nan), speed(nan, nan, nan))
    assert len(said) == 2


def test_an_interval_with_the_gate_in_it_and_unsteady_times_are_told() -> None:
    config = DistillConfig(min_speedup=2.0)
    assert "with --min-speedup 2 in between" in remarks(config, KEPT, speed())[0]
    assert (
        "times vary: the speed-up is between 1.50x and 2.50x" in remarks(DistillConfig(), KEPT, speed(2, 1.5, 2.5))[0]
    )


def test_a_slow_student_and_a_better_one_are_told() -> None:
    assert "slower than the teacher: 0.80x" in remarks(DistillConfig(), KEPT, speed(0.8, 0.78, 0.82))[0]
    (said,) = remarks(DistillConfig(), Kept("accuracy", 1.05, 1.01, 1.09), speed())
    assert said == "the student is better than the teacher: 105.00% of the teacher's accuracy"
