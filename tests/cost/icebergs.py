"""Iceberg tables for tests: a catalog in a file, and delete files that pyiceberg reads but does not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Table
from pyiceberg.typedef import Record


def create(folder: Path, rows: pa.Table, **settings: Any) -> Table:
    """Create a table called `n.t` below `folder`, and write its first rows."""
    catalog = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=rows.schema, **settings)
    table.append(rows)
    catalog.engine.dispose()
    return table


class _DeleteManifest(ManifestWriterV2):
    """A manifest of delete files."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def delete_by(table: Table, content: DataFileContent, deletes: pa.Table, folder: Path) -> Path:
    """Add a delete file to the newest snapshot of a table without partitions; return its new metadata file."""
    file = folder / "deletes.parquet"
    pq.write_table(deletes, file)
    data = DataFile.from_args(
        content=content,
        file_path=f"file://{file}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=deletes.num_rows,
        file_size_in_bytes=file.stat().st_size,
        equality_ids=[2] if content == DataFileContent.EQUALITY_DELETES else None,
    )
    snapshot = table.current_snapshot()
    assert snapshot is not None
    number = snapshot.snapshot_id
    output = table.io.new_output(f"file://{folder}/deletes.avro")
    with _DeleteManifest(PartitionSpec(), table.schema(), output, number, "null") as manifest:
        manifest.add_entry(
            ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=data)
        )
    listed = table.io.new_output(f"file://{folder}/list.avro")
    kept = snapshot.manifests(table.io)
    with write_manifest_list(2, listed, number, None, 9, "null") as manifests:
        manifests.add_manifests([*kept, manifest.to_manifest_file()])
    text = Path(table.metadata_location.removeprefix("file://")).read_text()
    changed = folder / "metadata" / "00009-deletes.metadata.json"
    changed.write_text(
        text.replace(snapshot.manifest_list, f"file://{folder}/list.avro").replace(
            '"last-sequence-number":1', '"last-sequence-number":9'
        )
    )
    return changed
