"""The benchmark of the gateway runs, and what a request costs is held to the bare passthrough on the same machine.

Times and rates are for whoever runs the benchmark on a quiet machine; here, CPU time is compared with CPU time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gateway, gateway_load, gateway_servers
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="CPU time is read from Linux' /proc"),
    pytest.mark.xdist_group("gateway benchmark"),  # which takes 15 s, and once is enough
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    options = argparse.Namespace(seconds=0.2, rounds=1, requests=300)
    return gateway.measure(options, tmp_path_factory.mktemp("gateway"), None)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockUpstream]:
    with MockUpstream(Behaviour(chunks=3), keeps=100) as server:
        yield server


def load(port: int, *options: str) -> dict[str, Any]:
    """Run the load as the benchmark does."""
    command = [sys.executable, gateway_load.__file__, str(port), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_answer_is_right_and_every_figure_is_there(figures: dict[str, Any]) -> None:
    assert figures["right"]
    assert set(figures["servers"]) == {"mock", "passthrough", "llmopt", "llmopt bare"}
    assert set(figures["goals"]) >= {"cpu_ms", "added_p50_ms", "first_added_ms", "start_s", "rss_mb"}
    assert all(each["serial"]["requests"] == 300 for each in figures["servers"].values())
    assert figures["redis"] is None or figures["redis"]["llmopt"]["requests"] > 0
    gateway.show(figures)
    json.dumps(figures)


@pytest.mark.parametrize(
    ("ratio", "most"),
    [
        ("serial_cpu", 8),
        ("parallel_cpu", 8),
        ("streams_cpu", 8),
        ("serial_cpu_bare", 4),
        ("parallel_cpu_bare", 4),
        ("streams_cpu_bare", 4),
        ("hit_cpu", 2),
    ],
)
def test_a_request_costs_few_times_what_a_bare_passthrough_costs(
    figures: dict[str, Any], ratio: str, most: float
) -> None:
    assert 0 < figures["ratios"][ratio] <= most


def test_goals_are_met_or_missed_as_they_say() -> None:
    load = {"cpu_ms": 0.4, "p50_ms": 0.9, "first_p50_ms": 1.0, "per_s": 1000.0, "errors": 0}
    slow = {"cpu_ms": 11.0, "p50_ms": 15.0, "first_p50_ms": 18.0, "per_s": 40.0, "errors": 0}
    scenes = ("serial", "parallel", "first", "streams", "hits")
    fast = {"start_s": 0.5, "rss_mb": 70.0, **dict.fromkeys(scenes, load)}
    peer = {"start_s": 9.0, "rss_mb": 350.0, **dict.fromkeys(scenes, slow)}
    servers = {"mock": {scene: {**load, "p50_ms": 0.1} for scene in scenes}, "llmopt": fast}
    servers.update({"litellm": peer, "litellm full": peer})
    found = dict(gateway.goals(servers, {"llmopt": {**load, "errors": 1}, "litellm": slow}, [0.5, 2.0, 0.4]))
    assert found["cpu_litellm"] == {"is": pytest.approx(27.5), "goal": "at least 25", "met": True}
    missed = {name for name, goal in found.items() if not goal["met"]}
    assert missed == {"added_p50_ms", "streams_per_s_litellm", "hits_litellm", "redis_errors"}
    assert set(found) == set(gateway.GOALS)


def test_the_load_sends_what_it_says(mock: MockUpstream) -> None:
    mock.record.reset()
    found = load(mock.port, "--clients", "4", "--requests", "20", "--first", "100")
    assert (found["requests"], found["errors"]) == (20, 0)
    assert len({seen.body for seen in mock.requests}) == mock.stats.calls == 20
    assert load(mock.port, "--requests", "3", "--stream", "--same")["first_p50_ms"] is not None
    assert len({seen.body for seen in list(mock.requests)[-3:]}) == 1
    assert mock.stats.streams == 3


@pytest.mark.parametrize("behaviour", [Behaviour(status=500), Behaviour(die_after=1), Behaviour(done=False)])
def test_the_load_counts_what_went_wrong(mock: MockUpstream, behaviour: Behaviour) -> None:
    usual, mock.behaviour = mock.behaviour, behaviour
    found = load(mock.port, "--requests", "2", "--clients", "2", "--stream")
    mock.behaviour = usual
    assert (found["requests"], found["errors"]) == (0, 2)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with (
        pytest.raises(RuntimeError, match="no such luck"),
        gateway_servers.running(command, gateway_servers.free_port(), "/", tmp_path),
    ):
        pass
