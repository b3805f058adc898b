"""`llmopt cost` on large logs: against a bare duckdb query, litellm's loop and ccusage; exactness and memory.

Makes the logs (seeded, with the exact cost known), runs whole processes in turn, prints a table; the last line is one
JSON object with every ratio, goal and raw time. The exit code is 1 when llmopt's result is not exact.

    python benchmarks/cost_logs.py [--peers] [--memory] [--dir DIR] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from importlib import metadata
from itertools import islice
from os import cpu_count, getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import cost_logs_run as processes
from benchmarks.cost_logs_data import Truth, write_chat_log, write_transcripts
from benchmarks.cost_logs_run import DUCKDB_DETECTED, DUCKDB_EXPLICIT, Command, Run, duckdb, llmopt, peak_bytes, run
from llmopt import __version__
from llmopt.cost.pricing.table import PriceTable

START_ROWS = 2_000
"""Rows of the log that start-up is timed on: enough that llmopt reads it with the engine of the large log."""
LITELLM_ROWS = 10_000
GROWTH = 4
SMALL_MEMORY = "128MB"
"""Half of the default."""
STOP_S = 100.0
"""A run on a larger log, or with less memory, that takes longer than this has left the fast path."""
LOG_GOAL, LITELLM_GOAL, CCUSAGE_GOAL, MEMORY_GOAL_BYTES = 1.5, 300.0, 0.6, 400_000_000
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Logs:
    """Where the logs lie and what they hold."""

    chat: Path
    start: Path
    slice: Path
    claude: Path
    """A Claude Code configuration folder, with `projects/` in it."""
    chat_truth: Truth
    claude_truth: Truth


def main() -> None:
    """Make the logs, time everything, print the ratios."""
    options = _options()
    if options.dir:
        options.dir.mkdir(parents=True, exist_ok=True)
        exact = measure(options.dir.resolve(), options)
    else:
        with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
            exact = measure(Path(folder).resolve(), options)
    sys.exit(0 if exact else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time llmopt cost on large logs.")
    parser.add_argument("--dir", type=Path, help="work folder; logs and peers stay there (default: a temporary one)")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the OpenAI log, about 640 bytes each")
    parser.add_argument("--responses", type=int, default=200_000, help="responses in the Claude Code transcripts")
    parser.add_argument("--sessions", type=int, default=40, help="transcript files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="install and time litellm and ccusage (needs npm)")
    parser.add_argument("--memory", action="store_true", help=f"also measure memory on logs {GROWTH} times as large")
    return parser.parse_args()


def measure(folder: Path, options: argparse.Namespace) -> bool:
    """Run the benchmark in `folder`; return whether llmopt found the exact cost."""
    table = PriceTable.load()
    logs = _logs(folder, options.rows, options.responses, options.sessions, table)
    commands = _commands(logs)
    if not processes.loads_duckdb(commands["llmopt_start"]):
        raise SystemExit(f"{START_ROWS} rows are too few: llmopt reads them without duckdb, which the log needs")
    if options.peers:
        commands["litellm_slice"] = processes.litellm_loop(folder, logs.slice)
        commands["ccusage_claude"] = processes.ccusage_daily(folder, logs.claude)
    runs = processes.interleave(commands, options.rounds)
    exact: dict[str, bool | None] = {
        "chat_log": _same(runs["llmopt_log"], logs.chat_truth),
        "claude": _same(runs["llmopt_claude"], logs.claude_truth),
    }
    figures = _ratios(runs, options.rows)
    memory = {"log": peak_bytes(runs["llmopt_log"]), "claude": peak_bytes(runs["llmopt_claude"])}
    if options.memory:
        memory |= _memory(folder, options, table, logs, exact)
    if options.peers:
        cost = json.loads(runs["ccusage_claude"][0].stdout)["totals"]["totalCost"]
        figures["ccusage_error_usd"] = float(Decimal(cost) - logs.claude_truth.total.cost_usd)
    _report(options, logs, runs, figures, memory, exact)
    return False not in exact.values()


def _logs(folder: Path, rows: int, responses: int, sessions: int, table: PriceTable) -> Logs:
    print(f"writing {rows:,} rows and {responses:,} responses to {folder}", file=sys.stderr)
    chat, claude = folder / "log.jsonl", folder / "home" / ".claude"
    for old in claude.rglob("*.jsonl"):
        old.unlink()
    chat_truth = write_chat_log(chat, rows, table)
    claude_truth = write_transcripts(claude.parent, responses, sessions, table)
    heads = {START_ROWS: folder / "start.jsonl", LITELLM_ROWS: folder / "slice.jsonl"}
    for count, path in heads.items():
        with chat.open(encoding="utf-8") as source, path.open("w", encoding="utf-8") as head:
            head.writelines(islice(source, count))
    return Logs(chat, heads[START_ROWS], heads[LITELLM_ROWS], claude, chat_truth, claude_truth)


def _commands(logs: Logs) -> dict[str, Command]:
    return {
        "llmopt_help": llmopt("--help"),
        "llmopt_start": llmopt("cost", str(logs.start), "--format", "json"),
        "llmopt_log": llmopt("cost", str(logs.chat), "--format", "json"),
        "duckdb_start": duckdb(DUCKDB_EXPLICIT, logs.start),
        "duckdb_log": duckdb(DUCKDB_EXPLICIT, logs.chat),
        "duckdb_detect_start": duckdb(DUCKDB_DETECTED, logs.start),
        "duckdb_detect_log": duckdb(DUCKDB_DETECTED, logs.chat),
        "llmopt_claude": llmopt("cost", str(logs.claude / "projects"), "--format", "json"),
    }


def _same(runs: list[Run], truth: Truth) -> bool:
    """Did every run find the tokens, the cost and the duplicates, and leave nothing out?"""
    wanted: Figures = {"read": truth.records, "duplicates": truth.duplicates, "unpriced": [], "rejected": []}
    wanted |= asdict(truth.total)
    good = True
    for one in runs:
        found = json.loads(one.stdout)
        found |= found["total"]
        for name, value in wanted.items():
            said = Decimal(found[name]) if isinstance(value, Decimal) else found[name]
            if said != value:
                print(f"WRONG: {name} is {said}, not {value}", file=sys.stderr)
                good = False
    return good


def _ratios(runs: Mapping[str, list[Run]], rows: int) -> Figures:
    """Return ratios of medians (of minima, of processor time), start-up taken off where the goal says so."""
    cpu_s = {name: statistics.median(one.cpu_s for one in some) for name, some in runs.items()}
    figures: Figures = {
        "log_to_duckdb_cpu": (cpu_s["llmopt_log"] - cpu_s["llmopt_start"])
        / (cpu_s["duckdb_log"] - cpu_s["duckdb_start"])
    }
    for label, pick in (("", statistics.median), ("_of_minima", min)):
        wall_s = {name: pick([one.wall_s for one in some]) for name, some in runs.items()}
        log_s = wall_s["llmopt_log"] - wall_s["llmopt_start"]
        figures[f"log_to_duckdb{label}"] = log_s / (wall_s["duckdb_log"] - wall_s["duckdb_start"])
        detected_s = wall_s["duckdb_detect_log"] - wall_s["duckdb_detect_start"]
        figures[f"log_to_duckdb_detecting{label}"] = log_s / detected_s
        figures[f"rows_per_s{label}"] = rows / log_s
        if "litellm_slice" in runs:
            loops = [json.loads(one.stdout) for one in runs["litellm_slice"]]
            for way, name in (("dict", "litellm"), ("response", "litellm_response")):
                rows_per_s = 1 / pick([1 / loop[way]["rows_per_s"] for loop in loops])
                figures[f"{name}_rows_per_s{label}"] = rows_per_s
                figures[f"speed_to_{name}{label}"] = rows / log_s / rows_per_s
            figures[f"claude_to_ccusage{label}"] = wall_s["llmopt_claude"] / wall_s["ccusage_claude"]
    return figures


def _memory(
    folder: Path, options: argparse.Namespace, table: PriceTable, logs: Logs, exact: dict[str, bool | None]
) -> dict[str, int]:
    """Return peaks on larger logs, and with less memory allowed; note in `exact` how each run went (None: stopped)."""
    peaks: dict[str, int] = {}

    def measured(label: str, logs: Logs, *limits: str) -> None:
        for name, path, truth in (
            (f"log{label}", logs.chat, logs.chat_truth),
            (f"claude{label}", logs.claude / "projects", logs.claude_truth),
        ):
            print(f"memory: {name}", file=sys.stderr)
            done = run(llmopt("cost", str(path), "--format", "json", *limits), STOP_S)
            exact[name] = _same([done], truth) if done.stdout else None
            peaks[name] = done.peak_rss_bytes

    measured(f"_at_{SMALL_MEMORY}", logs, "--memory", SMALL_MEMORY)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        sizes = (GROWTH * options.rows, GROWTH * options.responses, options.sessions)
        measured(f"_x{GROWTH}", _logs(Path(name), *sizes, table))
    return peaks


def _report(
    options: argparse.Namespace,
    logs: Logs,
    runs: Mapping[str, list[Run]],
    figures: Figures,
    memory: dict[str, int],
    exact: dict[str, bool | None],
) -> None:
    """Print the table, the goals, and one line of JSON."""
    table = {name: _summary(some) for name, some in runs.items()}
    for label, peak in memory.items():
        print(f"{'peak of ' + label:28} {peak / 1e6:7.0f} MB")
    print(f"{'':20} {'median s':>9} {'min s':>9} {'cpu s':>9} {'peak MB':>9}")
    for name, row in table.items():
        cells = [row["median_s"], row["min_s"], row["cpu_s"], row["peak_rss_bytes"] / 1e6]
        print(f"{name:20} " + " ".join(f"{cell:9.2f}" for cell in cells))
    met = _met(figures, memory, exact)
    for name, (value, goal, good) in met.items():
        shown = "not measured" if value is None else value if isinstance(value, bool) else f"{value:,.2f}"
        print(f"{name:20} {shown!s:>12}   goal {goal:16} {'-' if good is None else 'met' if good else 'MISSED'}")
    result = {
        "benchmark": "cost_logs",
        "rounds": options.rounds,
        "logs": {"chat": _described(logs.chat_truth, [logs.chat]), "claude": _claude_described(logs)},
        "ratios": figures,
        "peak_rss_bytes": memory,
        "exact": exact,
        "goals": {name: goal for name, (_, goal, _) in met.items()},
        "met": {name: good for name, (_, _, good) in met.items()},
        "runs": table,
        "environment": _environment(options.peers),
    }
    print(json.dumps(result))


def _met(
    figures: Figures, memory: dict[str, int], exact: dict[str, bool | None]
) -> dict[str, tuple[float | None, str, bool | None]]:
    """Return goal name -> value, goal in words, and whether it is met; None where it was not measured."""
    log, litellm, ccusage = (figures.get(name) for name in ("log_to_duckdb", "speed_to_litellm", "claude_to_ccusage"))
    peak = max(memory.values())
    return {
        "log_to_duckdb": (log, f"<= {LOG_GOAL} x", log is not None and log <= LOG_GOAL),
        "speed_to_litellm": (litellm, f">= {LITELLM_GOAL:.0f} x", None if litellm is None else litellm >= LITELLM_GOAL),
        "claude_to_ccusage": (ccusage, f"<= {CCUSAGE_GOAL} x", None if ccusage is None else ccusage <= CCUSAGE_GOAL),
        "peak_memory_mb": (peak / 1e6, f"<= {MEMORY_GOAL_BYTES // 10**6} MB", peak <= MEMORY_GOAL_BYTES),
        "exact": (False not in exact.values(), "every figure", False not in exact.values()),
        "in_time": (None not in exact.values(), f"{STOP_S:.0f} s a memory run", None not in exact.values()),
    }


def _summary(runs: list[Run]) -> Figures:
    wall_s = [one.wall_s for one in runs]
    return {
        "median_s": statistics.median(wall_s),
        "min_s": min(wall_s),
        "cpu_s": statistics.median(one.cpu_s for one in runs),
        "peak_rss_bytes": peak_bytes(runs),
        "raw_s": wall_s,
    }


def _described(truth: Truth, files: list[Path]) -> Figures:
    size = sum(path.stat().st_size for path in files)
    cost = str(truth.total.cost_usd)
    return {"files": len(files), "size_bytes": size, "lines": truth.lines, "records": truth.records, "cost_usd": cost}


def _claude_described(logs: Logs) -> Figures:
    return _described(logs.claude_truth, sorted(logs.claude.rglob("*.jsonl")))


def _environment(peers: bool) -> Figures:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = {"llmopt": __version__, "python": platform.python_version(), "duckdb": metadata.version("duckdb")}
    if peers:
        versions |= {"litellm": processes.LITELLM, "ccusage": processes.CCUSAGE}
    machine = {"processor": model or platform.processor(), "cores": cpu_count(), "load_average": getloadavg()}
    return machine | versions


if __name__ == "__main__":
    main()
