"""Tensors of a pickle that only torch can read: opened with `weights_only`, and written as safetensors.

Needed where the numbers of a tensor do not lie in their order (a transposed view, say); all others are read in place.
"""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.stored.names import shortened
from llmopt.models.stored.pickle_globals import TORCH_DTYPES
from llmopt.models.stored.pickled import HOLDERS
from llmopt.models.stored.write import Piece, write_safetensors

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_CHUNK_NUMBERS = 1 << 20
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, EOFError, AttributeError, UnpicklingError)


def convert(path: Path, names: frozenset[str], target: Path) -> None:
    """Write some tensors of a file of torch.save as a safetensors file.

    Args:
        path: of the file; it has been looked at and is safe.
        names: of the tensors to write.
        target: file to write.

    Raises:
        InputError: torch cannot open it with `weights_only`.
    """
    tensors = _tensors(path, names)
    known = {getattr(torch, name): dtype for name, dtype in TORCH_DTYPES.items() if hasattr(torch, name)}
    pieces = []
    for name, tensor in tensors.items():
        if tensor.dtype not in known or tensor.layout != torch.strided:
            raise InputError(
                f"{path}: {shortened(name)} is {tensor.dtype} and {tensor.layout}", "which is not supported"
            )
        size_bytes = tensor.numel() * tensor.element_size()
        pieces.append(Piece(name, known[tensor.dtype], tuple(tensor.shape), size_bytes, _chunks(tensor)))
    write_safetensors(target, pieces)


def _tensors(path: Path, names: frozenset[str]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _loaded(path)
    except _DAMAGE as error:
        first = str(error).partition("\n")[0]
        raise InputError(
            f"{path}: torch does not open it with weights_only: {first}", "take a checkpoint of safetensors"
        ) from error
    inner: dict[str, Any] = next((found[name] for name in HOLDERS if isinstance(found.get(name), dict)), {})
    held = found if names <= found.keys() else inner
    return {name: held[name].resolve_conj().resolve_neg().detach() for name in sorted(names)}


def _loaded(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        mapped = file.read(2) == b"PK"
    found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    if not isinstance(found, dict):
        raise TypeError("no state dict")
    return found


def _chunks(tensor: Any) -> Iterator[memoryview]:
    """Yield the bytes of a tensor in row-major order, a few rows at a time."""
    if tensor.dim() == 0 or not tensor.numel():
        tensor = tensor.reshape(-1)
    rows = max(_CHUNK_NUMBERS // max(tensor[0].numel(), 1), 1) if len(tensor) else 1
    for at in range(0, len(tensor), rows):
        part = tensor[at : at + rows].contiguous()
        size_bytes = part.numel() * part.element_size()
        yield memoryview((ctypes.c_ubyte * size_bytes).from_address(part.data_ptr())).cast("B")
