"""Drives a model, a callable or a URL and says how to batch it; compares models; imports neither torch nor a model.

What is measured becomes one service curve; `simulate` runs batchers on it, `recommend` searches their settings, and
`verify` runs the best one open loop, so that a prediction stands beside what came true. `comparing` runs models in turn
and says how many times faster one is. Needs numpy (extra `bench`).

For users: `compare`, which loads on first use; `llmopt.bench_batch` is the other one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt.bench.comparing.api import compare

__all__ = ["compare"]

_HOMES = {"compare": "llmopt.bench.comparing.api"}
"""Exported name -> the module that holds it."""


def __getattr__(name: str) -> object:
    """Load an exported name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'llmopt.bench' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
