"""What `llmopt inspect` finds in a checkpoint; the JSON of the command (`llmopt.inspect/1`) has these field names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LINEAR = "linear"
"""Kind of a tensor that can be quantized."""


@dataclass(frozen=True, slots=True)
class InspectedTensor:
    """One tensor."""

    name: str
    dtype: str
    """As safetensors calls it."""
    shape: tuple[int, ...]
    parameters: int
    """Numbers in it."""
    size_bytes: int
    shard: str
    """File that holds it."""
    kind: str
    """`linear` where it is the weight of a linear layer that can be quantized, else why it is not: `embedding`, `norm`,
    `router`, `1 dimension`, ..."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that have something in common."""

    name: str
    """A type of numbers, or a kind."""
    tensors: int
    parameters: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SchemeSaving:
    """What a scheme of `llmopt quantize` would make of the checkpoint."""

    scheme: str
    format: str
    """Of compressed-tensors, or `bfloat16`."""
    quantized: int
    """Tensors."""
    kept: int
    """Tensors that stay as they are."""
    bytes_after: int
    """Of all tensors, scales among them; without headers."""
    saved_bytes: int
    saved_share: float
    """Of the bytes of all tensors; negative where it would grow."""
    why_none: str | None
    """Why nothing would be quantized: the commonest reason among the largest; None where something is."""


@dataclass(frozen=True, slots=True)
class InspectedShard:
    """One file of weights."""

    name: str
    tensors: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """A checkpoint by its headers."""

    name: str
    """As the user called it."""
    folder: str
    format: Literal["safetensors", "pickle"]
    model_type: str | None
    """Family, by `config.json`; None where it does not say."""
    architectures: tuple[str, ...]
    """Classes that the weights were saved from."""
    quantized: str | None
    """How it was quantized before; None where it was not."""
    tied: bool | None
    """Whether the output head is the embedding; None where nothing says so."""
    needs_code: tuple[str, ...]
    """Python classes of the checkpoint itself that must run to load it (`auto_map`); nothing runs here."""
    parameters: int
    """Numbers stored; shared ones count once."""
    size_bytes: int
    """Of all tensors; shared bytes count once."""
    file_bytes: int
    """Of the files, headers included."""
    read_bytes: int
    """Bytes of the weights' files that were read to know this: their headers."""
    dtypes: tuple[Group, ...]
    """By type of numbers, largest first."""
    kinds: tuple[Group, ...]
    """By kind, largest first."""
    schemes: tuple[SchemeSaving, ...]
    """What each scheme would save; empty where the checkpoint is quantized already."""
    shards: tuple[InspectedShard, ...]
    metadata: dict[str, str]
    """Of the headers."""
    globals: tuple[str, ...]
    """What its pickles ask for; empty without pickles."""
    unsafe_globals: tuple[str, ...]
    """Those of them by which loading could run code."""
    tensors: tuple[InspectedTensor, ...]
    warnings: tuple[str, ...]
