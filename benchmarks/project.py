"""`llmopt project` on a million requests: time, memory, and whether it is exact, beside a naive loop in Python.

Makes the logs (seeded), runs whole processes in turn, prints a table; the last line is one JSON object with all ratios,
goals and raw times. The exit code is 1 where a cost is not that of the naive loop, to the micro-dollar.

    python benchmarks/project.py [--rows 1000000] [--rounds 3] [--only hashed,text] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from os import cpu_count, getloadavg, wait4
from pathlib import Path
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cost_logs_run import ROOT, Command, llmopt
from benchmarks.project_data import MODELS, write_hashed, write_parquet, write_texts
from llmopt import __version__
from llmopt.cost.pricing.table import PriceTable

TTL_S = 86_400
SWAP = "gpt-4o=gpt-4o-mini"
"""Two models with one tokenizer, so that the naive loop can know what comes of it."""
MICRO = Decimal("0.000001")
PAGE_BYTES = 4096
PLAN = f"""
seed = 1

[cache]
ttl = "24h"

[routing]
models = ["gpt-4"]

[swap]
"gpt-4o" = "gpt-4o-mini"

[compression]
level = "safe"

[prompt_cache]

[batch]
tags = ["tag=offline"]

[self_host]
result = "{ROOT / "tests" / "golden" / "bench" / "full.json"}"
price_per_hour = 2.5
utilization = 0.6
models = ["gpt-4o-mini"]
"""
"""Every lever there is."""
GOALS: dict[str, tuple[float, float]] = {
    "hashed_quick": (5.0, 1000.0),
    "parquet_quick": (5.0, 1000.0),
    "unique_quick": (5.0, 1000.0),
    "hashed_all": (60.0, 1000.0),
    "parquet_all": (60.0, 1000.0),
    "text_quick": (60.0, 1000.0),
    "text_all": (60.0, 1000.0),
}
"""Command -> seconds at most, megabytes at most, for a million requests on 2 cores."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process, from start to exit."""

    wall_s: float
    cpu_s: float
    """User and system time, children included."""
    peak_bytes: int
    """Most that the process and its children held at one time, by their resident sets."""
    stdout: str


def main() -> None:
    """Make the logs, time everything, print the table."""
    parser = argparse.ArgumentParser(description="Time llmopt project on large logs.")
    parser.add_argument("--dir", type=Path, help="work folder, which is kept (default: a temporary one)")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="hashed,parquet,unique,text", help="logs to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as name:
        folder = options.dir or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if measure(folder.resolve(), options) else 1)


def measure(folder: Path, options: argparse.Namespace) -> bool:
    """Run the benchmark in `folder`; return whether llmopt found the exact costs."""
    logs = {name: path for name, path in _logs(folder, options.rows).items() if name in options.only.split(",")}
    plan, rated = folder / "plan.toml", folder / "rates.json"
    plan.write_text(PLAN, encoding="utf-8")
    rated.write_text(json.dumps(rates()), encoding="utf-8")
    commands: dict[str, Command] = {}
    for name, path in logs.items():
        asked = ("project", str(path), "--format", "json")
        commands[f"{name}_swap"] = llmopt(*asked, "--ttl", "24h", "--swap", SWAP)
        commands[f"{name}_quick"] = llmopt(*asked, "--ttl", "24h", "--swap", SWAP, "--route", str(_policy(folder)))
        commands[f"{name}_all"] = llmopt(*asked, "--plan", str(plan))
        if path.suffix == ".jsonl":
            naive = (sys.executable, str(ROOT / "benchmarks" / "project_naive.py"), str(path), str(TTL_S), SWAP)
            commands[f"{name}_naive"] = Command(naive, {"PYTHONPATH": str(ROOT)})
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for name, command in commands.items():
            runs[name].append(run(command, rated))
    exact = {name: _exact(runs, name) for name in logs if f"{name}_naive" in runs}
    _report(options, runs, exact)
    return all(exact.values())


def _logs(folder: Path, rows: int) -> dict[str, Path]:
    """Write what is not there yet."""
    paths = {name: folder / f"{name}-{rows}.jsonl" for name in ("hashed", "unique", "text")}
    for name, path in paths.items():
        if path.exists():
            continue
        print(f"writing {path}", file=sys.stderr)
        if name == "text":
            write_texts(path, rows)
        else:
            write_hashed(path, rows, unique=name == "unique")
    parquet = folder / f"hashed-{rows}.parquet"
    if not parquet.exists():
        write_parquet(parquet, paths["hashed"])
    return {**paths, "parquet": parquet}


def rates() -> dict[str, list[str]]:
    """Return model -> dollars a million tokens, input and output."""
    table, found = PriceTable.load(), {}
    for model in set(MODELS) | {SWAP.partition("=")[2]}:
        resolved = table.resolve(model)
        price = None if resolved is None else table.price_at(resolved, "default", None).price
        if price is None:
            raise SystemExit(f"no price for {model}")
        found[model] = [str(price.rates.input_uncached), str(price.rates.output_text)]
    return found


