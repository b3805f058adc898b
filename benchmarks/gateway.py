"""`llmopt gateway` with everything on, beside LiteLLM's proxy and a bare passthrough, in one run on a mock at 0 ms.

Prints a table; the last line is one JSON object with every figure and the goals. The exit code is 1 when a request was
not answered rightly; speed is printed, and `met` says whether its goals are.

    python benchmarks/gateway.py [--venvs DIR] [--no-peers] [--seconds 3] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import gateway_run as run
from benchmarks.gateway_servers import has_litellm
from llmopt import __version__

Figures = dict[str, Any]
GOALS = {
    "cpu_ms": ("at most", 0.5),
    "cpu_litellm": ("at least", 25),
    "added_p50_ms": ("at most", 0.6),
    "per_s_litellm": ("at least", 20),
    "first_added_ms": ("at most", 2),
    "streams_per_s_litellm": ("at least", 50),
    "hits_litellm": ("at least", 30),
    "redis_hits_litellm": ("at least", 25),
    "redis_errors": ("at most", 0),
    "start_s": ("at most", 1),
    "rss_mb": ("at most", 80),
}
"""Figure -> what it has to be.

Those with LiteLLM's name say how many times better llmopt does, with everything on, than LiteLLM with nothing but a
key; hits are compared with its cache and its metrics on.
"""


def main() -> None:
    """Measure everything, print the figures."""
    parser = argparse.ArgumentParser(description="Measure the gateway beside LiteLLM and a bare passthrough.")
    parser.add_argument("--venvs", type=Path, help="folder of LiteLLM's venv; it stays there (default: temporary)")
    parser.add_argument("--no-peers", action="store_true", help="without LiteLLM; nothing is installed")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--requests", type=int, default=0, help="of each load, in place of seconds")
    parser.add_argument("--rounds", type=int, default=3, help="of all loads, on each server in turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as name:
        folder = Path(name)
        venvs = None if options.no_peers else (options.venvs or folder).resolve()
        result = measure(options, folder, venvs if venvs is not None and has_litellm(venvs) else None)
    show(result)
    print(json.dumps(result))
    sys.exit(0 if result["right"] else 1)


def measure(options: argparse.Namespace, folder: Path, venvs: Path | None) -> Figures:
    """Return all figures."""
    servers = run.pipelines(folder, venvs, options.seconds, options.rounds, requests=options.requests)
    redis = run.redis_hits(folder, venvs, options.seconds, options.rounds)
    starts = run.starts(folder, options.rounds)
    result: Figures = {"benchmark": "gateway", "servers": servers, "redis": redis, "starts_s": starts}
    result["ratios"] = ratios(servers)
    full = servers.get("litellm full")
    result["to_litellm_full"] = times_better(servers["llmopt"], full) if full else None
    result["goals"] = dict(goals(servers, redis, starts))
    result["met"] = all(goal["met"] for goal in result["goals"].values())
    result["right"] = all(figure["errors"] == 0 for figure in ours(servers, redis))
    result["environment"] = environment()
    return result


def ratios(servers: Figures) -> Figures:
    """Return llmopt's CPU time as so many times that of the bare passthrough, which any machine can be held to."""
    bare = servers["passthrough"]
    found = {
        f"{scene}_cpu{ending}": servers[name][scene]["cpu_ms"] / bare[scene]["cpu_ms"]
        for name, ending in (("llmopt", ""), ("llmopt bare", "_bare"))
        for scene in ("serial", "parallel", "first", "streams")
    }
    found["hit_cpu"] = servers["llmopt"]["hits"]["cpu_ms"] / bare["parallel"]["cpu_ms"]
    return found


