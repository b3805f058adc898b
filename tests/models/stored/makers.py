"""Checkpoints and hostile files for the tests of `llmopt.models.stored`."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from llmopt.models.stored.dtypes import DTYPES

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
"""Name -> type and shape."""
TINY: Shapes = {
    "model.embed_tokens.weight": ("BF16", (8, 4)),
    "model.layers.0.mlp.up_proj.weight": ("BF16", (4, 4)),
    "model.norm.weight": ("BF16", (4,)),
}
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 8, "tie_word_embeddings": True}


def entries_of(shapes: Shapes) -> dict[str, Any]:
    """Return what a header says of tensors that lie one after the other."""
    entries: dict[str, Any] = {}
    at = 0
    for name, (dtype, shape) in shapes.items():
        end = at + prod(shape) * DTYPES[dtype].bits // 8
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return entries


def write_raw(
    path: Path, header: bytes | str | Mapping[str, Any], data: bytes = b"", *, length: int | None = None
) -> Path:
    """Write a file with any header, any bytes after it, and any length of the header in front of it."""
    raw = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def write_file(path: Path, shapes: Shapes = TINY, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a file of safetensors whose bytes count up."""
    entries = entries_of(shapes)
    size = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    header = ({"__metadata__": dict(metadata)} if metadata else {}) | entries
    return write_raw(path, header, bytes(at % 251 for at in range(size)))


def write_folder(folder: Path, shapes: Shapes = TINY, config: Mapping[str, Any] | None = CONFIG) -> Path:
    """Write a checkpoint of one file, with its configuration and a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "model.safetensors", shapes, {"format": "pt"})
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def write_shards(folder: Path, shapes: Shapes = TINY, *, index: bool = True) -> Path:
    """Write a checkpoint of one shard a tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    weight_map = {}
    for at, (name, told) in enumerate(shapes.items(), 1):
        weight_map[name] = f"model-{at:05d}-of-{len(shapes):05d}.safetensors"
        write_file(folder / weight_map[name], {name: told})
    if index:
        write_index(folder, weight_map)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def write_index(folder: Path, weight_map: Mapping[str, str]) -> Path:
    """Write an index that says which file holds each tensor."""
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": dict(weight_map)}))
    return path


class Attack:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def write_zip(
    path: Path, pickled: bytes, *, compression: int = zipfile.ZIP_STORED, members: Mapping[str, bytes] | None = None
) -> Path:
    """Write an archive as torch.save lays it out, around any pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in (members or {}).items():
            archive.writestr(f"archive/{name}", content)
    return path


def attack(path: Path, marker: Path) -> Path:
    """Write a pickle that makes a file where it is run."""
    return write_zip(path, pickle.dumps({"weight": Attack(f"touch {marker}")}, protocol=2))
