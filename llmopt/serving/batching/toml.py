"""The settings of a batcher as a TOML file: what a benchmark writes and a server reads.

Only the table `[batcher]` is looked at, so that the file may hold more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import ConfigError, UsageError, next_step
from llmopt.serving.batching.settings import BatchSettings

DEFAULT_QUEUE = 1024
_KEYS = ("max_batch_size", "max_wait_s", "max_batch_tokens", "max_queue")


@dataclass(frozen=True, slots=True)
class Config:
    """What `[batcher]` holds."""

    settings: BatchSettings
    max_queue: int = DEFAULT_QUEUE
    """Requests that may wait; further ones are refused."""


def write_config(config: Config, comments: Sequence[str] = ()) -> str:
    """Return the text of a file that `read_config` reads.

    Args:
        config: what to write; keys at "no limit" are left out.
        comments: lines to put above, without `#`.
    """
    settings = config.settings
    lines = [f"# {_one_line(comment)}" for comment in comments]
    lines += [
        "[batcher]",
        f"max_batch_size = {settings.max_batch_size}",
        f"max_wait_s = {float(settings.max_wait_s)!r}",
    ]
    if settings.max_batch_tokens is not None:
        lines.append(f"max_batch_tokens = {settings.max_batch_tokens}")
    lines.append(f"max_queue = {config.max_queue}")
    return "\n".join(lines) + "\n"


def read_config(path: Path) -> Config:
    """Read `[batcher]` of a TOML file; keys that are not there keep their defaults.

    Raises:
        ConfigError: no such file, no TOML, no such table, or an entry that makes no sense; names the file and the key.
    """
    table = _table(path)
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise ConfigError(f"{path}: [batcher] has no key {unknown[0]!r}", f"one of {', '.join(_KEYS)}")
    defaults = BatchSettings()
    size = _integer(path, table, "max_batch_size", defaults.max_batch_size)
    wait = table.get("max_wait_s", defaults.max_wait_s)
    if isinstance(wait, bool) or not isinstance(wait, (int, float)):
        raise ConfigError(f"{path}: max_wait_s in [batcher] is {wait!r}", "seconds are needed, such as 0.005")
    tokens = _integer(path, table, "max_batch_tokens", 0) if "max_batch_tokens" in table else None
    queue = _integer(path, table, "max_queue", DEFAULT_QUEUE)
    if queue < 1:
        raise ConfigError(f"{path}: max_queue in [batcher] is {queue}; at least 1 is needed")
    try:
        settings = BatchSettings(size, float(wait), tokens)
    except (UsageError, OverflowError) as error:
        raise ConfigError(f"{path}: [batcher]: {error}") from error
    return Config(settings, queue)


def _table(path: Path) -> Mapping[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", next_step(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not valid UTF-8", "save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: no valid TOML: {error}", "mend that line") from error
    table = document.get("batcher")
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: no table [batcher] in it", "`llmopt bench-batch` writes such a file")
    return table


def _integer(path: Path, table: Mapping[str, Any], key: str, default: int) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{path}: {key} in [batcher] is {value!r}", "a whole number is needed")
    return value


def _one_line(text: str) -> str:
    """Return a comment's text without what a TOML comment may not hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
