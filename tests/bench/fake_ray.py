"""Stands in for Ray: actors are objects of this process, each with a thread, and its exceptions have Ray's names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from llmopt import bench


class RayError(Exception):
    pass


class GetTimeoutError(RayError, TimeoutError):
    pass


class OutOfMemoryError(RayError):
    pass


class ActorDiedError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True)
class Affinity:
    node_id: str
    soft: bool


class Method:
    def __init__(self, actor: Actor, name: str) -> None:
        self.actor, self.name = actor, name

    def remote(self, *arguments: Any) -> Future[Any]:
        return self.actor.call(self.name, arguments)


class Actor:
    """One call at a time; a call that runs when the actor is killed ends with its death."""

    def __init__(self, kind: type, options: dict[str, Any]) -> None:
        self.made, self.options = kind(), options
        self.dead = threading.Event()
        self.pool = ThreadPoolExecutor(1)
        self.failure: Exception | None = None
        self.late = False

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Future[Any]:
        answer: Future[Any] = Future()
        if self.late:
            return answer
        work = self.pool.submit(self.work, name, arguments)
        work.add_done_callback(lambda done: answer.set_result(done.result()))
        return answer

    def work(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
        if self.dead.is_set():
            return None, ActorDiedError("The actor is dead\nmore")
        if self.failure is not None:
            return None, self.failure
        try:
            return getattr(self.made, name)(*arguments), None
        except Exception as error:  # noqa: BLE001 - as Ray does
            return None, RayTaskError(error)

    def kill(self) -> None:
        self.dead.set()
        child = getattr(self.made, "_child", None)
        if child is not None:
            child.kill()
            child.end()
        self.pool.shutdown(wait=False)


class FakeRay(ModuleType):
    """The part of `ray` that is used; `nodes_of` says what the cluster has."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(
            RayError=RayError,
            GetTimeoutError=GetTimeoutError,
            OutOfMemoryError=OutOfMemoryError,
            RayTaskError=RayTaskError,
        )
        self.nodes_of: list[dict[str, Any]] = [node("a", CPU=4.0)]
        self.actors: list[Actor] = []
        self.started: list[dict[str, Any]] = []
        self.stopped = 0
        self.unreachable: Exception | None = None
        self.prepare: Any = lambda actor: None

    def init(self, **options: Any) -> None:
        if self.unreachable is not None:
            raise self.unreachable
        self.started.append(options)

    def shutdown(self) -> None:
        self.stopped += 1

    def nodes(self) -> list[dict[str, Any]]:
        return self.nodes_of

    def remote(self, kind: type) -> Any:
        def made(**options: Any) -> Any:
            return SimpleNamespace(remote=lambda: self.actor(kind, options))

        return SimpleNamespace(options=made)

    def actor(self, kind: type, options: dict[str, Any]) -> Actor:
        self.actors.append(Actor(kind, options))
        self.prepare(self.actors[-1])
        return self.actors[-1]

    def get(self, reference: Future[Any], timeout: float | None = None) -> Any:
        try:
            result, error = reference.result(timeout)
        except FutureTimeoutError as late:
            raise GetTimeoutError("Get timed out") from late
        if error is not None:
            raise error
        return result

    def kill(self, actor: Actor) -> None:
        actor.kill()


def node(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": f"id-{name}", "NodeName": name, "Alive": alive, "Resources": resources}


@contextmanager
def in_place_of_ray(modules: dict[str, ModuleType]) -> Iterator[FakeRay]:
    """Put the fake where `import ray` finds it, and take the module that imported it away afterwards."""
    names = ("ray", "ray.util", "ray.util.scheduling_strategies", "llmopt.bench.ray_child")
    before = {name: modules.pop(name) for name in names if name in modules}
    fake, strategies = FakeRay(), ModuleType("ray.util.scheduling_strategies")
    strategies.__dict__["NodeAffinitySchedulingStrategy"] = Affinity
    modules |= {"ray": fake, "ray.util": ModuleType("ray.util"), "ray.util.scheduling_strategies": strategies}
    try:
        yield fake
    finally:
        for actor in fake.actors:
            actor.kill()
        for name in names:
            modules.pop(name, None)
        vars(bench).pop("ray_child", None)
        modules |= before
