"""DataFrames in, DataFrames out."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import llmopt
from llmopt.errors import InputError, MissingExtraError, UsageError
from tests.conftest import ROOT
from tests.cost.reading import usd
from tests.cost.reports import PRICES, empty

FRAME = pd.DataFrame(
    {
        "timestamp": pd.to_datetime(["2026-03-19T08:00:00Z", "2026-03-19T09:30:00Z"]),
        "model": ["gpt-4o", "gpt-4o-mini"],
        "input_tokens": [1200, 512],
        "output_tokens": [80, 203],
        "user": ["ana", None],
    }
)
FOUR_O = usd((1200, "2.5"), (80, "10"))
MINI = usd((512, "0.15"), (203, "0.6"))


def frame(**columns: list[object]) -> pd.DataFrame:
    plain: dict[str, list[object]] = {"model": ["gpt-4o"], "input_tokens": [1200], "output_tokens": [80]}
    return pd.DataFrame(plain | columns)


def test_a_frame_is_a_log() -> None:
    report = llmopt.price_logs(FRAME, by=["model", "user"])
    assert report.total.cost_usd == FOUR_O + MINI
    assert [group.key for group in report.groups] == [
        {"model": "gpt-4o", "user": "ana"},
        {"model": "gpt-4o-mini", "user": None},
    ]
    assert report.files == ("DataFrame",)
    assert report.formats == {"generic": 2}
    assert report.period.start == datetime(2026, 3, 19, 8, tzinfo=UTC)
    assert report.warnings == ()


def test_paths_and_frames_may_be_mixed(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 80, "ts": "2026-03-19T08:00:00Z"}\n')
    report = llmopt.price_logs([FRAME, log, FRAME.head(1)], by=["file"])
    assert report.files == ("DataFrame", str(log), "DataFrame 2")
    assert {group.key["file"]: group.totals.cost_usd for group in report.groups} == {
        "DataFrame": FOUR_O + MINI,
        str(log): FOUR_O,
        "DataFrame 2": FOUR_O,
    }


def test_a_frame_given_twice_is_read_once() -> None:
    assert llmopt.price_logs([FRAME, FRAME]).priced == 2


def test_a_single_path_is_no_sequence_of_letters() -> None:
    assert llmopt.price_logs(str(ROOT / "samples" / "generic.csv")).priced == 6
    assert llmopt.price_logs(ROOT / "samples" / "generic.csv").priced == 6


def test_the_index_is_read_where_it_has_a_name() -> None:
    named = FRAME.set_index("timestamp")
    assert [group.key["hour"] for group in llmopt.price_logs(named, by=["hour"]).groups] == [
        "2026-03-19T08:00Z",
        "2026-03-19T09:00Z",
    ]
    both = FRAME.set_index(["timestamp", "model"])
    assert llmopt.price_logs(both).total.cost_usd == FOUR_O + MINI


def test_counts_in_a_column_with_gaps_are_floats_and_whole() -> None:
    gaps = pd.concat([FRAME, frame(input_tokens=[float("nan")])], ignore_index=True)
    assert gaps["input_tokens"].dtype == "float64"
    report = llmopt.price_logs(gaps)
    assert report.total.cost_usd == FOUR_O + MINI
    assert [(entry.count, entry.first) for entry in report.rejected] == [(1, "DataFrame:3")]
    assert "input_uncached" in report.rejected[0].reason


@pytest.mark.parametrize("wrong", [1.5, -3, True, "many", [1], {"a": 1}, 10**30])
def test_what_is_no_count_is_rejected_with_its_row(wrong: object) -> None:
    mixed = frame(model=["gpt-4o"] * 3, input_tokens=[1200, wrong, 1200], output_tokens=[80, 80, 80])
    report = llmopt.price_logs(mixed)
    assert (report.read, report.priced) == (3, 2)
    assert [entry.first for entry in report.rejected] == ["DataFrame:2"]
    assert "input_tokens" in report.rejected[0].reason


def test_a_column_of_objects_is_read_by_path() -> None:
    nested = pd.DataFrame({"model": ["gpt-4o"], "usage": [{"input_tokens": 1200, "output_tokens": 80}]})
    assert llmopt.price_logs(nested).total.cost_usd == FOUR_O


def test_column_types_of_pandas() -> None:
    typed = FRAME.astype({"model": "category", "input_tokens": "Int64", "output_tokens": "int32"})
    assert llmopt.price_logs(typed).total.cost_usd == FOUR_O + MINI


def test_mapping_and_cached_reach_the_frame() -> None:
    own = pd.DataFrame({"llm": ["gpt-4o"], "in": [1200], "out": [80]})
    names = {"llm": "model", "in": "input_uncached", "out": "output_text"}
    assert llmopt.price_logs(own, mapping=names).total.cost_usd == FOUR_O
    report = llmopt.price_logs(frame(cached_tokens=[200]), cached="included")
    assert report.total.cost_usd == usd((1000, "2.5"), (200, "1.25"), (80, "10"))


def test_unknown_columns_are_said() -> None:
    with pytest.raises(InputError, match="DataFrame:1: no known columns"):
        llmopt.price_logs(pd.DataFrame({"a": [1], "b": [2]}))


def test_an_empty_frame_holds_no_record() -> None:
    with pytest.raises(InputError, match="DataFrame"):
        llmopt.price_logs(FRAME.head(0))


def test_two_columns_of_one_name_are_said() -> None:
    twice = pd.concat([FRAME, FRAME[["model"]]], axis=1)
    with pytest.raises(InputError, match="DataFrame: two columns are called 'model'"):
        llmopt.price_logs(twice)


@pytest.mark.parametrize("logs", [3, [3], None, [None]])
def test_what_is_neither_path_nor_frame_is_said(logs: Any) -> None:
    with pytest.raises(UsageError, match="paths or pandas DataFrames"):
        llmopt.price_logs(logs)


def test_the_zone_of_the_machine_does_not_matter() -> None:
    code = (
        "import llmopt; from tests.cost.test_frames import FRAME; "
        "print(*(group.key['hour'] for group in llmopt.price_logs(FRAME, by=['hour']).groups))"
    )
    environment = os.environ | {"TZ": "America/New_York"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    assert done.stdout == "2026-03-19T08:00Z 2026-03-19T09:00Z\n"


def test_a_report_as_a_frame() -> None:
    report = llmopt.price_logs(FRAME, by=["model", "user"])
    out = report.to_pandas()
    assert list(out.columns) == [
        "model",
        "user",
        "requests",
        "input_tokens",
        "input_uncached_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cost_usd",
        "reported_usd",
        "estimated_input_tokens",
        "estimated_output_tokens",
        "cost_low_usd",
        "cost_high_usd",
        "counted_usd",
    ]
    assert list(out["model"]) == ["gpt-4o", "gpt-4o-mini"]
    assert list(out["user"].isna()) == [False, True]
    assert list(out["cost_usd"]) == [FOUR_O, MINI]
    assert out["cost_usd"].sum() == report.total.cost_usd
    assert isinstance(out["cost_usd"].sum(), Decimal)
    assert out["input_tokens"].dtype == "int64"
    assert list(out["reported_usd"]) == [None, None]


def test_a_report_without_groups_is_a_frame_without_rows() -> None:
    assert empty().prices is PRICES
    out = empty().to_pandas()
    assert (len(out), out["requests"].dtype, out["cost_usd"].dtype) == (0, "int64", "object")


def test_no_groups_give_one_row() -> None:
    assert list(llmopt.price_logs(FRAME, by=[]).to_pandas()["cost_usd"]) == [FOUR_O + MINI]


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_without_pandas_the_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "llmopt.cost.frames", raising=False)
    with pytest.raises(MissingExtraError, match=f"{missing} is not installed") as caught:
        empty().to_pandas()
    assert caught.value.hint == "pip install 'llmopt[pandas]'"
