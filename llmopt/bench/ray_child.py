"""Processes for models on the hosts of a Ray cluster, one a GPU; the only module that knows Ray.

An actor reserves the device and starts a `llmopt.bench.spawned.Child` beside itself, on its host. So a batch is timed
there, a process that dies of it is told apart from an actor that did, and neither the network nor Ray is in any figure.
Hosts need llmopt in the same version and, where the model is a folder or a function, that at the same place.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmopt import __version__
from llmopt.bench.callables import CallableFactory
from llmopt.bench.child import ChildTarget
from llmopt.bench.spawned import Child
from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, MissingExtraError, OutOfMemory, UsageError
from llmopt.models.factory import ModelFactory

try:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of every cluster that is started
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise MissingExtraError("ray", "ray") from error

_REACH_S = 5.0
_READY_S = 60.0
"""How long a free device is waited for."""
_LATE_S = 10.0
"""How much later than its limit an answer may come, since the actor watches the same limit itself."""
_PORT = 6379
_GONE = "ended"
"""Comes from an actor in the place of an answer, with the exit code of the process."""
_CALLED = "answer"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the cluster one model can live."""

    node_id: str
    host: str
    """What Ray calls the host."""
    gpus: int
    """1, or 0 for a process on the host's cores."""
    cpus: int
    """Cores that the process may use."""


class Host:
    """The actor: keeps a process on its host and hands messages to it."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def ready(self) -> str:
        """Return the version of llmopt here."""
        return __version__

    def ask(self, message: Any, limit_s: float) -> tuple[str, Any]:
        """Send a message to the process, which begins at the first one.

        Returns:
            `answer` and what came, or `ended` and the exit code of a process that went away.

        Raises:
            TimeoutError: no answer in time.
        """
        if self._child is None:
            self._child = Child()
        try:
            return _CALLED, self._child.ask(message, limit_s)
        except (EOFError, ConnectionError):
            code, self._child = self._child.end(), None
            return _GONE, code

    def pid(self) -> int | None:
        """Return the number of the process on its host."""
        return None if self._child is None else self._child.pid


class RayChild:
    """A process at a place of the cluster; what `llmopt.bench.child.ChildTarget` takes for one of this machine.

    Args:
        place: where; it is taken until `end`.

    Raises:
        InputError: the place does not come free, or its host has another llmopt.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._code: int | None = None
        self._actor: Any = (
            ray.remote(Host)
            .options(
                num_gpus=place.gpus,
                num_cpus=place.cpus,
                max_restarts=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(place.node_id, soft=False),
            )
            .remote()
        )
        try:
            self._check_version(self._got(self._actor.ready.remote(), _READY_S))
        except TimeoutError:
            self.kill()
            raise InputError(
                f"{self._where} did not come free in {_READY_S:g} s", "see with `ray status` who holds it"
            ) from None
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int | None:
        """Number of the process on its host; None where there is none."""
        pid: int | None = self._got(self._actor.pid.remote(), _READY_S)
        return pid

    def ask(self, message: Any, limit_s: float) -> tuple[Any, Any]:
        """Send a message and return the answer; TimeoutError after a while, EOFError when the process is gone.

        Raises:
            InputError: the actor is gone, and with it the process: its host left the cluster, or it was stopped.
            OutOfMemory: Ray ended the actor because its host ran out of memory.
        """
        late_s = None if math.isinf(limit_s) else limit_s + _LATE_S
        kind, payload = self._got(self._actor.ask.remote(message, limit_s), late_s)
        if kind == _GONE:
            self._code = payload
            raise EOFError
        result, error = payload
        if isinstance(result, TargetFacts):
            result = replace(result, device=f"{result.device}@{self._place.host}")
        return result, error

    def kill(self) -> None:
        """End the actor at once; its process sees that and ends as well."""
        with suppress(ValueError, ray.exceptions.RayError):  # a connection that is closed has no actors any more
            ray.kill(self._actor)

    def end(self) -> int | None:
        """End the actor and return the exit code of its process; None where that was still there."""
        self.kill()
        return self._code

    @property
    def _where(self) -> str:
        return f"{'a GPU' if self._place.gpus else 'the processor'} of {self._place.host}"

    def _got(self, reference: Any, timeout_s: float | None) -> Any:
        try:
            return ray.get(reference, timeout=timeout_s)
        except ray.exceptions.GetTimeoutError as error:
            raise TimeoutError from error
        except ray.exceptions.OutOfMemoryError as error:
            raise OutOfMemory(
                f"{self._place.host} ran out of memory, and Ray ended the process", "a smaller batch, or more memory"
            ) from error
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, TimeoutError):
                raise TimeoutError from error
            raise InputError(
                f"{self._place.host}: {type(cause).__name__}: {str(cause).splitlines()[-1] if str(cause) else ''}",
                f"llmopt {__version__} and what the model needs must be installed there",
            ) from error
        except ray.exceptions.RayError as error:
            raise InputError(
                f"{self._where} was lost: {_said(error)}", "see with `ray status` whether the host is still there"
            ) from error

    def _check_version(self, version: str) -> None:
        if version != __version__:
            raise InputError(
                f"{self._place.host} has llmopt {version}, and this is {__version__}", "install the same on all hosts"
            )


