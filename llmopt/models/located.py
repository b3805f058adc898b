"""From what a user calls a model to a folder on this machine, and what its `config.json` says it can do.

A name that is no folder is looked up in the cache that huggingface_hub keeps; nothing is ever downloaded. A checkpoint
whose `config.json` names Python files of its own (`auto_map`) is refused unless the user trusts it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, get_args

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.folder import Architecture, fields, is_folder

try:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )
except ImportError as error:
    raise MissingExtraError((error.name or "transformers").partition(".")[0], "semantic") from error

Task = Literal["embed", "classify", "generate"]
TASKS: tuple[Task, ...] = get_args(Task)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_ENDINGS: dict[Task, str] = {"generate": "ForCausalLM", "classify": "ForSequenceClassification"}
_CLASSES: dict[Task, frozenset[str]] = {
    "generate": frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()),
    "classify": frozenset(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.values()),
}
"""Task -> the classes that transformers takes for it; some have names of their own, such as `GPT2LMHeadModel`."""


def located(path: str | os.PathLike[str]) -> Path:
    """Return the folder of a model: the path itself, or the newest snapshot of that name in the hub's local cache.

    Raises:
        InputError: neither a folder nor in the cache.
    """
    folder = Path(path)
    if is_folder(folder):
        return folder
    if _is_file(folder):
        raise InputError(f"{path}: a file; the folder of a model is needed", "give the folder that holds config.json")
    try:
        return Path(str(snapshot_download(os.fspath(path), local_files_only=True)))
    except (HFValidationError, LocalEntryNotFoundError, OSError, ValueError):
        raise InputError(
            f"{path}: no such folder, and not in the local cache of the hub",
            _next_step(os.fspath(path)),
        ) from None


def task_of(folder: Path, asked: str | None = None) -> Task:
    """Return what a checkpoint is for.

    Args:
        folder: of the checkpoint.
        asked: the task that the user wants; None: what the class in `config.json` is made for.

    Raises:
        UsageError: no such task, or the checkpoint was not saved with the head that it needs.
    """
    told = _told(fields(folder / "config.json", Architecture) or Architecture())
    if asked is None or asked == told:
        return told or "embed"
    if asked not in TASKS:
        raise UsageError(f"the task {asked!r} is not known", ", ".join(TASKS))
    if told == "generate" and asked == "embed" and (folder / "modules.json").is_file():
        return "embed"
    kind = "an encoder" if told in (None, "embed") else f"a model made to {told}"
    if told is None:
        return _known(asked)
    raise UsageError(f"{folder}: {kind}; it cannot {asked}", f"leave the task out, or ask for {told}")


def refuse_code(folder: Path, *, trusted: bool) -> None:
    """Refuse a checkpoint that brings Python files of its own, unless they are trusted.

    Raises:
        InputError: it does, and they are not.
    """
    config = fields(folder / "config.json", Architecture) or Architecture()
    if config.auto_map and not trusted:
        raise InputError(
            f"{folder}: it needs Python code that comes with the checkpoint (auto_map in config.json)",
            "that code could do anything; where you trust it, allow it with --trust-remote-code",
        )


def _next_step(name: str) -> str:
    if _REPOSITORY.fullmatch(name):
        other = "" if "/" in name else "; a function is named module:name"
        return f"nothing is downloaded here; fetch it first, such as with `hf download {name}`{other}"
    return "give the folder that holds config.json, or the name of a model that was downloaded before"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _known(asked: str) -> Task:
    return next(task for task in TASKS if task == asked)


def _told(config: Architecture) -> Task | None:
    """Return the task that the class of the weights is made for; None where `config.json` names no class."""
    names = config.architectures or []
    for task, ending in _ENDINGS.items():
        if any(name.endswith(ending) or name in _CLASSES[task] for name in names):
            return task
    return "embed" if names else None
