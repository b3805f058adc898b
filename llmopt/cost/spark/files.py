"""Options whose files lie on the driver, in a form that travels to the workers: by their content."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmopt.errors import ConfigError, next_step

_NAMING = ("format_specs", "prices")
"""Options that name files."""


def content_of(path: Path) -> bytes:
    """Return what a file of the driver holds.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", next_step(error)) from error


def packed(options: Mapping[str, Any]) -> bytes:
    """Return options as bytes, with the content of the files that they name.

    Raises:
        ConfigError: one of them cannot be read.
    """
    files = {name: [(Path(path).name, content_of(Path(path))) for path in options.get(name, ())] for name in _NAMING}
    return pickle.dumps({**options, **files})


@contextmanager
def unpacked(data: bytes) -> Iterator[dict[str, Any]]:
    """Give the options of `packed`; their files are there as long as they are in use."""
    options: dict[str, Any] = pickle.loads(data)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        for name in _NAMING:
            options[name] = [_written(Path(folder, f"{name}-{n}"), *file) for n, file in enumerate(options[name])]
        yield options


def _written(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir()
    path = folder / name
    path.write_bytes(content)
    return path
