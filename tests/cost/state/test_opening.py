"""A state that cannot be used is one clear error with a next step."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from llmopt.cost.state.opening import opened
from llmopt.errors import ConfigError, InputError
from tests.cost.state.history import Logs, text_of


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    logs = Logs(tmp_path)
    logs.add(text_of("copies", range(6)))
    logs.with_state()
    return logs


def refused(logs: Logs) -> ConfigError:
    logs.add(text_of("copies", range(4, 9)))
    with pytest.raises(ConfigError) as error:
        logs.with_state()
    assert "\n" not in error.value.message
    assert str(logs.state) in error.value.message
    assert error.value.hint
    return error.value


def test_a_newer_version_is_left_alone(logs: Logs) -> None:
    with sqlite3.connect(logs.state / "state.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "a newer version" in refused(logs).message


def test_a_database_of_something_else_is_left_alone(logs: Logs) -> None:
    with sqlite3.connect(logs.state / "state.sqlite") as connection:
        connection.execute("PRAGMA application_id = 7")
    assert "something else" in refused(logs).message


def test_a_database_that_is_none_is_named(logs: Logs) -> None:
    for name in ("state.sqlite-wal", "state.sqlite-shm"):
        (logs.state / name).unlink(missing_ok=True)
    (logs.state / "state.sqlite").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert "move the folder away" in refused(logs).hint


def test_rows_that_are_damaged_are_named(logs: Logs) -> None:
    (path,) = (logs.state / "rows").iterdir()
    path.write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")
    assert "move the folder away" in refused(logs).hint


def test_rows_that_are_lost_are_named(logs: Logs) -> None:
    (path,) = (logs.state / "rows").iterdir()
    path.unlink()
    assert path.name in refused(logs).message


def test_parts_that_cannot_be_understood_are_named(logs: Logs) -> None:
    with sqlite3.connect(logs.state / "state.sqlite") as connection:
        connection.execute("UPDATE files SET known = x'c1'")
    assert "cannot be understood" in refused(logs).message


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
def test_a_folder_that_cannot_be_written_is_named(logs: Logs) -> None:
    logs.state = Path("/proc/self/state")
    assert "can be written" in refused(logs).hint


def test_a_full_disk_is_named(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28), str(logs.state / "rows" / "new"))

    monkeypatch.setattr(os, "fsync", full)
    assert "room" in refused(logs).hint
    monkeypatch.undo()
    assert logs.with_state().total == logs.without_state().total


def test_errors_of_the_logs_are_not_those_of_the_state(logs: Logs) -> None:
    with pytest.raises(InputError, match="no such file"), opened(logs.state):
        raise InputError("a.jsonl: no such file")
