"""`llmopt.cost.spark` on two cores of one machine against the local engine with as many threads, on the same log.

Makes a log of OpenAI chat completions (seeded, with the exact cost known), starts one Spark session, then prices the
log in turn by each way, within this process. Prints a table; the last line is one JSON object with the ratios, the goal
and all raw times. The exit code is 1 when a report is not exact.

    python benchmarks/spark.py [--rows 2000000] [--rounds 5] [--cores 2] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cost_logs_data import Truth, write_chat_log
from llmopt import __version__, price_logs
from llmopt.cost import spark as on_spark
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.result import CostReport
from llmopt.cost.spark.session import opened

PATHS_GOAL = 3.0
"""Most that a log behind a path may take, as a multiple of the local engine's time."""
Way = Callable[[], CostReport]


def main() -> None:
    """Make the log, time each way, print the ratios."""
    parser = argparse.ArgumentParser(description="Time llmopt on Spark.")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the log, about 640 bytes each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--frames", action="store_true", help="also time a DataFrame of the lines")
    parser.add_argument("--dir", type=Path, help="work folder; the log stays there (default: a temporary one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
        work = options.dir or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        print(f"writing {options.rows:,} rows", file=sys.stderr)
        log = work / "log.jsonl"
        truth = write_chat_log(log, options.rows, PriceTable.load())
        exact = measure(log, truth, options)
    sys.exit(0 if exact else 1)


def measure(log: Path, truth: Truth, options: argparse.Namespace) -> bool:
    """Time each way in turn; return whether all of them found the exact cost."""
    began = perf_counter_ns()
    with opened(f"local[{options.cores}]") as spark:
        session_s = (perf_counter_ns() - began) / 1e9
        ways: dict[str, Way] = {
            "local": lambda: price_logs([log], jobs=options.cores),
            "spark_paths": lambda: on_spark.price_paths(spark, [log]),
        }
        if options.frames:
            lines = spark.read.option("lineSep", "\n").text(str(log))
            ways["spark_lines"] = lambda: on_spark.price_logs(spark, lines)
        raw_s, exact = _timed(ways, truth, options.rounds)
    _report(raw_s, exact, session_s, log, options)
    return exact


def _timed(ways: dict[str, Way], truth: Truth, rounds: int) -> tuple[dict[str, list[float]], bool]:
    """Run each way once unmeasured, then all in turn."""
    raw_s: dict[str, list[float]] = {name: [] for name in ways}
    exact = True
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for name, way in ways.items():
            began = perf_counter_ns()
            report = way()
            took_s = (perf_counter_ns() - began) / 1e9
            exact &= (report.read, report.total) == (truth.records, truth.total)
            if number:
                raw_s[name].append(took_s)
    return raw_s, exact


def _report(
    raw_s: dict[str, list[float]], exact: bool, session_s: float, log: Path, options: argparse.Namespace
) -> None:
    medians = {name: statistics.median(times) for name, times in raw_s.items()}
    ratios = {name: median / medians["local"] for name, median in medians.items()}
    print(f"{'way':12} {'median':>9} {'x local':>8}")
    for name, median in medians.items():
        print(f"{name:12} {median:7.2f} s {ratios[name]:8.2f}")
    print(f"session start {session_s:.1f} s, not in the times above; exact: {exact}")
    result = {
        "benchmark": "spark",
        "rows": options.rows,
        "log_bytes": log.stat().st_size,
        "cores": options.cores,
        "rounds": options.rounds,
        "exact": exact,
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "goals": {"spark_paths": PATHS_GOAL},
        "met": {"spark_paths": ratios["spark_paths"] <= PATHS_GOAL},
        "raw_s": {name: [round(time, 4) for time in times] for name, times in raw_s.items()},
        "session_s": round(session_s, 2),
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "load": os.getloadavg(),
            "llmopt": __version__,
            "duckdb": metadata.version("duckdb"),
            "pyspark": metadata.version("pyspark"),
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
