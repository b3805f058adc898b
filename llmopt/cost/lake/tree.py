"""Files of a table laid out in the spool so that paths give the values of partitions: `day=2026-01-01/part.parquet`.

Values that are only in a table's log become columns like this, without copying a file: duckdb reads such paths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from llmopt.errors import InputError

_NULL = "__HIVE_DEFAULT_PARTITION__"
_LONGEST_NAME_BYTES = 255
_RESERVED = frozenset("=/%?*[]\0")
"""What a column's name cannot hold in a path: it is not unquoted there, unlike the value."""


class Tree:
    """A folder of the spool for one table."""

    def __init__(self, root: Path, spool: Path) -> None:
        """`root` is the table's folder; the same table gets the same folder, so that it is read once."""
        name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
        self.root, self.folder = root, spool / f"lake-{name}"
        self._number = 0
        self._made: set[Path] = set()

    def place(self, name: str, values: Iterable[tuple[str, str | None]]) -> Path:
        """Return a new path in the tree for a file called `name`.

        Args:
            name: of the file.
            values: partition column -> value as text; None is NULL.

        Raises:
            InputError: a column or a value that no path can hold.
        """
        folder = self.folder
        for column, value in values:
            step = f"{column}={_NULL if value is None else quote(value, safe=' ')}"
            if _RESERVED & set(column) or len(step.encode()) > _LONGEST_NAME_BYTES:
                raise InputError(
                    f"{self.root}: the partition {column}={str(value)[:40]} is too long, or has an odd name",
                    "write the table out as Parquet and give that",
                )
            folder /= step
        if folder not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        self._number += 1
        return folder / f"{self._number}-{name[-100:]}"

    def link(self, file: Path, values: Iterable[tuple[str, str | None]]) -> Path:
        """Link a file into the tree; its path is absolute."""
        target = self.place(file.name, values)
        try:
            target.symlink_to(file)
        except FileExistsError:
            # The table was given before, and has got another version since.
            target.unlink()
            target.symlink_to(file)
        return target
