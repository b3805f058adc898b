"""Keep what benchmarks have measured, and make the README's table of it.

    python benchmarks/record.py tables.py --rows 2000000     # run a benchmark, and keep its last line
    python benchmarks/record.py --table                      # write the table of the README from what is kept

What is kept is the line of JSON that a benchmark ends with, as it is, with the command, the day and the machine: one
file a benchmark in `results/`. `ROWS` says which figures of them the README shows; a figure that was not measured is
not shown. A test fails when the table is stale.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- measured: made by benchmarks/record.py -->", "<!-- end of measured -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    claim: str
    benchmark: str
    """Name of the script, without its ending."""
    figure: Callable[[Any], str]
    """Makes what is shown of the JSON that the benchmark ended with; empty: that run did not measure it."""
    goal: str


def times(value: float) -> str:
    """Return a ratio for people."""
    return f"{value:.2f}x" if value < 10 else f"{value:,.0f}x"


def of(value: float) -> str:
    """Return one part in so many."""
    return f"1/{1 / value:,.0f}" if value < 0.2 else f"{value:.2f}x"


def percent(value: float) -> str:
    """Return a share."""
    return f"{value * 100:.1f} %"


ROWS: tuple[Row, ...] = (
    Row(
        "`llmopt --help` beside a bare typer app",
        "startup",
        lambda found: times(found["ratio_to_bare_help"]["llmopt_help"]),
        "at most 1.15x",
    ),
    Row(
        "pricing 1.3 GB of JSON lines beside bare duckdb adding up three columns",
        "cost_logs",
        lambda found: times(found["ratios"]["log_to_duckdb"]),
        "at most 1.5x",
    ),
    Row(
        "most memory of any of these runs",
        "cost_logs",
        lambda found: f"{max(found['peak_rss_bytes'].values()) / 1e6:,.0f} MB",
        "at most 400 MB",
    ),
    Row(
        "pricing Parquet",
        "tables",
        lambda found: f"{found['figures']['parquet_rows_per_s'] / 1e6:.1f} M rows/s",
        "at least 2 M rows/s",
    ),
    Row(
        "pricing CSV beside duckdb's own aggregate",
        "tables",
        lambda found: times(found["figures"]["csv_speed_to_duckdb"]),
        "at least 0.8x",
    ),
    Row(
        "Spark on two cores beside the local engine, after session start",
        "spark",
        lambda found: times(found["ratios"]["spark_paths"]),
        "at most 3x",
    ),
    Row(
        "a night with nothing new, 20,000 files with a state, of the first night",
        "state",
        lambda found: percent(found["many small files"]["second_of_first"]),
        "at most 5 %",
    ),
    Row(
        "counting a log of repeated prompts beside tiktoken",
        "tokens",
        lambda found: times(found["speed_to_tiktoken"]["log"]["llmopt_many"]["median"]),
        "at least 10x",
    ),
    Row(
        "a hit of the response cache in memory; in SQLite",
        "cache",
        lambda found: (
            f"{found['stores']['llmopt memory']['hit_us']:.1f} us; {found['stores']['llmopt sqlite']['hit_us']:.0f} us"
        ),
        "at most 5; 30 us",
    ),
    Row(
        "area between quality and cost of the learned router, low end (random: 0.5)",
        "routing",
        lambda found: f"{found['quality']['area'][1]:.2f}",
        "at least 0.65",
    ),
    Row(
        "a request through the gateway with everything on, processor time",
        "gateway",
        lambda found: f"{found['goals']['cpu_ms']['is']:.2f} ms",
        "at most 0.50 ms",
    ),
    Row(
        "the same beside LiteLLM's proxy with nothing on",
        "gateway",
        lambda found: of(1 / found["goals"]["cpu_litellm"]["is"]) if "cpu_litellm" in found["goals"] else "",
        "at most 1/25",
    ),
    Row(
        "the batcher's own time for a request of one caller",
        "batching",
        lambda found: f"{found['goals']['one_caller_us'][1]:.1f} us",
        "at most 20 us",
    ),
    Row(
        "HTML report of a million requests: size; time to make it",
        "html_page",
        lambda found: f"{found['figures']['page_bytes'] / 1e3:,.0f} kB; {found['figures']['render_s']:.2f} s",
        "at most 1,000 kB; 1 s",
    ),
)


def main(words: list[str]) -> int:
    """Do what the command line says."""
    if words == ["--table"]:
        README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    if not words or words[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    return record(words[0], words[1:])


def record(script: str, arguments: list[str]) -> int:
    """Run a benchmark, and keep the line of JSON that it ends with."""
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    lines = done.stdout.strip().splitlines()
    try:
        result = json.loads(lines[-1]) if lines else None
    except ValueError:
        result = None
    if result is None:
        sys.stderr.write(f"{script}: it did not end with JSON, so nothing is kept (exit code {done.returncode})\n")
        return done.returncode or 1
    kept = {
        "command": " ".join(["python", f"benchmarks/{script}", *arguments]),
        "day": datetime.now(UTC).date().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "load_before": round(load, 1),
        "exit_code": done.returncode,
        "result": result,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{Path(script).stem}.json"
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return done.returncode


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1].strip() if found else platform.machine()


def table() -> str:
    """Return the table of all figures that are kept."""
    lines = ["| claim | measured | goal | by | on |", "| --- | --- | --- | --- | --- |"]
    machines: list[str] = []
    for row in ROWS:
        path = RESULTS / f"{row.benchmark}.json"
        if not path.is_file():
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        shown = row.figure(kept["result"])
        if not shown:
            continue
        machines += [kept["machine"]] if kept["machine"] not in machines else []
        cells = (row.claim, shown, row.goal, f"`{row.benchmark}.py`", kept["day"])
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"On {'; '.join(machines)}. Each figure is a ratio or a count of one run; commands and all figures are in",
        "[benchmarks/results](benchmarks/results), how in [benchmarks/README.md](benchmarks/README.md).",
    ]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Return the README with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
