"""`llmopt-model.json`: how the model in a folder is computed, so that it can be opened again.

The folder looks like any checkpoint (settings, tokenizer) but for the files that hold its weights. Importing this loads
no heavy library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from llmopt.errors import InputError
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.folder import fields
from llmopt.models.positions import Limits

ENGINE_MODULES = {
    "torchao": ("llmopt.models.cpu.torchao_engine",),
    "openvino": ("llmopt.models.cpu.openvino_graph",),
    "onnx": ("llmopt.models.cpu.onnx_graph",),
}
"""Engine -> the modules that import its libraries; those of torch are imported in any case."""
NAME = "llmopt-model.json"
_FORMAT = "llmopt-model/1"
_WEIGHTS = (".safetensors", ".bin", ".onnx")
_AGAIN = "make it again with `llmopt quantize`"


class Saved(msgspec.Struct, frozen=True):
    """What a folder says of itself."""

    recipe: Recipe
    task: str
    """`embed`, `classify` or `generate`."""
    limits: Limits
    """Of the model of transformers that it was made from."""
    layers: tuple[str, ...] = ()
    """Linear layers that are in 8 bits."""
    versions: dict[str, str] = {}
    """Of the libraries that made it."""
    format: str = _FORMAT

    @property
    def is_plain(self) -> bool:
        """Whether transformers can load it: a checkpoint in other numbers."""
        return self.recipe.engine == "torch" and self.recipe.numbers != "int8"


def read_saved(folder: Path) -> Saved | None:
    """Return what a folder says of itself; None where it is an ordinary checkpoint.

    Raises:
        InputError: its `llmopt-model.json` is damaged, or of a newer format.
    """
    told = fields(folder / NAME, Saved)
    if told is not None and told.format != _FORMAT:
        raise InputError(f"{folder / NAME}: the format {told.format!r} is not known", "upgrade llmopt, or " + _AGAIN)
    return told


def write_saved(folder: Path, saved: Saved) -> None:
    """Write it into a folder, readable for people."""
    text: bytes = msgspec.json.format(msgspec.json.encode(saved), indent=2)
    (folder / NAME).write_bytes(text + b"\n")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the files with weights in the folder of a model, in those below it too."""
    return tuple(sorted(path for path in folder.rglob("*") if path.suffix in _WEIGHTS and path.is_file()))


def unfit(folder: Path, why: Any) -> InputError:
    """Return the error of a folder whose weights are not what its record says."""
    return InputError(f"{folder}: its weights are not what {NAME} says: {why}", _AGAIN)
