"""Files of tensors that are written whole or not at all, and know whether they were damaged since."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.quantizing.destination import writing

try:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file
except ImportError as error:
    raise MissingExtraError("safetensors", "models") from error

SAID = "llmopt"
"""Key of the metadata that the checksum covers."""
_CHECK = "crc32"


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file.

    Raises:
        OSError: there is none, or it cannot be read.
        SafetensorError: it is damaged.
    """
    with safe_open(path, framework="pt") as file:
        said, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if said.get(_CHECK) != _checksum(tensors, said):
        raise SafetensorError("its checksum is not that of what is in it")
    return tensors


def _checksum(tensors: Mapping[str, torch.Tensor], said: Mapping[str, str]) -> str:
    """Return the CRC-32 of what a file says and of all its tensors."""
    found = zlib.crc32(said.get(SAID, "").encode())
    for name in sorted(tensors):
        found = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, zlib.crc32(name.encode(), found))
    return f"{found:08x}"


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a file whole or not at all, also where the power fails.

    Args:
        path: of the file; one that is there is replaced.
        tensors: on any device.
        metadata: of the file; what is under `SAID` is in the checksum.

    Raises:
        InputError: it cannot be written.
    """
    beside = path.with_suffix(".new")
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with writing(path):
        try:
            save_file(held, beside, metadata | {_CHECK: _checksum(held, metadata)})
        except SafetensorError as error:
            raise InputError(f"{path}: {error}", "free some space, or write elsewhere") from error
        descriptor = os.open(beside, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
