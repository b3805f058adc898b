"""The parts of a ledger key come out the same in SQL and in Python, for any cuts and any records."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.cost.groups import BY_TIME
from llmopt.cost.keying import Keying, instant
from llmopt.cost.totals import TIME_GROUPS

DAYS = st.dates(date(2023, 1, 1), date(2026, 12, 31))
YEARS_US = 6 * 365 * 86_400 * 10**6
STAMPS = st.integers(0, YEARS_US).map(lambda us: datetime(2022, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
NAMES = ("deepseek", "gpt-4o", "o'brien")
MODELS = st.sampled_from([None, "", "deepseek-chat", "org/DeepSeek-V3", "gpt-4o", "gpt-5", "O'Brien-1"])


@cache
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def near(cuts: list[int]) -> st.SearchStrategy[int]:
    """Values at the cuts, beside them, and anywhere."""
    edges = [max(0, cut + step) for cut in cuts for step in (-1, 0, 1)]
    return st.sampled_from(edges) | st.integers(0, 2_000_000) if edges else st.integers(0, 2_000_000)


def asked(sql: str, values: list[tuple[object, ...]], columns: str) -> list[int]:
    """Return what an SQL expression over `columns` gives for each row of values."""
    rows = ", ".join(f"({', '.join('?' for _ in row)}, {number})" for number, row in enumerate(values))
    query = f"SELECT {sql} FROM (VALUES {rows}) t({columns}, n) ORDER BY n"
    found = connection().execute(query, [value for row in values for value in row]).fetchall()
    return [value for (value,) in found]


@given(st.lists(DAYS, unique=True, max_size=9).map(sorted), st.data())
@settings(max_examples=25)
def test_epochs(changes: list[date], data: st.DataObject) -> None:
    keying = Keying(tuple(changes), ())
    edges = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in changes]
    edges += [edge - timedelta(microseconds=1) for edge in edges]
    stamps = data.draw(st.lists((st.sampled_from(edges) | STAMPS) if edges else STAMPS, min_size=1, max_size=20))
    naive = [(stamp.replace(tzinfo=None),) for stamp in stamps]
    indexes = asked(keying.epoch_sql("CAST(CAST(ts AS TIMESTAMP) AS DATE)"), [*naive], "ts")
    assert [keying.epoch_start(index) for index in indexes] == [keying.epoch(stamp) for stamp in stamps]


@given(
    st.lists(st.integers(0, 1439), unique=True, max_size=6).map(sorted), st.lists(st.tuples(MODELS, STAMPS), min_size=1)
)
@settings(max_examples=25)
def test_parts_of_the_day(cuts: list[int], records: list[tuple[str | None, datetime]]) -> None:
    keying = Keying((), (), tuple(cuts), NAMES)
    rows: list[tuple[object, ...]] = [(model, stamp.replace(tzinfo=None)) for model, stamp in records]
    indexes = asked(keying.minute_sql("CAST(model AS VARCHAR)", "CAST(ts AS TIMESTAMP)"), rows, "model, ts")
    minutes = [cuts[index - 1] if index else 0 for index in indexes]
    assert minutes == [keying.minute(model, stamp) for model, stamp in records]


@given(st.lists(st.integers(0, 1_500_000), unique=True, max_size=7).map(sorted), st.data())
@settings(max_examples=25)
def test_bands(thresholds: list[int], data: st.DataObject) -> None:
    keying = Keying((), tuple(thresholds))
    tokens = data.draw(st.lists(near(thresholds), min_size=1, max_size=20))
    indexes = asked(keying.band_sql("n_tokens"), [(count,) for count in tokens], "n_tokens")
    bands = [thresholds[index - 1] if index else 0 for index in indexes]
    assert bands == [keying.band(count, aggregate=False) for count in tokens]


def test_a_threshold_belongs_to_the_band_below() -> None:
    keying = Keying((), (128_000, 200_000))
    counts = [0, 128_000, 128_001, 200_000, 200_001]
    assert [keying.band(count, aggregate=False) for count in counts] == [0, 0, 128_000, 128_000, 200_000]


def test_sums_of_many_requests_have_no_band() -> None:
    assert Keying((), (200_000,)).band(10**9, aggregate=True) == 0


def test_a_change_counts_from_its_first_instant_in_utc() -> None:
    keying = Keying((date(2025, 1, 1), date(2025, 6, 1)), ())
    before = datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert keying.epoch(before) == date(2024, 12, 31)
    assert keying.epoch(before + timedelta(microseconds=1)) == date(2025, 1, 1)
    assert keying.epoch(datetime(2025, 7, 1, tzinfo=UTC)) == date(2025, 6, 1)


def test_no_time_has_no_epoch_and_no_part_of_the_day() -> None:
    keying = Keying((date(2025, 1, 1),), (), (60,), ("deepseek",))
    assert keying.epoch(None) is None
    assert keying.minute("deepseek-chat", None) == 0
    connected = connection().execute(f"SELECT {keying.epoch_sql('CAST(NULL AS DATE)')}").fetchone()
    assert connected == (-1,)


def test_only_named_models_have_parts_of_the_day() -> None:
    keying = Keying((), (), (30, 990), ("deepseek",))
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert keying.minute("DeepSeek-R1", noon) == 30
    assert keying.minute("gpt-5", noon) == 0
    assert keying.minute(None, noon) == 0


def test_without_cuts_everything_is_one() -> None:
    keying = Keying((), ())
    assert keying.epoch(datetime(2025, 1, 1, tzinfo=UTC)) == keying.epoch_start(0) == date(1970, 1, 1)
    assert (keying.minute_sql("model", "ts"), keying.band_sql("n")) == ("0", "0")


@pytest.mark.parametrize("minute", [0, 61, 1439])
def test_an_instant_stands_for_its_key(minute: int) -> None:
    stamp = instant(date(2025, 3, 4), minute)
    assert stamp == datetime(2025, 3, 4, minute // 60, minute % 60, tzinfo=UTC)
    assert instant(None, minute) is None


@pytest.mark.parametrize("group", TIME_GROUPS)
@given(st.lists(st.datetimes(timezones=st.just(UTC)) | st.just(datetime(1, 1, 1, tzinfo=UTC)), min_size=1))
@settings(max_examples=25)
def test_groups_by_time_have_the_same_names(group: str, stamps: list[datetime]) -> None:
    assert set(TIME_GROUPS) == set(BY_TIME)
    placeholders = ", ".join("(CAST(? AS TIMESTAMP))" for _ in stamps)
    query = f"SELECT {TIME_GROUPS[group]} FROM (VALUES {placeholders}) t(ts)"
    found = connection().execute(query, [stamp.replace(tzinfo=None) for stamp in stamps]).fetchall()
    assert [name for (name,) in found] == [BY_TIME[group](stamp) for stamp in stamps]
