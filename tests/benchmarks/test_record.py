"""The README's table is made of what benchmarks have measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import record
from tests.conftest import ROOT


def test_the_table_is_not_stale() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == record.with_table(text), "run python benchmarks/record.py --table"


@pytest.mark.parametrize("path", sorted(record.RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_kept_says_how_it_came_about(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["command"].startswith(f"python benchmarks/{path.stem}.py")
    assert {"day", "machine", "load_before", "exit_code", "result"} <= set(kept)


def test_a_benchmark_is_run_and_its_last_line_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quick.py").write_text('import sys\nprint("a table")\nprint(\'{"x": 2}\')\nsys.exit(1)\n')
    monkeypatch.setattr(record, "HERE", tmp_path)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(record, "ROWS", (record.Row("x", "quick", lambda found: f"{found['x']:.1f}", "3"),))
    assert record.main(["quick.py", "--rows", "5"]) == 1
    kept = json.loads((tmp_path / "results" / "quick.json").read_text())
    assert (kept["command"], kept["exit_code"], kept["result"]) == ("python benchmarks/quick.py --rows 5", 1, {"x": 2})
    assert "| x | 2.0 | 3 | `quick.py` |" in record.table()
    assert capfd.readouterr().out.endswith('{"x": 2}\n')


def test_a_benchmark_that_ends_otherwise_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.py").write_text('print("no JSON")\n')
    monkeypatch.setattr(record, "HERE", tmp_path)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    assert record.main(["bad.py"]) == 1
    assert not (tmp_path / "results").exists()
    assert "so nothing is kept" in capfd.readouterr().err
    assert record.main([]) == 2


def test_figures_for_people() -> None:
    assert (record.times(1.234), record.times(41.2)) == ("1.23x", "41x")
    assert (record.of(0.049), record.of(0.5), record.percent(0.0334)) == ("1/20", "0.50x", "3.3 %")
