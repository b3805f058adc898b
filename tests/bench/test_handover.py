import os

import pytest

from llmopt.bench.handover import Handover, handover

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="CPUs can be chosen on Linux only")


def two_cpus() -> tuple[int, int]:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("one CPU has nothing to hand over to")
    return cpus[0], cpus[1]


def test_a_hand_over_takes_time_or_the_partner_had_no_cpu_and_the_cpus_are_ours_again() -> None:
    before = os.sched_getaffinity(0)
    pair = Handover(two_cpus())
    readings = [pair.read_s() for _ in range(5)]
    pair.close()
    assert all(reading is None or 1e-8 < reading < 0.1 for reading in readings)
    assert os.sched_getaffinity(0) == before


def test_a_partner_that_is_gone_tells_nothing() -> None:
    pair = Handover(two_cpus())
    pair.close()
    pair.close()
    assert pair.read_s() is None


@pytest.mark.parametrize("cpus", [{0}, {0, 1, 2}])
def test_it_is_read_only_where_two_cpus_are_all(cpus: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cpus)
    assert handover() is None


def test_a_system_that_lets_nobody_choose_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert handover() is None


def test_a_system_that_refuses_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError

    pair = Handover(two_cpus())
    with monkeypatch.context() as patched:
        patched.setattr(os, "sched_setaffinity", refused)
        assert pair.read_s() is None
    pair.close()
    monkeypatch.setattr("llmopt.bench.handover.Handover", refused)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert handover() is None
