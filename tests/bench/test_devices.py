"""Several devices share a sweep: each shape is measured once, failures end the others, kinds are not mixed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.child import ChildTarget
from llmopt.bench.devices import Share, device_names, merged, shares, sweep_devices
from llmopt.bench.plan import Mix, longest
from llmopt.bench.result import Environment, Noise, Point, Sweep
from llmopt.bench.sweep import Sizes
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.core.batch import BatchTiming, Shape
from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, LlmoptError, OutOfMemory, UsageError
from tests.bench.children import HANG, OddFactory


class FakeTarget:
    def __init__(self, device: str, hardware: str = "NVIDIA Fake") -> None:
        self.device, self.hardware = device, hardware
        self.stopped = threading.Event()

    def facts(self) -> TargetFacts:
        return TargetFacts("model", "embed", self.device, self.hardware, device_state=(("power", "300 W"),))

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        raise NotImplementedError

    def load(self, plan: LoadPlan) -> LoadRun:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.stopped.set()


def swept(target: Target, share: Share, noise: Noise = Noise(True)) -> Sweep:  # noqa: B008
    sizes = (1, 2, 4) if isinstance(share.batch_sizes, str) else share.batch_sizes
    points = tuple(
        Point(Shape(size, longest(entry)), "ok", reason=target.facts().device)
        for entry in share.seq_lens
        for size in sizes
    )
    environment = Environment(target.facts(), noise, "3.11", "Linux x86_64", 8, "0")
    return Sweep(points, environment, elapsed_s=float(len(points)), warnings=("same for all",))


@given(
    st.one_of(st.just("auto"), st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True)),
    st.lists(st.integers(1, 999), min_size=1, max_size=6, unique=True),
    st.integers(1, 9),
)
def test_each_shape_is_dealt_once(sizes: str | list[int], lengths: list[int], devices: int) -> None:
    wanted = {(size, length) for size in (sizes if isinstance(sizes, list) else ["auto"]) for length in lengths}
    dealt = shares("auto" if isinstance(sizes, str) else sizes, lengths, devices)
    found = [
        (size, length)
        for share in dealt
        for size in (["auto"] if isinstance(share.batch_sizes, str) else share.batch_sizes)
        for length in share.seq_lens
    ]
    assert len(found) == len(wanted)
    assert set(found) == wanted
    assert 1 <= len(dealt) <= devices


def test_long_ones_are_dealt_back_and_forth() -> None:
    assert [share.seq_lens for share in shares("auto", (16, 32, 64, 128), 2)] == [(128, 16), (64, 32)]
    mix = Mix((3, 500))
    assert [share.seq_lens for share in shares("auto", (128, mix), 2)] == [(mix,), (128,)]
    assert [share.batch_sizes for share in shares((1, 2, 4, 8), (128,), 2)] == [(1, 8), (2, 4)]
    assert len(shares("auto", (128,), 4)) == 1


def test_a_sweep_over_devices_is_one_sweep() -> None:
    targets = [FakeTarget("cuda:0"), FakeTarget("cuda:1")]
    found = sweep_devices(targets, swept, batch_sizes=(1, 2), seq_lens=(32, 128))
    assert [point.shape for point in found.points] == [Shape(1, 32), Shape(2, 32), Shape(1, 128), Shape(2, 128)]
    assert {point.reason for point in found.points} == {"cuda:0", "cuda:1"}
    assert found.environment.target.device == "cuda:0,cuda:1"
    assert found.environment.target.device_state == (("cuda:0 power", "300 W"), ("cuda:1 power", "300 W"))
    assert (found.warnings, found.elapsed_s) == (("same for all",), 2.0)
    assert not any(target.stopped.is_set() for target in targets)


def test_the_devices_work_at_the_same_time() -> None:
    both = threading.Barrier(2)

    def sweep_one(target: Target, share: Share) -> Sweep:
        both.wait(30)
        return swept(target, share)

    targets = [FakeTarget("cuda:0"), FakeTarget("cuda:1")]
    assert len(sweep_devices(targets, sweep_one, batch_sizes="auto", seq_lens=(8, 16)).points) == 6


def test_one_device_needs_no_threads() -> None:
    def sweep_one(target: Target, share: Share) -> Sweep:
        assert threading.current_thread() is threading.main_thread()
        assert share == Share("auto", (8, 16))
        return swept(target, share)

    assert sweep_devices([FakeTarget("cpu")], sweep_one, batch_sizes="auto", seq_lens=[8, 16]).points


def test_devices_without_a_share_are_left_alone() -> None:
    targets = [FakeTarget("cuda:0"), FakeTarget("cuda:1", "another kind")]
    found = sweep_devices(targets, swept, batch_sizes="auto", seq_lens=(8,))
    assert found.environment.target.device == "cuda:0"
    assert found.warnings[0] == "same for all"
    assert found.warnings[1].startswith("1 of 2 devices had nothing to do; name ")


def test_kinds_are_not_mixed() -> None:
    targets = [FakeTarget("cuda:0", "NVIDIA A"), FakeTarget("cuda:1", "NVIDIA B")]
    with pytest.raises(UsageError, match="several kinds: NVIDIA A, NVIDIA B") as caught:
        sweep_devices(targets, swept, batch_sizes="auto", seq_lens=(8, 16))
    assert caught.value.hint


def test_the_first_failure_ends_the_others() -> None:
    targets = [FakeTarget("cuda:0"), FakeTarget("cuda:1")]

    def sweep_one(target: Target, share: Share) -> Sweep:
        if target is targets[1]:
            raise InputError("the wrong number of results")
        assert targets[0].stopped.wait(30)
        raise InputError("its process was ended")

    with pytest.raises(InputError, match="wrong number"):
        sweep_devices(targets, sweep_one, batch_sizes="auto", seq_lens=(8, 16))
    assert all(target.stopped.is_set() for target in targets)


@pytest.mark.parametrize(("sizes", "named"), [("auto", (1,)), ((2, 16), (2, 16))])
def test_a_length_that_fits_on_no_device_does_not_end_the_sweep_of_the_others(
    sizes: Sizes, named: tuple[int, ...]
) -> None:
    def sweep_one(target: Target, share: Share) -> Sweep:
        if share.seq_lens == (8192,):
            raise OutOfMemory("not even 1 request of 8192 tokens fits in memory")
        return swept(target, share)

    targets = [FakeTarget("cuda:0"), FakeTarget("cuda:1")]
    found = sweep_devices(targets, sweep_one, batch_sizes=sizes, seq_lens=(8, 8192))
    small = [point.status for point in found.points if point.shape.seq_len == 8]
    assert small == ["ok"] * (3 if sizes == "auto" else 2)
    large = [point for point in found.points if point.shape.seq_len == 8192]
    assert [(point.shape.batch_size, point.status) for point in large] == [(size, "oom") for size in named]
    assert "not even 1 request" in large[0].reason
    assert not any(target.stopped.is_set() for target in targets)


def test_where_nothing_fits_on_any_device_that_is_the_error() -> None:
    def sweep_one(target: Target, share: Share) -> Sweep:
        raise OutOfMemory(f"not even 1 request of {share.seq_lens[0]} tokens fits")

    with pytest.raises(OutOfMemory, match="not even 1 request of 16 tokens"):
        sweep_devices([FakeTarget("cuda:0"), FakeTarget("cuda:1")], sweep_one, batch_sizes="auto", seq_lens=(8, 16))


def test_children_that_hang_are_ended_with_the_one_that_failed() -> None:
    targets = [ChildTarget(OddFactory("cuda:0")), ChildTarget(OddFactory("cuda:1"))]

    def sweep_one(target: Target, share: Share) -> Sweep:
        if share.seq_lens == (HANG,):
            target.run((HANG,))
        target.run((1,))
        raise UsageError("enough")

    try:
        with pytest.raises(UsageError, match="enough"):
            sweep_devices(targets, sweep_one, batch_sizes="auto", seq_lens=(HANG, 1))
    finally:
        for target in targets:
            target.close()


def test_what_was_noisy_on_one_is_noisy() -> None:
    quiet, noisy = Noise(True, cpu_pressure=0.0), Noise(False, ("busy",), cpu_pressure=0.5)
    share = Share((1,), (8,))
    target = FakeTarget("cuda:0")
    found = merged([swept(target, share, noise) for noise in (quiet, noisy, noisy)]).environment.noise
    assert found == noisy


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("auto", ("auto",)),
        ("cpu", ("cpu",)),
        ("cuda:1", ("cuda:1",)),
        ("cuda:0,cuda:2", ("cuda:0", "cuda:2")),
        ("cuda:0, cuda:1", ("cuda:0", "cuda:1")),
        ("cuda", ("cuda:0", "cuda:1", "cuda:2")),
    ],
)
def test_names_of_devices(name: str, names: tuple[str, ...]) -> None:
    assert device_names(name, lambda: 3) == names


def test_without_gpus_the_name_is_left_for_the_model_to_refuse() -> None:
    assert device_names("cuda", lambda: 0) == ("cuda",)


@pytest.mark.parametrize("name", ["cuda:0,cuda:0", "cuda:0,", "cpu,cuda:0", "cuda:0,cuda:x", ",", "cuda,cuda"])
def test_names_that_make_no_sense(name: str) -> None:
    with pytest.raises(LlmoptError) as caught:
        device_names(name, lambda: 3)
    assert type(caught.value) is UsageError
    assert caught.value.hint
