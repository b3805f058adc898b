"""Small JSON files of a checkpoint: its index and its settings. They come from strangers and are read with limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, next_step
from llmopt.models.stored.header import file_size
from llmopt.models.stored.names import shortened

_LARGEST_BYTES = 100_000_000
_AGAIN = "fetch it again; the file is not as its library writes it"


def read_object(path: Path) -> dict[str, Any]:
    """Return a JSON file that is one object.

    Raises:
        InputError: it cannot be read, is too large, no JSON or no object, or a name stands in it twice.
    """
    size = file_size(path)
    if size > _LARGEST_BYTES:
        raise InputError(f"{path}: {size:,} bytes of JSON", f"at most {_LARGEST_BYTES:,} are read")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in found if names.count(name) > 1)
            raise InputError(f"{path}: {shortened(twice)} stands in it twice", _AGAIN)
        return found

    try:
        value = json.loads(path.read_bytes(), object_pairs_hook=once)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", next_step(error)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON: {error}", _AGAIN) from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: not a JSON object", _AGAIN)
    return value


def read_index(path: Path) -> dict[str, str]:
    """Return which file holds each tensor, by an index (`weight_map`).

    Raises:
        InputError: as of `read_object`, or it is no index.
    """
    found = read_object(path).get("weight_map")
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found.values()):
        raise InputError(f"{path}: no index: weight_map must name a file for each tensor", _AGAIN)
    return found
