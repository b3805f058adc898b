"""Delta tables: which files are the current version, and what is left of those with deleted rows.

The only module that knows deltalake; it is loaded when there is such a table. Files are read by duckdb where they
lie. Rows deleted by deletion vectors are left out of a copy; a table with mapped column names is copied as deltalake
reads it. https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

from llmopt.cost.lake.tree import Tree
from llmopt.cost.spec.columns import literal, quoted
from llmopt.cost.streams import AS_PARQUET, ArrowStream, connect, first_line, write_stream
from llmopt.errors import InputError, MissingExtraError
from llmopt.files import Found

try:
    import deltalake
    from deltalake.exceptions import DeltaError
except ImportError as error:
    raise MissingExtraError(error.name or "deltalake", "lakes") from error

_KNOWN = frozenset(
    {
        "appendOnly",
        "catalogManaged",
        "checkConstraints",
        "columnMapping",
        "deletionVectors",
        "domainMetadata",
        "inCommitTimestamp",
        "timestampNtz",
        "typeWidening",
        "typeWidening-preview",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)
"""Reader features that change nothing in how a live file is read, and the two that are seen to here."""
_PLAIN = re.compile(r"(?!__HIVE_DEFAULT_PARTITION__$)[A-Za-z0-9._-]+")
"""Values that are the same in a path and in the log."""
_NEXT_STEP = "write it out as Parquet with what made it, and give that"


def delta_files(root: Path, spool: Path) -> list[Found]:
    """Return the files of a table's current version.

    Raises:
        InputError: a damaged log, a file that is missing, a feature of the table that is not known here.
    """
    try:
        table = deltalake.DeltaTable(str(root))
        _check_features(table, root)
        if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            target = Tree(root, spool).place("table.parquet", ())
            return [Found(str(write_stream(table.scan(), target, str(root))), f"{root} (as one table)")]
        return _Files(table, root, spool).found()
    except (DeltaError, OSError, ValueError) as error:
        raise InputError(f"{root}: a Delta table that cannot be read: {first_line(error)}", _NEXT_STEP) from error


def _check_features(table: deltalake.DeltaTable, root: Path) -> None:
    """Refuse what a file cannot be read without."""
    unknown = sorted(set(table.protocol().reader_features or ()) - _KNOWN)
    if unknown:
        raise InputError(f"{root}: a Delta table with the feature {unknown[0]}, which is not read", _NEXT_STEP)


class _Files:
    """The live files of one table."""

    def __init__(self, table: deltalake.DeltaTable, root: Path, spool: Path) -> None:
        self.table, self.root, self.tree = table, root, Tree(root, spool)
        self.columns = list(table.metadata().partition_columns)
        self.kinds = {field.name: str(getattr(field.type, "type", "")) for field in table.schema().fields}

    def found(self) -> list[Found]:
        """Return the files, linked or copied where they cannot be read as they lie."""
        self.tree.folder.mkdir(parents=True, exist_ok=True)
        with connect(self.tree.folder.parent) as connection:
            try:
                deleted = self._deleted(connection)
                return [self._file(connection, path, values, deleted) for path, values in self._live(connection)]
            except duckdb.Error as error:
                raise InputError(f"{self.root}: {first_line(error)}", _NEXT_STEP) from error

    def _live(self, connection: duckdb.DuckDBPyConnection) -> list[tuple[str, dict[str, str | None]]]:
        """Return path and values of partitions of each file, in the order of their paths."""
        actions: Any = self.table.get_add_actions(flatten=True)
        if not actions.num_rows:
            return []
        connection.register("llmopt_live", actions.__arrow_c_stream__())
        values = ", ".join(self._as_text(name) for name in ["path", *(f"partition.{name}" for name in self.columns)])
        rows = connection.execute(f"SELECT {values} FROM llmopt_live ORDER BY path").fetchall()
        connection.unregister("llmopt_live")
        return [(path, dict(zip(self.columns, texts, strict=True))) for path, *texts in rows]

    def _as_text(self, column: str) -> str:
        """An instant of the log is one of UTC, and is to say so."""
        kind = self.kinds.get(column.removeprefix("partition."), "")
        if kind == "timestamp":
            return f"strftime(CAST({quoted(column)} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ')"
        if kind == "binary":
            raise InputError(f"{self.root}: partitioned by {column}, which is binary", _NEXT_STEP)
        return f"CAST({quoted(column)} AS VARCHAR)"

    def _file(
        self, connection: duckdb.DuckDBPyConnection, path: str, values: dict[str, str | None], deleted: set[str]
    ) -> Found:
        file = self._local(path)
        shown = str(file)
        if deleted and str(file.resolve()) in deleted:
            target = self.tree.place(file.name, values.items())
            connection.execute(
                f"COPY (SELECT * EXCLUDE (file_row_number) FROM read_parquet({literal(str(file))}, "
                "file_row_number = true, hive_partitioning = false) AS rows ANTI JOIN llmopt_deleted AS gone "
                f"ON gone.file = {literal(str(file.resolve()))} AND gone.row_number = rows.file_row_number "
                f") TO {literal(str(target))} ({AS_PARQUET})"
            )
            return Found(str(target), f"{shown} (live rows)")
        if _tells(path, values):
            return Found(shown, shown)
        return Found(str(self.tree.link(file.absolute(), values.items())), shown)

    def _deleted(self, connection: duckdb.DuckDBPyConnection) -> set[str]:
        """Note the rows that deletion vectors take out; return the files that have any."""
        if "deletionVectors" not in (self.table.protocol().reader_features or ()):
            return set()
        vectors: ArrowStream = self.table.deletion_vectors()
        connection.register("llmopt_vectors", vectors.__arrow_c_stream__())
        connection.execute(
            "CREATE TEMP TABLE llmopt_deleted AS SELECT filepath AS file, row_number FROM (SELECT filepath, "
            "unnest(selection_vector) AS kept, unnest(range(len(selection_vector))) AS row_number FROM llmopt_vectors) "
            "WHERE NOT kept"
        )
        connection.unregister("llmopt_vectors")
        files = connection.execute("SELECT DISTINCT file FROM llmopt_deleted").fetchall()
        for (file,) in files:
            local = str(self._local(file, unquoted=True).resolve())
            connection.execute("UPDATE llmopt_deleted SET file = ? WHERE file = ?", [local, file])
        return {str(self._local(file, unquoted=True).resolve()) for (file,) in files}

    def _local(self, path: str, *, unquoted: bool = False) -> Path:
        """Return where a file of the log lies; the log quotes paths as URLs do.

        Raises:
            InputError: it is elsewhere than on this machine, or missing.
        """
        parts = urlsplit(path)
        if parts.scheme not in ("", "file"):
            raise InputError(f"{self.root}: its file {path} is not on this machine", "copy the whole table here")
        name = unquote(parts.path if parts.scheme else path)
        file = self.root / name
        if unquoted and not file.is_file():
            file = self.root / (parts.path if parts.scheme else path)
        if not file.is_file():
            raise InputError(
                f"{file}: a file of version {self.table.version()} is missing", "restore it, or repair the table"
            )
        return file


def _tells(path: str, values: dict[str, str | None]) -> bool:
    """Does the path of a file in the table's log give the values of its partitions as duckdb will read them?"""
    if not all(value and _PLAIN.fullmatch(value) for value in values.values()):
        return False
    return path.rpartition("/")[0] == "/".join(f"{column}={value}" for column, value in values.items())