def goals(servers: Figures, redis: Figures | None, starts: list[float]) -> Iterator[tuple[str, Figures]]:
    """Yield each goal that was measured, with its figure."""
    llmopt, mock, peer = servers["llmopt"], servers["mock"], servers.get("litellm")
    found: Figures = {
        "cpu_ms": llmopt["parallel"]["cpu_ms"],
        "added_p50_ms": llmopt["serial"]["p50_ms"] - mock["serial"]["p50_ms"],
        "first_added_ms": llmopt["first"]["first_p50_ms"] - mock["first"]["first_p50_ms"],
        "start_s": median(starts),
        "rss_mb": llmopt["rss_mb"],
    }
    if redis is not None:
        found["redis_errors"] = redis["llmopt"]["errors"]
    if peer is not None:
        found.update(times_better(llmopt, peer))
        found["hits_litellm"] = llmopt["hits"]["per_s"] / servers["litellm full"]["hits"]["per_s"]
    if peer is not None and redis is not None:
        found["redis_hits_litellm"] = redis["llmopt"]["per_s"] / redis["litellm"]["per_s"]
    for name, (side, goal) in GOALS.items():
        if name in found:
            met = found[name] <= goal if side == "at most" else found[name] >= goal
            yield name, {"is": found[name], "goal": f"{side} {goal}", "met": met}


def times_better(llmopt: Figures, peer: Figures) -> Figures:
    """Return how many times better llmopt does than a peer."""
    return {
        "cpu_litellm": peer["parallel"]["cpu_ms"] / llmopt["parallel"]["cpu_ms"],
        "per_s_litellm": llmopt["parallel"]["per_s"] / peer["parallel"]["per_s"],
        "streams_per_s_litellm": llmopt["streams"]["per_s"] / peer["streams"]["per_s"],
    }


def ours(servers: Figures, redis: Figures | None) -> Iterator[Figures]:
    """Yield what came of each load on llmopt."""
    for name, each in servers.items():
        if name.startswith("llmopt"):
            yield from (figures for figures in each.values() if isinstance(figures, dict))
    if redis is not None:
        yield redis["llmopt"]


def environment() -> Figures:
    """Return what the figures depend on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": cpu_count(),
        "load_average": getloadavg(),
        "version": __version__,
    }


def show(result: Figures) -> None:
    """Print the figures for people."""
    heads = ("p50 ms", "cpu ms c=1", "c=32", "per s", "TTFT ms", "cpu ms", "per s", "hits/s", "cpu ms", "start s", "MB")
    print(f"{'':12}{'-- requests --':^39}{'-- streams --':^27}{'-- hits --':^18}")
    print(f"{'':12}" + "".join(f"{head:>{11 if head == 'cpu ms c=1' else 9}}" for head in heads))
    for name, each in result["servers"].items():
        hits = each.get("hits", {})
        values = (
            each["serial"]["p50_ms"],
            each["serial"]["cpu_ms"],
            each["parallel"]["cpu_ms"],
            each["parallel"]["per_s"],
            each["first"]["first_p50_ms"],
            each["streams"]["cpu_ms"],
            each["streams"]["per_s"],
            hits.get("per_s"),
            hits.get("cpu_ms"),
            each["start_s"],
            each["rss_mb"],
        )
        shown = ("-" if value is None else f"{value:,.{0 if value >= 100 else 3}f}" for value in values)
        print(f"{name:12}" + "".join(f"{text:>{11 if number == 1 else 9}}" for number, text in enumerate(shown)))
    for name, each in (result["redis"] or {}).items():
        print(f"Redis hits, {run.MANY} clients, {name}: {each['per_s']:,.0f}/s, {each['errors']} errors")
    for name, ratio in result["ratios"].items():
        print(f"{name}: {ratio:.2f} times the bare passthrough")
    for name, ratio in (result["to_litellm_full"] or {}).items():
        print(f"{name}, with its cache and its metrics on: {ratio:.1f} times")
    for name, goal in result["goals"].items():
        print(f"{name}: {goal['is']:.3f}, {goal['goal']}: {'met' if goal['met'] else 'MISSED'}")


if __name__ == "__main__":
    main()
