"""What may be asked of a comparison, and which model is the base."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench.callables import CallableFactory
from llmopt.bench.comparing import api
from llmopt.bench.comparing.api import compare
from llmopt.bench.comparing.asked import Asked, check_together, chosen, names_of, opening_order
from llmopt.errors import InputError, UsageError
from llmopt.models.factory import ModelFactory

A, B, C = ModelFactory("a"), ModelFactory("b"), CallableFactory("c:d")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"batch_sizes": ()}, "no batch size"),
        ({"batch_sizes": (8, 0)}, "--batch-size 0"),
        ({"seq_lens": (-1,)}, "--seq-len -1"),
        ({"min_rounds": 2}, "--min-rounds 2"),
        ({"min_rounds": 1001}, "--min-rounds 1001"),
        ({"max_time_s": 0}, "--max-time"),
        ({"max_time_s": float("nan")}, "--max-time"),
        ({"ci": 1.0}, "--ci"),
        ({"min_speedup": 0.0}, "--min-speedup 0"),
        ({"max_quality_drop": -0.1}, "--max-quality-drop -0.1"),
        ({"price_per_month": Decimal(0)}, "--price-per-month 0"),
        ({"price_per_month": Decimal("NaN")}, "--price-per-month NaN"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Asked(**asked)


@pytest.mark.parametrize(
    ("models", "against", "expected"),
    [
        ((A, B), None, (A, B)),
        ((A, A), None, (A, A)),
        ((A, B), B, (B, A)),
        ((A, B), C, (C, A, B)),
        ((A, B, B), B, (B, A, B)),
        ((A,), A, (A, A)),
        ((C,), None, (C,)),
    ],
)
def test_the_base_is_the_first_of_all(models: Any, against: Any, expected: Any) -> None:
    assert chosen(models, against) == expected


def test_a_folder_is_the_same_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    one, other = ModelFactory("m"), ModelFactory(str(tmp_path / "m") + "/")
    assert chosen((A, one), other) == (one, A)
    bf16 = ModelFactory("m", dtype="bfloat16")
    assert chosen((A, one), bf16) == (bf16, A, one)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing/at/all", "no such folder"), ("file.txt", "a file; the folder"), ("empty", "no config.json in it")],
)
def test_what_is_no_model_is_told_before_the_first_is_loaded(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    (workdir / "file.txt").write_text("x", encoding="utf-8")
    (workdir / "empty").mkdir()
    monkeypatch.setattr(api, "run", lambda *_: pytest.fail("something was opened"))
    with pytest.raises(InputError, match=message):
        compare(["of/a-hub", "mine.py:f", name])


def test_names_of_a_hub_are_opened_before_folders(workdir: Path) -> None:
    (workdir / "a").mkdir()
    assert opening_order((A, C, B, A)) == [1, 2, 0, 3]


def test_no_model_is_refused() -> None:
    with pytest.raises(UsageError, match="no model is named"):
        compare([])


def test_a_name_given_twice_gets_a_number() -> None:
    assert names_of((A, B, A, A)) == ("a", "b", "a #2", "a #3")


@pytest.mark.parametrize(
    ("asked", "models", "message"),
    [
        (Asked(min_speedup=2.0), 1, "--min-speedup compares with another"),
        (Asked(data="x", max_quality_drop=0.1), 1, "--max-quality-drop compares with another"),
        (Asked(price_per_month=Decimal(5)), 1, "--price-per-month is about"),
        (Asked(max_quality_drop=0.1), 2, "--max-quality-drop needs real inputs"),
    ],
)
def test_bounds_need_something_to_be_held_against(asked: Asked, models: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_together(asked, models)
    check_together(Asked(data="x", max_quality_drop=0.1, min_speedup=2.0, price_per_month=Decimal(5)), 2)
    check_together(Asked(), 1)
