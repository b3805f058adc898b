import pytest

from llmopt.bench.points import point
from llmopt.core.batch import BatchTiming, Shape


def timings(*times_s: float) -> list[BatchTiming]:
    return [BatchTiming(time_s, time_s, 30, 40, peak_memory_bytes=int(time_s * 1000)) for time_s in times_s]


def test_throughput_is_of_the_mean_time_and_its_interval_holds_it() -> None:
    made = point(Shape(4, 10), timings(*[0.1, 0.2, 0.3] * 10))
    assert made.throughput_per_s == pytest.approx(20)
    assert made.throughput_low is not None
    assert made.throughput_high is not None
    assert 4 / 0.3 < made.throughput_low < 20 < made.throughput_high < 40
    assert (made.useful_tokens, made.padded_tokens, made.peak_memory_bytes) == (30, 40, 300)
    assert made.useful_tokens_per_s == pytest.approx(150)
    assert (made.latency_p50_s, made.latency_max_s, made.samples) == (0.2, 0.3, 30)


@pytest.mark.parametrize(
    ("n", "p95", "p99"), [(58, False, False), (59, True, False), (298, True, False), (299, True, True)]
)
def test_tails_need_samples(n: int, p95: bool, p99: bool) -> None:
    made = point(Shape(1, 10), timings(*[0.1] * n))
    assert (made.latency_p95_s is not None, made.latency_p99_s is not None) == (p95, p99)


@pytest.mark.parametrize("n", [1, 5])
def test_a_few_samples_make_a_point_without_an_interval(n: int) -> None:
    made = point(Shape(2, 10), timings(*[0.5] * n))
    assert (made.throughput_per_s, made.throughput_low, made.throughput_high) == (4, None, None)


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    made = point(Shape(2, 10), (), "oom", "too large")
    assert (made.throughput_per_s, made.latency_p50_s, made.status, made.reason) == (None, None, "oom", "too large")


def test_time_for_each_token_leaves_the_first_out() -> None:
    timing = BatchTiming(1.2, 1.2, 2 * 11, 40, device_s=1.1, prefill_s=0.2, decode_s=1.0)
    made = point(Shape(2, 20), [timing])
    assert (made.prefill_p50_s, made.device_p50_s) == (0.2, 1.1)
    assert made.decode_p50_s == pytest.approx(0.1)


def test_a_single_new_token_has_no_decode_time() -> None:
    assert point(Shape(2, 20), [BatchTiming(1, 1, 2, 40, prefill_s=1.0, decode_s=0.0)]).decode_p50_s is None


def test_what_takes_no_time_has_a_rate() -> None:
    assert point(Shape(1, 1), timings(0.0, 0.0)).throughput_per_s == pytest.approx(1e9)
