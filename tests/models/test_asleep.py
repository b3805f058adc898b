"""Waiting until the threads of processes sleep, as the system tells of them."""

from __future__ import annotations

import os
from pathlib import Path

from llmopt.models.asleep import MOST_S, wait_alone, wait_asleep
from tests.bench.machines import Clock


def threads(proc: Path, pid: int, *states: str) -> None:
    for at, state in enumerate(states):
        task = proc / str(pid) / "task" / str(pid + at)
        task.mkdir(parents=True, exist_ok=True)
        (task / "stat").write_text(f"{pid + at} (name) with ) R) {state} 1 2 3\n", encoding="ascii")


def a_system(proc: Path) -> Path:
    (proc / "self" / "task").mkdir(parents=True)
    return proc


def test_sleeping_threads_are_not_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    threads(a_system(tmp_path), 7, "S", "S")
    threads(tmp_path, 17, "D")
    assert wait_asleep((7, 17, 99), proc=tmp_path, clock=clock, sleep=clock.sleep)
    assert clock() == 0


def test_threads_that_spin_are_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    threads(a_system(tmp_path), 7, "S", "R")

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock() > 0.2:
            threads(tmp_path, 7, "S", "S")

    assert wait_asleep((7,), proc=tmp_path, clock=clock, sleep=sleep)
    assert 0.2 < clock() < 0.21


def test_who_never_sleeps_is_given_up(tmp_path: Path) -> None:
    clock = Clock()
    threads(a_system(tmp_path), 7, "R")
    assert not wait_asleep((7,), proc=tmp_path, clock=clock, sleep=clock.sleep)
    assert MOST_S <= clock() < MOST_S + 0.01


def test_a_system_that_does_not_tell_gets_a_short_sleep(tmp_path: Path) -> None:
    clock = Clock()
    assert wait_asleep((7,), proc=tmp_path, clock=clock, sleep=clock.sleep)
    assert 0 < clock() < 0.1


def test_the_thread_that_asks_does_not_count(tmp_path: Path) -> None:
    clock = Clock()
    threads(a_system(tmp_path), 7, "R", "S")
    assert wait_asleep((7,), but=7, proc=tmp_path, clock=clock, sleep=clock.sleep)
    assert clock() == 0
    assert not wait_asleep((7,), but=8, proc=tmp_path, clock=clock, sleep=clock.sleep)


def test_this_very_process_is_awake() -> None:
    clock = Clock()
    if Path("/proc/self/task").is_dir():
        assert not wait_asleep((os.getpid(),), clock=clock, sleep=clock.sleep)
        assert wait_alone() in (True, False)
