"""What other processes take of the CPUs: all that was done, less what we did."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.models.others import Others
from tests.bench.machines import Clock


def machine(folder: Path, busy: tuple[int, ...], own: dict[str, int], children: dict[str, str]) -> None:
    """Write the counters of a machine: busy ticks of each CPU, ticks of processes, and who is whose child."""
    cpus = [f"cpu{number} {ticks} 0 0 500 70 0 0 9 0 0" for number, ticks in enumerate(busy)]
    (folder / "stat").write_text("\n".join(["cpu 1 2 3 4 5 6 7 8", *cpus, "intr 12"]))
    for process, ticks in own.items():
        task = folder / process / "task" / process
        task.mkdir(parents=True, exist_ok=True)
        fields = ["S", *["0"] * 10, str(ticks), "0", "0", "0", "20"]
        (folder / process / "stat").write_text(f"7 (a name) with blanks) {' '.join(fields)}")
        (task / "children").write_text(children.get(process, ""))


def seen(folder: Path, clock: Clock, cpus: frozenset[int] = frozenset({0, 1})) -> Others:
    return Others(folder, cpus, clock=clock, tick_s=0.01)


def test_what_we_and_our_children_do_is_not_theirs(tmp_path: Path) -> None:
    clock = Clock()
    others = seen(tmp_path, clock)
    family = {"self": "11 12", "12": "13"}
    machine(tmp_path, (100, 100), {"self": 10, "11": 10, "12": 10, "13": 10}, family)
    others.start()
    clock.sleep(2.0)
    machine(tmp_path, (250, 200), {"self": 60, "11": 60, "12": 60, "13": 20}, family)
    # 250 ticks of 400 were used, 160 of them by us
    assert others.share() == pytest.approx(90 / 400)


def test_only_the_cpus_that_we_may_use_count(tmp_path: Path) -> None:
    clock = Clock()
    others = seen(tmp_path, clock, frozenset({1}))
    machine(tmp_path, (0, 0), {"self": 0}, {})
    others.start()
    clock.sleep(1.0)
    machine(tmp_path, (90, 25), {"self": 25}, {})
    assert others.share() == 0.0


def test_counters_that_disagree_by_a_tick_are_not_negative(tmp_path: Path) -> None:
    clock = Clock()
    others = seen(tmp_path, clock)
    machine(tmp_path, (0, 0), {"self": 0}, {})
    others.start()
    clock.sleep(1.0)
    machine(tmp_path, (50, 49), {"self": 100}, {})
    assert others.share() == 0.0


def test_a_system_that_tells_nothing_is_not_known(tmp_path: Path) -> None:
    clock = Clock()
    others = seen(tmp_path, clock)
    assert others.share() is None
    others.start()
    clock.sleep(1.0)
    assert others.share() is None
    assert Others(tmp_path, frozenset(), clock=clock).share() is None


def test_this_machine_can_be_asked() -> None:
    others = Others()
    others.start()
    share = others.share()
    assert share is None or share >= 0
