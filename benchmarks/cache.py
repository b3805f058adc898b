"""The response cache beside diskcache and redis in the same run: hits, writes, flights, and many at once.

Prints a table; the last line is one JSON object with every figure and the goals. The exit code is 1 when an answer is
lost or wrong, a flight calls the model twice, or a server under load costs an error; speed is printed, and `met` says
whether its goals are.

    python benchmarks/cache.py [--venvs DIR] [--no-peers] [--answers 5000] [--bytes 2048] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import cache_peers as peers
from benchmarks import cache_run as run
from benchmarks.cache_load import Figures
from llmopt import __version__
from llmopt.serving.cache import MemoryStore, SqliteStore

Load = Callable[[int], Figures]
MEMORY_GOAL_US, SQLITE_GOAL_US = 5.0, 30.0


def main() -> None:
    """Measure everything, print the figures."""
    parser = argparse.ArgumentParser(description="Measure the response cache beside diskcache and redis.")
    parser.add_argument("--venvs", type=Path, help="folder of the peer's venv; it stays there (default: temporary)")
    parser.add_argument("--no-peers", action="store_true", help="llmopt alone; nothing is installed")
    parser.add_argument("--answers", type=int, default=5_000, help="kept and read, a round")
    parser.add_argument("--bytes", type=int, default=2_048, help="of each answer, about")
    parser.add_argument("--rounds", type=int, default=3, help="of each store, in turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as name:
        folder = Path(name)
        (options.venvs or folder).mkdir(parents=True, exist_ok=True)
        with peers.redis_server(folder) as url:
            result = measure(options, folder, None if options.no_peers else url)
    show(result)
    print(json.dumps(result))
    sys.exit(0 if result["right"] else 1)


def measure(options: argparse.Namespace, folder: Path, url: str | None) -> Figures:
    """Return all figures."""
    stores = in_turn(contenders(options, folder, url), options.rounds)
    whole = {
        "memory": run.whole(MemoryStore(), options.answers, options.bytes),
        "sqlite": run.whole(SqliteStore(folder / "whole.db"), options.answers, options.bytes),
    }
    result: Figures = {
        "benchmark": "cache",
        "stores": stores,
        "whole": whole,
        "flights": run.flights(SqliteStore(folder / "flights.db"), 500),
        "processes": run.processes(folder / "many.db", 4, options.answers, options.bytes),
        "server_at_once": run.at_once(url, 128, 20) if url else None,
        "hit_rates": run.hit_rates(folder, 20_000, 4_000, 0.1),
        "goals": {"memory_hit_us": MEMORY_GOAL_US, "sqlite_hit_us": SQLITE_GOAL_US},
        "answers": options.answers,
        "answer_bytes": options.bytes,
        "environment": environment(),
    }
    result["met"] = (
        stores["llmopt memory"]["hit_us"] <= MEMORY_GOAL_US and stores["llmopt sqlite"]["hit_us"] <= SQLITE_GOAL_US
    )
    result["right"] = right(result)
    return result


def contenders(options: argparse.Namespace, folder: Path, url: str | None) -> dict[str, Load]:
    """Return what is loaded, by name."""
    size = (options.answers, options.bytes)
    found: dict[str, Load] = {
        "llmopt memory": lambda seed: run.store_figures(MemoryStore(), *size, seed),
        "llmopt sqlite": lambda seed: run.store_figures(SqliteStore(folder / f"{seed}.db"), *size, seed),
    }
    python = None if options.no_peers else peers.diskcache_python((options.venvs or folder).resolve())
    if python:
        found["diskcache"] = lambda seed: peers.diskcache(python, folder / f"diskcache{seed}", *size, seed)
    if url:
        from llmopt.serving.cache import RedisStore

        found["llmopt redis"] = lambda seed: run.store_figures(RedisStore(url), *size, seed)
        found["redis-py"] = lambda seed: run.raw_redis(url, *size, seed)
    return found


def in_turn(loads: dict[str, Load], rounds: int) -> Figures:
    """Run each load once a round, and return the medians, and the hits of each round."""
    found: dict[str, list[Figures]] = {name: [] for name in loads}
    for number in range(rounds):
        for name, load in loads.items():
            print(f"round {number + 1}: {name}", file=sys.stderr)
            found[name].append(load(number))
    medians: Figures = {}
    for name, its in found.items():
        medians[name] = {figure: median(each[figure] for each in its) for figure in its[0]}
        medians[name]["rounds_hit_us"] = [each["hit_us"] for each in its]
    return medians


def right(result: Figures) -> bool:
    """Say whether nothing was lost, invented or asked twice."""
    stores = [each for name, each in result["stores"].items() if name.startswith("llmopt")]
    server = result["server_at_once"] or {"missed": 0, "errors": 0}
    return (
        all(each["lost"] == each["ghosts"] == 0 for each in stores)
        and all(each["hits"] == 2 * each["asked"] for each in result["whole"].values())
        and result["flights"]["calls"] == {"loop": 1, "threads": 1}
        and result["processes"]["missed"] == server["missed"] == server["errors"] == 0
    )


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        "cpus": cpu_count(),
        "load_average": getloadavg(),
        "version": __version__,
    }


def show(result: Figures) -> None:
    """Print the figures for people."""
    print(f"{'one thread':16} {'hit us':>8} {'p99 us':>8} {'miss us':>8} {'kept/s':>9}")
    for name, each in result["stores"].items():
        print(f"{name:16} {each['hit_us']:8.2f} {each['hit_p99_us']:8.2f} ", end="")
        print(f"{each['miss_us']:8.2f} {each['kept_per_s']:9,.0f}")
    for name, each in result["whole"].items():
        print(f"request to answer, {name}: {each['hit_us']:.1f} us, of which the key {each['key_us']:.1f} us")
    flights, many, server = result["flights"], result["processes"], result["server_at_once"]
    print(
        f"{flights['callers']} identical calls at once: the model is asked {flights['calls']['loop']} time in an event"
    )
    print(f"  loop, {flights['calls']['threads']} time by threads")
    print(f"{many['workers']} processes read one SQLite file: {many['reads_per_s']:,.0f} reads/s, ", end="")
    print(f"{many['missed']} missed, {many['written_meanwhile']} written meanwhile")
    if server:
        print(f"server, {server['callers']} reads at once: {server['reads_per_s']:,.0f} reads/s, ", end="")
        print(f"{server['missed']} missed, {server['errors']} errors")
    rates = result["hit_rates"]
    print(f"hit rate with room for {rates['share_held']:.0%} of the answers: ", end="")
    print(f"exact LRU {rates['lru']:.1%}, SQLite {rates['sqlite']:.1%}")


if __name__ == "__main__":
    main()
