from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.cost import cost_usd
from llmopt.core.rate import Price
from llmopt.core.usage import TIERS, Usage
from llmopt.cost.pricing.table import Choice, PriceTable, ResolvedModel
from llmopt.errors import PricingError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def choose(table: PriceTable, model: str, when: str | None, tier: str = "default") -> Choice:
    resolved = table.resolve(model)
    assert resolved is not None, model
    return table.price_at(resolved, tier, None if when is None else at(when))


def price(table: PriceTable, model: str, when: str | None, tier: str = "default") -> Price:
    choice = choose(table, model, when, tier)
    assert choice.price is not None
    assert choice.warnings == ()
    return choice.price


@pytest.mark.parametrize(
    ("model", "when", "expected"),
    [
        ("gpt-4", "2023-03-14", "0.033"),  # 500 x $30/M = $0.015, 300 x $60/M = $0.018
        ("gpt-4", "2024-02-01", "0.033"),
        ("gpt-4", "2026-11-22", "0.033"),
        ("gpt-3.5-turbo", "2023-03-01", "0.0016"),  # 800 x $2/M
        ("gpt-3.5-turbo", "2023-06-13", "0.00135"),  # 500 x $1.5/M = $0.00075, 300 x $2/M = $0.0006
        ("gpt-3.5-turbo", "2024-02-15", "0.00135"),
        ("gpt-3.5-turbo", "2024-02-16", "0.0007"),  # 500 x $0.5/M = $0.00025, 300 x $1.5/M = $0.00045
        ("gpt-3.5-turbo-0125", "2024-01-31", "0.0007"),
        ("gpt-3.5-turbo-1106", "2023-11-06", "0.0011"),  # 500 x $1/M = $0.0005, 300 x $2/M = $0.0006
        ("claude-2", "2023-11-20", "0.015314"),  # 500 x $11.02/M = $0.00551, 300 x $32.68/M = $0.009804
        ("claude-2", "2024-01-01", "0.0112"),  # 500 x $8/M = $0.004, 300 x $24/M = $0.0072
        ("gpt-4o", "2024-10-01", "0.007"),  # 500 x $5/M = $0.0025, 300 x $15/M = $0.0045
        ("gpt-4o", "2024-10-02", "0.00425"),  # 500 x $2.5/M = $0.00125, 300 x $10/M = $0.003
        ("gpt-4o-2024-05-13", "2026-01-01", "0.007"),
        ("gpt-4o-2024-08-06", "2024-09-01", "0.00425"),
        ("o3", "2025-06-09", "0.017"),  # 500 x $10/M = $0.005, 300 x $40/M = $0.012
        ("o3", "2025-06-10", "0.0034"),  # 500 x $2/M = $0.001, 300 x $8/M = $0.0024
        ("claude-3-5-haiku-20241022", "2024-12-02", "0.002"),  # 500 x $1/M + 300 x $5/M
        ("claude-3-5-haiku-20241022", "2024-12-03", "0.0016"),  # 500 x $0.8/M + 300 x $4/M
        ("gemini-1.5-flash", "2024-08-11", "0.00049"),  # 500 x $0.35/M + 300 x $1.05/M
        ("gemini-1.5-flash", "2024-08-12", "0.0001275"),  # 500 x $0.075/M + 300 x $0.3/M
        ("mistral-large-latest", "2024-09-16", "0.0042"),  # 500 x $3/M + 300 x $9/M
        ("mistral-large-latest", "2024-09-17", "0.0028"),  # 500 x $2/M + 300 x $6/M
    ],
)
def test_500_tokens_in_and_300_out_at_the_price_of_the_day(
    table: PriceTable, model: str, when: str, expected: str
) -> None:
    usage = Usage(input_uncached=500, output_text=300)
    assert cost_usd(usage, price(table, model, when)) == Decimal(expected)


def test_a_million_tutorial_calls_a_day(table: PriceTable) -> None:
    call = cost_usd(Usage(input_uncached=500, output_text=300), price(table, "gpt-4", "2024-02-01"))
    assert call * 1_000_000 == Decimal(33_000)


