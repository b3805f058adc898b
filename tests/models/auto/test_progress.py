"""Steps never go beyond their sum, and memory is told above what was held before."""

from __future__ import annotations

from llmopt.models.auto.progress import Peak, Steps


def test_steps_are_told_and_the_sum_grows_when_more_come() -> None:
    told: list[tuple[int, int, str]] = []
    steps = Steps(1, lambda *given: told.append(given))
    steps.foresee(1)
    for text in "abc":
        with steps.during(text):
            pass
    assert told == [(0, 2, "a"), (1, 2, "a"), (1, 2, "b"), (2, 2, "b"), (2, 2, "c"), (3, 3, "c")]
    with Steps(1, None).during("nothing"):
        pass


def test_memory_is_counted_above_what_was_held() -> None:
    peak = Peak()
    block = bytearray(b"x") * 50_000_000
    most, working = peak.read()
    assert most > working >= 0
    assert most > len(block)
