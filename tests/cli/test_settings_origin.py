"""An error that nobody typed names the setting behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt


def test_an_error_that_comes_from_a_setting_says_so(
    llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llmopt.toml").write_text('format = "jsno"\n[cost]\nprices = ["mine.json"]\n')
    lines = llmopt("cost", "a.jsonl").err.splitlines()
    assert lines[0] == "llmopt: error: there is no output format 'jsno'"
    assert lines[-1] == f"llmopt: hint: --format jsno is set by {tmp_path / 'llmopt.toml'}"
    typed = llmopt("cost", "a.jsonl", "--format", "jsno").err
    assert "is set by" not in typed
    (tmp_path / "a.jsonl").write_text("{}\n")
    wrong = llmopt("cost", "a.jsonl", "--format", "table").err
    assert f"--prices mine.json is set by {tmp_path / 'llmopt.toml'}" in wrong
