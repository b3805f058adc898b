"""Models on the hosts of a Ray cluster: the same answers and the same deaths as here, and one line for the rest."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest

from llmopt import __version__
from llmopt.bench.child import ChildTarget
from llmopt.bench.devices import Share, sweep_devices
from llmopt.bench.target import Target
from llmopt.errors import InputError, MissingExtraError, OutOfMemory, UsageError
from tests.bench import children
from tests.bench.children import OddFactory
from tests.bench.fake_ray import Actor, Affinity, FakeRay, OutOfMemoryError, in_place_of_ray, node


@pytest.fixture
def ray() -> Iterator[FakeRay]:
    with in_place_of_ray(sys.modules) as fake:
        yield fake


@pytest.fixture
def module(ray: FakeRay) -> ModuleType:
    return import_module("llmopt.bench.ray_child")


@pytest.fixture
def target(module: ModuleType) -> Iterator[ChildTarget]:
    place = module.Place("id-a", "a", 0, 4)
    made = ChildTarget(OddFactory(), begin=partial(module.RayChild, place))
    yield made
    made.close()


def test_it_answers_from_a_process_of_the_host(target: ChildTarget, ray: FakeRay) -> None:
    facts = target.facts()
    assert facts.device == "cpu@a"
    assert int(dict(facts.versions)["pid"]) == target.pid != os.getpid()
    timing = target.run((3, 5, 4))
    assert (timing.useful_tokens, timing.padded_tokens) == (12, 15)
    assert timing.wall_s > 0
    assert ray.actors[0].options == {
        "num_gpus": 0,
        "num_cpus": 4,
        "max_restarts": 0,
        "scheduling_strategy": Affinity("id-a", soft=False),
    }


@pytest.mark.parametrize(
    ("odd", "kind", "message"),
    [
        (children.KILLED, OutOfMemory, "was killed"),
        (children.EXIT, InputError, "exit code 3"),
        (children.EXHAUSTED, OutOfMemory, "out of memory on odd"),
        (children.SHORT, InputError, "0 results for 1 request"),
    ],
)
def test_what_a_batch_does_to_its_process_is_told_as_here(
    target: ChildTarget, odd: int, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        target.run((odd,))
    assert target.run((2,)).useful_tokens == 2


def test_a_batch_that_hangs_is_ended_when_the_time_is_up(module: ModuleType) -> None:
    limits = iter([60.0] * 4 + [0.01] + [60.0] * 9)
    place = module.Place("id-a", "a", 0, 4)
    target = ChildTarget(OddFactory(), lambda: next(limits), begin=partial(module.RayChild, place))
    try:
        target.run((1,))
        with pytest.raises(InputError, match="before the time was up"):
            target.run((children.HANG,))
        assert target.run((1,)).useful_tokens == 1
    finally:
        target.close()


def test_a_target_that_is_stopped_from_another_thread_ends(target: ChildTarget, ray: FakeRay) -> None:
    target.run((1,))
    threading.Timer(0.01, target.stop).start()
    with pytest.raises(InputError):
        target.run((children.HANG,))
    assert ray.actors[0].dead.is_set()


def test_an_actor_that_is_lost_names_its_host(target: ChildTarget, ray: FakeRay) -> None:
    target.facts()
    ray.actors[0].dead.set()
    with pytest.raises(InputError, match=r"^the processor of a was lost: The actor is dead$") as caught:
        target.run((1,))
    assert "ray status" in caught.value.hint
    assert target.run((1,)).useful_tokens == 1  # in a new one
    assert len(ray.actors) == 2


def test_a_host_without_memory_is_one_on_which_the_batch_does_not_fit(target: ChildTarget, ray: FakeRay) -> None:
    target.facts()
    ray.actors[0].failure = OutOfMemoryError("Task was killed due to the node running low on memory")
    with pytest.raises(OutOfMemory, match="a ran out of memory"):
        target.run((1,))


def test_a_device_that_does_not_come_free_is_told(
    module: ModuleType, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(actor: Actor) -> None:
        actor.late = True

    ray.prepare = late
    monkeypatch.setattr(module, "_READY_S", 0.01)
    with pytest.raises(InputError, match=r"^a GPU of b did not come free in 0.01 s$"):
        module.RayChild(module.Place("id-b", "b", 1, 2))
    assert ray.actors[0].dead.is_set()


def test_another_llmopt_on_a_host_is_refused(module: ModuleType, ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Host, "ready", lambda self: "0.0.9")
    with pytest.raises(InputError, match=rf"^a has llmopt 0.0.9, and this is {__version__}$"):
        module.RayChild(module.Place("id-a", "a", 0, 1))
    assert ray.actors[0].dead.is_set()


def test_a_host_without_llmopt_says_so(module: ModuleType, ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: object) -> str:
        raise ModuleNotFoundError("No module named 'llmopt'")

    monkeypatch.setattr(module.Host, "ready", missing)
    with pytest.raises(InputError, match="a: ModuleNotFoundError: No module named 'llmopt'") as caught:
        module.RayChild(module.Place("id-a", "a", 0, 1))
    assert "installed" in caught.value.hint


def test_each_gpu_of_the_cluster_is_a_place_with_its_share_of_the_cores(module: ModuleType, ray: FakeRay) -> None:
    ray.nodes_of = [
        node("a", CPU=8.0, GPU=2.0),
        node("b", CPU=6.0, GPU=1.0),
        node("c", CPU=2.0),
        node("d", alive=False),
    ]
    assert [(place.host, place.gpus, place.cpus) for place in module.places("auto")] == [
        ("a", 1, 4),
        ("a", 1, 4),
        ("b", 1, 6),
    ]
    assert module.places("cuda") == module.places("auto")
    assert [(place.host, place.gpus, place.cpus) for place in module.places("cpu")] == [
        ("a", 0, 8),
        ("b", 0, 6),
        ("c", 0, 2),
    ]


def test_a_cluster_without_what_is_asked_for(module: ModuleType, ray: FakeRay) -> None:
    with pytest.raises(InputError, match="has no GPU"):
        module.places("cuda")
    with pytest.raises(UsageError, match="--device cuda:1 with --ray"):
        module.places("cuda:1")
    ray.nodes_of = []
    with pytest.raises(InputError, match="has no host"):
        module.places("auto")


def test_the_connection_is_closed_whatever_happens(module: ModuleType, ray: FakeRay) -> None:
    with pytest.raises(KeyboardInterrupt), module.cluster("local"):
        raise KeyboardInterrupt
    assert ray.stopped == 1
    assert ray.started == [
        {"address": "local", "log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    ]


def test_a_cluster_that_is_not_there_is_told_at_once(module: ModuleType, ray: FakeRay) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=f"no Ray cluster at 127.0.0.1:{port}: "), module.cluster(f"127.0.0.1:{port}"):
        pass
    ray.unreachable = ConnectionError("Could not find any running Ray instance.\nmore")
    with (
        pytest.raises(InputError, match=r"^no Ray cluster at auto: Could not find any running Ray instance\.$"),
        module.cluster("auto"),
    ):
        pass
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(InputError, match="Could not find") as caught, module.cluster(address):
            pass
    assert "token" in caught.value.hint
    with pytest.raises(UsageError, match="--ray 'nowhere'"), module.cluster("nowhere"):
        pass
    assert not ray.started


def test_gpus_of_several_kinds_do_not_make_one_curve(module: ModuleType) -> None:
    kinds = (("a", "NVIDIA A"), ("b", "NVIDIA B"))
    targets = [
        ChildTarget(
            OddFactory("cuda:0", hardware=kind),
            begin=partial(module.RayChild, module.Place(f"id-{host}", host, 1, 1)),
        )
        for host, kind in kinds
    ]

    def sweep_one(target: Target, share: Share) -> Any:
        pytest.fail("nothing is to be measured")

    try:
        with pytest.raises(UsageError, match="several kinds: NVIDIA A, NVIDIA B"):
            sweep_devices(targets, sweep_one, batch_sizes="auto", seq_lens=(8, 16))
    finally:
        for target in targets:
            target.close()


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "llmopt.bench.ray_child", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError) as caught:
        import_module("llmopt.bench.ray_child")
    assert (caught.value.message, caught.value.hint) == ("ray is not installed", "pip install 'llmopt[ray]'")


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
@pytest.mark.filterwarnings("default")
def test_a_real_cluster_of_this_machine() -> None:
    from llmopt.bench import ray_child

    with ray_child.cluster("local"):
        (place,) = ray_child.places("auto")
        target = ChildTarget(OddFactory(), begin=partial(ray_child.RayChild, place))
        assert target.facts().device == f"cpu@{place.host}"
        assert target.run((3, 5)).padded_tokens == 10
        with pytest.raises(InputError, match="exit code 3"):
            target.run((children.EXIT,))
        assert target.run((2,)).useful_tokens == 2
        target.close()
