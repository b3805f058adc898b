"""Write a safetensors file piece by piece, so that no tensor need be in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt.errors import InputError

_ALIGNED = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor to write."""

    name: str
    dtype: str
    """A key of `DTYPES`."""
    shape: tuple[int, ...]
    size_bytes: int
    chunks: Iterable[bytes | bytearray | memoryview]
    """Its bytes, little-endian and in row-major order; taken once."""


def write_safetensors(path: Path, pieces: Sequence[Piece]) -> None:
    """Write tensors to a new file, one after the other.

    Raises:
        InputError: the file cannot be written.
    """
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for piece in pieces:
        end = at + piece.size_bytes
        entries[piece.name] = {"dtype": piece.dtype, "shape": piece.shape, "data_offsets": [at, end]}
        at = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _ALIGNED)
    try:
        with path.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for piece in pieces:
                for chunk in piece.chunks:
                    file.write(chunk)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", "free some space, or write elsewhere") from error
