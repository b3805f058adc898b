"""What became of the tensors of a checkpoint: the layers with the most error, what was kept and why, all for CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from llmopt.core.quantity import significant
from llmopt.models.quantizing.report import KeptTensor, Layer, QuantizeReport
from llmopt.report.figures import cell
from llmopt.report.table import Cell, Column, Note, Table

WORST = 10
"""Layers that people see; machines get all."""
MOST_REASONS = 20
_ALONE = (
    "error alone: how far the answers to your texts are off where nothing but this layer is quantized: 1 - cosine of "
    "vectors, the squared distance of scores, the divergence of language models."
)

_LAYERS = (
    Column("name", "layer"),
    Column("shape", "shape", "number", priority=3),
    Column("scheme", "scheme", priority=2),
    Column("sqnr", "SQNR (dB)", "number", optional=True),
    Column("sensitivity", "error alone", "number", priority=1, optional=True),
    Column("bytes_before", "before", "bytes", priority=4),
    Column("bytes_after", "after", "bytes", priority=4),
)
_KEPT = (
    Column("reason", "reason"),
    Column("tensors", "tensors", "int"),
    Column("size_bytes", "size", "bytes", priority=1),
    Column("example", "such as", priority=2),
)
_TENSORS = (
    Column("name", "tensor"),
    Column("shape", "shape"),
    Column("scheme", "scheme"),
    Column("sqnr_db", "SQNR", "number", unit="dB"),
    Column("sensitivity", "error alone", "number"),
    Column("bytes_before", "before", "bytes"),
    Column("bytes_after", "after", "bytes"),
    Column("kept", "kept because"),
)


def layers_table(layers: Sequence[Layer]) -> Table:
    """Return the layers whose weights lost most; those whose error is not known come last."""
    shown = sorted(layers, key=_error)[:WORST]
    known = any(_known(one.sqnr_db) for one in shown)
    title = "Layers by the error of their weights, worst first" if known else "Layers"
    notes = [Note(f"{len(layers) - len(shown):,} more layers are in JSON and CSV.")] if len(shown) < len(layers) else []
    if known:
        notes.append(Note("SQNR: signal to quantization noise of the weight; 6 dB more is half the error."))
    if any(one.sensitivity is not None for one in shown):
        notes.append(Note(_ALONE))
    rows = tuple(_layer(one) for one in shown)
    return Table("layers", title, _LAYERS, rows, notes=tuple(notes), detail=True)


def kept_table(kept: Sequence[KeptTensor]) -> Table:
    """Return a row a reason: how many tensors stayed as they were, the largest share first."""
    groups: dict[str, list[KeptTensor]] = {}
    for one in kept:
        groups.setdefault(one.reason, []).append(one)
    rows = sorted(
        (
            (reason, len(group), sum(one.size_bytes for one in group), max(group, key=lambda one: one.size_bytes).name)
            for reason, group in groups.items()
        ),
        key=lambda row: (-row[2], row[0]),
    )
    left = rows[MOST_REASONS:]
    notes = (Note(f"{len(left):,} more reasons, {sum(row[1] for row in left):,} tensors, are in JSON and CSV."),)
    return Table(
        "kept", "Kept as they were", _KEPT, tuple(rows[:MOST_REASONS]), notes=notes if left else (), detail=True
    )


def tensors_table(report: QuantizeReport) -> Table:
    """Return a row a tensor, quantized ones first; for CSV."""
    quantized: list[tuple[Cell, ...]] = [
        (
            one.name,
            shape(one.shape),
            one.scheme,
            cell(one.sqnr_db),
            cell(one.sensitivity),
            one.bytes_before,
            one.bytes_after,
            None,
        )
        for one in report.layers
    ]
    kept: list[tuple[Cell, ...]] = [
        (one.name, shape(one.shape), one.dtype, None, None, one.size_bytes, one.size_bytes, one.reason)
        for one in report.kept
    ]
    return Table("tensors", "Tensors", _TENSORS, (*quantized, *kept))


def shape(sizes: Sequence[int]) -> str:
    """Return the shape of a tensor: `384 x 1536`."""
    return " x ".join(map(str, sizes)) or "one value"


def worst_db(layers: Sequence[Layer]) -> float | None:
    """Return the lowest signal to noise of all layers; None where none is known."""
    return min((one.sqnr_db for one in layers if _known(one.sqnr_db)), default=None)


def _layer(one: Layer) -> tuple[Cell, ...]:
    return (
        one.name,
        shape(one.shape),
        one.scheme,
        f"{one.sqnr_db:.1f}" if _known(one.sqnr_db) else None,
        significant(one.sensitivity, 2) if _known(one.sensitivity) else None,
        one.bytes_before,
        one.bytes_after,
    )


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _error(one: Layer) -> tuple[bool, float, str]:
    return (not _known(one.sqnr_db), one.sqnr_db or 0.0, one.name)
