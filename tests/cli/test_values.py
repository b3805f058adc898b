from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cli import values
from llmopt.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (None, None),
        ("12.50", "12.50"),
        ("$12.50", "12.50"),
        ("1,000", "1000"),
        ("$1,000,000.50", "1000000.50"),
        ("1e3", "1000"),
        ("0", "0"),
    ],
)
def test_money(text: str | None, amount: str | None) -> None:
    assert values.money(text, "--max-cost") == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    "text",
    ["", "ten", "-1", "NaN", "inf", "$", "10%", "1.2.3", "1,5", "10,00", "1000,000", "1e999999999", "1e-999999999"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-cost") as caught:
        values.money(text, "--max-cost")
    assert caught.value.hint == "such as --max-cost 500 or $0.25"


@pytest.mark.parametrize(("text", "fraction"), [(None, None), ("10%", "0.1"), (" 2.5 %", "0.025"), ("0%", "0")])
def test_percentage(text: str | None, fraction: str | None) -> None:
    assert values.percentage(text, "--max-increase") == (None if fraction is None else Decimal(fraction))


@pytest.mark.parametrize("text", ["10", "0.1", "%", "-5%", "x%"])
def test_a_percentage_without_its_sign_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-increase"):
        values.percentage(text, "--max-increase")


@pytest.mark.parametrize(("text", "number"), [(None, None), ("3", 3.0), ("3e-4", 3e-4), ("-0.5", -0.5)])
def test_numbers(text: str | None, number: float | None) -> None:
    assert values.number(text, "--lr") == number


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(UsageError, match=r"--lr .*not a number") as caught:
        values.number(text, "--lr", "3e-4")
    assert caught.value.hint == "such as --lr 3e-4"


@pytest.mark.parametrize(("text", "time_s"), [(None, None), ("10m", 600.0), ("90s", 90.0), ("1.5h", 5400.0)])
def test_time_limits(text: str | None, time_s: float | None) -> None:
    assert values.time_limit_s(text, "--max-time") == time_s


@pytest.mark.parametrize("text", ["", "10", "m", "0m", "-1m", "10 fortnights"])
def test_no_time_limits(text: str) -> None:
    with pytest.raises(UsageError, match="--max-time") as caught:
        values.time_limit_s(text, "--max-time")
    assert caught.value.hint == "such as --max-time 10m, 90s or 2h"


def test_whole_numbers() -> None:
    assert values.whole(None, "--top") is None
    assert values.whole("10", "--top") == 10
    for text in ("", "-1", "1.5", "ten", "0", "9" * 30, "\u0661"):
        with pytest.raises(UsageError, match="--top"):
            values.whole(text, "--top", least=1)


@pytest.mark.parametrize(
    ("text", "end_of_day", "moment"),
    [
        ("2024-05-01", False, datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-31", True, datetime(2024, 6, 1, tzinfo=UTC)),
        ("2024-05-01T12:30:00Z", True, datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01T12:30:00", False, datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01T01:00:00+02:00", False, datetime(2024, 4, 30, 23, tzinfo=UTC)),
    ],
)
def test_instants(text: str, end_of_day: bool, moment: datetime) -> None:
    assert values.instant(text, "--since", end_of_day=end_of_day) == moment


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "2024-02-30", "", "9999-12-31"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a day"):
        values.instant(text, "--until", end_of_day=True)


def test_no_instant_is_none() -> None:
    assert values.instant(None, "--since") is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, None),
        ("400000000", 400_000_000),
        ("400MB", 400_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("2k", 2000),
        ("7b", 7),
    ],
)
def test_sizes(text: str | None, size: int | None) -> None:
    assert values.size_bytes(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "much", "-1MB", "4XB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        values.size_bytes(text, "--memory")


def test_names_are_split_and_each_taken_once() -> None:
    assert values.names("model, day,model,,team") == ("model", "day", "team")


def test_choices() -> None:
    assert values.choice(None, "--dedupe", ("auto", "all")) is None
    assert values.choice("all", "--dedupe", ("auto", "all")) == "all"
    with pytest.raises(UsageError, match="not one of auto, all"):
        values.choice("some", "--dedupe", ("auto", "all"))


def test_mappings_come_from_pairs_and_files_and_the_last_one_wins(workdir: Path) -> None:
    Path("map.toml").write_text('a = "1"\nb = "2"\n')
    Path("map.json").write_text('{"b": "3"}')
    Path("odd=name.json").write_text('{"c": "4"}')
    assert values.mapping([], "--map") is None
    assert values.mapping(["map.toml", "map.json", "a=x", "d = y", "odd=name.json"], "--map") == {
        "a": "x",
        "b": "3",
        "c": "4",
        "d": "y",
    }


@pytest.mark.parametrize("value", ["=x", "x=", " = "])
def test_half_a_pair_is_refused(value: str, workdir: Path) -> None:
    with pytest.raises(UsageError, match="one side is empty"):
        values.mapping([value], "--map")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b'"a"', b"\xff"])
def test_a_mapping_file_of_another_shape_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"map\.json"):
        values.mapping_file(path, "--map")


def test_a_missing_mapping_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        values.mapping_file(tmp_path / "none.json", "--deployments")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("250ms", 0.25),
        ("2s", 2.0),
        ("1.5 min", 90.0),
        (" 1,500 ms ", 1.5),
        ("850us", 0.00085),
        ("850\u00b5s", 0.00085),
        (".5s", 0.5),
        ("1e-3 s", 0.001),
        ("2 Hours", 7200.0),
    ],
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert values.duration_s(text, "--slo-p99") == pytest.approx(seconds)


def test_seconds_may_go_without_their_unit_only_where_nothing_else_is_meant() -> None:
    assert values.duration_s("60", "--max-time", bare=True) == 60.0
    with pytest.raises(UsageError, match="--slo-p99 '250': a duration ends in its unit"):
        values.duration_s("250", "--slo-p99")


@pytest.mark.parametrize("text", ["", "ms", "-5ms", "5 m", "5 parsecs", "0s", "1.2.3s", "infs", "1e999s", "5s later"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--slo-p99") as caught:
        values.duration_s(text, "--slo-p99")
    assert caught.value.hint == "such as --slo-p99 250ms, 2s or 1.5min"


@pytest.mark.parametrize(
    ("text", "rate"),
    [(None, None), ("100", 100.0), ("100/s", 100.0), ("6,000 / min", 100.0), ("360000/hour", 100.0), ("0.5/s", 0.5)],
)
def test_rates(text: str | None, rate: float | None) -> None:
    assert values.rate_per_s(text, "--rate") == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "/s", "100s", "100 per s", "0/s", "-1/s", "5/fortnight", "nan"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--rate") as caught:
        values.rate_per_s(text, "--rate")
    assert caught.value.hint == "such as --rate 100/s or 6000/min"


@pytest.mark.parametrize(("text", "part"), [(None, None), ("0.02", 0.02), ("2%", 0.02), (" 50 %", 0.5)])
def test_fractions(text: str | None, part: float | None) -> None:
    assert values.fraction(text, "--ci") == pytest.approx(part)


@pytest.mark.parametrize("text", ["", "0", "1", "100%", "5", "x", "-0.1", "%"])
def test_what_is_no_fraction_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--ci"):
        values.fraction(text, "--ci")


def test_lists_of_whole_numbers() -> None:
    assert values.wholes(None, "--seq-len") is None
    assert values.wholes("128, 32,32", "--seq-len") == (32, 128)
    for text in ("", "1,,2", "0", "1.5", "-1", "a", "9" * 10):
        with pytest.raises(UsageError, match="--seq-len"):
            values.wholes(text, "--seq-len")
