"""A folder with a model in it: what it must hold before a heavy library may open it.

Nothing is downloaded: a name of a model on a hub is no folder and is refused. Weights are read from safetensors only;
a pickle (`pytorch_model.bin`) runs whatever code it holds when it is loaded.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from llmopt.errors import InputError, next_step

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_DOWNLOAD = "give the folder of a model that is on this machine; nothing is downloaded"

Fields = TypeVar("Fields")


class Architecture(msgspec.Struct):
    """What `config.json` says of a model, as far as it matters here."""

    model_type: str = ""
    """Family, such as `bert`."""
    architectures: list[str] | None = None
    """Classes that the weights were saved from; None where it does not say."""
    auto_map: dict[str, Any] | None = None
    """Python files of the checkpoint itself that must run to load it; None where there are none."""


def existing(path: str | os.PathLike[str]) -> Path:
    """Return a path that is a folder.

    Raises:
        InputError: it is none, such as the name of a model on a hub.
    """
    folder = Path(path)
    if not is_folder(folder):
        raise InputError(f"{folder}: no such folder", _DOWNLOAD)
    return folder


def is_folder(path: Path) -> bool:
    """Return whether there is a folder of that name; a name that no file can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def model_folder(path: str | os.PathLike[str], *needed: str) -> Path:
    """Return the folder of a model after a look at what is in it.

    Args:
        path: of a folder.
        needed: names of files that must be there beside the weights.

    Raises:
        InputError: no such folder, a file is missing, or the weights are pickled.
    """
    folder = existing(path)
    for name in needed:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: no {name} in it", "save model and tokenizer there with save_pretrained()")
    if not _holds(folder, _WEIGHTS):
        if _holds(folder, _PICKLES):
            raise InputError(
                f"{folder}: its weights are pickled, and loading a pickle runs the code in it",
                "where you trust them, load them elsewhere and save them with safetensors",
            )
        raise InputError(f"{folder}: no *.safetensors in it", _DOWNLOAD)
    return folder


def fields(path: Path, kind: type[Fields]) -> Fields | None:
    """Return the fields of a JSON file; None where there is no such file.

    Raises:
        InputError: the file cannot be read, is no JSON, or a field is of another type.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", next_step(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            f"{path}: {error}", "save the model again; the file is not as its library writes it"
        ) from error


def _holds(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))
