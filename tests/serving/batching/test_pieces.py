"""A failing batch: who is guilty, and how many calls it takes to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.batching.errors import PredictFailed
from llmopt.serving.batching.pieces import pieces

Predict = Callable[[list[Any]], Any]


class Poisoned:
    """Doubles numbers and fails where a bad one is among them."""

    def __init__(self, bad: Iterable[int]) -> None:
        self.bad = set(bad)
        self.seen: list[list[int]] = []

    def __call__(self, numbers: list[int]) -> list[int]:
        self.seen.append(numbers)
        for number in numbers:
            if number in self.bad:
                raise ValueError(f"bad: {number}")
        return [2 * number for number in numbers]


def outcome(predict: Predict, count: int) -> tuple[dict[int, Any], dict[int, BaseException], int]:
    answers: dict[int, Any] = {}
    errors: dict[int, BaseException] = {}
    calls = expected = 0
    for piece in pieces(predict, list(range(count))):
        assert piece.start == expected
        expected = piece.stop
        calls += piece.calls
        if piece.error is None:
            answers.update(zip(range(piece.start, piece.stop), piece.answers, strict=True))
        else:
            assert piece.stop == piece.start + 1
            errors[piece.start] = piece.error
    assert expected == count
    return answers, errors, calls


@given(st.integers(1, 200), st.sets(st.integers(0, 199), max_size=200))
def test_exactly_the_guilty_fail_and_calls_are_bounded(count: int, bad: set[int]) -> None:
    bad = {number for number in bad if number < count}
    predict = Poisoned(bad)
    answers, errors, calls = outcome(predict, count)
    assert answers == {number: 2 * number for number in range(count) if number not in bad}
    assert {number: str(error) for number, error in errors.items()} == {number: f"bad: {number}" for number in bad}
    assert calls == len(predict.seen)
    levels = ceil(log2(count)) if count > 1 else 0
    assert calls <= 1 + 2 * len(bad) * max(1, levels)
    assert calls <= 2 * count + levels


@pytest.mark.parametrize("position", range(32))
def test_one_of_32_costs_eleven_calls(position: int) -> None:
    _, errors, calls = outcome(Poisoned({position}), 32)
    assert list(errors) == [position]
    assert calls == 11


def test_when_all_fail_each_is_tried_alone_once() -> None:
    _, errors, calls = outcome(Poisoned(range(32)), 32)
    assert len(errors) == 32
    assert calls == 32 + 5


def test_a_batch_that_was_merely_too_large_is_answered_in_halves() -> None:
    def small(numbers: list[int]) -> list[int]:
        if len(numbers) > 16:
            raise MemoryError
        return numbers

    answers, errors, calls = outcome(small, 32)
    assert len(answers) == 32
    assert not errors
    assert calls == 3


def test_each_call_gets_a_list_of_its_own() -> None:
    def greedy(numbers: list[int]) -> list[int]:
        taken = list(numbers)
        numbers.clear()
        if len(taken) > 2:
            raise ValueError
        return taken

    answers, errors, _ = outcome(greedy, 9)
    assert answers == {number: number for number in range(9)}
    assert not errors


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "returned NoneType, not a list"),
        (7, "returned int, not a list"),
        ("ab", "returned str, not a list"),
        (b"ab", "returned bytes, not a list"),
        ({0: 1, 1: 2}, "returned dict, not a list"),
        ({1, 2}, "returned set, not a list"),
        ([1, 2, 3], "3 answers for 1 requests"),
        ([], "0 answers for 1 requests"),
        (iter(range(10**9)), "2 answers for 1 requests"),
    ],
)
def test_what_is_no_list_of_answers_is_refused(result: Any, message: str) -> None:
    _, errors, _ = outcome(lambda _: result, 1)
    assert isinstance(errors[0], PredictFailed)
    assert message in errors[0].message
    assert errors[0].hint


def test_a_coroutine_is_refused_and_closed() -> None:
    async def predict(numbers: list[int]) -> list[int]:
        return numbers

    _, errors, _ = outcome(lambda numbers: predict(numbers), 1)
    assert "coroutine" in str(errors[0])


def test_any_other_iterable_will_do() -> None:
    for predict in (tuple, iter, lambda numbers: (2 * n for n in numbers), lambda numbers: range(len(numbers))):
        answers, errors, calls = outcome(predict, 4)
        assert (len(answers), len(errors), calls) == (4, 0, 1)


def test_a_generator_that_fails_halfway_is_a_failure_of_that_request() -> None:
    def predict(numbers: list[int]) -> Iterable[int]:
        for number in numbers:
            if number == 3:
                raise ValueError(number)
            yield number

    answers, errors, _ = outcome(predict, 8)
    assert list(errors) == [3]
    assert len(answers) == 7


class Panic(BaseException):
    """As extensions in Rust raise it."""


@pytest.mark.parametrize("kind", [StopIteration, Panic, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_what_would_do_harm_in_a_task_is_wrapped(kind: type[BaseException]) -> None:
    def predict(numbers: list[int]) -> list[int]:
        if 2 in numbers:
            raise kind("no")
        return numbers

    answers, errors, _ = outcome(predict, 4)
    assert list(answers) == [0, 1, 3]
    assert isinstance(errors[2], PredictFailed)
    assert isinstance(errors[2].__cause__, kind)
    assert kind.__name__ in errors[2].message


class Empty(Exception):
    def __len__(self) -> int:
        return 0


def test_an_error_that_is_false_is_still_an_error() -> None:
    def predict(numbers: list[int]) -> list[int]:
        raise Empty

    _, errors, _ = outcome(predict, 2)
    assert len(errors) == 2
