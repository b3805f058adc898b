from pathlib import Path

import pytest

from llmopt.bench.host import Host

PRESSURE = "some avg10=0.92 avg60=0.87 avg300=0.59 total=9062004337\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for task, wait in (("10", 1_000_000_000), ("11", 500_000_000)):
        folder = tmp_path / "self" / "task" / task
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(f"123 {wait} 7\n")
    (tmp_path / "stat").write_text("cpu  10 20 30 40 50 60 70 80 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    (tmp_path / "cpu").write_text(PRESSURE)
    return tmp_path


def test_counters_are_read(proc: Path) -> None:
    host = Host(proc, (proc / "none", proc / "cpu"))
    assert host.pressure_s() == pytest.approx(9062.004337)
    assert host.waited_s() == pytest.approx(1.5)
    assert host.stolen() == (80, 360)


def test_waiting_of_children_is_counted(proc: Path) -> None:
    (proc / "self" / "task" / "10" / "children").write_text("77 78 ")
    folder = proc / "77" / "task" / "77"
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text("1 2000000000 3\n")
    assert Host(proc, ()).waited_s() == pytest.approx(3.5)


def test_a_system_without_these_files_tells_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path / "none", (tmp_path / "none",))
    assert (host.pressure_s(), host.waited_s(), host.stolen()) == (None, None, None)


def test_files_of_another_form_tell_nothing(proc: Path) -> None:
    (proc / "cpu").write_text("some\n")
    (proc / "stat").write_text("intr 1 2\n")
    for task in ("10", "11"):
        (proc / "self" / "task" / task / "schedstat").write_text("0\n")
    host = Host(proc, (proc / "cpu",))
    assert (host.pressure_s(), host.waited_s(), host.stolen()) == (None, None, None)


def test_the_real_host_can_be_asked() -> None:
    first, second = Host().waited_s(), Host().waited_s()
    assert (first is None) == (second is None)
