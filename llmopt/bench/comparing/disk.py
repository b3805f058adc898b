"""Which files of a model's folder are its weights, and how large they are on disk.

A folder often holds the same weights in several formats, of which one is loaded: safetensors where there are any, else
a graph of ONNX or OpenVINO, else pickles. Hubs keep further exports in folders below (`onnx/`, `openvino/`), which are
not counted; folders that hold a module of the model itself (`2_Dense/`, named in `modules.json`) are. A folder written
by `llmopt quantize --target cpu` holds only what it needs, so all weights in it count. Links are followed, as caches of
hubs are made of them; a file that is reached twice counts once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from llmopt.errors import LlmoptError
from llmopt.models.cpu.record import NAME, weight_files
from llmopt.models.folder import fields

_TENSORS, _GRAPHS, _PICKLES = (".safetensors",), (".onnx", ".onnx_data", ".onnx.data"), (".bin", ".pt", ".pth", ".ckpt")
_OPENVINO = ".xml"
_FORMATS = (_TENSORS, _GRAPHS, _PICKLES)
_INDEX = "model.safetensors.index.json"
_NOT_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth")
_MODULES = "modules.json"


class _Module(msgspec.Struct):
    path: str = ""


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def size_on_disk(folder: Path) -> int | None:
    """Return the bytes of the weights of a model; None where there are none that are known as such."""
    if (folder / NAME).is_file():
        return _total(weight_files(folder))
    return _total([path for part in _parts(folder) for path in _weights(part)])


def _parts(folder: Path) -> list[Path]:
    """Return the folder and those below that `modules.json` names, each once."""
    try:
        modules = fields(folder / _MODULES, list[_Module]) or []
    except LlmoptError:  # opening the model tells of it
        modules = []
    inside = [folder / module.path for module in modules if module.path and ".." not in Path(module.path).parts]
    return list(dict.fromkeys([folder, *(part for part in inside if part.is_dir())]))


def _weights(folder: Path) -> list[Path]:
    """Return the files of the first format that is there."""
    shards = _shards(folder)
    if shards:
        return shards
    files = sorted(folder.iterdir())
    xml = {path.stem for path in files if path.suffix == _OPENVINO}
    for suffixes in _FORMATS:
        found = [path for path in files if _is_weights(path, suffixes) and path.name not in _NOT_WEIGHTS]
        whole = [path for path in found if path.stem == "model"] if suffixes == _TENSORS else []
        if found:
            return whole or found
        if suffixes == _GRAPHS and xml:
            return [path for path in files if path.suffix in (_OPENVINO, ".bin") and path.stem in xml]
    return []


def _shards(folder: Path) -> list[Path]:
    """Return the shards that an index names; none where a file of all weights is there, which goes before it."""
    if (folder / "model.safetensors").is_file():
        return []
    try:
        index = fields(folder / _INDEX, _Index)
    except LlmoptError:
        return []
    named = sorted(set(index.weight_map.values())) if index else []
    return [folder / name for name in named if Path(name).name == name and (folder / name).is_file()]


def _is_weights(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.endswith(suffixes) and path.is_file()


def _total(paths: Iterable[Path]) -> int | None:
    sizes = {(status.st_dev, status.st_ino): status.st_size for status in map(os.stat, paths)}
    return sum(sizes.values()) if sizes else None
