"""Iceberg tables: which files are the snapshot of a metadata file, and a copy of those not to be read as they lie.

The only module that knows pyiceberg; it is loaded when there is such a table. Columns of Iceberg are known by number,
not by name, so a file is read where it lies only if its names are those of today's schema. Files with deleted rows,
renamed or dropped columns, or columns that only the partition gives are copied as pyiceberg reads them.
https://iceberg.apache.org/spec/#scan-planning
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from llmopt.cost.lake.tree import Tree
from llmopt.cost.spec.columns import literal
from llmopt.cost.streams import connect, first_line, write_stream
from llmopt.errors import InputError, MissingExtraError
from llmopt.files import Found

try:
    import pyarrow as pa
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.io.pyarrow import ArrowScan, PyArrowFile, PyArrowFileIO, schema_to_pyarrow
    from pyiceberg.manifest import FileFormat
    from pyiceberg.schema import Schema, index_name_by_id
    from pyiceberg.serializers import FromInputFile
    from pyiceberg.table import DataScan, FileScanTask, StaticTable
except ImportError as error:
    raise MissingExtraError(error.name or "pyiceberg", "lakes") from error

_NEXT_STEP = "rewrite its data files with what made it (rewrite_data_files), or write it out as Parquet and give that"
_FOOTERS_AT_ONCE = 500
_UNNAMED = ("element", "key", "value")


def iceberg_files(metadata: Path, root: Path, spool: Path) -> list[Found]:
    """Return the files of a snapshot.

    Args:
        metadata: the table's metadata file.
        root: the table's folder, which may have been moved since.
        spool: a directory for copies.

    Raises:
        InputError: damaged metadata, a file that is missing, deletes by value.
    """
    try:
        return _Snapshot(metadata, root, spool).found()
    except (OSError, ValueError, NotImplementedError, ValidationError, pa.ArrowException) as error:
        raise InputError(f"{root}: an Iceberg table that cannot be read: {first_line(error)}", _NEXT_STEP) from error


class _LocalFiles(PyArrowFileIO):
    """Files of a table where they lie now; nothing is ever fetched from elsewhere."""

    def __init__(self, location: str, root: Path) -> None:
        super().__init__()
        self._location, self._root = location.rstrip("/"), root

    def new_input(self, location: str) -> PyArrowFile:
        """Open a file of the table."""
        return super().new_input(str(self.local(location)))

    def local(self, location: str) -> Path:
        """Return where a file lies: below the table's folder, wherever the table was when it was written.

        Raises:
            InputError: it is elsewhere than on this machine, or missing.
        """
        below = location.removeprefix(self._location + "/")
        parts = urlsplit(location)
        if below != location:
            file = self._root / below
        elif location.startswith("/") or parts.scheme == "file":
            file = Path(location if location.startswith("/") else parts.path)
        else:
            raise InputError(f"{self._root}: its file {location} is not on this machine", "copy the whole table here")
        if not file.is_file():
            raise InputError(f"{file}: a file of this Iceberg table is missing", "restore it, or copy the whole table")
        return file


class _Snapshot:
    """The current snapshot of one metadata file."""

    def __init__(self, metadata: Path, root: Path, spool: Path) -> None:
        self.root, self.tree = root, Tree(metadata, spool)
        read = FromInputFile.table_metadata(PyArrowFileIO().new_input(str(metadata.resolve())))
        self.io = _LocalFiles(read.location, root.resolve())
        self.table = StaticTable(("table",), read, str(metadata), self.io, NoopCatalog("none"))
        self.schema: Schema = self.table.schema()
        self.names = index_name_by_id(self.schema)

    def found(self) -> list[Found]:
        """Return the files; those that cannot be read as they lie as one copy."""
        tasks = sorted(self.table.scan().plan_files(), key=lambda task: task.file.file_path)
        plain, odd = self._parted(tasks)
        files = [Found(str(self.io.local(task.file.file_path)), self._shown(task)) for task in plain]
        if odd:
            target = self.tree.place("table.parquet", ())
            write_stream(self._rows(odd), target, str(self.root))
            files.append(Found(str(target), f"{self.root} ({len(odd)} of {len(tasks)} files as one)"))
        return files

    def _shown(self, task: FileScanTask) -> str:
        file = self.io.local(task.file.file_path)
        root = self.root.resolve()
        return str(self.root / file.relative_to(root)) if file.is_relative_to(root) else str(file)

    def _parted(self, tasks: list[FileScanTask]) -> tuple[list[FileScanTask], list[FileScanTask]]:
        """Part the files that duckdb reads as they lie from those that it does not."""
        columns = self._columns([self.io.local(task.file.file_path) for task in tasks if _is_parquet(task)])
        plain: list[FileScanTask] = []
        odd: list[FileScanTask] = []
        for task in tasks:
            there = columns.get(str(self.io.local(task.file.file_path)), {})
            as_it_lies = _is_parquet(task) and not task.delete_files and self._is_of_today(task, there)
            (plain if as_it_lies else odd).append(task)
        return plain, odd

    def _is_of_today(self, task: FileScanTask, there: dict[int | None, str]) -> bool:
        """Are all columns of a file called as today, and none given by its partition or a default alone?"""
        if None in there or not all(self._is_called(number, name) for number, name in there.items()):
            return False
        needed = {field.source_id for field in self.table.specs()[task.file.spec_id].fields}
        defaults = {field.field_id for field in self.schema.fields if field.initial_default is not None}
        return bool(there) and (needed & self.names.keys() | defaults) <= there.keys()

    def _is_called(self, number: int | None, name: str) -> bool:
        """Is this what the schema of today calls the column? Parts of lists and maps have no name of their own."""
        today = self.names.get(number, "").rpartition(".")[2] if number is not None else ""
        return today in (name, *_UNNAMED) and bool(today)

    def _columns(self, files: list[Path]) -> dict[str, dict[int | None, str]]:
        """Return number -> name of the columns of each file, from their footers; None: a column without a number."""
        found: dict[str, dict[int | None, str]] = {}
        with connect(self.tree.folder.parent) as connection:
            for start in range(0, len(files), _FOOTERS_AT_ONCE):
                listed = ", ".join(literal(str(file)) for file in files[start : start + _FOOTERS_AT_ONCE])
                query = (
                    f"SELECT file_name, field_id, name FROM parquet_schema([{listed}]) "
                    "WHERE field_id IS NOT NULL OR num_children IS NULL"
                )
                for file, number, name in _fetched(connection, query, self.root):
                    found.setdefault(file, {})[number] = name
        return found

    def _rows(self, tasks: list[FileScanTask]) -> pa.RecordBatchReader:
        """Read files as pyiceberg does: without deleted rows, with the columns of today."""
        scan: DataScan = self.table.scan()
        rows = ArrowScan(self.table.metadata, self.io, scan.projection(), scan.row_filter)
        schema = schema_to_pyarrow(scan.projection())
        batches = rows.to_record_batches(tasks)
        return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches))


def _is_parquet(task: FileScanTask) -> bool:
    return bool(task.file.file_format == FileFormat.PARQUET)


def _fetched(connection: duckdb.DuckDBPyConnection, query: str, root: Path) -> list[tuple[str, int | None, str]]:
    try:
        return connection.execute(query).fetchall()
    except duckdb.Error as error:
        raise InputError(f"{root}: {first_line(error)}", "is one of its files damaged?") from error
