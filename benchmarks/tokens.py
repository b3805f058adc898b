"""Token counts: a log that repeats itself, unique English, the first count, long runs, estimates, exactness.

Everything is measured against tiktoken in the same run, variants in turn. Prints a table; the last line is one JSON
object with every ratio, its spread over the rounds, and the goals. The exit code is 1 when a count is not tiktoken's.

    python benchmarks/tokens.py [--peers] [--dir DIR] [--rounds 5] [--prose FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import tokens_run as run
from benchmarks.tokens_data import prompts, prose, shared
from benchmarks.tokens_run import Timed
from llmopt import __version__
from llmopt.tokens.exact.tokenizer import ExactTokenizer

REPEATS = 10
LOG_GOAL, PROSE_GOAL, FIRST_GOAL, SINGLE_GOAL_S = 10.0, 5.0, 0.6, 1.0
SINGLES = (
    "aAxz0!-=/. \t\r\n\x00\xa0\u00e9\u0430\u0627\u0e01\u4e2d\uac00\u0301\u200d\u2500\ufffd\ue000\U0001f600\U000f0000"
)
ESTIMATED_MODEL = "claude-sonnet-4-5"
Figures = dict[str, Any]


def main() -> None:
    """Measure everything, print the ratios."""
    options = _options()
    if options.dir:
        options.dir.mkdir(parents=True, exist_ok=True)
        good = measure(options.dir.resolve(), options)
    else:
        with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
            good = measure(Path(folder).resolve(), options)
    sys.exit(0 if good else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time token counts against tiktoken.")
    parser.add_argument("--dir", type=Path, help="work folder; the peers stay there (default: a temporary one)")
    parser.add_argument("--prompts", type=int, default=2_000, help=f"distinct prompts of the log, each {REPEATS} times")
    parser.add_argument("--requests", type=int, default=5_000, help="requests that share a system prompt")
    parser.add_argument("--size", type=int, default=10_000_000, help="characters of unique English")
    parser.add_argument("--prose", type=Path, help="unique English of your own, instead of made-up one")
    parser.add_argument("--single", type=int, default=4_000_000, help="bytes of a single character")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=11, help="rounds of fresh processes")
    parser.add_argument("--peers", action="store_true", help="install and time other tokenizers")
    return parser.parse_args()


def measure(folder: Path, options: argparse.Namespace) -> bool:
    """Run the benchmark; return whether every count was tiktoken's."""
    unique = prose(options.size, source=options.prose)
    logs = {
        "log": prompts(options.prompts, REPEATS),
        "log_shared_prefix": shared(options.requests),
        "unique_english": unique,
    }
    timed = {}
    for name, texts in logs.items():
        print(f"{name}: {len(texts):,} texts, {sum(map(len, texts)):,} characters", file=sys.stderr)
        timed[name] = run.in_turn(run.loops(texts), options.rounds)
    figures: Figures = {
        "speed_to_tiktoken": {name: run.speed(ways) for name, ways in timed.items()},
        "mb_per_s": {name: _mb_per_s(logs[name], ways) for name, ways in timed.items()},
        "exactness": _exactness(logs, timed),
    }
    singles = {_named(character): _single(character, options.single) for character in SINGLES}
    slowest = max(singles, key=lambda name: singles[name])
    figures["single_characters_s"] = {"slowest": slowest, "slowest_s": singles[slowest], "all_s": singles}
    figures["estimates"] = _estimates(unique[: max(1, len(unique) // 10)], options.rounds)
    starts = run.first_counts(folder / "cache", options.starts)
    figures["first_count"] = _first(starts)
    if options.peers:
        figures["peers"] = run.peers(folder, unique, options.rounds)
    _report(options, figures, starts)
    return bool(figures["exactness"]["mismatches"] == 0)


def _mb_per_s(texts: Sequence[str], ways: Mapping[str, Timed]) -> dict[str, float]:
    size = sum(len(text.encode()) for text in texts) / 1e6
    return {name: size / median(one.raw_s) for name, one in ways.items()}


def _exactness(logs: Mapping[str, Sequence[str]], timed: Mapping[str, Mapping[str, Timed]]) -> Figures:
    """Compare the counts of every text by every way of llmopt with tiktoken's."""
    compared = wrong = 0
    for name, ways in timed.items():
        for way, one in ways.items():
            if way.startswith("llmopt"):
                compared += sum(map(len, logs[name]))
                wrong += sum(a != b for a, b in zip(one.counts, ways["tiktoken"].counts, strict=True))
    return {"characters_compared": compared, "mismatches": wrong}


def _single(character: str, size: int) -> float:
    """Return the seconds that a tokenizer with nothing in memory takes for `size` bytes of one character."""
    text = character * (size // len(character.encode()))
    tokenizer = ExactTokenizer(run.ENCODING)
    tokenizer.count("a longer text, so that the whole vocabulary is there. " * 200)
    timed = run.in_turn({"": lambda: [ExactTokenizer(run.ENCODING).count(text).tokens]}, 3)
    return median(timed[""].raw_s)


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"


def _estimates(texts: Sequence[str], rounds: int) -> Figures | None:
    """Time the estimator of a Claude model, and ctok where it is installed, against tiktoken."""
    try:
        from llmopt.tokens.api import tokenizer_for
        from llmopt.tokens.estimate.reconstruct import available
    except ImportError as error:
        print(f"no estimates: {error}", file=sys.stderr)
        return None
    plain = run.plain().encode_ordinary

    def claude(*, reconstruct: bool, texts: Sequence[str] = texts) -> list[int]:
        tokenizer_for.__globals__["exact_tokenizer"].cache_clear()
        tokenizer_for.__globals__["estimated_tokenizer"].cache_clear()
        tokenizer = tokenizer_for(ESTIMATED_MODEL, reconstruct=reconstruct)
        return [count.tokens for count in tokenizer.count_many(texts)]

    ways: dict[str, run.Loop] = {
        "tiktoken": lambda: [len(plain(text)) for text in texts],
        "estimate": lambda: claude(reconstruct=False),
    }
    figures: Figures = {"model": ESTIMATED_MODEL, "ctok": available()}
    timed = run.in_turn(ways, rounds)
    if available():
        few = texts[: max(1, len(texts) // 10)]
        timed |= run.in_turn({"ctok": lambda: claude(reconstruct=True, texts=few)}, 1)
        figures["ctok_mb_per_s"] = _mb_per_s(few, {"ctok": timed.pop("ctok")})["ctok"]
    else:
        print("ctok is not installed: its speed is not measured", file=sys.stderr)
    return figures | {"speed_to_tiktoken": run.speed(timed)["estimate"], "mb_per_s": _mb_per_s(texts, timed)}


def _first(starts: Mapping[str, Mapping[str, list[float]]]) -> Figures:
    """Return time of a first count / that of tiktoken, of the whole process and from the first import on."""
    return {
        name: {key: run.spread(times[key], starts["tiktoken"][key]) for key in ("process_s", "inside_s")}
        for name, times in starts.items()
        if name.startswith("llmopt")
    }


def _report(options: argparse.Namespace, figures: Figures, starts: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Print the table, the goals, and one line of JSON."""
    for name, ways in figures["speed_to_tiktoken"].items():
        for way, ratio in ways.items():
            speed = f"{figures['mb_per_s'][name][way]:7.1f} MB/s"
            print(f"{name:18} {way:18} {_shown(ratio)} x tiktoken, {ratio['cpu']:6.2f} x in processor time, {speed}")
    for name, peer in figures.get("peers", {}).get("speed_to_tiktoken", {}).items():
        print(f"{'peer':18} {name:18} {_shown(peer)} x tiktoken")
    for name, keys in figures["first_count"].items():
        print(f"{'first count':18} {name:18} {_shown(keys['process_s'])} of tiktoken's process")
        print(f"{'':18} {'':18} {_shown(keys['inside_s'])} from the first import on")
    met = _met(figures)
    for name, (value, goal, good) in met.items():
        shown = "not measured" if value is None else f"{value:,.2f}"
        print(f"{name:22} {shown:>12}   goal {goal:8} {'-' if good is None else 'met' if good else 'MISSED'}")
    result = {
        "benchmark": "tokens",
        "encoding": run.ENCODING,
        "rounds": options.rounds,
        **figures,
        "goals": {name: goal for name, (_, goal, _) in met.items()},
        "met": {name: good for name, (_, _, good) in met.items()},
        "first_count_raw": starts,
        "environment": _environment(),
    }
    print(json.dumps(result))


def _shown(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:7.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _met(figures: Figures) -> dict[str, tuple[float | None, str, bool | None]]:
    """Return goal name -> value, goal in words, and whether it is met; None where it was not measured."""
    speed, first = figures["speed_to_tiktoken"], figures["first_count"]
    log, log_fast = (speed["log"].get(way, {}).get("median") for way in ("llmopt_many", "llmopt_fast_many"))
    english = speed["unique_english"].get("llmopt_fast_many", {}).get("median")
    started = max(keys["process_s"]["median"] for keys in first.values())
    single = figures["single_characters_s"]["slowest_s"]
    wrong = figures["exactness"]["mismatches"]
    return {
        "log_x10": _at_least(log, LOG_GOAL),
        "log_x10_fast": _at_least(log_fast, LOG_GOAL),
        "unique_english_fast": _at_least(english, PROSE_GOAL),
        "first_count": (started, f"<= {FIRST_GOAL} x", started <= FIRST_GOAL),
        "single_character_s": (single, f"< {SINGLE_GOAL_S:.0f} s", single < SINGLE_GOAL_S),
        "mismatches": (wrong, "0", wrong == 0),
    }


def _at_least(value: float | None, goal: float) -> tuple[float | None, str, bool | None]:
    return value, f">= {goal:.0f} x", None if value is None else value >= goal


def _environment() -> Figures:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = {"llmopt": __version__, "python": platform.python_version(), "tiktoken": metadata.version("tiktoken")}
    if run.has_fast():
        versions["toktok-rs"] = metadata.version("toktok-rs")
    machine = {"processor": model or platform.processor(), "cores": cpu_count(), "load_average": getloadavg()}
    return machine | versions


if __name__ == "__main__":
    main()
