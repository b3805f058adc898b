"""Put small files of rows together, and leave out rows of files that were read anew since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmopt.cost.state.changes import Known
from llmopt.cost.state.open_rows import write_rows
from llmopt.cost.state.store import Store

MOST_ROW_FILES = 32
"""More are put together: each costs a millisecond whenever rows are looked through."""
LEFT = MOST_ROW_FILES // 2


@dataclass(frozen=True, slots=True)
class Tidied:
    """Files whose rows were put together."""

    files: list[Known]
    """All files, in order."""
    path: Path | None = None
    """Where their rows lie now; None: nothing was done."""
    records: int = 0


def tidied(store: Store, set_id: int, files: Sequence[Known]) -> Tidied:
    """Put the smallest files of rows together where there are many, so that a row is seldom written again."""
    named = {known.rows for known in files if known.rows}
    sizes = {name: records for name, records in store.rows(set_id).items() if name in named}
    if len(sizes) <= MOST_ROW_FILES:
        return Tidied(list(files))
    small = set(sorted(sizes, key=lambda name: sizes[name])[:-LEFT])
    path = store.new_rows()
    numbers = {known.id: known.id for known in files if known.rows in small}
    written = write_rows([str(store.row_path(name)) for name in sorted(small)], numbers, path)
    moved = [replace(known, rows=path.name) if known.rows in small else known for known in files]
    return Tidied(moved, path, written.records)
