"""AdaptiveBatcher: how fast it is beside other batchers, what fails when something fails, and how much is padding.

Prints tables; the last line is one JSON object with every figure and the goals. The exit code is 1 when a caller of
llmopt hangs, or another than a guilty request fails.

    HF_HUB_OFFLINE=1 python benchmarks/batching.py [--venvs DIR] [--peers cork ray] [--model FOLDER] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import batching_padding as pad
from benchmarks import minilm
from llmopt import __version__

Figures = dict[str, Any]
DRIVER = Path(__file__).with_name("batching_driver.py")
PEERS = {"cork": "bentoml==1.4.39", "ray": "ray[serve]==2.60.0"}
OWN = ("llmopt", "thread", "tutorial", "tutorial_min_4")
REQUESTS = {
    "llmopt": 64_000,
    "thread": 32_000,
    "tutorial": 32_000,
    "tutorial_min_4": 32_000,
    "cork": 6_400,
    "ray": 6_400,
}
LABELS = {
    "llmopt": "llmopt",
    "thread": "llmopt, inline_below_s=0",
    "roomy": "llmopt, max_queue=5000",
    "tutorial": "tutorial's batcher",
    "tutorial_min_4": "tutorial's, at least 4",
    "cork": "BentoML Cork",
    "ray": "Ray Serve queue",
}
GOALS = {"to_cork": 5.0, "to_ray": 5.0, "to_tutorial": 3.0, "one_caller_us": 20.0, "padding_1024": 1.2}


def main() -> None:
    """Measure everything, print the figures."""
    options = _options()
    figures: Figures = {"benchmark": "batching", "seed": options.seed}
    pythons = dict.fromkeys(OWN, sys.executable) | _peers(options)
    figures["speed"] = _speed(pythons, options.rounds)
    figures["failures"] = {name: _driven(python, name, "failures") for name, python in pythons.items()}
    figures["failures"]["roomy"] = _driven(sys.executable, "roomy", "failures")
    figures["padding"] = pad.table(options.lengths, options.seed, 512, 64)
    figures["forming_us"] = pad.forming_us(options.seed, 512)
    if not options.no_model:
        from benchmarks.batching_load import measure

        model = options.model or minilm.folder()
        figures["model"] = pad.on_model(model, options.requests, options.seed, 64, options.rounds)
        figures["load"] = measure(model)
    figures["goals"] = _goals(figures)
    _report(figures)
    figures["environment"] = {
        "python": platform.python_version(),
        "llmopt": __version__,
        "processor": platform.processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "peers": {name: PEERS[name] for name in pythons if name in PEERS},
    }
    print(json.dumps(figures))
    sys.exit(0 if figures["goals"]["nobody hangs, only the guilty fail"][2] else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure AdaptiveBatcher beside other batchers.")
    parser.add_argument("--venvs", type=Path, help="folder of the peers' venvs; needed for peers, made where missing")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: MiniLM of its test package)")
    parser.add_argument("--no-model", action="store_true", help="leave out what needs a checkpoint")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lengths", type=int, default=4_000, help="requests of each kind of traffic")
    parser.add_argument("--requests", type=int, default=400, help="requests that the checkpoint gets a round")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _peers(options: argparse.Namespace) -> dict[str, str]:
    """Return the Python of each peer that can be had, installing it where its venv is missing."""
    found = {}
    for name in options.peers if options.venvs else ():
        python = options.venvs.resolve() / name / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", PEERS[name]], check=False)
        if _driven(str(python), name, "speed", "1", "4") is None:
            print(f"{name} does not run here, so it is left out", file=sys.stderr)
        else:
            found[name] = str(python)
    if not options.venvs:
        print("no --venvs, so no peers", file=sys.stderr)
    return found


def _driven(python: str, name: str, *arguments: str) -> Figures | None:
    """Run a contender in a process of its own; None where it fails."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "BENTOML_DO_NOT_TRACK": "True"}
    command = [python, str(DRIVER), name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 and lines else None


def _speed(pythons: dict[str, str], rounds: int) -> Figures:
    """Return raw requests per second, medians, and ratios round by round, at 64 callers and at one."""
    found: Figures = {}
    for callers in (64, 1):
        raw: dict[str, list[float]] = {name: [] for name in pythons}
        for _ in range(rounds):
            for name, python in pythons.items():
                count = max(200, REQUESTS[name] // (1 if callers > 1 else 6))
                run = _driven(python, name, "speed", str(callers), str(count))
                raw[name].append(run["requests_per_s"] if run else float("nan"))
        ratios = {
            name: [ours / other for ours, other in zip(raw["llmopt"], found_raw, strict=True)]
            for name, found_raw in raw.items()
        }
        found[str(callers)] = {
            "raw_per_s": raw,
            "median_per_s": {name: median(values) for name, values in raw.items()},
            "ratio": {name: median(values) for name, values in ratios.items()},
        }
    return found


def _goals(figures: Figures) -> dict[str, tuple[float, float, bool]]:
    many, one = figures["speed"]["64"], figures["speed"]["1"]
    goals = {}
    for name in ("cork", "ray", "tutorial"):
        if name in many["ratio"]:
            goal = GOALS[f"to_{name}"]
            goals[f"to_{name}"] = (goal, many["ratio"][name], many["ratio"][name] >= goal)
    alone_us = 1e6 / one["median_per_s"]["llmopt"]
    goals["one_caller_us"] = (GOALS["one_caller_us"], alone_us, alone_us <= GOALS["one_caller_us"])
    worst = max(row["1024"] for row in figures["padding"].values())
    goals["padding_1024"] = (GOALS["padding_1024"], worst, worst <= GOALS["padding_1024"])
    good = [_clean(figures["failures"][name]) for name in ("llmopt", "thread", "roomy")]
    goals["nobody hangs, only the guilty fail"] = (3, sum(good), all(good))
    return goals


def _clean(matrix: Figures | None) -> bool:
    """Return whether nobody hung and exactly the guilty failed."""
    if matrix is None:
        return False
    expected = {"raises": (0, 8), "poison": (31, 1), "short": (0, 8), "cancelled": (7, 0), "shutdown": (64, 0)}
    counts = {row: (matrix[row]["answered"], matrix[row]["failed"]) for row in expected}
    queued = matrix["queued"]
    refused = queued["failed"] == 0 or queued["errors"] == ["QueueFull"]
    return counts == expected and refused and not any(row["hung"] or row["wrong"] for row in matrix.values())


def _report(figures: Figures) -> None:
    print(f"{'no-op, requests/s':<28}{'64 callers':>12}{'llmopt is':>11}{'1 caller':>12}{'us each':>10}")
    many, one = figures["speed"]["64"], figures["speed"]["1"]
    for name, rate in many["median_per_s"].items():
        alone = one["median_per_s"][name]
        ratio = f"{many['ratio'][name]:.1f}x"
        print(f"{LABELS[name]:<28}{rate:>12,.0f}{ratio:>11}{alone:>12,.0f}{1e6 / alone:>10,.1f}")
    rows = ("raises", "poison", "short", "cancelled", "queued", "shutdown")
    titles = ("8, raises", "1 bad of 32", "8, short", "7 + 1 leaves", "5,000 at once", "64, closed")
    print(f"\n{'answered/failed/hung':<28}" + "".join(f"{title:>15}" for title in titles))
    for name, matrix in figures["failures"].items():
        print(f"{LABELS[name]:<28}" + "".join(f"{_shown(matrix, row):>15}" for row in rows))
    print("!: so does every later request")
    print(f"\n{'padded per useful token':<28}{'FIFO of 32':>12}" + "".join(f"{budget:>8}" for budget in pad.BUDGETS))
    for kind, row in figures["padding"].items():
        print(f"{kind:<28}{row['fifo']:>12.2f}" + "".join(f"{row[str(budget)]:>8.2f}" for budget in pad.BUDGETS))
    print(f"a decision over 128 requests takes {figures['forming_us']:.0f} us")
    if "model" in figures:
        model = figures["model"]
        print(
            f"on the checkpoint, a budget of 1,024 against FIFO of 32: {model['gain']:.2f}x as fast, padding", end=" "
        )
        print(f"{model['padding']['fifo']:.2f} -> {model['padding']['budget']:.2f}")
    for name, value in figures.get("load", {}).items():
        print(f"{name:<34}{value}")
    print()
    for name, (goal, found, reached) in figures["goals"].items():
        print(f"{name:<38}{found:>10.2f}  goal {goal:g}  {'reached' if reached else 'missed'}")


def _shown(matrix: Figures | None, row: str) -> str:
    if matrix is None or matrix[row] is None:
        return "-"
    found = matrix[row]
    later = "" if found.get("then", 1) else " !"
    return f"{found['answered']}/{found['failed']}/{found['hung']}{later}"


if __name__ == "__main__":
    main()