def _policy(folder: Path) -> Path:
    path = folder / "rules.toml"
    path.write_text((ROOT / "llmopt" / "serving" / "routing" / "default.toml").read_text("utf-8"), encoding="utf-8")
    return path


def run(command: Command, stdin: Path) -> Run:
    """Run a command to its end, and look at its memory and that of its children meanwhile.

    Raises:
        SystemExit: it failed; the message holds what it wrote to stderr.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, stdin.open() as given:
        began = perf_counter_ns()
        process = subprocess.Popen(command.argv, stdin=given, stdout=out, stderr=err, env=dict(command.env), cwd=ROOT)
        ended, peaks = threading.Event(), [0]
        watch = threading.Thread(target=_watch, args=(process.pid, ended, peaks))
        watch.start()
        _, status, usage = wait4(process.pid, 0)
        wall_s = (perf_counter_ns() - began) / 1e9
        ended.set()
        watch.join()
        process.returncode = status
        out.seek(0)
        err.seek(0)
        if status:
            raise SystemExit(f"{' '.join(command.argv)}: status {status}\n{err.read()}")
        largest = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Run(wall_s, usage.ru_utime + usage.ru_stime, max(largest, peaks[0]), out.read())


def _watch(pid: int, ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(0.05):
        peaks[0] = max(peaks[0], _held_bytes(pid))


def _held_bytes(pid: int) -> int:
    """Return the resident sets of a process and all below it; 0 where the system does not say (Linux does)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (OSError, IndexError):
        return 0
    return pages * PAGE_BYTES + sum(_held_bytes(int(child)) for child in children)


def _exact(runs: Mapping[str, list[Run]], name: str) -> bool:
    """Did every run find what the naive loop found?"""
    wanted = {key: Decimal(value) for key, value in json.loads(runs[f"{name}_naive"][0].stdout).items()}
    good = True
    for one in runs[f"{name}_swap"]:
        replay = json.loads(one.stdout)["replay"]
        alone = {lever["name"]: Decimal(lever["alone_usd"]) for lever in replay["levers"]}
        found = {
            "baseline_usd": Decimal(replay["baseline_usd"]),
            "cache_usd": Decimal(replay["baseline_usd"]) - alone["cache"],
            "cache_swap_usd": Decimal(replay["optimized_usd"]),
        }
        for key, usd in found.items():
            if abs(usd - wanted[key]) > MICRO:
                print(f"WRONG: {name} {key} is {usd}, not {wanted[key]}", file=sys.stderr)
                good = False
    return good


def _report(options: argparse.Namespace, runs: Mapping[str, list[Run]], exact: Mapping[str, bool]) -> None:
    """Print the table, and one line of JSON."""
    print(f"{'':16} {'median s':>9} {'min s':>9} {'cpu s':>9} {'peak MB':>9} {'x naive':>9}  goal")
    rows = {name: _summary(name, some, runs) for name, some in runs.items()}
    for name, row in rows.items():
        cells = [row["median_s"], row["min_s"], row["cpu_s"], row["peak_mb"], row["to_naive"]]
        goal = "" if row["met"] is None else f"{GOALS[name]} {'met' if row['met'] else 'MISSED'}"
        print(f"{name:16} " + " ".join(f"{'-' if cell is None else format(cell, '.2f'):>9}" for cell in cells), goal)
    for name, good in exact.items():
        print(f"{name:16} {'exact' if good else 'WRONG'}")
    result = {
        "benchmark": "project",
        "rows": options.rows,
        "rounds": options.rounds,
        "runs": rows,
        "goals": {name: {"wall_s": goal[0], "peak_mb": goal[1]} for name, goal in GOALS.items()},
        "exact": exact,
        "raw": {name: [{**asdict(one), "stdout": None} for one in some] for name, some in runs.items()},
        "environment": {
            "llmopt": __version__,
            "python": platform.python_version(),
            "cores": cpu_count(),
            "load_average": getloadavg(),
        },
    }
    print(json.dumps(result))


def _summary(name: str, some: list[Run], runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Return medians; seconds beside those of the naive loop over the same log."""
    median_s, goal = statistics.median(one.wall_s for one in some), GOALS.get(name)
    naive = runs.get(f"{name.partition('_')[0]}_naive")
    peak_mb = max(one.peak_bytes for one in some) / 1e6
    return {
        "median_s": median_s,
        "min_s": min(one.wall_s for one in some),
        "cpu_s": statistics.median(one.cpu_s for one in some),
        "peak_mb": peak_mb,
        "to_naive": None if naive is None else median_s / statistics.median(one.wall_s for one in naive),
        "met": None if goal is None else median_s <= goal[0] and peak_mb <= goal[1],
    }


if __name__ == "__main__":
    main()
