from __future__ import annotations

from threading import Thread
from time import sleep

import pytest

from llmopt.bench.guard import Guard
from llmopt.bench.readings import Reading, summary
from tests.bench.machines import Clock, Machine, guard


def looked(watcher: Guard, clock: Clock, times: int = 10, *, waits: bool = True) -> Guard:
    for _ in range(times):
        clock.sleep(0.25)
        watcher.reading(waits=waits)
    return watcher


def test_an_idle_machine_is_quiet() -> None:
    clock = Clock()
    noise = looked(guard(clock), clock).noise()
    assert (noise.quiet, noise.reasons) == (True, ())
    assert (noise.cpu_pressure, noise.waiting, noise.steal) == (0, 0, 0)
    assert noise.cpu_to_wall == pytest.approx(1)
    assert noise.drift == pytest.approx(0)
    assert noise.calibration_s == pytest.approx(0.004)


@pytest.mark.parametrize(
    ("machine", "ratio", "told"),
    [
        ({"pressure": 0.6}, 1.0, "tasks waited for a CPU 60%"),
        ({"waiting": 0.4}, 1.0, "threads waited for a CPU 40%"),
        ({"steal": 0.2}, 1.0, "hypervisor took 20%"),
        ({}, 0.5, "got a CPU for 50%"),
    ],
)
def test_each_kind_of_other_work_is_told(machine: dict[str, float], ratio: float, told: str) -> None:
    clock = Clock()
    noise = looked(guard(clock, Machine(clock, **machine), ratio=ratio), clock).noise()
    assert not noise.quiet
    assert told in " ".join(noise.reasons)


def test_a_moment_of_other_work_is_no_noise() -> None:
    clock = Clock()
    machine = Machine(clock)
    watcher = looked(guard(clock, machine), clock, 18)
    machine.pressure = 0.02
    looked(watcher, clock, 2)
    assert watcher.noise().quiet


def test_waiting_for_our_own_threads_is_not_counted() -> None:
    clock = Clock()
    noise = looked(guard(clock, Machine(clock, waiting=0.9)), clock, waits=False).noise()
    assert (noise.quiet, noise.waiting) == (True, None)


def test_a_system_that_tells_nothing_is_judged_by_the_kernel_alone() -> None:
    clock = Clock()
    silent = Machine(clock, pressure=None, waiting=None, steal=None)
    noise = looked(guard(clock, silent), clock).noise()
    assert (noise.quiet, noise.cpu_pressure, noise.waiting, noise.steal) == (True, None, None, None)


def test_a_coarse_clock_of_cpu_time_is_not_used() -> None:
    clock = Clock()
    watcher = Guard(
        machine=Machine(clock), clock=clock, cpu_clock=None, work=lambda: None, sleep=clock.sleep, handover=lambda: None
    )
    assert looked(watcher, clock).noise().cpu_to_wall is None


def test_a_machine_that_changes_its_speed_drifts() -> None:
    noise = summary([Reading(0.004 if turn % 2 else 0.006) for turn in range(20)])
    assert not noise.quiet
    assert "varied by 40%" in noise.reasons[0]


def test_a_thread_that_is_put_aside_now_and_then_is_no_drift_of_the_clock() -> None:
    noise = summary([Reading(0.008, 0.5) if turn % 10 == 0 else Reading(0.004, 1.0) for turn in range(20)])
    assert (noise.quiet, noise.drift) == (True, 0)


def test_a_run_without_readings_is_quiet_and_few_tell_no_drift() -> None:
    assert summary([]).quiet
    few = summary([Reading(0.004), Reading(0.009)])
    assert (few.quiet, few.drift, few.calibration_s) == (True, None, None)


def test_readings_of_an_earlier_part_count() -> None:
    clock = Clock()
    watcher = guard(clock)
    watcher.recall([Reading(0.004, cpu_to_wall=0.3)] * 10)
    assert "10 of 10" in watcher.noise().reasons[0]


def test_the_hand_over_is_the_median_of_those_that_were_read() -> None:
    clock = Clock()
    times_s = iter([2e-7, None, 6e-7, 2e-7])
    watcher = Guard(
        machine=Machine(clock), clock=clock, work=lambda: None, sleep=clock.sleep, handover=lambda: next(times_s)
    )
    assert looked(watcher, clock, 4).noise().handover_s == 2e-7


def test_the_real_machine_can_be_read() -> None:
    watcher = Guard()
    try:
        reading = watcher.reading(waits=True)
        assert reading.kernel_s > 0
        assert watcher.noise().calibration_s is None
    finally:
        watcher.close()
    assert watcher.reading().handover_s is None


def test_guards_in_threads_take_turns() -> None:
    clock, inside, together = Clock(), [0], []

    def work() -> None:
        inside[0] += 1
        together.append(inside[0])
        sleep(0.001)
        inside[0] -= 1

    guards = [Guard(machine=Machine(clock), work=work, sleep=lambda _: None, handover=lambda: None) for _ in range(4)]
    threads = [Thread(target=watcher.reading) for watcher in guards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1, 1, 1, 1]
