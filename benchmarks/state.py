"""A nightly `price_with_state` on many small files: the first night, one with nothing new, one with one new file.

Makes logs of known cost (seeded), runs each night as a whole process, prints a table; the last line is one JSON object.
The exit code is 1 when a cost is not exact.

    python benchmarks/state.py [--files 20000] [--rows 50] [--responses 200000] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from os import cpu_count, getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cost_logs_data import write_chat_log, write_transcripts
from benchmarks.cost_logs_run import ROOT, Command, Run, run
from llmopt import __version__
from llmopt.cost.pricing.table import PriceTable

GOAL = 0.05
"""A night with nothing new, of the time of the first."""
FOLDER_FILES = 1_000
LIMIT_S = 3600.0
_NIGHT = """
import sys
from pathlib import Path
from llmopt.cost.state.run import price_with_state
print(price_with_state([sys.argv[1]], Path(sys.argv[2])).total.cost_usd)
"""
_WHOLE = "import sys, llmopt; print(llmopt.price_logs([sys.argv[1]]).total.cost_usd)"


@dataclass(frozen=True, slots=True)
class Night:
    """One run."""

    name: str
    run: Run
    is_exact: bool


def main() -> None:
    """Make the logs, run the nights, print the ratios."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-", dir=options.dir) as folder:
        figures = {
            "many small files": _chats(Path(folder, "chats"), options.files, options.rows, whole=options.whole),
            "responses logged several times": _transcripts(
                Path(folder, "transcripts"), options.responses, options.files
            ),
        }
    print(json.dumps({"llmopt": __version__, "machine": _machine(), "goal": GOAL, **figures}))
    sys.exit(0 if all(found["exact"] for found in figures.values()) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time nights with a state.")
    parser.add_argument("--dir", type=Path, help="where to make the work folder")
    parser.add_argument("--files", type=int, default=20_000, help="log files")
    parser.add_argument("--rows", type=int, default=50, help="rows of each, about 640 bytes each")
    parser.add_argument("--responses", type=int, default=200_000, help="responses in the transcripts")
    parser.add_argument("--whole", action="store_true", help="also time one run without a state")
    return parser.parse_args()


def _chats(folder: Path, files: int, rows: int, *, whole: bool) -> dict[str, Any]:
    """Run the nights on files of chats, the last of which comes on the last night."""
    folder.mkdir()
    log, logs, later = folder / "log", folder / "logs", folder / "later.jsonl"
    print(f"writing {files:,} files of {rows} rows", file=sys.stderr)
    truth = write_chat_log(log, files * rows, PriceTable.load())
    with log.open(encoding="utf-8") as lines:
        for number in range(files):
            path = logs / f"{number // FOLDER_FILES:04}" / f"{number:07}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(islice(lines, rows)), encoding="utf-8")
    last = path.rename(later)
    log.unlink()
    return _nights(folder, logs, {last: path}, truth.total.cost_usd, whole=whole)


def _transcripts(folder: Path, responses: int, files: int) -> dict[str, Any]:
    """Run the nights on transcripts, in which most responses are logged several times."""
    folder.mkdir()
    sessions = max(2, min(files // 10, responses // 100))
    print(f"writing {responses:,} responses in {sessions:,} transcripts", file=sys.stderr)
    truth = write_transcripts(folder / "logs", responses, sessions, PriceTable.load())
    logs = folder / "logs" / ".claude"
    path = max(logs.rglob("*.jsonl"), key=str)
    later = path.rename(folder / "later.jsonl")
    return _nights(folder, logs, {later: path}, truth.total.cost_usd, whole=False)


def _nights(folder: Path, logs: Path, later: dict[Path, Path], cost_usd: Decimal, *, whole: bool) -> dict[str, Any]:
    arguments = (str(logs), str(folder / "state"))
    size_bytes = sum(path.stat().st_size for path in logs.rglob("*.jsonl"))
    nights = [("first", None), ("nothing new", None), ("nothing new, again", None), ("one new file", cost_usd)]
    nights += [("nothing new after it", cost_usd)]
    found = []
    for name, expected in nights:
        if expected is not None:
            for source, target in later.items():
                if source.exists():
                    source.rename(target)
        done = run(_python(_NIGHT, *arguments), LIMIT_S)
        found.append(Night(name, done, expected is None or _printed_usd(done) == expected))
    if whole:
        done = run(_python(_WHOLE, str(logs)), LIMIT_S)
        found.append(Night("without a state", done, _printed_usd(done) == cost_usd))
    state_bytes = sum(path.stat().st_size for path in (folder / "state").rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return _told(found, size_bytes, state_bytes)


def _printed_usd(done: Run) -> Decimal:
    """Return what a run printed last: duckdb shows its progress before, in processes without a script."""
    return Decimal(done.stdout.split()[-1])


def _told(nights: list[Night], size_bytes: int, state_bytes: int) -> dict[str, Any]:
    """Print a table and return its figures."""
    first_s = nights[0].run.wall_s
    print(f"\n{size_bytes / 1e6:,.0f} MB of logs, state {state_bytes / 1e6:,.1f} MB")
    print(f"{'night':24} {'wall s':>8} {'cpu s':>8} {'of first':>9} {'peak MB':>8}  exact")
    for night in nights:
        done = night.run
        ratio, peak_mb = done.wall_s / first_s, done.peak_rss_bytes / 1e6
        print(f"{night.name:24} {done.wall_s:8.2f} {done.cpu_s:8.2f} {ratio:9.3f} {peak_mb:8.0f}  {night.is_exact}")
    return {
        "logs_bytes": size_bytes,
        "state_bytes": state_bytes,
        "wall_s": {night.name: night.run.wall_s for night in nights},
        "cpu_s": {night.name: night.run.cpu_s for night in nights},
        "peak_bytes": {night.name: night.run.peak_rss_bytes for night in nights},
        "second_of_first": min(night.run.wall_s for night in nights[1:3]) / first_s,
        "exact": all(night.is_exact for night in nights),
    }


def _python(code: str, *arguments: str) -> Command:
    return Command((sys.executable, "-c", code, *arguments), {**os.environ, "PYTHONPATH": str(ROOT)})


def _machine() -> dict[str, Any]:
    return {
        "processor": platform.machine(),
        "cpus": cpu_count(),
        "load": getloadavg()[0],
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    main()