@contextmanager
def targets(
    factory: CallableFactory | ModelFactory, address: str, device: str, left: Callable[[], float]
) -> Iterator[tuple[ChildTarget, ...]]:
    """Connect to a cluster, and give a target for each place of it; all end with the connection.

    Args:
        factory: opens what is measured, on each host.
        address: as for `cluster`.
        device: as for `places`.
        left: seconds that an answer may still take.

    Raises:
        LlmoptError: as `cluster` and `places`.
    """
    with cluster(address), ExitStack() as opened:
        found = []
        for place in places(device):
            here = factory.on("cuda:0" if place.gpus else "cpu") if isinstance(factory, ModelFactory) else factory
            target = ChildTarget(here, left, begin=partial(RayChild, place))
            found.append(opened.enter_context(closing(target)))
        yield tuple(found)


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Connect to a cluster, and let go of it at the end.

    Args:
        address: `local` starts one on this machine; `auto` takes the one that runs here; HOST:PORT, ray://HOST:PORT.

    Raises:
        InputError: there is none.
    """
    _check_reach(address)
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        # what workers print would go to standard output, which is for the result
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        hint = "such as --ray auto, or --ray local for this machine"
        if address not in ("auto", "local"):
            hint = "see there with `ray status`; a cluster with token authentication wants its token here, too"
        raise InputError(f"no Ray cluster at {address}: {_said(error)}", hint) from error
    try:
        yield
    finally:
        ray.shutdown()


def places(device: str) -> tuple[Place, ...]:
    """Return the places of the connected cluster.

    Args:
        device: `cuda`: each GPU; `cpu`: each host; `auto`: GPUs where the cluster has any, else hosts.

    Raises:
        UsageError: a single device of one machine is named.
        InputError: there is no such place.
    """
    if device not in ("auto", "cuda", "cpu"):
        raise UsageError(f"--device {device} with --ray: Ray deals the devices", "one of auto, cuda, cpu")
    nodes = [node for node in ray.nodes() if node["Alive"]]
    on_gpus = [place for node in nodes for place in _gpus(node)]
    if device == "cuda" and not on_gpus:
        raise InputError("the Ray cluster has no GPU", "add a host with one, or name --device cpu")
    on_hosts = [Place(node["NodeID"], node["NodeName"], 0, cpus) for node in nodes if (cpus := _count(node, "CPU"))]
    found = on_gpus if on_gpus and device != "cpu" else on_hosts
    if not found:
        raise InputError("the Ray cluster has no host to work on", "see with `ray status` what it has")
    return tuple(found)


def _gpus(node: dict[str, Any]) -> list[Place]:
    """Return a place for each GPU of a host; the cores are shared out, since Ray limits the threads to them."""
    gpus = _count(node, "GPU")
    cpus = _count(node, "CPU") // gpus if gpus else 0
    return [Place(node["NodeID"], node["NodeName"], 1, cpus)] * gpus


def _count(node: dict[str, Any], resource: str) -> int:
    return int(node["Resources"].get(resource, 0))


def _check_reach(address: str) -> None:
    """Knock at the door first: Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in ("local", "auto"):
        return
    if not host or not port.isdecimal():
        raise UsageError(f"--ray {address!r}: not local, auto, HOST:PORT or ray://HOST:PORT", f"such as host:{_PORT}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
    except OSError as error:
        raise InputError(
            f"no Ray cluster at {address}: {error.strerror or error}", "see there with `ray status`"
        ) from error


def _said(error: BaseException) -> str:
    """Return the first line of what Ray says."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
