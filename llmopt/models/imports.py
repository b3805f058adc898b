"""Load ahead what transformers loads only when it opens a model of a kind, so that memory can be told apart.

The libraries take more memory than a small model. Which part of a process is the model's own, only shows where all of
them are there before it is opened. transformers keeps one module for each kind of model (`models/bert/modeling_bert`)
and loads it, and what that needs, at the first use.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from llmopt.errors import LlmoptError
from llmopt.models.cpu.record import read_saved
from llmopt.models.folder import Architecture, fields
from llmopt.models.loading import quiet


def import_modelling(folder: Path) -> None:
    """Import the module of transformers that computes a checkpoint; nothing where another engine does.

    Args:
        folder: of the checkpoint; what is wrong with it, opening it tells.
    """
    try:
        saved, config = read_saved(folder), fields(folder / "config.json", Architecture)
    except LlmoptError:
        return
    kind = (config.model_type if config else "").replace("-", "_")
    if not kind.isidentifier() or (saved is not None and saved.recipe.engine in ("onnx", "openvino")):
        return
    try:
        with quiet():
            importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")
    except (ImportError, RuntimeError):  # a kind that it does not know, or that needs a package that is not there
        return
