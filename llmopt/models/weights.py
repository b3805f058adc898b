"""Load the weights of a checkpoint for a task, with the options of the user, onto a device.

Numbers are kept as they were saved, except that half precision (float16) becomes float32 on a CPU, where it is many
times slower; who asks for it there by name is refused.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.exhaustion import is_exhausted
from llmopt.models.loading import OFFLINE, UNREADABLE, quiet, unreadable
from llmopt.models.located import Task

try:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

_LOADERS: dict[Task, Any] = {
    "embed": AutoModel,
    "classify": AutoModelForSequenceClassification,
    "generate": AutoModelForCausalLM,
}
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_UNUSED = "pooler."
"""Weights that a plain encoder may lack: no task here uses that layer."""
_OTHER_KIND = "ask for the task that the model was trained for"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load a checkpoint."""

    dtype: str | None = None
    """`float32`, `bfloat16` or `float16`; None or `auto`: as saved."""
    attention: str | None = None
    """Name that transformers knows, such as `sdpa`, `eager` or `flash_attention_2`; None: its own choice."""
    compiled: bool = False
    """Whether to run it through `torch.compile`."""
    trust_remote_code: bool = False
    """Whether Python files of the checkpoint may run."""


def load(folder: Path, task: Task, place: torch.device, options: LoadOptions) -> Any:
    """Return the model of a checkpoint, ready to compute on a device.

    Raises:
        InputError: damaged weights, or weights of another kind of model.
        UsageError: an option that cannot be had here.
    """
    dtype = _dtype(options.dtype, place)
    arguments = OFFLINE | {"trust_remote_code": options.trust_remote_code}
    if options.attention is not None:
        arguments["attn_implementation"] = options.attention
    try:
        with quiet():
            model, report = _LOADERS[task].from_pretrained(folder, dtype=dtype, output_loading_info=True, **arguments)
    except UNREADABLE as error:
        if is_exhausted(error):
            raise
        raise _refusal(folder, options.attention, error) from error
    missing = sorted(key for key in report["missing_keys"] if not (task == "embed" and key.startswith(_UNUSED)))
    if missing:
        raise InputError(f"{folder}: its weights lack {missing[0]} ({len(missing)} in all)", _OTHER_KIND)
    if model.config.is_encoder_decoder:
        raise InputError(f"{folder}: a model with an encoder and a decoder is not supported", _OTHER_KIND)
    model.eval()
    if place.type == "cpu" and model.dtype == torch.float16:
        model.float()
    model.to(place)
    if options.compiled:
        model.compile(dynamic=True)
    return model


def check_compiler(place: torch.device) -> None:
    """Refuse to compile where there is no C++ compiler, which torch needs for a CPU.

    Raises:
        UsageError: there is none.
    """
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++", "cl"]
    if place.type == "cpu" and not any(name and shutil.which(name) for name in names):
        raise UsageError("torch.compile needs a C++ compiler, and there is none", "install g++, or leave --compile out")


def _dtype(name: str | None, place: torch.device) -> Any:
    if name is None or name == "auto":
        return "auto"
    if name not in _DTYPES:
        raise UsageError(f"the dtype {name!r} is not known", ", ".join(["auto", *_DTYPES]))
    if name == "float16" and place.type == "cpu":
        raise UsageError("float16 is very slow on a CPU", "use bfloat16 or float32 there")
    return _DTYPES[name]


def _refusal(folder: Path, attention: str | None, error: BaseException) -> Exception:
    """Return what to say: that the attention cannot be had where the error is about it, else of the checkpoint."""
    said = str(error)
    if attention is not None and any(word in said.lower() for word in ("attention", "attn", "sdpa", "flash")):
        reason = said.strip().partition("\n")[0]
        return UsageError(f"the attention {attention!r} cannot be used: {reason}", "leave --attention out")
    return unreadable(folder, error)
