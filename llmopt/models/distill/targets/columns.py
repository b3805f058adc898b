"""The columns of a cache: what may be one, and how many rows of it a text has.

A column of shape `text` has one row for each text. One of shape `token` has a row for each token that the teacher
reads, unless another column counts them: `top_counts` (shape `text`, width 1) tells the rows of each text in all
columns of shape `token` whose names begin with `top_`. So answers to a few masked places do not take the room of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.values import Column

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_COUNTS = "_counts"
_DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name) for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8")
}
_HINT = "give it another column"


def checked(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns that can be kept.

    Raises:
        UsageError: one cannot.
    """
    if not columns:
        raise UsageError("the objective asks the teacher for nothing", _HINT)
    for before, column in pairwise(sorted(columns, key=_name)):
        if before.name == column.name:
            raise UsageError(f"the objective has two columns {column.name!r}", "name them differently")
    for column in columns:
        if not column.name.isidentifier() or column.width < 1 or column.dtype not in _DTYPES:
            raise UsageError(
                f"the objective's {column} cannot be kept", f"a plain name, a width, and {', '.join(_DTYPES)}"
            )
        if column.name.endswith(_COUNTS) and not _counts(column):
            raise UsageError(f"the objective's {column} is to count rows", "one whole number for each text")
    return tuple(columns)


def counter(columns: Sequence[Column], column: Column) -> Column | None:
    """Return the column that counts the rows of another; None where each text or token has one."""
    if column.shape == "text":
        return None
    named = (each for each in columns if each.name.endswith(_COUNTS))
    return next((each for each in named if column.name.startswith(each.name.removesuffix("counts"))), None)


def rows_of_texts(
    columns: Sequence[Column], column: Column, tokens: torch.Tensor, kept: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """Return how many rows of a column each of some texts has, `(texts,)` of int64.

    Args:
        columns: all there are.
        column: to look at.
        tokens: that the teacher reads of each text, `(texts,)` of int64.
        kept: by column, what the same texts have; those that count are enough.
    """
    if column.shape == "text":
        return torch.ones_like(tokens)
    counts = counter(columns, column)
    return tokens if counts is None else kept[counts.name].reshape(-1).long()


def by_shape(column: Column) -> bool:
    """Sort those that count before those that are counted."""
    return column.shape == "token"


def row_bytes(column: Column) -> int:
    """Return what a row takes on disk."""
    return column.width * dtype_of(column).itemsize


def dtype_of(column: Column) -> torch.dtype:
    """Return the type of the numbers of a column."""
    return _DTYPES[column.dtype]


def _counts(column: Column) -> bool:
    return column.shape == "text" and column.width == 1 and not dtype_of(column).is_floating_point


def _name(column: Column) -> str:
    return column.name
