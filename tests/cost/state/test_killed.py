"""A run that is killed at any point, or meets another one, costs nothing but time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from llmopt.cost.state.run import price_with_state
from llmopt.errors import ConfigError
from tests.conftest import ROOT
from tests.cost.state.history import Logs, text_of, told

POINTS = ("locked", "read", "rows written", "half committed", "committed", "half settled", "settled")
CHILD = """
import os, signal, sys
from pathlib import Path
from llmopt.cost.state.run import price_with_state

def reached(point):
    if point == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

price_with_state([sys.argv[1]], Path(sys.argv[2]), reached=reached)
"""


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Return logs of two nights, of which the first is in the state."""
    logs = Logs(tmp_path)
    logs.add(text_of("copies", range(12)))
    logs.add(text_of("chat", range(4)))
    logs.with_state()
    logs.change("grow", 0, text_of("copies", range(6, 18)))
    logs.add(text_of("copies", range(10, 14)) + text_of("damaged", [1]))
    return logs


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_leaves_nothing_wrong(logs: Logs, point: str) -> None:
    command = [sys.executable, "-c", CHILD, str(logs.folder), str(logs.state), point]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert told(logs.with_state()) == told(logs.without_state())
    assert rows_on_disk(logs) == rows_named(logs)


def rows_on_disk(logs: Logs) -> set[str]:
    return {path.name for path in (logs.state / "rows").iterdir()}


def rows_named(logs: Logs) -> set[str]:
    import sqlite3

    with sqlite3.connect(logs.state / "state.sqlite") as connection:
        return {name for (name,) in connection.execute("SELECT name FROM rows")}


def test_two_runs_at_once_count_everything_once(logs: Logs) -> None:
    inside, go_on = Event(), Event()
    reports = []

    def stop(point: str) -> None:
        if point == "read":
            inside.set()
            go_on.wait(30)

    def heard(text: str) -> None:
        if "waiting" in text:
            go_on.set()

    first = Thread(target=lambda: reports.append(logs.with_state(reached=stop)))
    first.start()
    assert inside.wait(30)
    reports.append(price_with_state([logs.folder], logs.state, tell=heard))
    first.join()
    expected = told(logs.without_state())
    assert [told(report) for report in reports] == [expected, expected]


def test_a_run_does_not_wait_for_ever(logs: Logs) -> None:
    refused: list[str] = []

    def meet(point: str) -> None:
        if point == "locked":
            with pytest.raises(ConfigError, match="another run uses this state") as error:
                logs.with_state(wait_s=0)
            refused.append(error.value.hint)

    logs.with_state(reached=meet)
    assert refused == ["run again when it has ended"]
