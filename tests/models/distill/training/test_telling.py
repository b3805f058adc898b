from __future__ import annotations

import pytest

from tests.models.extras import library

library("torch", "models")
from llmopt.models.distill.training.telling import Telling, in_words  # noqa: E402


def test_it_says_how_far_how_good_and_how_long() -> None:
    told: list[tuple[int, int, str]] = []
    telling = Telling(lambda *said: told.append(said), 3, 0.0)
    telling.tell(0.001, 0.003, 0.2, 0.1)
    telling.tell(0.4, 1.2, 0.1, 160.0)
    assert told == [
        (1, 1000, "epoch 0.0 of 3, loss 0.2"),
        (400, 1000, "epoch 1.2 of 3, loss 0.19, 4 min left"),
    ]


def test_time_left_is_of_this_process_and_epochs_may_be_open() -> None:
    told: list[str] = []
    Telling(lambda done, total, text: told.append(text), None, 0.5).tell(0.75, 7.25, 0.0814, 60.0)
    assert told == ["epoch 7.2, loss 0.0814, 60 s left"]


def test_nobody_is_told() -> None:
    Telling(None, 1, 0.0).tell(0.5, 0.5, 0.1, 1.0)


@pytest.mark.parametrize(
    ("duration_s", "words"), [(0.2, "0 s"), (89.0, "89 s"), (90.0, "2 min"), (600.0, "10 min"), (9_000.0, "2.5 h")]
)
def test_durations_in_words(duration_s: float, words: str) -> None:
    assert in_words(duration_s) == words
