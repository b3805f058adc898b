"""The benchmark's logs: the same bytes each time, and llmopt finds what the naive loop finds in each form."""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import project_naive
from benchmarks.project import SWAP, TTL_S, rates
from benchmarks.project_data import rows, write_hashed, write_parquet, write_texts
from llmopt.savings.project.api import project

ROWS = 1_200


def naive(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Decimal]:
    monkeypatch.setattr(sys, "argv", ["naive", str(path), str(TTL_S), SWAP])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(rates())))
    project_naive.main()
    return {name: Decimal(usd) for name, usd in json.loads(capsys.readouterr().out).items()}


def found(path: Path) -> dict[str, Decimal]:
    old, _, new = SWAP.partition("=")
    plan: dict[str, Any] = {"cache": {"ttl": f"{TTL_S}s"}, "swap": {old: new}}
    replay = project(path, plan).replay
    alone = {lever.name: lever.alone_usd for lever in replay.levers}
    return {
        "baseline_usd": replay.baseline_usd,
        "cache_usd": replay.baseline_usd - alone["cache"],
        "cache_swap_usd": replay.optimized_usd,
    }


@pytest.mark.parametrize("form", ["hashed", "unique", "text"])
def test_a_projection_is_what_the_naive_loop_says(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    if form == "text":
        write_texts(path, ROWS)
    else:
        write_hashed(path, ROWS, unique=form == "unique")
    wanted = naive(path, monkeypatch, capsys)
    assert found(path) == wanted
    assert (wanted["cache_usd"] == wanted["baseline_usd"]) == (form == "unique")
    if form == "hashed":
        table = path.with_suffix(".parquet")
        write_parquet(table, path)
        assert found(table) == wanted


def test_the_same_seed_draws_the_same_requests() -> None:
    assert [*rows(500, seed=3)] == [*rows(500, seed=3)] != [*rows(500, seed=4)]
    questions = {row.question for row in rows(20_000)}
    assert 0.25 < len(questions) / 20_000 < 0.33