def test_long_context_is_a_cliff(table: PriceTable) -> None:
    # 250,000 x $6/M = $1.50 and 1,000 x $22.50/M = $0.0225: every token at the rate of the band
    sonnet = price(table, "claude-sonnet-4-5-20250929", "2025-10-15")
    assert cost_usd(Usage(input_uncached=250_000, output_text=1_000), sonnet) == Decimal("1.5225")
    # at the threshold itself the base rates still hold: 200,000 x $3/M + 1,000 x $15/M
    assert cost_usd(Usage(input_uncached=200_000, output_text=1_000), sonnet) == Decimal("0.615")
    assert cost_usd(Usage(input_uncached=200_001), sonnet) == Decimal("1.200006")
    # cached tokens count towards the threshold: 150,000 x $0.60/M + 100,000 x $6/M
    cached = Usage(input_uncached=100_000, input_cache_read=150_000)
    assert cost_usd(cached, sonnet) == Decimal("0.69")


def test_the_long_context_beta_of_sonnet_4_came_and_went(table: PriceTable) -> None:
    long = Usage(input_uncached=250_000)
    assert cost_usd(long, price(table, "claude-sonnet-4-20250514", "2025-08-11")) == Decimal("0.75")
    assert cost_usd(long, price(table, "claude-sonnet-4-20250514", "2025-08-12")) == Decimal("1.5")
    assert cost_usd(long, price(table, "claude-sonnet-4-20250514", "2026-04-30")) == Decimal("0.75")


def test_openai_long_context_doubles_input_and_adds_half_to_output(table: PriceTable) -> None:
    # 300,000 x $5/M = $1.50 and 1,000 x $22.50/M = $0.0225
    usage = Usage(input_uncached=300_000, output_text=1_000)
    assert cost_usd(usage, price(table, "gpt-5.4", "2026-10-20")) == Decimal("1.5225")
    assert cost_usd(usage, price(table, "gpt-5.4", "2026-10-20", "batch")) == Decimal("0.76125")


def test_one_hour_cache_writes_cost_more(table: PriceTable) -> None:
    opus = price(table, "claude-opus-4-5", "2026-01-01")
    assert cost_usd(Usage(input_cache_write_5m=1_000_000), opus) == Decimal("6.25")
    assert cost_usd(Usage(input_cache_write_1h=1_000_000), opus) == Decimal(10)


def test_batches_cost_half_since_the_day_they_began(table: PriceTable) -> None:
    usage = Usage(input_uncached=1_000_000, output_text=1_000_000)
    batch = price(table, "gpt-4o-2024-05-13", "2024-06-01", "batch")
    assert cost_usd(usage, batch) == Decimal(10)  # half of $5 + $15
    assert (batch.price_id, batch.confidence) == ("openai/gpt-4o-2024-05-13@2024-05-13+batch", "derived")
    assert batch.source == "https://developers.openai.com/api/docs/guides/batch"
    claude = price(table, "claude-3-5-sonnet-20241022", "2024-11-01", "batch")
    assert claude.effective_from == date(2024, 10, 8)
    # Anthropic halves cached tokens too: half of $0.30
    assert cost_usd(Usage(input_cache_read=1_000_000), claude) == Decimal("0.15")
    # OpenAI does not: gpt-4o cached input keeps its $1.25
    assert cost_usd(Usage(input_cache_read=1_000_000), price(table, "gpt-4o", "2025-01-01", "batch")) == Decimal("1.25")


def test_explicit_tier_rows_win_from_their_day_on(table: PriceTable) -> None:
    assert price(table, "gpt-4o", "2026-10-13", "batch").confidence == "derived"
    assert price(table, "gpt-4o", "2026-10-14", "batch").price_id == "openai/gpt-4o@2026-10-14+batch"


def test_a_batch_before_batches_is_a_warning(table: PriceTable) -> None:
    choice = choose(table, "gpt-4", "2024-04-14", "batch")
    assert choice.price is not None
    assert choice.warnings == (
        "gpt-4: no batch price known before 2024-04-15; earlier requests are priced with that one",
    )


def test_a_date_before_the_first_price_is_a_warning(table: PriceTable) -> None:
    choice = choose(table, "gpt-4", "2023-01-01")
    assert choice.price is not None
    assert choice.price.price_id == "openai/gpt-4@2023-03-14"
    assert choice.warnings == ("gpt-4: no price known before 2023-03-14; earlier requests are priced with that one",)


