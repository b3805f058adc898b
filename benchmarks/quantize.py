"""`llmopt quantize` of a checkpoint beside llm-compressor's `model_free_ptq`: speed, memory, the error that is left.

Makes a Llama-shaped checkpoint of 1.3 GB in bfloat16, in one file, and quantizes it in whole processes, llmopt and the
peer in turn. Then llmopt alone with a bound on its memory that is a fraction of the file. The last line is JSON.

    python benchmarks/quantize.py [--rounds 3] [--threads 2] [--schemes w8a8,w4a16] [--dir DIR]
                                  [--no-peer | --peer PYTHON]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.quantize_run import PEER, PEER_VERSION, Once, peer_python, run

HIDDEN, INNER, KEYS, WORDS = 2048, 5632, 512, 32_000
LAYER_BYTES = 2 * (2 * HIDDEN * HIDDEN + 2 * KEYS * HIDDEN + 3 * INNER * HIDDEN)
DEFAULT_BOUND, TIGHT_BOUND = 512_000_000, 384_000_000
SPEED_GOAL, MEMORY_GOAL = 3.0, 0.2
COMPARED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")
"""Layers whose error is worked out for both, from the files alone."""


def main() -> None:
    """Run everything and print it."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(asked.dir or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        source = made(folder / f"llama-{asked.megabytes}", asked.megabytes)
        python = None if asked.no_peer else Path(asked.peer) if asked.peer else peer_python(folder)
        schemes = {name: compared(source, folder, name, python, asked) for name in asked.schemes.split(",")}
        tight = bounded(source, folder, asked.threads)
    result = {
        "benchmark": "quantize",
        "source_bytes": tight.pop("source_bytes"),
        "threads": asked.threads,
        "peer": f"{PEER} {PEER_VERSION}",
        "schemes": schemes,
        "bounded": tight,
        "goals": {"speed": SPEED_GOAL, "memory": MEMORY_GOAL},
        "met": tight["held"] and all(_met(found) for found in schemes.values()),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    print(json.dumps(result))


def made(folder: Path, megabytes: int) -> Path:
    """Write a Llama-shaped checkpoint with normal weights, in one file, where there is none yet."""
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    layers = max(1, round((megabytes * 1e6 - 4 * WORDS * HIDDEN) / LAYER_BYTES))
    generator = torch.Generator().manual_seed(0)

    def random(rows: int, columns: int) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=generator) * 0.02).to(torch.bfloat16)

    tensors = {"model.embed_tokens.weight": random(WORDS, HIDDEN), "lm_head.weight": random(WORDS, HIDDEN)}
    tensors["model.norm.weight"] = torch.ones(HIDDEN, dtype=torch.bfloat16)
    rows = (HIDDEN, KEYS, KEYS, HIDDEN)
    shapes = {f"self_attn.{name}_proj": (count, HIDDEN) for name, count in zip("qkvo", rows, strict=True)}
    shapes |= {"mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN), "mlp.down_proj": (HIDDEN, INNER)}
    for at in range(layers):
        path = f"model.layers.{at}"
        tensors |= {f"{path}.{name}.weight": random(*shape) for name, shape in shapes.items()}
        norms = ("input_layernorm", "post_attention_layernorm")
        tensors |= {f"{path}.{name}.weight": torch.ones(HIDDEN, dtype=torch.bfloat16) for name in norms}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": WORDS,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def compared(source: Path, folder: Path, scheme: str, python: Path | None, asked: argparse.Namespace) -> dict[str, Any]:
    """Run both in turn; return medians, ratios and errors."""
    runs: dict[str, list[Once]] = {"llmopt": []}
    if python:
        runs[PEER] = []
    errors = {}
    size = (source / "model.safetensors").stat().st_size
    for number in range(asked.rounds + 1):
        for name, found in runs.items():
            target = folder / f"result-{name}"
            shutil.rmtree(target, ignore_errors=True)
            own = None if name == "llmopt" else python
            once = run(source, target, scheme, asked.threads, python=own, bound_bytes=DEFAULT_BOUND)
            if number:
                found.append(once)
            else:
                errors[name] = sqnr_db(source, target)
            shutil.rmtree(target)
    result: dict[str, Any] = {"sqnr_db": errors}
    for name, found in runs.items():
        speeds = [size / 1e6 / once.call_s for once in found]
        working = max(once.working_bytes for once in found)
        print(
            f"{scheme:6} {name:14} {median(speeds):7.0f} MB/s  {working / 1e6:6.0f} MB above imports"
            f"  {errors.get(name, math.nan):6.2f} dB  whole process {median(o.process_s for o in found):6.2f} s"
        )
        result[name] = {
            "mb_per_s": median(speeds),
            "working_bytes": working,
            "peak_bytes": max(once.peak_bytes for once in found),
            "process_s": median(once.process_s for once in found),
            "raw_call_s": [once.call_s for once in found],
        }
    if python:
        result["speed"] = result["llmopt"]["mb_per_s"] / result[PEER]["mb_per_s"]
        result["memory"] = result["llmopt"]["working_bytes"] / result[PEER]["working_bytes"]
        result["whole_process"] = result[PEER]["process_s"] / result["llmopt"]["process_s"]
        print(f"{scheme:6} {result['speed']:.1f} x the throughput, {result['memory']:.3f} of the memory")
    return result


def bounded(source: Path, folder: Path, threads: int) -> dict[str, Any]:
    """Run llmopt with a bound that is a fraction of its only shard."""
    target, size = folder / "result-bounded", (source / "model.safetensors").stat().st_size
    shutil.rmtree(target, ignore_errors=True)
    once = run(source, target, "w4a16", threads, python=None, bound_bytes=TIGHT_BOUND)
    shutil.rmtree(target)
    print(f"--max-memory {TIGHT_BOUND / 1e6:.0f} MB: {once.peak_bytes / 1e6:.0f} MB at most, file {size / 1e6:.0f} MB")
    return {
        "source_bytes": size,
        "bound_bytes": TIGHT_BOUND,
        "peak_bytes": once.peak_bytes,
        "mb_per_s": size / 1e6 / once.call_s,
        "held": once.peak_bytes <= TIGHT_BOUND,
    }


def sqnr_db(source: Path, target: Path) -> float:
    """Return signal to noise of some layers, from the files by the definition of their format alone."""
    signal = noise = 0.0
    found: dict[str, torch.Tensor] = {}
    for path in sorted(target.glob("*.safetensors")):
        found |= load_file(path)
    with safe_open(source / "model.safetensors", framework="pt") as plain:
        for name in (f"model.layers.0.{layer}.weight" for layer in COMPARED):
            weight = plain.get_tensor(name).double()
            words, scale = found.get(f"{name}_packed"), found[f"{name}_scale"].double()
            whole = found[name].double() if words is None else unpacked(words, weight.shape[1])
            back = (whole.view(len(weight), scale.shape[1], -1) * scale[..., None]).view(weight.shape)
            signal += float(weight.square().sum())
            noise += float((weight - back).square().sum())
    return 10 * math.log10(signal / noise)


def unpacked(words: torch.Tensor, columns: int) -> torch.Tensor:
    """Return the numbers of words of 32 bits, the first one lowest."""
    bits = words.shape[1] * 32 // columns
    shifts = torch.arange(0, 32, bits, dtype=torch.int32)
    numbers = (words[..., None] >> shifts) & ((1 << bits) - 1)
    return numbers.view(len(words), columns).double() - (1 << (bits - 1))


def _met(found: dict[str, Any]) -> bool:
    return "speed" not in found or (found["speed"] >= SPEED_GOAL and found["memory"] <= MEMORY_GOAL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--megabytes", type=int, default=1300)
    parser.add_argument("--schemes", default="w8a8,w4a16")
    parser.add_argument("--dir", help="where the checkpoint and the peer stay; otherwise both are deleted")
    parser.add_argument("--peer", help="python of a venv that has the peer already")
    parser.add_argument("--no-peer", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
