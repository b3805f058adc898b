"""Whole processes, timed in turn, and the peers in folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import perf_counter_ns

ROOT = Path(__file__).resolve().parent.parent
LITELLM, CCUSAGE = "1.102.4", "20.0.24"
"""Exact versions: litellm 1.82.7 and 1.82.8 were malware, and ccusage 20.0.26 lacks its Linux binary."""
_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024

LITELLM_LOOP = """
import json, sys, time
import litellm
def loop(to_response):
    began = time.perf_counter()
    with open(sys.argv[1], encoding="utf-8") as log:
        costs = [litellm.completion_cost(completion_response=to_response(json.loads(line))) for line in log]
    return {"rows_per_s": len(costs) / (time.perf_counter() - began), "cost_usd": sum(costs)}
print(json.dumps({"dict": loop(dict), "response": loop(lambda row: litellm.ModelResponse(**row))}))
"""
"""Both ways to hand a row over: as the dict it is, mostly the faster one, and as litellm's class. Import not timed."""

_SUMS = "SELECT sum(usage.prompt_tokens), sum(usage.completion_tokens), sum(usage.total_tokens)"
_TYPES = "{usage: 'STRUCT(prompt_tokens BIGINT, completion_tokens BIGINT, total_tokens BIGINT)'}"
DUCKDB_EXPLICIT = f"{_SUMS} FROM read_json('LOG', format = 'newline_delimited', columns = {_TYPES})"
"""As fast as a query over JSON lines gets: only the columns it sums, by name and type. LOG stands for the file."""
DUCKDB_DETECTED = f"{_SUMS} FROM 'LOG'"
"""What most people would write."""
_DUCKDB = "import duckdb, sys; print(*duckdb.connect().execute(sys.argv[1]).fetchone())"


@dataclass(frozen=True, slots=True)
class Command:
    """A process to time."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One process, from start to exit."""

    wall_s: float
    cpu_s: float
    """User and system time, children included."""
    peak_rss_bytes: int
    """Of the largest process of the tree."""
    stdout: str


def llmopt(*arguments: str) -> Command:
    """Return a run of this checkout's command line."""
    return Command((sys.executable, "-m", "llmopt", *arguments), _environment())


def duckdb(query: str, log: Path) -> Command:
    """Return a bare Python process that runs `query` over `log`."""
    return Command((sys.executable, "-c", _DUCKDB, query.replace("LOG", str(log))), _environment())


def run(command: Command, limit_s: float = 600.0) -> Run:
    """Run a command to its end; past `limit_s` it is stopped, and its `stdout` empty.

    Raises:
        SystemExit: it failed; the message holds what it wrote to stderr.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        began = perf_counter_ns()
        process = subprocess.Popen(
            command.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=command.env, cwd=ROOT
        )
        alarm = Timer(limit_s, os.kill, (process.pid, signal.SIGKILL))
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = (perf_counter_ns() - began) / 1e9
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == -signal.SIGKILL:
            out.truncate(0)
        out.seek(0)
        if process.returncode not in (0, -signal.SIGKILL):
            err.seek(0)
            raise SystemExit(f"{' '.join(command.argv)}: exit {process.returncode}\n{err.read()}")
        return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT_BYTES, out.read())


def interleave(commands: Mapping[str, Command], rounds: int) -> dict[str, list[Run]]:
    """Run each command once unmeasured, then all in turn `rounds` times: a busy moment of the machine hits all."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for name, command in commands.items():
            done = run(command)
            if number:
                runs[name].append(done)
    return runs


def loads_duckdb(command: Command) -> bool:
    """Does a run of llmopt load duckdb? Small logs are read without it."""
    traced = (command.argv[0], "-X", "importtime", *command.argv[1:])
    done = subprocess.run(traced, capture_output=True, text=True, env=command.env, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command.argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return any(line.rpartition("|")[2].strip() == "duckdb" for line in done.stderr.splitlines())


def litellm_loop(folder: Path, log: Path) -> Command:
    """Install litellm into a venv of its own, unless it is there; return its loop over `log`."""
    venv = folder / f"litellm-{LITELLM}"
    if not (venv / "installed").exists():
        _quiet(sys.executable, "-m", "venv", str(venv))
        _quiet(str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", f"litellm=={LITELLM}")
        (venv / "installed").touch()
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(venv), "PATH": os.defpath}
    return Command((str(venv / "bin" / "python"), "-I", "-c", LITELLM_LOOP, str(log)), env)


def ccusage_daily(folder: Path, config: Path) -> Command:
    """Install ccusage into a folder of its own, unless it is there; return its run over the transcripts of `config`.

    The Rust binary is called directly: the start of node, which npm puts before it, is not held against it.
    """
    prefix = folder / f"ccusage-{CCUSAGE}"
    pattern = "node_modules/@ccusage/ccusage-*/bin/ccusage"
    if not list(prefix.glob(pattern)):
        _quiet("npm", "install", "--silent", "--prefix", str(prefix), f"ccusage@{CCUSAGE}")
    binary = next(prefix.glob(pattern))
    binary.chmod(0o755)
    env = {"CLAUDE_CONFIG_DIR": str(config), "HOME": str(prefix), "PATH": os.defpath, "TZ": "UTC"}
    return Command((str(binary), "daily", "--json", "--offline"), env)


def _environment() -> dict[str, str]:
    """Return this process's environment without settings of llmopt, and with this checkout first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLMOPT_", "GITHUB_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _quiet(*command: str) -> None:
    print(f"installing: {' '.join(command)}", file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")


def peak_bytes(runs: Sequence[Run]) -> int:
    """Return the highest peak of several runs."""
    return max(one.peak_rss_bytes for one in runs)
