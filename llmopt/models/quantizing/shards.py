"""The files of a result: all offsets are known from the plan: headers come first, chunks go anywhere in any order.

Format: https://github.com/huggingface/safetensors (8 bytes of length, JSON, the tensors without gaps). Tensors of wide
numbers come first in a file, so that each begins at a multiple of the size of its numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llmopt.models.quantizing.plan import Output, Plan
from llmopt.models.stored.dtypes import DTYPES

INDEX = "model.safetensors.index.json"
_SPLIT = re.compile(r"^.+-\d{5}-of-\d{5}\.safetensors$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor of the result is."""

    output: Output
    file: str
    """Name in the folder of the result."""
    offset: int
    """Of its first byte in the file."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of the result."""

    file: str
    header: bytes
    """Length and JSON."""
    size_bytes: int
    """Of the whole file."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is."""

    shards: tuple[Shard, ...]
    places: dict[str, tuple[Place, ...]]
    """Name of a tensor of the source -> the tensors that it becomes."""

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(shard.size_bytes for shard in self.shards)

    @property
    def index(self) -> str | None:
        """JSON of the index; None where there is one file."""
        if len(self.shards) == 1:
            return None
        places = sorted((place for made in self.places.values() for place in made), key=lambda place: place.output.name)
        total = sum(place.output.size_bytes for place in places)
        files = {place.output.name: place.file for place in places}
        return json.dumps({"metadata": {"total_size": total}, "weight_map": files}, indent=2) + "\n"


def layout(plan: Plan) -> Layout:
    """Lay out the files of a result: one for each file of the source."""
    becomes = {entry.tensor.name: entry.outputs for entry in plan.quantized}
    for kept in plan.kept:
        becomes[kept.tensor.name] = (Output(kept.tensor.name, kept.tensor.dtype, kept.tensor.shape),)
    members: dict[Path, list[str]] = {}
    for tensor in sorted(plan.tensors, key=lambda t: (t.path.name, t.path, t.offset, t.name)):  # wherever DST is
        members.setdefault(tensor.path, []).append(tensor.name)
    shards, places = [], {}
    for file, names in zip(_names(list(members)), members.values(), strict=True):
        shard, offsets = _shard(file, [output for name in names for output in becomes[name]])
        shards.append(shard)
        for name in names:
            places[name] = tuple(Place(output, file, offsets[output.name]) for output in becomes[name])
    return Layout(tuple(shards), places)


def _names(paths: list[Path]) -> list[str]:
    """Return names that loaders look for; those of the source where they are such names."""
    if len(paths) == 1:
        return ["model.safetensors"]
    own = [path.name for path in paths]
    if all(_SPLIT.match(name) for name in own) and len(set(own)) == len(own):
        return own
    return [f"model-{at:05}-of-{len(paths):05}.safetensors" for at in range(1, len(paths) + 1)]


def _shard(file: str, outputs: Iterable[Output]) -> tuple[Shard, dict[str, int]]:
    """Return a file and the offsets of its tensors in it."""
    ordered = sorted(outputs, key=lambda output: -DTYPES[output.dtype].bits)
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end, starts = 0, {}
    for output in ordered:
        starts[output.name] = end
        end += output.size_bytes
        entries[output.name] = {
            "dtype": output.dtype,
            "shape": output.shape,
            "data_offsets": (starts[output.name], end),
        }
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return Shard(file, header, len(header) + end), {name: len(header) + start for name, start in starts.items()}
