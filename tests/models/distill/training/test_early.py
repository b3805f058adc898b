from __future__ import annotations

import pytest

from tests.models.extras import library

library("torch", "models")
from llmopt.models.distill.training.early import Best, is_due  # noqa: E402


def test_a_lower_loss_is_the_best_and_patience_begins_anew() -> None:
    best = Best().after(10, 0.5).after(20, 0.6).after(30, 0.4)
    assert best == Best(30, 0.4, 0)
    for step in range(40, 40 + 3):
        assert not best.is_over(3)
        best = best.after(step, 0.4)
    assert best == Best(30, 0.4, 3)
    assert best.is_over(3)
    assert not best.is_over(None)


@pytest.mark.parametrize(
    ("before", "after", "due"), [(0.0, 0.05, False), (0.05, 0.1, True), (0.1, 0.15, False), (0.15, 0.45, True)]
)
def test_a_look_is_due_at_each_tenth_of_the_run(before: float, after: float, due: bool) -> None:
    assert is_due(before, after) is due
