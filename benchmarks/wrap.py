"""What `llmopt.wrap` costs: CPU time of a call of the real openai client, plain and wrapped, before a mock upstream.

Plain and wrapped take turns; the figure is the median of the rounds. Prints a table; the last line is one JSON object.
The exit code is 1 when the wrapped client's answers or its log are not what they should be.

    python benchmarks/wrap.py [--calls 300] [--events 103] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from openai import OpenAI
from prometheus_client import CollectorRegistry

import llmopt

QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
STREAMS_SHARE = 10
"""One stream for so many calls: it costs more."""
SEEDS = count(1)


def main() -> int:
    """Measure, print the figures, say whether all was right."""
    parser = argparse.ArgumentParser(description="Measure what llmopt.wrap costs.")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--events", type=int, default=103)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    command = [sys.executable, "-m", "llmopt.serving.mock_upstream", "--port", "0", "--chunks", str(wanted.events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mock, tempfile.TemporaryDirectory() as folder:
        try:
            found = re.search(r"http://\S+", mock.stdout.readline() if mock.stdout else "")
            root = (found[0] if found else "").rstrip("/").removesuffix("/v1")
            result = measured(f"{root}/v1", Path(folder) / "calls.jsonl", wanted)
        finally:
            mock.terminate()
    show(result)
    print(json.dumps(result))
    return 0 if result["right"] else 1


def measured(url: str, log: Path, wanted: argparse.Namespace) -> dict[str, Any]:
    """Return all figures, in milliseconds of CPU time a call."""
    with OpenAI(base_url=url, api_key="k") as plain:
        client = llmopt.wrap(plain, cache=True, metrics=CollectorRegistry(), log=log)
        ways: dict[str, Callable[[bool], object]] = {
            "plain": lambda stream: ask(plain, stream),
            "passed by": lambda stream: ask(client, stream),
            "asked and kept": lambda stream: ask(client, stream, seed=next(SEEDS), temperature=0),
            "from the cache": lambda stream: ask(client, stream, temperature=0),
        }
        texts = {way(stream) for way in ways.values() for stream in (False, True)}
        times: dict[str, list[float]] = {f"{name}{kind}": [] for name in ways for kind in ("", ", stream")}
        for _ in range(wanted.rounds):
            for name, way in ways.items():
                times[name].append(cpu_ms(lambda way=way: way(False), wanted.calls))
                times[f"{name}, stream"].append(cpu_ms(lambda way=way: way(True), wanted.calls // STREAMS_SHARE))
        client.close()
    noted = sum(1 for _ in log.open())
    calls = (len(ways) - 1) * (2 + wanted.rounds * (wanted.calls + wanted.calls // STREAMS_SHARE))
    return {
        "cpu_ms": {name: round(median(each), 3) for name, each in times.items()},
        "samples_ms": times,
        "right": len(texts) == 1 and noted == calls,
        "noted": noted,
        "calls": calls,
        "python": platform.python_version(),
        "cpus": cpu_count(),
        "load_average": getloadavg(),
        "version": llmopt.__version__,
    }


def ask(client: OpenAI, stream: bool, **more: Any) -> str:
    """Ask, and return the text of the answer."""
    answer: Any = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=stream, **more)
    if not stream:
        return str(answer.choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def cpu_ms(call: Callable[[], object], times: int) -> float:
    """Return the CPU time of this process for one call, in milliseconds."""
    began_s = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began_s) / times * 1000


def show(result: dict[str, Any]) -> None:
    """Print the figures for people."""
    figures = result["cpu_ms"]
    print(f"{'CPU ms':16} {'call':>8} {'stream':>8}")
    for name in [each for each in figures if not each.endswith(", stream")]:
        print(f"{name:16} {figures[name]:8.2f} {figures[f'{name}, stream']:8.2f}")


if __name__ == "__main__":
    sys.exit(main())
