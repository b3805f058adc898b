"""`llmopt.price_logs` on tables: against duckdb's own aggregate of the same columns, and on many small files.

Writes a table (seeded) to Parquet and to CSV, adds it up with both in turn, and checks that they count the same tokens.
Then two hundred small Parquet files whose columns drift, against ten of them: the cost of a file must not grow with
their number. Prints a table; the last line is one JSON object with every ratio, goal and raw time. The exit code is 1
when a total is wrong.

    python benchmarks/tables.py [--rows 2000000] [--files 200] [--rounds 3] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from os import cpu_count, getloadavg
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import llmopt

THREADS = 2
SMALL_ROWS = 500
"""Rows of each of many files."""
FEW_FILES = 10
PARQUET_ROWS_PER_S_GOAL, CSV_GOAL, GROWTH_GOAL = 2e6, 0.8, 1.2
"""Rows a second; speed of bare duckdb in one; time a file of many against few."""
_ROWS = """SELECT 'req-' || i AS request_id, ['gpt-4o-2024-08-06', 'gpt-4o-mini', 'gpt-4.1', 'o3'][1 + i % 4] AS model,
  CAST(100 + hash(i) % 2000 AS INTEGER) AS input_tokens, CAST(hash(i + 7) % 500 AS INTEGER) AS output_tokens,
  TIMESTAMP '2025-05-01' + to_milliseconds(CAST(i AS BIGINT) * 9000) AS timestamp, 'u' || (i % 1000) AS "user",
  md5(CAST(i AS VARCHAR)) AS note FROM range({first}, {last}) t(i)"""
_BARE = """SELECT model, sum(input_tokens), sum(output_tokens), min(timestamp), max(timestamp), count(request_id)
FROM {table} GROUP BY model"""
DRIFTS = (
    "*",
    "* EXCLUDE (note)",
    "* REPLACE (CAST(input_tokens AS BIGINT) AS input_tokens)",
    "* REPLACE (strftime(timestamp, '%Y-%m-%dT%H:%M:%SZ') AS timestamp)",
    "*, 0 AS cached_tokens",
)
"""What the columns of the small files are, in turn."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One run."""

    wall_s: float
    cpu_s: float
    """Processor time of all threads: less moved by what else the machine does."""
    input_tokens: int
    output_tokens: int


Variants = dict[str, Callable[[], tuple[int, int]]]