def test_a_tier_without_a_price_falls_back_aloud(table: PriceTable) -> None:
    choice = choose(table, "gpt-4", "2024-05-01", "flex")
    assert choice.price is not None
    assert (choice.price.tier, choice.warnings) == ("default", ("gpt-4: no flex price; priced as default",))


def test_a_tier_before_its_first_row_is_a_warning(table: PriceTable) -> None:
    choice = choose(table, "gpt-5", "2025-09-01", "priority")
    assert choice.price is not None
    assert choice.price.effective_from == date(2026, 10, 12)
    assert len(choice.warnings) == 1


def test_models_without_token_prices_have_none(table: PriceTable) -> None:
    choice = choose(table, "whisper-1", None)
    assert choice == Choice(None, ("whisper-1: no token price is published",))
    assert choose(table, "whisper-1", None, "batch").price is None


def test_free_models_cost_nothing_because_their_source_says_so(table: PriceTable) -> None:
    resolved = table.resolve("deepseek/deepseek-r1:free", "openrouter")
    assert resolved is not None
    free = table.price_at(resolved, "default", None).price
    assert free is not None
    assert cost_usd(Usage(input_uncached=10, output_text=10), free) == 0


@pytest.mark.parametrize(
    ("when", "input_usd", "output_usd"),
    [
        ("2024-07-01T12:00", "0.14", "0.28"),
        ("2025-02-08T15:59", "0.14", "0.28"),  # the launch price of V3 ended at 16:00 UTC
        ("2025-02-08T16:00", "0.27", "1.1"),
        ("2025-02-26T16:29", "0.27", "1.1"),
        ("2025-02-26T16:30", "0.135", "0.55"),  # first night of the off-peak discount
        ("2025-06-01T00:29", "0.135", "0.55"),
        ("2025-06-01T00:30", "0.27", "1.1"),
        ("2025-06-01T16:30", "0.135", "0.55"),
        ("2025-09-05T15:59", "0.27", "1.1"),
        ("2025-09-05T16:00", "0.56", "1.68"),
        ("2025-09-28T20:00", "0.56", "1.68"),
        ("2025-09-29T00:00", "0.28", "0.42"),
    ],
)
def test_deepseek_by_the_hour(table: PriceTable, when: str, input_usd: str, output_usd: str) -> None:
    rates = price(table, "deepseek-chat", when).rates
    assert (rates.input_uncached, rates.output_text) == (Decimal(input_usd), Decimal(output_usd))


def test_peak_hours_of_deepseek_v4(table: PriceTable) -> None:
    assert price(table, "deepseek-v4-pro", "2026-08-16T02:00").rates.input_uncached == Decimal("0.435")
    assert price(table, "deepseek-v4-pro", "2026-08-17T02:00").rates.input_uncached == Decimal("1.32")
    assert price(table, "deepseek-v4-pro", "2026-08-17T05:00").rates.input_uncached == Decimal("0.66")
    assert price(table, "deepseek-v4-flash", "2026-08-20T06:00").rates.input_uncached == Decimal("0.44")
    assert price(table, "deepseek-v4-flash", "2026-09-10T06:00").price_id == (
        "deepseek/deepseek-v4-flash@2026-09-10+06:00-10:00"
    )


def test_a_price_that_depends_on_the_hour_says_so_without_one(table: PriceTable) -> None:
    (warning,) = choose(table, "deepseek-v4-pro", None).warnings
    assert warning.startswith("deepseek-v4-pro: the price depends on the hour")


def test_instants_are_compared_in_utc(table: PriceTable) -> None:
    resolved = table.resolve("o3")
    assert resolved is not None
    early_in_tokyo = datetime(2025, 6, 10, 3, tzinfo=timezone(timedelta(hours=9)))
    yesterday = table.price_at(resolved, "default", early_in_tokyo).price
    assert yesterday is not None
    assert yesterday.effective_from == date(2025, 4, 16)
    naive = table.price_at(resolved, "default", datetime(2025, 6, 10)).price  # noqa: DTZ001 - that is the point
    assert naive is not None
    assert naive.effective_from == date(2025, 6, 10)


