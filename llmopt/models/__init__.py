"""Local models: the only package that owns torch and transformers; importing it loads neither.

`stored` reads checkpoints as files, without torch: headers, shards, pickles that are looked at and never run.
`quantizing` streams them into smaller ones. `cpu` makes a loaded model faster on a processor, `quality` says how close
its answers stay, and `auto` looks for the fastest that is close enough. `distill` trains small models from big ones.
`checkpoint` opens encoders, classifiers and language models to be measured and served, on whatever `device`; `folder`
says what a model folder must hold, `layout` how a sentence model turns tokens into one vector; `factory` says how to
open a checkpoint without importing torch. `sentences` and `lingua` are the optional back ends of `llmopt.prompts`.

Functions for users: `quantize`, `open_model`, with `QuantizeConfig` and `QuantizeReport`, and what `distill` exports.
They load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt.models.checkpoint import open_model
    from llmopt.models.quantizing.api import quantize
    from llmopt.models.quantizing.config import QuantizeConfig
    from llmopt.models.quantizing.report import QuantizeReport

__all__ = ["QuantizeConfig", "QuantizeReport", "open_model", "quantize"]

_HOMES = {
    "QuantizeConfig": "llmopt.models.quantizing.config",
    "QuantizeReport": "llmopt.models.quantizing.report",
    "open_model": "llmopt.models.checkpoint",
    "quantize": "llmopt.models.quantizing.api",
}
"""Exported name -> the module that holds it."""


def __getattr__(name: str) -> object:
    """Load an exported name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'llmopt.models' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
