"""CSV logs read row by row: small ones, damaged ones, and the rows that duckdb is not sure of.

Strict where it matters: a row with another number of columns than the header is rejected, not padded, because its
counts may stand in the wrong columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from llmopt.cost.sources import DAMAGE, Source, open_bytes

DELIMITERS = ",;\t|"
csv.field_size_limit(2**31 - 1)

Record = dict[str, str | None]


def delimiter_of(start: str) -> str:
    """Return the delimiter of a table by its first line; empty when there is none."""
    first = start.split("\n", 1)[0]
    best = max(DELIMITERS, key=first.count)
    return best if first.count(best) else ""


def header_of(start: str, delimiter: str) -> list[str]:
    """Return the column names of a table."""
    return _named(next(csv.reader(io.StringIO(start), delimiter=delimiter), []))


def records(source: Source) -> Iterator[tuple[int, Record | None, str]]:
    """Yield (line that the row starts at, record, or else null and what is wrong with it) of a CSV file."""
    line = 0
    try:
        with io.TextIOWrapper(open_bytes(source), "utf-8-sig", "surrogateescape", newline="") as text:
            rows = csv.reader(text, delimiter=source.delimiter, strict=True)
            header = _named(next(rows, []))
            line = rows.line_num
            for row in rows:
                start, line = line + 1, rows.line_num
                if row:
                    yield start, *_record(header, row)
    except csv.Error as error:
        yield line + 1, None, f"not CSV from here on: {error}"
    except DAMAGE as error:
        yield line + 1, None, f"damaged file, cannot be read further: {error}"


def plain(text: str) -> str | None:
    """Return a cell as a record holds it: the empty one is null, `1024.0` (a count in a column with gaps) is 1024."""
    text = text.strip()
    head, point, zeros = text.partition(".")
    return head if point and head.isdigit() and zeros and not zeros.strip("0") else text or None


def _named(header: list[str]) -> list[str]:
    """Return column names without blanks; a second `x` is `x_1`, as duckdb and pandas name it."""
    names: list[str] = []
    for name in (name.strip() for name in header):
        number = sum(1 for other in names if other == name or other.rpartition("_")[0] == name)
        names.append(f"{name}_{number}" if name in names else name)
    return names


def _record(header: list[str], row: list[str]) -> tuple[Record | None, str]:
    if len(row) != len(header):
        return None, f"{len(row)} columns where the header has {len(header)}"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return None, "not valid UTF-8"
    return {name: plain(cell) for name, cell in zip(header, row, strict=True)}, ""
