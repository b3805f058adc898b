from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmopt.core.cost import cost_usd
from llmopt.core.usage import Usage
from llmopt.cost.pricing import snapshot
from llmopt.cost.pricing.load import default_root
from llmopt.cost.pricing.refresh import refresh
from llmopt.cost.pricing.schema import PriceFile, RatesData, decode
from llmopt.cost.pricing.table import PriceTable, ResolvedModel
from llmopt.cost.pricing.write import encode_file
from llmopt.errors import MissingExtraError

genai_data = pytest.importorskip("genai_prices.data")
DAY = date(2026, 12, 1)


@pytest.fixture(scope="module")
def fresh() -> list[PriceFile]:
    return snapshot.price_files(date(2026, 11, 22))


def test_what_ships_is_what_the_data_says(fresh: list[PriceFile]) -> None:
    """The provider files hold every row of the installed data (they may hold older ones as well)."""
    for file in fresh:
        ours = decode((default_root() / "providers" / f"{file.provider}.json").read_bytes(), file.provider)
        for model_id, model in file.models.items():
            for row in model.rows:
                assert row in ours.models[model_id].rows, f"{file.provider}/{model_id}: run `llmopt prices refresh`"


def test_all_of_it_comes_along(fresh: list[PriceFile]) -> None:
    assert len(fresh) == 47
    assert sum(len(file.models) for file in fresh) == 2330


def test_files_read_back_as_they_were_written(fresh: list[PriceFile]) -> None:
    for file in fresh:
        text = encode_file(file)
        assert decode(text, file.provider) == file
        assert encode_file(decode(text, file.provider)) == text


def test_an_empty_file_can_be_written() -> None:
    file = PriceFile(schema=1, provider="acme", checked=DAY)
    assert decode(encode_file(file), "acme") == file


def test_a_refresh_is_idempotent_and_append_only(tmp_path: Path, fresh: list[PriceFile]) -> None:
    some = [file for file in fresh if file.provider in ("openai", "deepseek")]
    first = refresh(tmp_path, date(2026, 11, 22), some)
    assert (first.written, first.generator) == (("deepseek.json", "openai.json"), "genai-prices 0.2.3")
    before = _files(tmp_path)
    assert refresh(tmp_path, DAY, some).written == ()
    assert _files(tmp_path) == before

    doctored = [decode(encode_file(file), "copy") for file in some]
    model = doctored[1].models["gpt-4o"]
    cheaper = RatesData(input_uncached="2", output_text="8")
    rows = tuple(msgspec.structs.replace(row, usd_per_mtok=cheaper) for row in model.rows if row.tier == "default")
    doctored[1].models["gpt-4o"] = msgspec.structs.replace(model, rows=rows)
    del doctored[1].models["gpt-4"]
    second = refresh(tmp_path, DAY, doctored)
    assert second.written == ("openai.json",)
    assert [(one.model, len(one.rows), one.new_model) for one in second.additions] == [("gpt-4o", 1, False)]
    lines = _files(tmp_path)["openai.json"].splitlines()
    old = {line.rstrip(",") for line in before["openai.json"].splitlines()}
    added = [line.strip() for line in lines if line.rstrip(",") not in old]
    assert [line for line in added if line.startswith('{"from":"2026-12-01"')] != []
    assert all(line.rstrip(",") in {one.rstrip(",") for one in lines} or '"checked"' in line for line in old)
    assert refresh(tmp_path, date(2027, 1, 1), doctored).written == ()


def _files(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((root / "providers").iterdir())}


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)
    with pytest.raises(MissingExtraError, match="genai-prices is not installed") as error:
        refresh(tmp_path, DAY)
    assert error.value.hint == "pip install 'llmopt[dev]'"


def _models() -> Iterator[tuple[Any, Any]]:
    for provider in genai_data.providers:
        for model in provider.models:
            yield provider, model


def test_every_model_costs_what_genai_prices_says(table: PriceTable) -> None:
    """Default tier at one instant: 800 plain and 200 cached tokens in, 300 out, of all 2,330 models."""
    from genai_prices.types import Usage as TheirUsage

    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    theirs = TheirUsage(input_tokens=1000, cache_read_tokens=200, output_tokens=300)
    ours = Usage(input_uncached=800, input_cache_read=200, output_text=300)
    compared = 0
    for provider, model in _models():
        known = table.model(ResolvedModel(provider.id, model.id, "exact"))
        price = table.price_at(ResolvedModel(provider.id, model.id, "exact"), "default", noon).price
        if price is None or price.usd_per_request is not None or any(data.supersedes for data in known.data):
            continue
        if price.rates.usd_per_mtok("input_uncached") is None or price.rates.usd_per_mtok("output_text") is None:
            continue
        expected = model.calc_price(theirs, provider, genai_request_timestamp=noon).total_price
        assert cost_usd(ours, price) == expected, f"{provider.id}/{model.id}"
        compared += 1
    assert compared > 2000


@pytest.mark.parametrize("tokens", [100_000, 200_000, 200_001, 300_000])
@pytest.mark.parametrize(
    ("provider_id", "model_id"),
    [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5.4"), ("google", "gemini-2.5-pro"), ("x-ai", "grok-4.3")],
)
def test_long_context_as_genai_prices_has_it(table: PriceTable, provider_id: str, model_id: str, tokens: int) -> None:
    from genai_prices.types import Usage as TheirUsage

    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    provider, model = next((p, m) for p, m in _models() if (p.id, m.id) == (provider_id, model_id))
    expected = model.calc_price(
        TheirUsage(input_tokens=tokens, output_tokens=1000), provider, genai_request_timestamp=noon
    ).total_price
    price = table.price_at(ResolvedModel(provider_id, model_id, "exact"), "default", noon).price
    assert price is not None
    assert cost_usd(Usage(input_uncached=tokens, output_text=1000), price) == expected


@pytest.mark.parametrize(
    ("when", "tier"),
    [
        ({"processing": "batch"}, "batch"),
        ({"service_tier": "flex"}, "flex"),
        ({"service_tier": "priority"}, "priority"),
        ({"speed": "fast"}, "fast"),
    ],
)
def test_tiers_as_genai_prices_has_them(table: PriceTable, when: dict[str, str], tier: str) -> None:
    from genai_prices.types import Usage as TheirUsage

    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    compared = 0
    for provider, model in _models():
        if not any(variant.when == when for variant in model.price_variants or ()):
            continue
        price = table.price_at(ResolvedModel(provider.id, model.id, "exact"), tier, noon).price
        if price is None or price.rates.input_uncached is None or price.rates.output_text is None:
            continue
        theirs = model.calc_price(
            TheirUsage(input_tokens=1000, cache_read_tokens=200, output_tokens=300),
            provider,
            genai_request_timestamp=noon,
            price_context=when,
        )
        ours = cost_usd(Usage(input_uncached=800, input_cache_read=200, output_text=300), price)
        assert ours == theirs.total_price, f"{provider.id}/{model.id}"
        compared += 1
    assert compared >= 5


def test_units_other_than_tokens_are_kept(fresh: list[PriceFile]) -> None:
    files = {file.provider: file.models for file in fresh}
    assert files["openai"]["whisper-1"].rows[0].units["audio_hours"] == "0.36"
    fees = [row for models in files.values() for model in models.values() for row in model.rows if row.usd_per_request]
    assert all(Decimal(row.usd_per_request or "") * 1000 == Decimal(row.units["requests_kcount"]) for row in fees)
    assert fees
    noted = files["openrouter"]["mistralai/mistral-large-4-0"].note
    assert noted.endswith("Not represented here: other prices for route=mistral/eu.")
