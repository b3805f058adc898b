"""Read how a gateway is set up: `[gateway]` of llmopt.toml, with what flags and variables say laid over it.

`docs/gateway.md` describes the file. Every key is known or refused, with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmopt.core.toml import document, read_text
from llmopt.serving.gateway.config.entries import DOCS, Entry, Place, entries_of
from llmopt.serving.gateway.config.making import config_of
from llmopt.serving.gateway.config.names import ABOVE, ALIASES, OF_THE_COMMAND, TABLES, TOP
from llmopt.serving.gateway.config.settings import GatewayConfig


def read_config(*files: Path, flags: Mapping[str, object] | None = None) -> GatewayConfig:
    """Return a gateway's settings; what no place says keeps its default.

    Args:
        files: llmopt.toml files (`[gateway]`) or pyproject.toml (`[tool.llmopt.gateway]`), each over the one before.
        flags: name with underscores -> value; over all files.

    Raises:
        ConfigError: a file cannot be read, or something in it makes no sense; names the file and the line.
        UsageError: a flag makes no sense, or nothing names an upstream.
    """
    return config_of(told(files, flags or {}))


def told(files: Sequence[Path], flags: Mapping[str, object]) -> dict[str, Entry]:
    """Return every setting by its dotted name, such as `cache.ttl`; the last place that has it wins.

    Raises:
        ConfigError: a file cannot be read, or has a key that is not known.
    """
    found: dict[str, Entry] = {}
    for path in files:
        found.update(_of_file(path))
    found.update(_flat(entries_of(flags, Place(), (), (*TOP, *OF_THE_COMMAND))))
    return found


def _of_file(path: Path) -> dict[str, Entry]:
    """Return what a file says: first what it says for all commands, then what it says in the gateway's own table."""
    text = read_text(path, DOCS)
    place = Place(str(path), text, path.parent)
    table = document(text, str(path), DOCS, Decimal)
    steps: tuple[str, ...] = ()
    if path.name == "pyproject.toml":
        table, steps = _inner(table, "tool", "llmopt"), ("tool", "llmopt")
    above = {key: value for key, value in table.items() if key.replace("-", "_") in ABOVE and _is_plain(value)}
    own = table.get("gateway", {})
    if not isinstance(own, dict):
        raise place.fault((*steps, "gateway"), "[gateway] must be a table", DOCS)
    found = _flat(entries_of(above, place, steps, ABOVE))
    found.update(_flat(entries_of(own, place, (*steps, "gateway"), (*TOP, *OF_THE_COMMAND))))
    return found


def _flat(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return entries by their dotted names; where a table and a plain key both say it, the table does."""
    found = {ALIASES.get(name, name): entry for name, entry in entries.items() if not _is_table(name, entry)}
    for name, entry in entries.items():
        if _is_table(name, entry):
            inner = entries_of(entry.value, entry.place, entry.path, TABLES[name])
            found.update({f"{name}.{key}": one for key, one in inner.items()})
    return found


def _is_table(name: str, entry: Entry) -> bool:
    if name not in TABLES:
        return False
    if not isinstance(entry.value, dict) and name not in ALIASES:
        raise entry.fault(f"{name} must be a table", DOCS)
    return isinstance(entry.value, dict)


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict)


def _inner(table: Mapping[str, Any], *steps: str) -> dict[str, Any]:
    for step in steps:
        inner = table.get(step, {})
        table = inner if isinstance(inner, dict) else {}
    return dict(table)
