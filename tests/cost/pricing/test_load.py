from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.pricing.load import default_root, read_catalogue, read_single, row_problems
from llmopt.cost.pricing.schema import HoursData, RatesData, RowData, decode, minutes
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import PricingError
from tests.cost.pricing.conftest import Folder, price_file

ONE = {"rows": [{"usd_per_mtok": {"input_uncached": "1", "output_text": "2"}}]}


def row(**more: Any) -> dict[str, Any]:
    return {"usd_per_mtok": {"input_uncached": "3", "output_text": "4"}, **more}


def own(tmp_path: Path, models: dict[str, Any], provider: str = "openai", name: str = "own.json", **more: Any) -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(price_file(provider, models, **more)))
    return path


def rate(table: PriceTable, model: str, tier: str = "default") -> Decimal | None:
    resolved = table.resolve(model)
    assert resolved is not None
    price = table.price_at(resolved, tier, None).price
    return None if price is None else price.rates.input_uncached


def test_what_ships_is_complete(table: PriceTable) -> None:
    generated = [model for model in table.models() if model.generated]
    assert len(table.providers()) == 47
    assert len(generated) >= 2330
    assert sum(model.history for model in table.models()) > 50


def test_the_root_is_the_checkout(tmp_path: Path) -> None:
    assert (default_root() / "providers" / "openai.json").is_file()
    assert default_root().name in ("pricing", "_pricing")


def test_the_digest_is_of_the_content_and_not_of_the_place(folder: Folder, tmp_path: Path) -> None:
    first = folder(providers={"acme": {"m": ONE}}, history={"acme": {}})
    moved = tmp_path / "elsewhere" / "p"
    shutil.copytree(first, moved)
    assert read_catalogue(first).sha256 == read_catalogue(moved).sha256
    (moved / "providers" / "acme.json").write_text(json.dumps(price_file("acme", {"n": ONE})))
    assert read_catalogue(first).sha256 != read_catalogue(moved).sha256


def test_history_rows_join_generated_ones(folder: Folder) -> None:
    root = folder(
        providers={"acme": {"m": ONE}},
        history={"acme": {"m": {"aliases": ["m-old"], "rows": [row(**{"from": "2024-01-01"})]}, "h": ONE}},
    )
    catalogue = read_catalogue(root)
    assert set(catalogue.providers["acme"].models) == {"m", "h"}
    model = catalogue.providers["acme"].models["m"]
    assert (len(model.rows), len(model.generated), model.history) == (2, 1, True)
    resolved = PriceTable(catalogue).resolve("m-old", "acme")
    assert resolved is not None
    assert resolved.model == "m"


def test_history_that_starts_later_leaves_the_undated_row_in_place(folder: Folder) -> None:
    generated = {"rows": [row(), row(**{"from": "2024-01-01"})]}
    history = {"rows": [row(**{"from": "2024-06-01"})]}
    root = folder(providers={"acme": {"m": generated}}, history={"acme": {"m": history}})
    assert read_catalogue(root).providers["acme"].models["m"].history is False


def test_a_snapshot_shares_the_tiers_of_its_model(table: PriceTable) -> None:
    assert rate(table, "gpt-4o-2024-08-06", "priority") == Decimal("4.25")


def test_a_file_of_the_users_replaces_the_tiers_it_names(tmp_path: Path) -> None:
    table = PriceTable.load(extra=[own(tmp_path, {"gpt-4o": {"rows": [row()]}})])
    assert rate(table, "gpt-4o") == 3
    assert rate(table, "gpt-4o", "priority") == Decimal("4.25")  # not named, so it stays
    assert rate(table, "gpt-4") == 30


def test_a_file_of_the_users_adds_models_names_and_rules(tmp_path: Path) -> None:
    rule = {"tier": "flex", "from": "2020-07-01", "multiplier": "0.1", "source": "https://example.com"}
    path = own(
        tmp_path, {"house-1": {"aliases": ["hs1"], "rows": [row()]}}, tier_rules=[{**rule, "models": ["house-*"]}]
    )
    table = PriceTable.load(extra=[path])
    assert rate(table, "hs1") == 3
    assert rate(table, "hs1", "flex") == Decimal("0.3")