def main() -> None:
    """Make the tables, time everything, print the ratios."""
    parser = argparse.ArgumentParser(description="Time llmopt.price_logs on tables.")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where to write the tables (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-", dir=options.dir) as folder:
        result = measure(Path(folder), options.rows, options.files, options.rounds)
    print(json.dumps(result))
    sys.exit(0 if result["exact"] else 1)


def measure(folder: Path, rows: int, files: int, rounds: int) -> dict[str, Any]:
    """Run the benchmark in `folder`."""
    print(f"writing {rows:,} rows and {files:,} files to {folder}", file=sys.stderr)
    parquet, comma = folder / "rows.parquet", folder / "rows.csv"
    with _connection() as connection:
        for path, form in ((parquet, "PARQUET"), (comma, "CSV, HEADER")):
            connection.execute(f"COPY ({_ROWS.format(first=0, last=rows)}) TO '{path}' (FORMAT {form})")
    few, many = (write_files(folder / str(count), count) for count in (FEW_FILES, files))
    variants: Variants = {
        "llmopt_parquet": lambda: priced(parquet),
        "duckdb_parquet": lambda: bare(f"read_parquet('{parquet}')"),
        "llmopt_csv": lambda: priced(comma),
        "duckdb_csv": lambda: bare(f"read_csv('{comma}')"),
        "llmopt_few_files": lambda: priced(few),
        "llmopt_many_files": lambda: priced(many),
    }
    runs = in_turn(variants, rounds)
    return report(runs, rows, files)


def write_files(folder: Path, count: int) -> Path:
    """Write small Parquet files, one after the other of another set of columns; return their folder."""
    folder.mkdir()
    with _connection() as connection:
        for number in range(count):
            rows = _ROWS.format(first=number * SMALL_ROWS, last=(number + 1) * SMALL_ROWS)
            query = f"SELECT {DRIFTS[number % len(DRIFTS)]} FROM ({rows})"
            connection.execute(f"COPY ({query}) TO '{folder}/{number:05}.parquet' (FORMAT PARQUET)")
    return folder


def priced(path: Path) -> tuple[int, int]:
    """Price a table, or a folder of tables; return the tokens in and out."""
    total = llmopt.price_logs([path], jobs=THREADS).total
    return total.input_tokens, total.output_tokens


def bare(table: str) -> tuple[int, int]:
    """Add a table up with a plain query; return the tokens in and out."""
    with _connection() as connection:
        rows = connection.execute(_BARE.format(table=table)).fetchall()
    return sum(row[1] for row in rows), sum(row[2] for row in rows)


def in_turn(variants: Variants, rounds: int) -> dict[str, list[Timed]]:
    """Run each variant once unmeasured, then all in turn: a busy moment of the machine hits all of them."""
    runs: dict[str, list[Timed]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for name, variant in variants.items():
            wall_ns, cpu_ns = perf_counter_ns(), process_time_ns()
            tokens = variant()
            done = Timed((perf_counter_ns() - wall_ns) / 1e9, (process_time_ns() - cpu_ns) / 1e9, *tokens)
            if number:
                runs[name].append(done)
    return runs


def report(runs: dict[str, list[Timed]], rows: int, files: int) -> dict[str, Any]:
    """Print a table, and return the figures."""
    wall_s = {name: statistics.median(run.wall_s for run in some) for name, some in runs.items()}
    cpu_s = {name: statistics.median(run.cpu_s for run in some) for name, some in runs.items()}
    for name in runs:
        print(f"{name:20} {wall_s[name]:8.3f} s wall  {cpu_s[name]:8.3f} s of processor")
    growth = cpu_s["llmopt_many_files"] / files / (cpu_s["llmopt_few_files"] / FEW_FILES)
    figures = {
        "parquet_rows_per_s": (rows / wall_s["llmopt_parquet"], PARQUET_ROWS_PER_S_GOAL),
        "parquet_rows_per_cpu_s": (rows / cpu_s["llmopt_parquet"], None),
        "csv_rows_per_s": (rows / wall_s["llmopt_csv"], None),
        "csv_speed_to_duckdb": (_speed(runs, "wall_s"), CSV_GOAL),
        "csv_speed_to_duckdb_cpu": (_speed(runs, "cpu_s"), None),
        "time_a_file_of_many_to_few": (growth, GROWTH_GOAL),
        "many_files_s": (wall_s["llmopt_many_files"], None),
    }
    for name, (figure, goal) in figures.items():
        print(f"{name:28} {figure:14,.2f}" + (f"  goal {goal:,.2f}" if goal else ""))
    found = {
        form: {(run.input_tokens, run.output_tokens) for who in ("llmopt", "duckdb") for run in runs[f"{who}_{form}"]}
        for form in ("parquet", "csv")
    }
    return {
        "benchmark": "tables",
        "rows": rows,
        "files": files,
        "exact": len(found["parquet"] | found["csv"]) == 1,
        "figures": {name: figure for name, (figure, _) in figures.items()},
        "goals": {name: goal for name, (_, goal) in figures.items() if goal},
        "raw_s": {name: [[run.wall_s, run.cpu_s] for run in some] for name, some in runs.items()},
        "environment": {
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            "cores": cpu_count(),
            "threads": THREADS,
            "load": getloadavg(),
        },
    }


def _speed(runs: dict[str, list[Timed]], clock: str) -> float:
    """Median over the rounds of how fast llmopt is on CSV with bare duckdb as one."""
    pairs = zip(runs["duckdb_csv"], runs["llmopt_csv"], strict=True)
    return statistics.median(getattr(bare, clock) / getattr(ours, clock) for bare, ours in pairs)


def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": THREADS})


if __name__ == "__main__":
    main()
