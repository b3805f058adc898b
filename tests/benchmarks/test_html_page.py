"""The benchmark of pages: exact, and with every figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import html_page


def test_a_small_run_is_exact_and_gives_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_page, "loads", lambda page, rounds: [0.1] if page.is_file() else [])
    result = html_page.measure(tmp_path, 3_000, 500, 1)
    assert result["exact"] is True
    assert result["goals"].keys() < result["figures"].keys()
    assert all(figure > 0 for figure in result["figures"].values())
    assert result["pages"].keys() == {"by-user", "by-model"}
