"""A service curve goes through the measured medians, is monotone, and says something sensible everywhere else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.curve import fit
from llmopt.bench.points import point
from llmopt.bench.result import Point
from llmopt.core.batch import BatchTiming, Shape
from llmopt.errors import InputError
from tests.bench.swept import out_of_memory, points, slow


def timed(size: int, seq_len: int, *times_s: float) -> Point:
    tokens = size * seq_len
    return point(Shape(size, seq_len), [BatchTiming(time_s, 0.0, tokens, tokens) for time_s in times_s])


def test_measured_shapes_have_their_median() -> None:
    curve = fit([timed(1, 10, 0.011, 0.010, 0.5), timed(4, 10, 0.02, 0.021, 0.022)])
    assert curve.time_s(1, 10) == pytest.approx(0.011)
    assert curve.time_s(4, 10) == pytest.approx(0.021)


def test_between_two_sizes_and_two_lengths_it_is_interpolated() -> None:
    curve = fit(points())
    assert curve.time_s(6, 96) == pytest.approx(slow(6, 96), rel=1e-6)
    assert curve.time_s(12, 48) == pytest.approx(slow(12, 48), rel=1e-6)


def test_beyond_the_measured_ones_the_formula_continues_it() -> None:
    curve = fit(points())
    assert curve.time_s(100, 64) == pytest.approx(slow(100, 64), rel=1e-6)
    assert curve.time_s(32, 512) == pytest.approx(slow(32, 512), rel=1e-6)
    assert curve.time_s(1, 1) == pytest.approx(slow(1, 1), rel=1e-6)


def test_the_summary_is_the_formula_behind_the_times() -> None:
    summary = fit(points(lambda size, length: 0.003 + 0.0005 * size + 0.00002 * size * length)).summary
    assert (summary.base_s, summary.per_request_s, summary.per_token_s) == pytest.approx((0.003, 0.0005, 0.00002))
    assert summary.r_squared == pytest.approx(1)
    assert summary.max_error == pytest.approx(0, abs=1e-9)


def test_with_one_length_tokens_tell_all_and_other_lengths_follow_them() -> None:
    curve = fit(points(seq_lens=[64]))
    assert curve.summary.per_request_s == 0
    assert curve.summary.per_token_s == pytest.approx(0.00008)
    assert curve.time_s(8, 128) == pytest.approx(slow(8, 128), rel=1e-6)


def test_one_shape_alone_promises_nothing_of_batching() -> None:
    curve = fit(points(sizes=[1], seq_lens=[64]))
    assert curve.summary.base_s == 0
    assert curve.time_s(4, 64) == pytest.approx(4 * slow(1, 64))


def test_requests_without_tokens_are_counted_themselves() -> None:
    curve = fit(points(lambda size, _: 0.001 + 0.002 * size, seq_lens=[0]))
    assert (curve.summary.base_s, curve.summary.per_request_s) == pytest.approx((0.001, 0.002))
    assert curve.time_s(64, 0) == pytest.approx(0.129)


def test_a_falling_time_is_pooled_with_its_neighbour() -> None:
    curve = fit([timed(1, 8, 0.010), timed(2, 8, 0.030), timed(4, 8, 0.020), timed(8, 8, 0.05)])
    assert curve.time_s(2, 8) == curve.time_s(4, 8) == pytest.approx(0.025)
    assert curve.time_s(1, 8) == pytest.approx(0.010)


def test_what_was_not_measured_says_nothing() -> None:
    with_failures = [*points(sizes=[1, 2, 4]), out_of_memory(8, 128), replace(out_of_memory(1, 999), status="too_long")]
    assert fit(with_failures).sizes == (1, 2, 4)
    assert fit(with_failures).seq_lens == (32, 64, 128)
    with pytest.raises(InputError, match="no batch could be measured"):
        fit([out_of_memory(1, 32)])


def test_a_hole_in_the_grid_is_filled() -> None:
    without = [item for item in points() if (item.shape.batch_size, item.shape.seq_len) not in ((32, 128), (4, 64))]
    curve = fit(without)
    assert curve.time_s(32, 128) == pytest.approx(slow(32, 128), rel=0.02)
    assert curve.time_s(4, 64) == pytest.approx(slow(4, 64), rel=0.02)


def test_the_noise_is_that_of_the_samples() -> None:
    curve = fit(points(samples=200, noise=0.1))
    assert float(np.std(np.log(curve.ratios))) == pytest.approx(0.1, rel=0.1)
    assert curve.mean_ratio == pytest.approx(1, abs=0.02)
    drawn = curve.noise(5_000, seed=3)
    assert float(np.median(drawn)) == pytest.approx(1, abs=0.02)
    assert drawn.tolist() == curve.noise(5_000, seed=3).tolist()


def test_without_scatter_there_is_no_noise() -> None:
    assert fit(points(samples=1)).noise(10, seed=0).tolist() == [1.0] * 10


def test_one_wild_sample_is_taken_for_a_slow_one_only() -> None:
    curve = fit([timed(1, 8, *[0.01] * 20, 9.0)])
    assert float(curve.ratios.max()) == 4.0


@given(
    st.dictionaries(
        st.tuples(st.sampled_from([1, 2, 3, 8, 32]), st.sampled_from([1, 16, 128, 512])),
        st.lists(st.floats(1e-6, 10), min_size=1, max_size=4),
        min_size=1,
    )
)
def test_more_requests_never_take_less_time(samples: dict[tuple[int, int], list[float]]) -> None:
    curve = fit([timed(size, length, *times) for (size, length), times in samples.items()])
    for length in (1, 40, 128, 700):
        row = curve.rows([length], 70)[length]
        assert row[0] == 0
        assert all(np.isfinite(row))
        assert all(after >= before * (1 - 1e-9) for before, after in pairwise(row))
        if length >= curve.seq_lens[0]:
            assert row[9] == pytest.approx(curve.time_s(9, length))
