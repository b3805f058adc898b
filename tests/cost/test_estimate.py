from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.core.usage import Usage
from llmopt.cost.estimate import estimate
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import UsageError


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def test_the_tutorials_million_calls_a_day(table: PriceTable) -> None:
    usage = Usage(input_uncached=500, output_text=300)
    result = estimate(table, "gpt-4", usage, requests_per_day=1_000_000)
    # 500 x $30/M + 300 x $60/M = $0.033
    assert (result.request_usd, result.day_usd, result.month_usd) == (
        Decimal("0.033"),
        Decimal(33_000),
        Decimal(990_000),
    )
    assert (result.band, result.warnings) == ("", ())


def test_tier_date_and_provider_count(table: PriceTable) -> None:
    usage = Usage(input_uncached=1_000_000)
    then = datetime(2024, 6, 1, tzinfo=UTC)
    assert estimate(table, "gpt-4o", usage, tier="batch", at=then).request_usd == Decimal("2.5")
    assert estimate(table, "claude-sonnet-4-5", usage, provider="vertex_ai").resolved.provider == "google"


def test_a_long_request_names_its_band(table: PriceTable) -> None:
    result = estimate(table, "claude-sonnet-4-5", Usage(input_uncached=250_000, output_text=1_000))
    assert (result.request_usd, result.band) == (Decimal("1.5225"), "> 200,000 input tokens (cliff)")


def test_warnings_come_along(table: PriceTable) -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)
    assert "no price known before" in estimate(table, "gpt-4", Usage(input_uncached=1), at=early).warnings[0]


def test_what_has_no_price_is_an_error(table: PriceTable, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model is known as 'gpt-4p'"):
        estimate(table, "gpt-4p", Usage(input_uncached=1))
    with pytest.raises(UsageError, match="whisper-1 has no token price"):
        estimate(table, "whisper-1", Usage(input_uncached=1))
    with pytest.raises(UsageError, match="has no price for output_text tokens"):
        estimate(table, "text-embedding-3-small", Usage(output_text=1))
    own = tmp_path / "own.json"
    rows = [{"usd_per_mtok": {"input_uncached": "1"}, "usd_per_request": "0.01"}]
    own.write_text(
        json.dumps({"schema": 1, "provider": "me", "checked": "2026-01-01", "models": {"m": {"rows": rows}}})
    )
    assert estimate(PriceTable.load(extra=[own]), "m", Usage(input_uncached=1_000_000)).request_usd == Decimal("1.01")
