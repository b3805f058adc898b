"""Save a model that computes as a recipe says, and open it again: a folder that looks like any checkpoint.

Settings and tokenizer are copied from the source. Weights are safetensors, or the files of another engine; no pickles.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from llmopt.errors import InputError
from llmopt.models.checkpoint import open_model
from llmopt.models.cpu.graph import GraphModel
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.cpu.record import NAME, Saved, weight_files, write_saved
from llmopt.models.cpu.torch_files import FILE, int8_layers, write_layers
from llmopt.models.layout import layout_of
from llmopt.models.loaded import LoadedModel
from llmopt.models.loading import quiet
from llmopt.models.located import located
from llmopt.models.stored.names import is_regular, leads_out

_LEFT = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".onnx",
    ".h5",
    ".msgpack",
    ".ot",
    ".pkl",
    ".gguf",
    ".xml",
    ".npz",
)
"""Files with weights of the source."""
_EXPORTS = ("onnx", "openvino")
"""Folders with the model in the format of another engine."""
_DEEPEST = 3


def save(built: LoadedModel, recipe: Recipe, source_folder: str | os.PathLike[str], dst_folder: Path) -> None:
    """Write a model into a folder that is there and empty.

    Args:
        built: by `llmopt.models.cpu.build.build`, or the source itself.
        recipe: that it was built by.
        source_folder: of the checkpoint, or its name in the hub's local cache; its settings and tokenizer are copied.
        dst_folder: to write into.

    Raises:
        InputError: something cannot be read or written.
    """
    source = located(source_folder)
    parts = built.parts
    encoder = layout_of(source).encoder if parts.task == "embed" else source
    home = dst_folder / encoder.relative_to(source)
    try:
        _copy(source, dst_folder)
        home.mkdir(parents=True, exist_ok=True)
        layers = _write(parts.model, recipe, home)
    except OSError as error:
        raise InputError(f"{dst_folder}: {error.strerror or error}", "free some space, or write elsewhere") from error
    write_saved(dst_folder, Saved(recipe, parts.task, parts.limits, layers, dict(built.facts.versions)))


def open_saved(folder: str | os.PathLike[str]) -> LoadedModel:
    """Open what was saved, with as many threads as torch has now; the same as `llmopt.models.open_model`.

    Raises:
        InputError: damaged files.
        MissingExtraError: its engine is not installed.
    """
    return open_model(folder, device="cpu")


def load_line(folder: str | os.PathLike[str]) -> str:
    """Return the line of Python that opens a folder."""
    return f"import llmopt.models; model = llmopt.models.open_model({os.fspath(folder)!r})"


def weight_bytes(folder: Path) -> int:
    """Return the size of the files with weights."""
    return sum(path.stat().st_size for path in weight_files(folder))


def _write(model: Any, recipe: Recipe, home: Path) -> tuple[str, ...]:
    """Write the weights and return the layers that are in 8 bits."""
    if isinstance(model, GraphModel):
        model.write(home)
        return model.layers
    if recipe.engine == "torch" and recipe.numbers == "int8":
        write_layers(model, home / FILE)
        return int8_layers(model)
    if recipe.engine == "torchao":
        from llmopt.models.cpu.torchao_engine import floats_of, int8_layers_of

        layers, tensors = int8_layers_of(model), floats_of(model)
    else:
        layers, tensors = (), model.state_dict()
    with quiet():
        model.save_pretrained(home, state_dict=tensors)
    return layers


def _copy(source: Path, target: Path) -> None:
    """Copy what is beside the weights; nothing hidden, and nothing that a link brings in from elsewhere."""
    for path in sorted(source.rglob("*")):
        place = path.relative_to(source)
        hidden = any(part.startswith(".") for part in place.parts)
        weights = path.suffix in _LEFT or path.name.endswith(".index.json") or place.parts[0] in _EXPORTS
        if hidden or weights or path.name == NAME or len(place.parts) > _DEEPEST:
            continue
        if is_regular(path) and not leads_out(source, path):
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / place)
