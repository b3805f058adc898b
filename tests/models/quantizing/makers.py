"""Small checkpoints, as values and as files."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.values import Stored, StoredTensor

LLAMA = {
    "model.embed_tokens.weight": (96, 64),
    "model.layers.0.self_attn.q_proj.weight": (64, 64),
    "model.layers.0.self_attn.k_proj.weight": (32, 64),
    "model.layers.0.self_attn.v_proj.weight": (32, 64),
    "model.layers.0.self_attn.o_proj.weight": (64, 64),
    "model.layers.0.mlp.down_proj.weight": (64, 128),
    "model.layers.0.input_layernorm.weight": (64,),
    "lm_head.weight": (96, 64),
}


def stored(
    shapes: Mapping[str, tuple[int, ...]], config: dict[str, Any] | None = None, *, dtype: str = "F32"
) -> Stored:
    """Return a checkpoint that is in no file."""
    tensors, offset = [], 0
    for name, shape in shapes.items():
        size = prod(shape) * DTYPES[dtype].bits // 8
        tensors.append(StoredTensor(name, dtype, shape, Path("model.safetensors"), offset, size))
        offset += size
    return Stored(Path(), tuple(tensors), (), config, None, (), {})


def save(folder: Path, tensors: dict[str, Any], config: dict[str, Any] | None = None, *, files: int = 1) -> Path:
    """Write tensors into one file or several, with an index, and a configuration."""
    write = importlib.import_module("safetensors.torch").save_file
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if files == 1:
        write(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    names, index = list(tensors), {}
    for at in range(files):
        file = f"model-{at + 1:05}-of-{files:05}.safetensors"
        part = names[at::files]
        write({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        index.update(dict.fromkeys(part, file))
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    return folder


def loaded(folder: Path) -> dict[str, Any]:
    """Return all tensors of a folder, as the safetensors library reads them."""
    read = importlib.import_module("safetensors.torch").load_file
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= read(path)
    return found


def restored(tensors: dict[str, Any], *, exact: bool = False) -> dict[str, Any]:
    """Return what quantized tensors stand for, by the definition of the format and nothing of llmopt.

    Args:
        tensors: of a result.
        exact: multiply in 64 bits; otherwise in the type of the scales, as loaders do.
    """
    torch: Any = importlib.import_module("torch")
    unpack: Any = importlib.import_module("compressed_tensors.compressors.pack_quantized.helpers").unpack_from_int32
    found = {}
    for name, tensor in tensors.items():
        base = name.removesuffix("_packed")
        if name.endswith(("_scale", "_shape")):
            continue
        if base != name:
            shape = tensors[f"{base}_shape"]
            tensor = unpack(tensor, tensor.shape[1] * 32 // int(shape[1]), torch.Size(shape.tolist()))
        scale = tensors.get(f"{base}_scale")
        if scale is not None:
            scale = scale.double() if exact else scale
            grouped = tensor.reshape(*scale.shape, -1).to(scale.dtype) * scale[..., None]
            tensor = grouped.reshape(tensor.shape)
        found[base] = tensor.contiguous()
    return found
