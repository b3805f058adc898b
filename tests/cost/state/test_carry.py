"""What is gone outlives a new version, and is named where its figures do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.cost.state import fingerprint
from tests.cost.state.history import Logs, text_of, told


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Return logs of which one is gone since it was read."""
    logs = Logs(tmp_path)
    logs.add(text_of("copies", range(9)) + text_of("damaged", [1]))
    logs.add(text_of("copies", range(4, 12)))
    logs.with_state()
    return logs


def test_a_new_version_keeps_what_is_gone(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    before = told(logs.with_state())
    (logs.folder / "1-1.jsonl").unlink()
    monkeypatch.setattr(fingerprint, "__version__", "99")
    heard: list[str] = []
    assert told(logs.with_state(tell=heard.append)) == before
    assert heard[0] == "all logs are read: llmopt not as in the run before"
    assert "1-1.jsonl" in heard[1]
    assert told(logs.with_state()) == before


def test_other_groups_name_what_is_gone_in_every_report(logs: Logs) -> None:
    (logs.folder / "1-1.jsonl").unlink()
    for _ in range(2):
        report = logs.with_state(by=("session",))
        assert told(report) == told(logs.without_state(by=("session",)))
        assert any("not counted here" in text and "1-1.jsonl" in text for text in report.warnings)


def test_what_was_only_renamed_is_not_gone(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs.folder / "1-1.jsonl").rename(logs.folder / "3-3.jsonl")
    monkeypatch.setattr(fingerprint, "__version__", "99")
    report = logs.with_state()
    assert told(report) == told(logs.without_state())
    assert not report.warnings
