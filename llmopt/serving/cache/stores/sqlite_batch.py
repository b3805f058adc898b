"""What an SQLite store writes at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.sqlite_file import Identity
from llmopt.serving.cache.stores.sqlite_table import Row


@dataclass(slots=True)
class Batch:
    """What is written at once."""

    entries: dict[str, tuple[Entry, bytes]] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    """Keys of entries that were read, in the order of reading."""
    size_bytes: int = 0
    last: int = 0
    """Number of the last `put` that is in it."""
    damage: tuple[Identity | None] | None = None
    """The file that a reader found damaged."""
    suspect: bool = False
    """Whether to look at the file again, since a reader found no tables."""


def parted(batch: Batch, at_once_bytes: int) -> Iterator[list[Row]]:
    """Split the entries of a batch into parts of about a number of bytes."""
    rows: list[Row] = []
    size = 0
    for key, (entry, data) in batch.entries.items():
        rows.append((key, entry, data))
        size += len(data)
        if size >= at_once_bytes:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
