from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.usage import BUCKETS, INPUT_BUCKETS, OUTPUT_BUCKETS, Usage

USAGES = st.builds(Usage, **{name: st.integers(0, 10**9) for name in BUCKETS})


def test_every_bucket_is_input_or_output() -> None:
    assert sorted(INPUT_BUCKETS + OUTPUT_BUCKETS) == sorted(BUCKETS)
    assert not set(INPUT_BUCKETS) & set(OUTPUT_BUCKETS)


def test_input_is_everything_read_and_output_everything_written() -> None:
    usage = Usage(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    assert usage.input_tokens == 1 + 2 + 4 + 8 + 16 + 32
    assert usage.output_tokens == 64 + 128 + 256 + 512
    assert usage.cache_write_tokens == 4 + 8


@given(USAGES, USAGES, USAGES)
def test_adding_up_is_associative_commutative_and_has_a_zero(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a


@given(USAGES, USAGES)
def test_totals_add_up_too(a: Usage, b: Usage) -> None:
    assert (a + b).input_tokens == a.input_tokens + b.input_tokens
    assert (a + b).output_tokens == a.output_tokens + b.output_tokens
    assert (a + b).cache_write_tokens == a.cache_write_tokens + b.cache_write_tokens
