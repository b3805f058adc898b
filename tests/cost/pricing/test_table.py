from __future__ import annotations

from datetime import date

import pytest

from llmopt.core.usage import TIERS
from llmopt.cost.pricing.load import read_catalogue
from llmopt.cost.pricing.table import PriceTable, ResolvedModel
from llmopt.errors import UsageError
from tests.cost.pricing.conftest import Folder


def test_every_day_on_which_a_price_starts_is_a_change(table: PriceTable) -> None:
    dates = table.change_dates()
    assert list(dates) == sorted(set(dates))
    assert {date(2024, 4, 15), date(2024, 10, 2), date(2024, 10, 8), date(2025, 6, 10)} <= set(dates)
    for model in table.models():
        assert {row.effective_from for row in model.rows} <= {*dates, None}


def test_thresholds_of_bands(table: PriceTable) -> None:
    thresholds = table.band_thresholds()
    assert list(thresholds) == sorted(set(thresholds))
    assert {128_000, 200_000, 272_000} <= set(thresholds)


def test_hours_at_which_prices_change(table: PriceTable) -> None:
    cuts = table.hour_cuts()
    assert {0, 30, 990, 60, 240, 360, 600, 960} == set(cuts.minutes)
    assert cuts.names == ("deepseek-",)


def test_no_hours_without_windows(folder: Folder) -> None:
    root = folder(providers={"acme": {"m": {"rows": [{"usd_per_mtok": {"input_uncached": "1"}}]}}})
    cuts = PriceTable.load(root).hour_cuts()
    assert (cuts.minutes, cuts.names) == ((), ())


def test_names_without_a_common_beginning_are_listed(folder: Folder) -> None:
    row = {"usd_per_mtok": {"input_uncached": "1"}, "hours": {"start": "01:00", "end": "02:00"}}
    models = {"alpha": {"rows": [row], "aliases": ["alpha-1"]}, "beta": {"rows": [row]}}
    catalogue = read_catalogue(folder(providers={"acme": models}))
    assert PriceTable(catalogue, {"Night": "beta"}).hour_cuts().names == ("alpha", "beta", "night")


@pytest.mark.parametrize(("tier", "hint"), [("btach", "did you mean 'batch'?"), ("zzz", f"one of {', '.join(TIERS)}")])
def test_a_misspelt_tier_is_an_error(table: PriceTable, tier: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no such tier: '{tier}'") as error:
        table.price_at(ResolvedModel("openai", "gpt-4o", "exact"), tier, None)
    assert error.value.hint == hint


def test_models_of_one_provider_come_in_order(table: PriceTable) -> None:
    ids = [model.id for model in table.models("anthropic")]
    assert ids == sorted(ids)
    assert table.providers() == tuple(sorted(table.providers()))
