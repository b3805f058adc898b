"""Start-up: `llmopt --help` and a ten-line `llmopt cost` against the help of a bare two-command typer app.

Runs the variants in turn, so that a busy moment of the machine hits all of them; each time is a whole process.
Prints a table; the last line is one JSON object with the medians and the ratios.

    python benchmarks/startup.py [ROUNDS]
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

BARE = """
import typer
app = typer.Typer()
@app.command()
def first(name: str = "x") -> None:
    "Do the first thing."
@app.command()
def second(name: str = "y") -> None:
    "Do the second thing."
app()
"""
LINE = (
    '{"id":"chatcmpl-%d","object":"chat.completion","created":1754006400,"model":"gpt-4o-2024-08-06",'
    '"usage":{"prompt_tokens":1200,"completion_tokens":80,"total_tokens":1280,'
    '"prompt_tokens_details":{"cached_tokens":1024}}}\n'
)
HELP_GOAL, COST_GOAL = 1.15, 3.0


def main() -> None:
    """Time every variant and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as folder:
        log, bare = Path(folder, "ten.jsonl"), Path(folder, "bare.py")
        log.write_text("".join(LINE % i for i in range(10)))
        bare.write_text(BARE)
        variants = {
            "bare_help": [sys.executable, str(bare), "--help"],
            "llmopt_help": [sys.executable, "-m", "llmopt", "--help"],
            "llmopt_version": [sys.executable, "-m", "llmopt", "--version"],
            "llmopt_cost_10_lines": [sys.executable, "-m", "llmopt", "cost", str(log)],
        }
        raw_s = measure(variants, rounds)
    medians = {name: statistics.median(times) for name, times in raw_s.items()}
    ratios = {name: medians[name] / medians["bare_help"] for name in medians}
    for name in variants:
        print(f"{name:22} {medians[name] * 1000:8.1f} ms  {ratios[name]:5.2f} x bare")
    result = {
        "benchmark": "startup",
        "rounds": rounds,
        "median_s": medians,
        "ratio_to_bare_help": ratios,
        "goals": {"llmopt_help": HELP_GOAL, "llmopt_cost_10_lines": COST_GOAL},
        "met": ratios["llmopt_help"] <= HELP_GOAL and ratios["llmopt_cost_10_lines"] < COST_GOAL,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "raw_s": raw_s,
    }
    print(json.dumps(result))


def measure(variants: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Run each variant once unmeasured, then all of them in turn `rounds` times; return seconds."""
    raw_s: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, command in variants.items():
            began = perf_counter_ns()
            subprocess.run(command, capture_output=True, check=True)
            if number:
                raw_s[name].append((perf_counter_ns() - began) / 1e9)
    return raw_s


if __name__ == "__main__":
    main()
