"""Requests from a file: JSON lines, a JSON list, or lines of text; which one, its name tells."""

from __future__ import annotations

from typing import Any

import msgspec

from llmopt.errors import InputError, next_step
from llmopt.files import DAMAGE, compression_of, ends_with, open_unpacked

_LINES, _LIST = (".jsonl", ".ndjson"), (".json",)


def read_inputs(path: str) -> list[Any]:
    """Return the requests of a file, packed or not.

    They are the values of JSON lines (`.jsonl`, `.ndjson`), the elements of a JSON list (`.json`), or lines of text;
    blank lines are left out.

    Raises:
        InputError: it cannot be read, is damaged, or holds no request.
    """
    try:
        with open_unpacked(path, compression_of(path)) as file:
            data = file.read()
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read: {error}", next_step(error)) from error
    if ends_with(path, _LIST):
        values = _decoded(data, path)
        if not isinstance(values, list):
            raise InputError(f"{path}: a JSON list of requests is needed", "or JSON lines in a file named .jsonl")
    else:
        json_lines = ends_with(path, _LINES)
        values = [
            _decoded(line, f"{path}:{at}") if json_lines else line.decode("utf-8", errors="replace")
            for at, line in enumerate(data.splitlines(), 1)
            if line.strip()
        ]
    if not values:
        raise InputError(f"{path}: no request in it", "one a line")
    return values


def _decoded(text: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: {error}", "give one JSON value a line, or name the file .txt") from error
