"""Steps never go beyond their sum, and memory is told above what was held before."""

from __future__ import annotations

from llmopt.models.auto.peak import Peak
from llmopt.models.auto.steps import Steps


def test_steps_are_told_and_the_sum_grows_when_more_come() -> None:
    told: list[tuple[int, int]] = []
    steps = Steps(1, lambda done, total: told.append((done, total)))
    steps.step()
    steps.foresee(1)
    for _ in range(3):
        steps.step()
    assert told == [(1, 1), (2, 2), (3, 3), (4, 4)]
    Steps(1, None).step()


def test_memory_is_counted_above_what_was_held() -> None:
    peak = Peak()
    block = bytearray(b"x") * 50_000_000
    most, working = peak.read()
    assert most > working >= 0
    assert most > len(block)
