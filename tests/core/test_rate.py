from decimal import Decimal

import pytest

from llmopt.core.rate import FALLBACK, Rates
from llmopt.core.usage import BUCKETS


def test_a_published_rate_is_taken_as_it_is_even_when_it_is_zero() -> None:
    rates = Rates(input_uncached=Decimal(3), input_cache_read=Decimal(0))
    assert rates.usd_per_mtok("input_cache_read") == 0


@pytest.mark.parametrize("bucket", [name for name in BUCKETS if name.startswith("input_")])
def test_an_unpublished_input_rate_falls_back_to_plain_input(bucket: str) -> None:
    assert Rates(input_uncached=Decimal(3)).usd_per_mtok(bucket) == 3


@pytest.mark.parametrize("bucket", [name for name in BUCKETS if name.startswith("output_")])
def test_an_unpublished_output_rate_falls_back_to_text_output(bucket: str) -> None:
    assert Rates(output_text=Decimal(15)).usd_per_mtok(bucket) == 15


def test_a_one_hour_write_falls_back_to_the_five_minute_write_first() -> None:
    rates = Rates(input_uncached=Decimal(3), input_cache_write_5m=Decimal("3.75"))
    assert rates.usd_per_mtok("input_cache_write_1h") == Decimal("3.75")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_nothing_published_is_unknown_and_not_zero(bucket: str) -> None:
    assert Rates().usd_per_mtok(bucket) is None


def test_every_bucket_but_the_two_roots_has_a_parent() -> None:
    assert set(FALLBACK) == set(BUCKETS) - {"input_uncached", "output_text"}