@pytest.mark.parametrize("edge", [datetime.min, datetime.max])  # noqa: DTZ901
def test_the_ends_of_time_are_priced_too(table: PriceTable, edge: datetime) -> None:
    resolved = table.resolve("gpt-4")
    assert resolved is not None
    for hours in (-14, 0, 14):
        zone = timezone(timedelta(hours=hours))
        assert table.price_at(resolved, "default", edge.replace(tzinfo=zone)).price is not None


def test_announced_prices_wait_for_their_day(table: PriceTable) -> None:
    now = choose(table, "gemini-3.8-flash-tts", None).price
    later = choose(table, "gemini-3.8-flash-tts", "2027-01-01").price
    assert now is not None
    assert later is not None
    assert now.effective_from != later.effective_from
    assert later.effective_from == date(2027, 1, 1)


def made(tmp_path: Path, rows: list[dict[str, Any]], **more: Any) -> tuple[PriceTable, ResolvedModel]:
    file = {
        "schema": 1,
        "provider": "acme",
        "checked": "2026-01-01",
        "sources": ["https://example.com"],
        "models": {"m": {"rows": rows}},
        **more,
    }
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "acme.json").write_text(json.dumps(file))
    return PriceTable.load(tmp_path), ResolvedModel("acme", "m", "exact")


def test_two_rows_for_the_same_instant_are_an_error(tmp_path: Path) -> None:
    row = {"from": "2025-01-01", "usd_per_mtok": {"input_uncached": "1"}}
    table, model = made(tmp_path, [row, row])
    with pytest.raises(PricingError, match="acme/m: two default rows from 2025-01-01"):
        table.price_at(model, "default", None)


def test_a_rate_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    table, model = made(tmp_path, [{"usd_per_mtok": {"input_uncached": "free"}}])
    with pytest.raises(PricingError, match="'free'"):
        table.price_at(model, "default", None)


def test_request_fees_survive_a_tier_rule(tmp_path: Path) -> None:
    rows = [{"usd_per_mtok": {"input_uncached": "1", "output_text": "2"}, "usd_per_request": "0.005"}]
    rule = {"tier": "batch", "from": "2025-01-01", "multiplier": "0.5", "source": "https://example.com"}
    table, model = made(tmp_path, rows, tier_rules=[{**rule, "except_models": ["x*"]}])
    choice = table.price_at(model, "batch", at("2025-06-01"))
    assert choice.price is not None
    assert cost_usd(Usage(input_uncached=1_000_000), choice.price, requests=2) == Decimal("0.51")


def test_a_model_with_no_rows_has_no_price(tmp_path: Path) -> None:
    table, model = made(tmp_path, [{"tier": "batch", "usd_per_mtok": {"input_uncached": "1"}}])
    assert table.price_at(model, "default", None) == Choice(None, ("m: no price known",))
    assert table.price_at(model, "flex", None).price is None


@given(
    days=st.lists(st.dates(date(2021, 1, 1), date(2027, 1, 1)), min_size=1, max_size=6, unique=True),
    asked=st.dates(date(2020, 1, 1), date(2028, 1, 1)),
)
def test_the_newest_row_not_after_the_day_wins(
    tmp_path_factory: pytest.TempPathFactory, days: list[date], asked: date
) -> None:
    rows = [{"from": day.isoformat(), "usd_per_mtok": {"input_uncached": str(day.toordinal())}} for day in days]
    table, model = made(tmp_path_factory.mktemp("t"), rows)
    choice = table.price_at(model, "default", datetime(asked.year, asked.month, asked.day, tzinfo=UTC))
    past = [day for day in days if day <= asked]
    assert choice.price is not None
    assert choice.price.rates.input_uncached == max(past, default=min(days)).toordinal()
    assert bool(choice.warnings) == (not past)


@pytest.mark.parametrize("tier", TIERS)
def test_every_model_has_an_answer_on_every_tier(table: PriceTable, tier: str) -> None:
    for model in table.models():
        resolved = ResolvedModel(model.provider, model.id, "exact")
        for when in (None, at("2024-06-01"), at("2026-12-01T02:00")):
            choice = table.price_at(resolved, tier, when)
            assert choice.price is not None or choice.warnings
