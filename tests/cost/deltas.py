"""Delta tables for tests: rows as every test has them, and logs written by hand where no library writes them."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_KINDS = {"string": "string", "int64": "long"}


def rows(*counts: int, **columns: list[Any]) -> pa.Table:
    """Requests of one model with so many input tokens each, and one output token."""
    plain = {"model": ["gpt-4o"] * len(counts), "input_tokens": list(counts), "output_tokens": [1] * len(counts)}
    return pa.table(plain | columns)


def vector(deleted: list[int]) -> dict[str, Any]:
    """A deletion vector in the log itself: a roaring bitmap with one array, in Z85."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16)
    data = struct.pack("<IQI", 1681511377, 1, 0) + bitmap + struct.pack(f"<{len(deleted)}H", *sorted(deleted))
    return {
        "storageType": "i",
        "pathOrInlineDv": _z85(data + b"\0" * (-len(data) % 4)),
        "sizeInBytes": len(data),
        "cardinality": len(deleted),
    }


def by_hand(
    folder: Path,
    files: dict[str, pa.Table],
    *,
    deleted: dict[str, list[int]] | None = None,
    mapped: str = "",
    features: tuple[str, ...] = (),
    paths: dict[str, str] | None = None,
) -> Path:
    """Write a table of one commit.

    Args:
        folder: of the table.
        files: name -> rows.
        deleted: name -> places of deleted rows.
        mapped: what the names of columns in the files begin with, and those of the table do not.
        features: more reader features.
        paths: name -> path in the log, where it is another.
    """
    (folder / "_delta_log").mkdir(parents=True)
    schema = next(iter(files.values())).schema
    fields = [
        {
            "name": field.name.removeprefix(mapped),
            "type": _KINDS[str(field.type)],
            "nullable": True,
            "metadata": {"delta.columnMapping.id": place, "delta.columnMapping.physicalName": field.name}
            if mapped
            else {},
        }
        for place, field in enumerate(schema, 1)
    ]
    named = [*features, *(["columnMapping"] if mapped else []), *(["deletionVectors"] if deleted else [])]
    settings = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"} if mapped else {}
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": named, "writerFeatures": named}},
        {
            "metaData": {
                "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": settings,
                "createdTime": 1,
            }
        },
    ]
    for name, table in files.items():
        pq.write_table(table, folder / name)
        size = (folder / name).stat().st_size
        path = (paths or {}).get(name, name)
        add = {"path": path, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": True}
        add["stats"] = json.dumps({"numRecords": table.num_rows})
        gone = (deleted or {}).get(name)
        actions.append({"add": add | ({"deletionVector": vector(gone)} if gone else {})})
    log = folder / "_delta_log" / f"{0:020}.json"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    return folder


def _z85(data: bytes) -> str:
    """Z85 is base 85 with an alphabet of its own."""
    ours = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    theirs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    return base64.b85encode(data).decode().translate(str.maketrans(theirs, ours))
