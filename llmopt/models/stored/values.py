"""What a checkpoint on disk holds: its tensors, where the bytes of each are, and the files beside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from llmopt.models.stored.dtypes import DTYPES


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor and where its bytes are; they are little-endian, in row-major order, without gaps."""

    name: str
    dtype: str
    """As safetensors writes it, such as `BF16`; a key of `llmopt.models.stored.dtypes.DTYPES`."""
    shape: tuple[int, ...]
    """Empty for a single number."""
    path: Path
    """File that holds it."""
    offset: int
    """Of its first byte in that file."""
    size_bytes: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def bits(self) -> int:
        """Bits a number."""
        return DTYPES[self.dtype].bits


@dataclass(frozen=True, slots=True)
class Shard:
    """One file with tensors."""

    path: Path
    tensors: int
    file_bytes: int
    """Of the whole file, header included."""
    header_bytes: int = 0
    """Of its header: what was read of it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint on disk; nothing but headers and small JSON files was read."""

    folder: Path
    """Where the files beside the weights are (`config.json`, the tokenizer)."""
    tensors: tuple[StoredTensor, ...]
    """In the order of the shards and, within one, of their bytes."""
    shards: tuple[Shard, ...]
    """In the order of their names."""
    config: dict[str, Any] | None
    """Of `config.json`; None where there is none."""
    quantized: str | None
    """How it was quantized before, such as `compressed-tensors` or `gptq`; None where it was not."""
    files: tuple[Path, ...]
    """Others to copy beside new weights: relative to `folder`, without weights, indexes, pickles and Python files."""
    metadata: dict[str, str]
    """Of the headers (`__metadata__`), the first shard's first."""
    warnings: tuple[str, ...] = ()
    """What is odd and does no harm, a sentence each."""
    pickled: bool = False
    """The tensors lie in pickles; their bytes are read in place, and the pickles are not run."""

    @property
    def header_bytes(self) -> int:
        """Read of the files to know this."""
        return sum(shard.header_bytes for shard in self.shards)

    @property
    def size_bytes(self) -> int:
        """Of all tensors."""
        return sum(tensor.size_bytes for tensor in self.tensors)
