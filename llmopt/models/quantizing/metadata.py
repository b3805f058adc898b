"""What a result says of itself: `quantization_config` in its `config.json`, and the files that are copied beside it.

The fields are those of compressed-tensors (`QuantizationConfig`, `QuantizationArgs`). A layer is one of class `Linear`
whose name is not in `ignore`; an output head that shares its weight with the embedding has no tensor of its own, and is
ignored by the names that heads have.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from llmopt.models.quantizing.destination import writing
from llmopt.models.quantizing.kinds import module_of
from llmopt.models.quantizing.numbers import Numbers
from llmopt.models.quantizing.plan import Plan
from llmopt.models.stored.values import Stored

_HEADS = ("lm_head", "re:.*lm_head$", "re:.*(embed_out|cls\\.predictions\\.decoder|lm_head\\.decoder)$")
"""Heads that may be there without a tensor of their own."""
_POOLER = r"re:(.*\.)?pooler\.dense$"
"""Layer that a masked language model is saved without, and that opening it as an encoder makes anew: in floats."""
_EXPERT_MODULES = r"re:.*\.experts\.\d+\..*"
_TOKEN_SCHEME = {
    "num_bits": 8,
    "type": "int",
    "symmetric": True,
    "strategy": "token",
    "dynamic": True,
    "group_size": None,
    "block_structure": None,
    "actorder": None,
    "observer": None,
    "observer_kwargs": {},
}
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}


def quantization_config(plan: Plan) -> dict[str, Any]:
    """Return the `quantization_config` of a result."""
    groups = {}
    if plan.numbers is not None:
        groups["group_0"] = _group(plan.numbers, ["Linear"])
    for numbers in {entry.numbers for entry in plan.quantized}:
        if numbers is not None and numbers != plan.numbers:
            groups["group_1"] = _group(numbers, [_EXPERT_MODULES])
    return {
        "quant_method": "compressed-tensors",
        "format": plan.format,
        "quantization_status": "compressed",
        "global_compression_ratio": None,
        "kv_cache_scheme": None,
        "ignore": ignored(plan),
        "config_groups": groups,
    }


def ignored(plan: Plan) -> list[str]:
    """Return the names of modules that stay and may be linear layers.

    Some families have other names in memory than in their files, in front of `layers.3.mlp.gate` or the like: so that
    end of a name is given too, or the shortest longer one that no layer that changes ends in.
    """
    changed: set[str] = set()
    for entry in plan.quantized:
        parts = module_of(entry.tensor.name).split(".")
        changed |= {".".join(parts[start:]) for start in range(len(parts))}
    names, ends = [], []
    for kept in plan.kept:
        if len(kept.tensor.shape) < 2 or not kept.tensor.name.endswith(".weight"):
            continue
        names.append(module_of(kept.tensor.name))
        parts = names[-1].split(".")
        numbered = next((at for at, part in enumerate(parts) if part.isdigit()), 1)
        tails = (".".join(parts[start:]) for start in range(max(0, numbered - 1), -1, -1))
        end = next((tail for tail in tails if tail not in changed), None)
        if end is not None:
            ends.append(rf"re:(.*\.)?{re.escape(end)}$")
    return list(dict.fromkeys([*names, *ends, *_HEADS]))


def config_of(stored: Stored, plan: Plan) -> dict[str, Any]:
    """Return the `config.json` of a result."""
    config = dict(stored.config or {})
    key = "torch_dtype" if "torch_dtype" in config and "dtype" not in config else "dtype"
    if plan.scheme == "bf16":
        return config | {key: "bfloat16"}
    kinds = [_DTYPES[entry.tensor.dtype] for entry in plan.quantized]
    if config.get(key) is None and kinds:
        config[key] = max(sorted(set(kinds)), key=kinds.count)
    told = quantization_config(plan)
    if _fills(config) and not any("pooler." in tensor.name for tensor in stored.tensors):
        told["ignore"].append(_POOLER)
    return config | {"quantization_config": told}


def write_metadata(stored: Stored, plan: Plan, folder: Path, index: str | None, index_name: str) -> None:
    """Write `config.json` and the index, and copy the files beside the weights.

    Raises:
        InputError: one cannot be read or written.
    """
    for file in stored.files:
        place = folder / file
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(stored.folder / file, place)
    with writing(folder):
        text = json.dumps(config_of(stored, plan), indent=2, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")
        if index is not None:
            (folder / index_name).write_text(index, encoding="utf-8")


def _fills(config: dict[str, Any]) -> bool:
    """Return whether a checkpoint is a masked language model, by the class that it was saved from."""
    names = config.get("architectures")
    return isinstance(names, list) and any(str(name).endswith("ForMaskedLM") for name in names)


def _group(numbers: Numbers, targets: list[str]) -> dict[str, Any]:
    """Return how the layers that match are stored."""
    weights = {
        "num_bits": numbers.bits,
        "type": "int",
        "symmetric": True,
        "strategy": "channel" if numbers.group_size is None else "group",
        "dynamic": False,
        "group_size": numbers.group_size,
        "block_structure": None,
        "actorder": None,
        "observer": "minmax",
        "observer_kwargs": {},
    }
    whole = numbers.layout == "int8"
    return {
        "targets": targets,
        "weights": weights,
        "input_activations": _TOKEN_SCHEME if whole else None,
        "output_activations": None,
        "format": "int-quantized" if whole else "pack-quantized",
    }
