"""Load the weights of a checkpoint for a task, with the options of the user, onto a device.

Numbers are kept as they were saved, except that half precision (float16) becomes float32 on a CPU, where it is many
times slower; who asks for it there by name is refused.
"""

from __future__ import annotations

import inspect
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llmopt.errors import InputError, LlmoptError, MissingExtraError, UsageError
from llmopt.models.exhaustion import first_line, is_exhausted
from llmopt.models.loading import OFFLINE, UNREADABLE, offline, quiet, unreadable
from llmopt.models.located import Task

try:
    import torch
    from transformers import (
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
    )
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

Head = Task | Literal["fill"]
"""What weights are loaded for; masked language models (`fill`) are trained and never served."""
_LOADERS: dict[Head, Any] = {
    "embed": AutoModel,
    "classify": AutoModelForSequenceClassification,
    "generate": AutoModelForCausalLM,
    "fill": AutoModelForMaskedLM,
}
_REPORTED = {"output_loading_info": True, "ignore_mismatched_sizes": True}
"""What does not fit is told here and not by transformers, which says it in a table."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_UNUSED = "pooler."
"""Weights that a plain encoder may lack: no task here uses that layer."""
_GRAPHS = 64
"""Most graphs that torch may compile of one model; beyond its own 8, which a generation needs, it runs uncompiled."""
_SUPPORTED = "supported are models of text that are only an encoder or only a decoder"
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


def load(folder: Path, task: Head, place: torch.device, options: LoadOptions) -> Any:
    """Return the model of a checkpoint, ready to compute on a device.

    Raises:
        InputError: damaged weights, or weights of another kind of model.
        UsageError: an option that cannot be had here.
    """
    arguments = _arguments(place, options)
    try:
        with quiet(), offline():
            model, report = _LOADERS[task].from_pretrained(folder, **_REPORTED, **arguments)
            if place.type == "cpu" and model.dtype == torch.float16:
                model.float()
            model.to(place)
    except UNREADABLE as error:
        if is_exhausted(error):
            raise MemoryError(str(error)) from error  # whatever type it had
        raise refusal(folder, options.attention, error) from error
    _check_kind(folder, task, model, report)
    model.eval()
    if options.compiled:
        known = inspect.signature(torch.compile).parameters  # a newer one; the setting of old is of one thread only
        model.compile(dynamic=True, **({"recompile_limit": _GRAPHS} if "recompile_limit" in known else {}))
    return model


def check_compiler(place: torch.device) -> None:
    """Refuse to compile where there is no C++ compiler, which torch needs for a CPU.

    Raises:
        UsageError: there is none.
    """
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++", "cl"]
    if place.type == "cpu" and not any(name and shutil.which(name) for name in names):
        raise UsageError("torch.compile needs a C++ compiler, and there is none", "install g++, or leave --compile out")


def refusal(folder: Path, attention: str | None, error: BaseException) -> LlmoptError:
    """Return what to say: that the attention cannot be had where the error is about it, else of the checkpoint."""
    said = str(error).lower()
    if attention is not None and any(word in said for word in ("attention", "attn", "sdpa", "flash")):
        return UsageError(f"the attention {attention!r} cannot be used: {first_line(error)}", "leave --attention out")
    return unreadable(folder, error)


def _arguments(place: torch.device, options: LoadOptions) -> dict[str, Any]:
    """Return the arguments of `from_pretrained`."""
    arguments = OFFLINE | {"trust_remote_code": options.trust_remote_code, "dtype": _dtype(options.dtype, place)}
    if options.attention is None:
        return arguments
    if "/" in options.attention:
        raise UsageError(
            f"the attention {options.attention!r} is code on a hub, which is not run here",
            "such as sdpa, eager or flash_attention_2",
        )
    return arguments | {"attn_implementation": options.attention}


def _check_kind(folder: Path, task: Head, model: Any, report: dict[str, Any]) -> None:
    """Refuse a model that is not of text, has two halves, or is not what its weights were saved from."""
    if getattr(model.config, "is_encoder_decoder", False):
        raise InputError(f"{folder}: a model with an encoder and a decoder is not supported", _SUPPORTED)
    if not _reads_tokens(model):
        raise InputError(f"{folder}: it does not read text", _SUPPORTED)
    for name, stored, wanted in sorted(report["mismatched_keys"]):
        shapes = f"{name} is {tuple(stored)} in its weights, {tuple(wanted)} by config.json"
        raise InputError(f"{folder}: {shapes}", "take config.json and weights of the same checkpoint")
    missing = sorted(key for key in report["missing_keys"] if not (task == "embed" and key.startswith(_UNUSED)))
    if missing:
        raise InputError(f"{folder}: its weights lack {missing[0]} ({len(missing)} in all)", _OTHER_KIND)


def _reads_tokens(model: Any) -> bool:
    try:
        first = next(model.get_input_embeddings().parameters(), None)
    except NotImplementedError:
        return False
    return first is not None and first.dim() == 2


def _dtype(name: str | None, place: torch.device) -> Any:
    if name is None or name == "auto":
        return "auto"
    if name not in _DTYPES:
        raise UsageError(f"the dtype {name!r} is not known", ", ".join(["auto", *_DTYPES]))
    if name == "float16" and place.type == "cpu":
        raise UsageError("float16 is very slow on a CPU", "use bfloat16 or float32 there")
    return _DTYPES[name]
