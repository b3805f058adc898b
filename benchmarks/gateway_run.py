"""What the gateway's benchmark measures: the same loads on each server in turn, round after round."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import gateway_servers as servers
from benchmarks.gateway_servers import Server

Figures = dict[str, Any]
_PROGRAM = Path(__file__).resolve().parent / "gateway_load.py"
_NUMBERS = itertools.count(0, 10**7)
"""First numbers of loads: no two have a request in common, so that nothing is a hit that should be none."""
MANY = 128
_WARM, _WARM_REQUESTS = frozenset({"parallel", "streams", "hits"}), 100
"""Loads that are run before anything is measured: code is loaded, and what `hits` asks for is kept."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A load."""

    clients: int
    stream: bool = False
    same: bool = False
    """The same request again and again: a hit where there is a cache."""


SCENES = {
    "serial": Scene(1),
    "parallel": Scene(32),
    "first": Scene(1, stream=True),
    "streams": Scene(32, stream=True),
    "hits": Scene(32, same=True),
}
"""Loads by name; `hits` is for those who have a cache."""


def measured(server: Server, scene: Scene, seconds: float, *, requests: int = 0) -> Figures:
    """Run a load on a server, and return what came of it with the CPU time of each request."""
    command = [sys.executable, str(_PROGRAM), str(server.port), "--clients", str(scene.clients), "--key", servers.KEY]
    command += ["--first", "0" if scene.same else str(next(_NUMBERS))]
    command += ["--requests", str(requests)] if requests else ["--seconds", str(seconds)]
    command += [f"--{name}" for name in ("stream", "same") if getattr(scene, name)]
    before_s = server.cpu_s()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used_s = server.cpu_s() - before_s
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    found["cpu_ms"] = 1e3 * used_s / found["requests"] if found["requests"] else None
    return found


def in_turn(
    contenders: Mapping[str, Server], scenes: Sequence[str], seconds: float, rounds: int, *, requests: int = 0
) -> Figures:
    """Run each load on each server once a round, and return the medians by server and load."""
    found: dict[str, dict[str, list[Figures]]] = {name: {scene: [] for scene in scenes} for name in contenders}
    for name, server in contenders.items():
        for scene in _WARM.intersection(scenes):
            measured(server, SCENES[scene], 0.0, requests=_WARM_REQUESTS)
        print(f"warm: {name}", file=sys.stderr)
    for number, scene in itertools.product(range(rounds), scenes):
        for name, server in contenders.items():
            found[name][scene].append(measured(server, SCENES[scene], seconds, requests=requests))
        print(f"round {number + 1}: {scene}", file=sys.stderr)
    return {name: {scene: _medians(its) for scene, its in each.items()} for name, each in found.items()}


def pipelines(folder: Path, venvs: Path | None, seconds: float, rounds: int, *, requests: int = 0) -> Figures:
    """Measure requests and streams that all go upstream, and hits of caches in memory.

    Args:
        folder: for what the servers write.
        venvs: with LiteLLM; None: without it.
        seconds: of each load.
        rounds: of all.
        requests: of each load, in place of seconds.
    """
    with ExitStack() as stack:
        mock = stack.enter_context(servers.mock(folder))
        contenders = {"mock": mock, "passthrough": stack.enter_context(servers.passthrough(folder, mock.port))}
        contenders["llmopt"] = stack.enter_context(servers.gateway(folder, mock.port, "memory"))
        contenders["llmopt bare"] = stack.enter_context(servers.gateway(folder, mock.port, "off", bare=True))
        if venvs is not None:
            contenders["litellm"] = stack.enter_context(servers.litellm(folder, venvs, mock.port, None))
            local = servers.litellm(folder, venvs, mock.port, {"type": "local"})
            contenders["litellm full"] = stack.enter_context(local)
        found = in_turn(contenders, ("serial", "parallel", "first", "streams"), seconds, rounds, requests=requests)
        caches = {name: contenders[name] for name in ("llmopt", "litellm full") if name in contenders}
        for name, figures in in_turn(caches, ("hits",), seconds, rounds, requests=requests).items():
            found[name].update(figures)
        for name, server in contenders.items():
            found[name].update(start_s=server.start_s, rss_mb=server.memory_mb())
    return found


def redis_hits(folder: Path, venvs: Path | None, seconds: float, rounds: int) -> Figures | None:
    """Measure hits of caches in Redis, by many clients at once; None: there is no Redis."""
    scene = Scene(MANY, same=True)
    with ExitStack() as stack:
        port = stack.enter_context(servers.redis_server(folder))
        if port is None:
            return None
        mock = stack.enter_context(servers.mock(folder))
        contenders = {"llmopt": stack.enter_context(servers.gateway(folder, mock.port, f"redis://127.0.0.1:{port}/0"))}
        if venvs is not None:
            cache = {"type": "redis", "host": "127.0.0.1", "port": port}
            contenders["litellm"] = stack.enter_context(servers.litellm(folder, venvs, mock.port, cache))
        found: dict[str, list[Figures]] = {name: [] for name in contenders}
        for server in contenders.values():
            measured(server, scene, 0.0, requests=2 * MANY)
        for _ in range(rounds):
            for name, server in contenders.items():
                found[name].append(measured(server, scene, seconds))
    return {name: {**_medians(its), "errors": sum(one["errors"] for one in its)} for name, its in found.items()}


def starts(folder: Path, times: int) -> list[float]:
    """Return how long `llmopt gateway` takes until it answers, with everything on, again and again."""
    found = []
    with servers.mock(folder) as mock:
        for _ in range(times):
            with servers.gateway(folder, mock.port, "memory") as server:
                found.append(server.start_s)
    return found


def _medians(its: Sequence[Figures]) -> Figures:
    """Return the median of each figure over the rounds; errors of all rounds together."""
    found = {name: median(values) for name in its[0] if (values := [one[name] for one in its if one[name] is not None])}
    return {**found, "errors": sum(one["errors"] for one in its)}
