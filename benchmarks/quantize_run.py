"""One quantization as a whole process: llmopt in this interpreter, llm-compressor in a pinned venv of its own.

Both print a line of JSON: seconds of the call, memory of the process after its imports and at most. Imports are not in
the seconds; the whole process is timed from outside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

PEER = "llmcompressor"
PEER_VERSION = "0.14.0.1"
IGNORED = ("lm_head", "model.embed_tokens")

_MEASURED = """
import json, os, sys, time
source, target, scheme, threads, bound = sys.argv[1:6]
def held(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))
{setup}
before = held("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
began = time.perf_counter()
{call}
took = time.perf_counter() - began
print(json.dumps({{"call_s": took, "imported_bytes": before, "peak_bytes": held("VmHWM")}}))
"""
_LLMOPT = _MEASURED.format(
    setup="""
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.route import quantize_checkpoint
""",
    call="""
config = QuantizeConfig(scheme=scheme, jobs=int(threads), max_memory_bytes=int(bound))
quantize_checkpoint(source, target, config)
""",
)
_COMPRESSOR = _MEASURED.format(
    setup="""
import logging
logging.disable(logging.CRITICAL)
import torch
from loguru import logger
logger.remove()
from llmcompressor import model_free_ptq
torch.set_num_threads(int(threads))
""",
    call=f"""
model_free_ptq(source, target, scheme=scheme.upper(), ignore={list(IGNORED)!r}, device="cpu")
""",
)


@dataclass(frozen=True, slots=True)
class Once:
    """One run."""

    call_s: float
    """Of the call itself."""
    process_s: float
    """Of the whole process, imports included."""
    imported_bytes: int
    """Held after the imports."""
    peak_bytes: int
    """Held at most."""

    @property
    def working_bytes(self) -> int:
        """At most above what the imports took."""
        return self.peak_bytes - self.imported_bytes


def run(source: Path, target: Path, scheme: str, threads: int, *, python: Path | None, bound_bytes: int) -> Once:
    """Quantize once, in a new process.

    Args:
        source: checkpoint.
        target: folder that does not exist.
        scheme: `w8a8`, `w8a16` or `w4a16`.
        threads: to compute with.
        python: of the peer; None: llmopt.
        bound_bytes: `--max-memory`; the peer has none.
    """
    code = _LLMOPT if python is None else _COMPRESSOR
    arguments = [str(source), str(target), scheme, str(threads), str(bound_bytes)]
    env = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)}
    began = perf_counter()
    command = [str(python or sys.executable), "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    took = perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{'llmopt' if python is None else PEER} {scheme} failed: {done.stderr.strip()[-800:]}")
    return Once(process_s=took, **json.loads(done.stdout.strip().splitlines()[-1]))


def peer_python(folder: Path) -> Path:
    """Return the Python of the peer's venv, made where there is none."""
    venv = folder / f"{PEER}-{PEER_VERSION}"
    python = venv / "bin" / "python"
    if not (venv / "installed").exists():
        print(f"installing {PEER}=={PEER_VERSION}, some minutes", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{PEER}=={PEER_VERSION}", "torch==2.13.0"], check=True)
        (venv / "installed").touch()
    return python
