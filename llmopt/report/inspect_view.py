"""A checkpoint for people: what each scheme would save, what is in it, its largest tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from llmopt.models.stored.inspection import LINEAR, Group, InspectedTensor, Inspection, SchemeSaving
from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import cell, plural, share
from llmopt.report.model_words import count
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import byte_size

LARGEST = 10
"""Rows of tensors that are shown unless all are asked for."""
_SHARDS = 20
_NUMBER = re.compile(r"\.\d+(?=\.)")
"""Of a layer, in a name."""


def view(found: Inspection, *, every: bool = False, brief: bool = False) -> Report:
    """Return a checkpoint for people.

    Args:
        found: what its headers say.
        every: list all tensors, not the largest alone.
        brief: without background.
    """
    tables = [_schemes(found.schemes, found.size_bytes)] if found.schemes else []
    tables.append(_groups("kinds", "What is in it", "kind", found.kinds, found.size_bytes))
    if len(found.dtypes) > 1:
        tables.append(_groups("dtypes", "Types of numbers", "type", found.dtypes, found.size_bytes))
    if len(found.shards) > 1:
        tables.append(_shards(found))
    tables.append(_shown_tensors(found, every=every))
    shown = tuple(table for table in tables if table.rows)
    notes = [] if brief else [Note(line) for line in _background(found)]
    notes += [Note(f"{warning[:1].upper()}{warning[1:]}.", "warning") for warning in found.warnings]
    return Report("Checkpoint", headline(found), shown, tuple(notes), csv=_tensors(found.tensors, "Tensors"))


def headline(found: Inspection) -> str:
    """Return the answer in a sentence."""
    if not found.tensors:
        return f"{found.name}: no tensors that can be told."
    types = ", ".join(group.name for group in found.dtypes[:3])
    tensors = plural(len(found.tensors), "tensor")
    what = f"{found.name}: {count(found.parameters)} parameters, {_bytes(found.size_bytes)} in {tensors} ({types})"
    if found.quantized:
        return f"{what}; quantized already ({found.quantized})."
    best = max(found.schemes, key=lambda saving: saving.saved_bytes, default=None)
    if best is None or best.saved_bytes <= 0:
        return f"{what}; no scheme would make it smaller."
    return f"{what}; {best.scheme} makes it {_bytes(best.bytes_after)}, {share(best.saved_share)} less."


def payload(found: Inspection) -> dict[str, Json]:
    """Return a checkpoint as the document of `llmopt.inspect/1`."""
    body = plain(found)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    return document("inspect", body)


def _schemes(savings: Sequence[SchemeSaving], size_bytes: int) -> Table:
    columns = (
        Column("scheme", "scheme"),
        Column("format", "format", priority=2),
        Column("quantized", "tensors quantized", "int", priority=1),
        Column("kept", "kept", "int", priority=1),
        Column("bytes_after", "size after", "bytes"),
        Column("saved_bytes", "saved", "bytes"),
        Column("saved_share", "less", "percent", bar=True),
    )
    rows = tuple(
        (
            saving.scheme,
            saving.format,
            saving.quantized,
            saving.kept,
            saving.bytes_after,
            max(saving.saved_bytes, 0),
            cell(saving.saved_share),
        )
        for saving in savings
    )
    title = f"What llmopt quantize would make of {_bytes(size_bytes)}"
    return Table("schemes", title, columns, rows, notes=tuple(_idle(savings)))


def _idle(savings: Sequence[SchemeSaving]) -> list[Note]:
    """Return why schemes would change nothing, a line a reason."""
    reasons: dict[str, list[str]] = {}
    for saving in savings:
        if saving.why_none is not None:
            reasons.setdefault(saving.why_none, []).append(saving.scheme)
    return [Note(f"Nothing to do for {' and '.join(names)}: {reason}.") for reason, names in reasons.items()]


def _groups(name: str, title: str, label: str, groups: Sequence[Group], size_bytes: int) -> Table:
    columns = (
        Column(label, label),
        Column("tensors", "tensors", "int"),
        Column("parameters", "parameters", "int", priority=1),
        Column("size_bytes", "size", "bytes"),
        Column("share", "share", "percent", bar=True),
    )
    rows = tuple((_kind(group.name), *_sums(group, size_bytes)) for group in groups)
    everything = Group(
        "total",
        sum(group.tensors for group in groups),
        sum(group.parameters for group in groups),
        sum(group.size_bytes for group in groups),
    )
    return Table(name, title, columns, rows, total=("total", *_sums(everything, size_bytes)))


def _sums(group: Group, size_bytes: int) -> tuple[Cell, ...]:
    return (
        group.tensors,
        group.parameters,
        group.size_bytes,
        cell(group.size_bytes / size_bytes if size_bytes else None),
    )


def _kind(name: str) -> str:
    return "linear layer (may be quantized)" if name == LINEAR else name


def _shards(found: Inspection) -> Table:
    columns = (Column("shard", "file"), Column("tensors", "tensors", "int"), Column("file_bytes", "size", "bytes"))
    rows = tuple((shard.name, shard.tensors, shard.file_bytes) for shard in found.shards[:_SHARDS])
    hidden = len(found.shards) - _SHARDS
    notes = (Note(f"{hidden:,} more files; JSON has them."),) if hidden > 0 else ()
    total = ("total", sum(shard.tensors for shard in found.shards), found.file_bytes)
    return Table("shards", "Files", columns, rows, total=total, notes=notes, detail=True)


def _shown_tensors(found: Inspection, *, every: bool) -> Table:
    if every or len(found.tensors) <= LARGEST:
        return _tensors(found.tensors, "Tensors")
    alike: dict[tuple[Cell, ...], list[int]] = {}
    for tensor in found.tensors:
        key = (_NUMBER.sub(".*", tensor.name), tensor.dtype, _shape(tensor), tensor.kind)
        sums = alike.setdefault(key, [0, 0])
        sums[0] += 1
        sums[1] += tensor.size_bytes
    columns = (
        Column("name", "tensor"),
        Column("tensors", "of them", "int"),
        Column("dtype", "type", priority=1),
        Column("shape", "shape"),
        Column("size_bytes", "size", "bytes"),
        Column("kind", "kind", priority=2),
    )
    largest = sorted(alike.items(), key=lambda entry: (-entry[1][1], str(entry[0])))[:LARGEST]
    rows = tuple((name, count, dtype, shape, size, kind) for (name, dtype, shape, kind), (count, size) in largest)
    shown = f"The {LARGEST} largest groups of {len(alike):,}" if len(alike) > LARGEST else "All groups"
    rest = Note(f"{shown}; {len(found.tensors):,} tensors. --tensors lists each; CSV and JSON have them.")
    return Table("alike", "Largest tensors", columns, rows, notes=(rest,))


def _tensors(tensors: Sequence[InspectedTensor], title: str) -> Table:
    columns = (
        Column("name", "tensor"),
        Column("dtype", "type"),
        Column("shape", "shape"),
        Column("parameters", "parameters", "int", priority=2),
        Column("size_bytes", "size", "bytes"),
        Column("kind", "kind", priority=1),
        Column("shard", "file", machine=True),
    )
    rows = tuple(
        (
            tensor.name,
            tensor.dtype,
            _shape(tensor),
            tensor.parameters,
            tensor.size_bytes,
            tensor.kind,
            tensor.shard,
        )
        for tensor in tensors
    )
    return Table("tensors", title, columns, rows)


def _shape(tensor: InspectedTensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "scalar"


def _background(found: Inspection) -> list[str]:
    """Return what the configuration and the headers say besides."""
    lines = []
    if found.architectures or found.model_type:
        known = ", ".join(found.architectures) or "a model"
        lines.append(f"Architecture: {known}{f' ({found.model_type})' if found.model_type else ''}.")
    if found.tied:
        lines.append("The output head is tied to the embedding.")
    if found.globals:
        lines.append(f"Its pickles ask for {plural(len(found.globals), 'global')}; none of them was run.")
    lines.append(f"Read: {_bytes(found.read_bytes)} of {_bytes(found.file_bytes)} of weights.")
    return lines


def _bytes(size_bytes: int) -> str:
    return byte_size(Decimal(size_bytes))