def test_the_newest_check_date_counts(tmp_path: Path, table: PriceTable) -> None:
    newer = PriceTable.load(extra=[own(tmp_path, {"x": ONE}, checked="2030-01-01")])
    assert newer.date > table.date
    assert newer.sha256 != table.sha256


def test_two_files_that_price_the_same_tier_are_an_error(tmp_path: Path) -> None:
    first = own(tmp_path, {"gpt-4o": ONE}, name="a.json")
    second = own(tmp_path, {"gpt-4o": ONE}, name="b.json")
    with pytest.raises(PricingError, match=r"b\.json: openai/gpt-4o: the default tier is priced in .*a\.json too"):
        PriceTable.load(extra=[first, second])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row(), row()], "two default rows from undated"),
        ([row(**{"from": "2024-01-01"})] * 2, "two default rows from 2024-01-01"),
        ([row(tier="batch", usd_per_request="-1")], "batch row from undated: -1 is no amount of dollars"),
        ([row(units={"pages": "many"})], "default row from undated: 'many' is no decimal number"),
        ([row(usd_per_request="NaN")], "NaN is no amount"),
        ([row(hours={"start": "25:00", "end": "01:00"})], "'25:00' is no HH:MM"),
        ([row(hours={"start": "01:00", "end": "01:00"})], "an empty window"),
        (
            [row(bands=[{"above_input_tokens": 0, "rule": "cliff", "usd_per_mtok": {}}])],
            "bands are not in ascending order",
        ),
    ],
)
def test_a_wrong_row_of_the_users_is_an_error(tmp_path: Path, rows: list[dict[str, Any]], problem: str) -> None:
    path = own(tmp_path, {"gpt-4o": {"rows": rows}})
    with pytest.raises(PricingError, match=problem) as error:
        PriceTable.load(extra=[path])
    assert f"{path}: openai/gpt-4o: " in error.value.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ("{", "truncated"),
        ('{"schema": 2}', "schema"),
        ('{"schema": 1, "provider": "p", "checked": "yesterday"}', "RFC3339"),
        ('{"schema": 1, "provider": "p", "checked": "2026-01-01", "modles": {}}', "unknown field `modles`"),
        (
            '{"schema": 1, "provider": "p", "checked": "2026-01-01", "models": {"m": {"rows": [{"tier": "btach"}]}}}',
            "btach",
        ),
    ],
)
def test_a_file_of_another_shape_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(PricingError, match=problem) as error:
        PriceTable.load(extra=[path])
    assert error.value.message.startswith(f"{path}: ")


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(PricingError, match="own"):
        decode(b'{"schema": 1, "provider": "\xff"}', "own")


def test_deep_nesting_is_an_error() -> None:
    with pytest.raises(PricingError, match="own"):
        decode(b'{"models":' + b"[" * 100_000, "own")


def test_missing_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PricingError, match="no price file under"):
        PriceTable.load(tmp_path)
    with pytest.raises(PricingError, match="No such file"):
        PriceTable.load(extra=[tmp_path / "gone.json"])
    with pytest.raises(PricingError, match="Is a directory"):
        PriceTable.load(extra=[tmp_path])


def test_one_file_alone(tmp_path: Path) -> None:
    catalogue = read_single(own(tmp_path, {"m": ONE}, "acme"))
    assert list(catalogue.providers) == ["acme"]
    assert PriceTable(catalogue).resolve("m", "acme") is not None


def test_windows_of_different_hours_do_not_overlap() -> None:
    rates = RatesData(input_uncached="1")
    rows = [RowData(usd_per_mtok=rates), RowData(usd_per_mtok=rates, hours=HoursData("01:00", "02:00"))]
    assert list(row_problems(rows)) == []


@pytest.mark.parametrize(("clock", "expected"), [("00:00", 0), ("16:30", 990), ("24:00", 1440)])
def test_minutes(clock: str, expected: int) -> None:
    assert minutes(clock) == expected


@pytest.mark.parametrize("clock", ["", "1:00", "aa:bb", "00:60", "25:00", "-1:00", "0100"])
def test_no_minutes(clock: str) -> None:
    with pytest.raises(ValueError, match="is no HH:MM"):
        minutes(clock)
