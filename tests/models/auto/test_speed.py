"""Requests are made of real tokens in the shape that was asked for, and models are timed in turn after a pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.target import Predictor, TargetFacts
from llmopt.models.auto.speed import requests_of, times_in_turn


@dataclass
class Spelling:
    """A model whose tokens are letters, between a token 1 and a token 2."""

    limit: int | None = None
    ends: tuple[int, int] | None = (1, 2)
    asked: list[list[list[int]]] = field(default_factory=list)

    @property
    def facts(self) -> TargetFacts:
        return TargetFacts("spelling", "embed", "cpu", "none", max_tokens=self.limit)

    @property
    def predictor(self) -> Predictor:
        return Predictor(self.predict, lambda tokens: [7] * tokens, len)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        bare = [[ord(letter) for letter in text] for text in texts]
        return [[self.ends[0], *ids, self.ends[1]] for ids in bare] if self.ends else bare

    def predict(self, requests: list[list[int]]) -> list[Any]:
        self.asked.append(requests)
        return requests


def test_texts_follow_one_another_in_requests_of_one_length() -> None:
    made = requests_of(Spelling(), ["abc", "de", "fghi"], batch_size=2, seq_len=5)
    assert made == [[1, 97, 98, 99, 2], [1, 100, 101, 102, 2]]


def test_few_texts_come_again_and_long_requests_are_cut_to_what_is_read() -> None:
    made = requests_of(Spelling(limit=6), ["ab"], batch_size=3, seq_len=100)
    assert made == [[1, 97, 98, 97, 98, 2]] * 3


def test_without_texts_the_model_makes_its_own() -> None:
    assert requests_of(Spelling(), [], batch_size=2, seq_len=3) == [[7, 7, 7]] * 2
    assert requests_of(Spelling(), [""], batch_size=1, seq_len=3) == [[7, 7, 7]]
    assert requests_of(Spelling(), ["abc"], batch_size=1, seq_len=2) == [[7, 7]]


@given(st.lists(st.text(max_size=9), max_size=5), st.integers(1, 4), st.integers(1, 20), st.booleans())
def test_the_shape_is_always_the_one_asked_for(texts: list[str], batch: int, length: int, bare: bool) -> None:
    made = requests_of(Spelling(ends=None if bare else (1, 2)), texts, batch_size=batch, seq_len=length)
    assert [len(request) for request in made] == [length] * batch


def test_each_call_waits_until_the_threads_of_the_other_sleep() -> None:
    one, other = Spelling(), Spelling()
    settled: list[int] = []
    ticks = iter(range(1000))

    def settle() -> None:
        settled.append(len(one.asked) + len(other.asked))

    times = times_in_turn(
        [one, other], [[5]], rounds=4, max_time_s=1e9, clock=lambda: float(next(ticks)), settle=settle
    )
    assert [len(row) for row in times] == [4, 4]
    assert settled == [2, 3, 4, 5, 6, 7, 8, 9]
