"""Columns out of duckdb as arrays, without a value for each cell, and without pyarrow.

duckdb hands results over as a stream in the Arrow C data interface, whose layout is fixed for good
(https://arrow.apache.org/docs/format/CDataInterface.html, https://arrow.apache.org/docs/format/CStreamInterface.html,
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html): three structures of pointers, and buffers
of bits, numbers and characters behind them.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import duckdb

from llmopt.errors import ConfigError

_P = ctypes.c_void_p


class _Schema(ctypes.Structure):
    """`ArrowSchema`."""


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", _P),
    ("release", _P),
    ("private_data", _P),
]


class _Array(ctypes.Structure):
    """`ArrowArray`."""


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(_P)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", _P),
    ("release", _P),
    ("private_data", _P),
]


class _Stream(ctypes.Structure):
    """`ArrowArrayStream`."""

    _fields_ = (
        ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.POINTER(_Schema))),
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.POINTER(_Array))),
        ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, _P)),
        ("release", _P),
        ("private_data", _P),
    )


_RELEASE = ctypes.CFUNCTYPE(None, _P)
_POINTER = ctypes.pythonapi.PyCapsule_GetPointer
_POINTER.restype, _POINTER.argtypes = _P, (ctypes.py_object, ctypes.c_char_p)
_NUMBERS = {"l": ("q", 8), "L": ("Q", 8), "i": ("i", 4), "I": ("I", 4), "c": ("b", 1), "C": ("B", 1)}
"""Arrow's letter for a type of number -> Python's, and its bytes."""
_OFFSETS = {"u": ("i", 4), "U": ("q", 8)}
"""The same for where the texts of a column of texts begin."""


@dataclass(slots=True)
class Texts:
    """A column of texts, to be read before the next rows come; null is None."""

    offsets: array[int]
    address: int
    """Where its characters begin."""
    present: bytes | None
    """A bit a row; None: all are there."""
    first_bit: int

    def __getitem__(self, row: int) -> bytes | None:
        if self.present is not None and not self.present[(bit := row + self.first_bit) >> 3] >> (bit & 7) & 1:
            return None
        start = self.offsets[row]
        return ctypes.string_at(self.address + start, self.offsets[row + 1] - start)


Column: TypeAlias = "array[int] | Texts | None"
"""A column of numbers (without nulls), of texts, or of nothing but nulls."""


@dataclass(slots=True)
class Batch:
    """Some rows."""

    length: int
    columns: dict[str, Any]
    """Name -> column."""


def batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[Batch]:
    """Run a query and yield its rows, in order, some thousands at a time.

    Args:
        connection: where to run it; not to be used otherwise until the last batch has come.
        query: its columns are whole numbers without nulls, or VARCHAR.
    """
    capsule = connection.sql(query).__arrow_c_stream__()
    stream = ctypes.cast(_POINTER(capsule, b"arrow_array_stream"), ctypes.POINTER(_Stream))
    place, schema = ctypes.cast(stream, _P), _Schema()
    _check(stream, stream.contents.get_schema(place, ctypes.byref(schema)))
    try:
        kinds = [
            (child.contents.name.decode(), child.contents.format.decode())
            for child in schema.children[: schema.n_children]
        ]
        while True:
            found = _Array()
            _check(stream, stream.contents.get_next(place, ctypes.byref(found)))
            if not found.release:
                return
            try:
                yield Batch(found.length, {name: _column(found, n, kind) for n, (name, kind) in enumerate(kinds)})
            finally:
                _RELEASE(found.release)(ctypes.addressof(found))
    finally:
        if schema.release:
            _RELEASE(schema.release)(ctypes.addressof(schema))
        del capsule  # releases the stream


def _check(stream: Any, code: int) -> None:
    if code:
        said = stream.contents.get_last_error(ctypes.cast(stream, _P))
        text = (said or b"").decode("utf-8", "replace") or f"error {code}"
        raise duckdb.OutOfMemoryException(text) if "out of memory" in text.lower() else duckdb.Error(text)


def _column(found: _Array, number: int, kind: str) -> Column:
    column = found.children[number].contents
    start, length = found.offset + column.offset, found.length
    if kind == "n" or column.null_count == length:
        return None
    if kind in _NUMBERS:
        code, size = _NUMBERS[kind]
        return _numbers(code, column.buffers[1], start * size, length * size)
    if kind not in _OFFSETS:
        raise ConfigError(
            f"a column of the kind {kind!r} from duckdb cannot be read", "another version of duckdb may help"
        )
    code, size = _OFFSETS[kind]
    offsets = _numbers(code, column.buffers[1], start * size, (length + 1) * size)
    bits = ctypes.string_at(column.buffers[0], (start + length + 7) // 8) if column.buffers[0] else None
    return Texts(offsets, column.buffers[2] or 0, bits if column.null_count else None, start)


def _numbers(code: str, buffer: int | None, start: int, size: int) -> array[int]:
    numbers = array(code)
    if size:
        numbers.frombytes(ctypes.string_at(cast(int, buffer) + start, size))
    return numbers
