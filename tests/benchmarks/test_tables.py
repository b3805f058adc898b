"""The benchmark of tables: both sides count the same, and files of all its kinds cost what their rows do."""

from __future__ import annotations

from pathlib import Path

import llmopt
from benchmarks.tables import DRIFTS, FEW_FILES, SMALL_ROWS, in_turn, measure, write_files

ROWS = 3_000


def test_a_small_run_is_exact_and_gives_every_figure(tmp_path: Path) -> None:
    result = measure(tmp_path, ROWS, FEW_FILES + 2, 1)
    assert result["exact"] is True
    assert result["goals"].keys() < result["figures"].keys()
    assert all(figure > 0 for figure in result["figures"].values())
    assert {name: len(runs) for name, runs in result["raw_s"].items()} == dict.fromkeys(result["raw_s"], 1)


def test_files_drift_and_all_rows_are_priced(tmp_path: Path) -> None:
    report = llmopt.price_logs([write_files(tmp_path / "files", len(DRIFTS))], by=["file"])
    assert (report.read, report.priced, report.rejected) == (len(DRIFTS) * SMALL_ROWS,) * 2 + ((),)
    assert len(report.groups) == len(DRIFTS)
    whole = llmopt.price_logs([write_files(tmp_path / "one", 1)])
    assert whole.total in [group.totals for group in report.groups]


def test_variants_take_turns() -> None:
    calls: list[str] = []

    def noting(name: str) -> tuple[int, int]:
        calls.append(name)
        return 1, 2

    runs = in_turn({"a": lambda: noting("a"), "b": lambda: noting("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert [(run.input_tokens, run.output_tokens) for run in runs["b"]] == [(1, 2)] * 2
