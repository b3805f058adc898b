"""`llmopt cost --follow`: looks are shown as they come, and every way to end it ends with the whole report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmopt.cli.cost_follow import Stop, watch
from llmopt.cost.follow.pace import Tick
from llmopt.cost.follow.ticks import Follow
from llmopt.cost.prepared import prepare
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.cost.logs import ONE, line, lines

Steps = Callable[..., None]


@pytest.fixture
def log(workdir: Path) -> Path:
    path = workdir / "a.jsonl"
    path.write_bytes(b"".join(lines(2)))
    return path


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Return what says what happens in place of each wait; Ctrl-C comes after the last one."""

    def set_steps(*happens: Callable[[], object]) -> None:
        left = list(happens)

        def wait(stop: Stop, seconds: float) -> bool:
            if left:
                left.pop(0)()
            else:
                os.kill(os.getpid(), signal.SIGINT)
            return stop.is_set

        monkeypatch.setattr(Stop, "wait", wait)

    return set_steps


def grow(path: Path, *parts: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(parts)


def test_each_look_is_a_line_and_the_report_comes_last(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    steps(lambda: grow(log, line(3)), lambda: None)
    outcome = llmopt("cost", log, "--follow")
    assert (outcome.code, outcome.err) == (0, "")
    first, second, third, title, *_ = outcome.out.splitlines()
    assert "for 2 requests, 2 new" in first
    assert "for 3 requests, 1 new, $" in second
    assert "for 3 requests, 0 new" in third
    assert title == "LLM cost"
    assert "3 records read = 3 priced" in outcome.out


def test_json_is_a_line_for_each_look_and_one_for_the_report(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    steps(lambda: grow(log, line(3), line(3)))
    outcome = llmopt("cost", log, "--follow", "--format", "json")
    looks = [json.loads(text) for text in outcome.out.splitlines()]
    assert [look["schema"] for look in looks] == ["llmopt.cost.follow/1"] * 2 + ["llmopt.cost/1"]
    assert [look["new_requests"] for look in looks[:2]] == [2, 1]
    assert looks[2]["total"]["cost_usd"] == str(3 * ONE)
    assert (looks[2]["duplicates"], looks[2]["failed_checks"]) == (1, [])


@pytest.mark.parametrize("arguments", [("--format", "csv"), ("-q",), ("-o", "r.md", "-q")])
def test_other_formats_and_quiet_have_the_report_alone(
    arguments: tuple[str, ...], log: Path, steps: Steps, llmopt: Llmopt
) -> None:
    steps(lambda: grow(log, line(3)))
    followed = llmopt("cost", log, "--follow", *arguments)
    text = Path("r.md").read_text() if "-o" in arguments else followed.out
    assert followed.code == 0
    assert text == (llmopt("cost", log, *arguments).out or Path("r.md").read_text())


def test_looks_go_to_stdout_where_the_report_goes_to_a_file(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    steps()
    outcome = llmopt("cost", log, "--follow", "-o", "r.json")
    assert len(outcome.out.splitlines()) == 1
    assert json.loads(Path("r.json").read_text())["read"] == 2


def test_a_budget_that_is_crossed_ends_it_at_once(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    steps(*[lambda: grow(log, line(3))] * 1, lambda: pytest.fail("it should have ended"))
    outcome = llmopt("cost", log, "--follow", "--max-cost", str(2 * ONE), "--max-monthly", "5")
    assert outcome.code == 1
    assert "3 records read" in outcome.out
    assert "over --max-cost" in outcome.err


def test_ctrl_c_before_there_was_anything_is_ctrl_c(workdir: Path, steps: Steps, llmopt: Llmopt) -> None:
    (workdir / "logs").mkdir()
    steps()
    outcome = llmopt("cost", "logs", "--follow", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")
    assert llmopt("cost", "nowhere", "--follow").err.startswith("llmopt: error: nowhere: no such file or directory")


def test_handlers_of_signals_are_put_back(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    steps()
    llmopt("cost", log, "--follow", "-q")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_was_left_out_is_noted(log: Path, steps: Steps, llmopt: Llmopt) -> None:
    def pack() -> None:
        Path("a.jsonl.gz").write_bytes(b"\x1f\x8b")

    steps(pack, lambda: None)
    err = llmopt("cost", log.parent, "--follow").err
    assert err.startswith("llmopt: note: ")
    assert "a.jsonl.gz: taken for the packed copy of" in err


def test_a_terminal_gets_a_live_screen(
    log: Path, steps: Steps, llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    steps(lambda: grow(log, line(3)))
    out = llmopt("cost", log, "--follow").out
    assert "Ctrl-C ends with the whole report." in out
    assert "Dollars a minute, the last 1 min" in out
    assert out.rindex("LLM cost") > out.rindex("Ctrl-C ends")


def test_there_is_no_wait_while_the_backlog_is_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.cost.follow.tail.MOST_BYTES", 1000)
    grow(log, *lines(8, first=3))
    waits: list[float] = []
    ticks: list[Tick] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 9 or seconds > 0

    with Follow([str(log)], prepare()) as following:
        watch(following, ticks.append, wait, lambda report: False, every_s=7.0, clock=iter(range(99)).__next__)
    assert waits == [0.0] * (len(waits) - 1) + [7.0]
    assert len(waits) > 2
    assert ticks[-1].report.total.requests == 10
    assert ticks[-1].watched_s == 0


def test_stopping_ends_the_waiting() -> None:
    stop = Stop()
    assert not stop.wait(0.0)
    stop.set()
    assert stop.wait(60.0)
    assert stop.wait(60.0)
    stop.close()


def test_standard_input_ends_it(workdir: Path) -> None:
    command = [sys.executable, "-m", "llmopt", "cost", "-", "--follow", "--every", "10ms", "--format", "json"]
    text = b"".join(lines(3)) + line(4).rstrip(b"\n")
    done = subprocess.run(command, input=text, capture_output=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["schema"], report["read"], report["files"]) == ("llmopt.cost/1", 4, ["<stdin>"])


def test_a_signal_ends_it_with_the_report(log: Path) -> None:
    command = [sys.executable, "-m", "llmopt", "cost", str(log), "--follow", "--every", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as running:
        assert running.stdout is not None
        assert "for 2 requests" in running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=60)
    assert (running.returncode, out.splitlines()[0]) == (0, "LLM cost")
