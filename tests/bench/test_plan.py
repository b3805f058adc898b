import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.plan import (
    Climb,
    Limits,
    Mix,
    check_lengths,
    check_sizes,
    doubling,
    drawn,
    listed,
    longest,
    with_bisection,
)
from llmopt.errors import UsageError


def climbed(climb: Climb, *, most: int = 10**9, knee: int = 10**9) -> list[int]:
    """Return the sizes of a climb where throughput grows up to `knee` and memory ends after `most`."""
    sizes = []
    size = next(climb, None)
    while size is not None:
        sizes.append(size)
        took_s = None if size > most else max(size, knee) / knee
        try:
            size = climb.send(took_s)
        except StopIteration:
            break
    return sizes


def test_doubling_ends_when_throughput_no_longer_grows_and_looks_around_the_knee() -> None:
    assert climbed(doubling(1024), knee=16) == [1, 2, 4, 8, 16, 32, 64, 12, 24]


def test_doubling_ends_at_the_largest() -> None:
    assert climbed(doubling(8)) == [1, 2, 4, 8, 6]
    assert climbed(doubling(1)) == [1]


def test_what_does_not_fit_is_bisected() -> None:
    assert climbed(with_bisection(doubling(1024)), most=21) == [1, 2, 4, 8, 16, 32, 12, 24, 20, 22]
    assert climbed(with_bisection(listed([8, 16])), most=3) == [8, 4, 2, 3]
    assert climbed(with_bisection(listed([4, 8])), most=0) == [4, 2, 1]


@given(st.integers(1, 600))
def test_the_largest_that_fits_is_found_within_an_eighth(most: int) -> None:
    sizes = climbed(with_bisection(doubling(1024)), most=most)
    fits = max(size for size in sizes if size <= most)
    assert most < 1.125 * fits + 1
    assert len(sizes) == len(set(sizes))


def test_batch_sizes_are_taken_once_each_and_ascending() -> None:
    assert check_sizes([8, 1, 8]) == [1, 8]


@pytest.mark.parametrize("sizes", [[], [0], [4, -1]])
def test_batch_sizes_that_make_no_sense_are_refused(sizes: list[int]) -> None:
    with pytest.raises(UsageError, match="batch size"):
        check_sizes(sizes)


@pytest.mark.parametrize("entries", [[], [0], [Mix(())], [Mix((3, 0))], [8, 8], [8, Mix((1, 8))]])
def test_lengths_that_make_no_sense_are_refused(entries: list[int | Mix]) -> None:
    with pytest.raises(UsageError):
        check_lengths(entries)


@pytest.mark.parametrize(
    "wrong", [{"min_samples": 0}, {"min_samples": 9999}, {"max_time_s": 0}, {"max_time_s": float("nan")}, {"ci": -1}]
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_mix_is_drawn_from() -> None:
    mix = Mix((3, 9, 5))
    assert longest(mix) == 9
    assert set(drawn(mix, 100, random.Random(1))) == {3, 9, 5}
    assert drawn(7, 3, random.Random(1)) == [7, 7, 7]
