"""What is asked of a log, in a form that travels to the workers: options by value, files by their content."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

from llmopt.cost.prepared import Prepared, prepare
from llmopt.errors import ConfigError, UsageError, next_step

_FILES = ("format_specs", "prices")
"""Options that name files of the driver."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    data: bytes
    """Pickled: option -> value; of `_FILES`, the name and the content of each file."""

    def prepared(self, dedupe: str | None = None) -> Prepared:
        """Return what is asked as readers want it, with `dedupe` in the place of what was asked."""
        prepared = _prepared(self.data)
        return replace(prepared, settings=replace(prepared.settings, dedupe=dedupe)) if dedupe else prepared


def asked(options: Mapping[str, Any]) -> Asked:
    """Check the options of `llmopt.price_logs`, before any worker hears of them.

    Raises:
        UsageError: an unknown option, group or format.
        ConfigError: a wrong spec, mapping or price file.
    """
    known = sorted(signature(prepare).parameters)
    if unknown := sorted(set(options) - set(known)):
        raise UsageError(f"no such option: {unknown[0]!r}", f"one of {', '.join(known)}")
    prepare(**options)
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()}
    for name in _FILES:
        plain[name] = [_content(Path(path)) for path in options.get(name, ())]
    return Asked(pickle.dumps({"jobs": 1} | {name: value for name, value in plain.items() if value is not None}))


def _content(path: Path) -> tuple[str, bytes]:
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", next_step(error)) from error


@lru_cache(maxsize=4)
def _prepared(data: bytes) -> Prepared:
    """Prices and formats take a tenth of a second to load; a worker's process runs many tasks."""
    options: dict[str, Any] = pickle.loads(data)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        for name in _FILES:
            options[name] = [_written(Path(folder, f"{name}-{n}"), *file) for n, file in enumerate(options[name])]
        return prepare(**options)


def _written(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir()
    path = folder / name
    path.write_bytes(content)
    return path
