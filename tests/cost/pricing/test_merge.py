from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.pricing.merge import merge_file
from llmopt.cost.pricing.schema import HoursData, ModelData, PriceFile, RatesData, RowData, Tier, TierRule

DAY = date(2026, 6, 1)
LATER = date(2026, 7, 1)


def row(rate: str, day: date | None = None, tier: Tier = "default", hours: HoursData | None = None) -> RowData:
    return RowData(effective_from=day, tier=tier, hours=hours, usd_per_mtok=RatesData(input_uncached=rate))


def file(*rows: RowData, aliases: tuple[str, ...] = (), generator: str = "data 1", checked: date = DAY) -> PriceFile:
    models = {"m": ModelData(aliases=aliases, rows=rows)}
    return PriceFile(schema=1, provider="acme", checked=checked, generator=generator, models=models)


def merged(old: PriceFile, new: PriceFile, day: date = LATER) -> tuple[RowData, ...]:
    return merge_file(old, new, day)[0].models["m"].rows


def test_a_new_file_is_taken_as_it_is() -> None:
    new = file(row("1"))
    result, (addition,) = merge_file(None, new, DAY)
    assert result == new
    assert (addition.model, addition.new_model, addition.rows) == ("m", True, (row("1"),))


def test_nothing_new_changes_nothing_not_even_the_check_date() -> None:
    old = file(row("1"))
    result, additions = merge_file(old, file(row("1"), checked=LATER), LATER)
    assert (result, additions) == (old, ())


def test_a_price_that_changed_without_a_date_gets_the_day_of_the_refresh() -> None:
    assert merged(file(row("1")), file(row("2"))) == (row("1"), row("2", LATER))


def test_a_dated_change_keeps_its_own_date() -> None:
    assert merged(file(row("1")), file(row("1"), row("2", DAY))) == (row("1"), row("2", DAY))


def test_a_rewritten_past_is_not_taken_over() -> None:
    old = file(row("1"), row("2", DAY))
    assert merged(old, file(row("9"), row("2", DAY))) == old.models["m"].rows


def test_a_rewritten_present_is_a_new_row() -> None:
    old = file(row("1"), row("2", DAY))
    assert merged(old, file(row("1"), row("3", DAY))) == (row("1"), row("2", DAY), row("3", LATER))


def test_a_dropped_model_or_row_stays() -> None:
    old = file(row("1"), row("2", DAY))
    new = PriceFile(
        schema=1, provider="acme", checked=LATER, generator="data 2", models={"n": ModelData(rows=(row("5"),))}
    )
    result, _ = merge_file(old, new, LATER)
    assert result.models["m"] == old.models["m"]
    assert list(result.models) == ["m", "n"]
    assert result.checked == LATER


def test_a_new_tier_joins() -> None:
    assert merged(file(row("1")), file(row("1"), row("0.5", tier="batch"))) == (row("1"), row("0.5", tier="batch"))


def test_names_are_only_added() -> None:
    result, additions = merge_file(file(row("1"), aliases=("a",)), file(row("1"), aliases=("b",)), LATER)
    assert result.models["m"].aliases == ("a", "b")
    assert additions == ()


def test_tier_rules_of_the_file_stay() -> None:
    old = file(row("1"))
    old.tier_rules = (TierRule(tier="batch", effective_from=DAY, multiplier="0.5", source="https://example.com"),)
    assert merge_file(old, file(row("2")), LATER)[0].tier_rules == old.tier_rules


def test_windows_of_the_day_change_together() -> None:
    night = HoursData("16:30", "00:30")
    old = file(row("2"), row("1", hours=night))
    new = file(row("4"), row("3", hours=night))
    assert merged(old, new) == (row("2"), row("1", hours=night), row("4", LATER), row("3", LATER, hours=night))


RATES = st.sampled_from(["1", "2", "3"])
DAYS = st.none() | st.dates(date(2025, 1, 1), date(2026, 12, 31))
TIER_NAMES: st.SearchStrategy[Tier] = st.sampled_from(["default", "batch"])
ROWS = st.lists(
    st.builds(row, RATES, DAYS, TIER_NAMES),
    min_size=1,
    max_size=6,
    unique_by=lambda one: (one.tier, one.effective_from),
)


@given(old=ROWS, new=ROWS, day=st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_refresh_only_adds_and_a_second_one_adds_nothing(old: list[RowData], new: list[RowData], day: date) -> None:
    before, data = file(*old), file(*new, generator="data 2", checked=day)
    once, _ = merge_file(before, data, day)
    assert all(one in once.models["m"].rows for one in old)
    keys = [(one.tier, one.effective_from) for one in once.models["m"].rows]
    assert len(set(keys)) == len(keys)
    twice, additions = merge_file(once, data, day)
    assert (twice, additions) == (once, ())
