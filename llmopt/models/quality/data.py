"""Real inputs from a file, for measuring how much a model loses: their texts, and their labels where there are any.

Rows that cannot be used are told with file and line; they are left out only where the caller takes note of them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt.errors import InputError, next_step
from llmopt.files import DAMAGE, Found, compression_of, expand, open_unpacked
from llmopt.models.quality.rows import LABELS, TEXTS, rows_of

MOST_BYTES = 1_000_000_000
"""Of a file, unpacked; more is no sample of inputs, or a packed file made to fill the memory."""
_TOLD = 3
_HINT = f"JSON with one of {', '.join(TEXTS)} (and {LABELS[0]}), CSV with such a column, or a text a line"


@dataclass(frozen=True, slots=True)
class Sample:
    """One real input."""

    text: str
    """Never empty."""
    label: str | None = None
    """As the file has it: a name, or a number of a class; None without one."""
    line: int = 0
    """Of the file where it begins, from 1; 0 where it is from no file."""
    path: str = ""
    """What the file is called."""

    @property
    def where(self) -> str:
        """Return `file:line`, or the beginning of the text where it is from no file."""
        return f"{self.path}:{self.line}" if self.line else f"the text {self.text[:40]!r}"


def read_samples(path: str, *, refused: Callable[[str], object] | None = None) -> tuple[Sample, ...]:
    """Return the inputs of a file: lines of text, JSON lines, a JSON list or a CSV, packed or not.

    The name tells which (`.txt`, `.jsonl`, `.json`, `.csv`, `.tsv`, `.gz` and `.zst` behind them); without such a name
    the first line does.

    Args:
        path: of the file, a quoted glob for several, or `-` for standard input.
        refused: is told of rows that cannot be used (`file:line: why`; the first few, then how many more), and reading
            goes on; None: the first one is an error. Pass `warnings.append` and show the warnings.

    Raises:
        InputError: no such file, a row that cannot be used (without `refused`), or no row that can.
    """
    samples: list[Sample] = []
    bad: list[str] = []
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        for found in _files(path, Path(folder)):
            for row in rows_of(_unpacked(found), found.shown):
                if not row.problem:
                    samples.append(Sample(row.text, row.label, row.line, found.shown))
                    continue
                bad.append(f"{found.shown}:{row.line}: {row.problem}")
                if refused is None:
                    raise InputError(bad[0], _HINT)
    if not samples:
        raise InputError(f"{bad[0]}; no other row can be used" if bad else f"{path}: no text in it", _HINT)
    _tell(bad, path, refused)
    return tuple(samples)


def halves(samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Split inputs into those to choose by and those held out, by the hash of their texts.

    Both have as many different texts, or the held-out ones have one more. Texts that are equal, or differ in case and
    blanks only, are on one side. The same texts are split the same way, in whatever order they are.
    """
    hashes = [text_hash(sample.text) for sample in samples]
    distinct = sorted(set(hashes))
    chosen = set(distinct[: len(distinct) // 2])
    pairs = list(zip(samples, hashes, strict=True))
    return tuple(one for one, at in pairs if at in chosen), tuple(one for one, at in pairs if at not in chosen)


def text_hash(text: str) -> str:
    """Return a hash that texts share if they are equal but for case and blanks."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8", "surrogatepass")).hexdigest()


def _files(path: str, spool: Path) -> list[Found]:
    if Path(path).is_dir():
        raise InputError(f"{path}: a folder", "name a file of inputs")
    return expand(path, spool, lambda folder: [folder])


def _unpacked(found: Found) -> bytes:
    try:
        with open_unpacked(found.path, compression_of(found.path)) as file:
            data = file.read(MOST_BYTES + 1)
    except DAMAGE as error:
        raise InputError(f"{found.shown}: cannot be read: {error}", next_step(error)) from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{found.shown}: more than {MOST_BYTES:,} bytes", "a few thousand texts are enough")
    return data


def _tell(bad: list[str], path: str, refused: Callable[[str], object] | None) -> None:
    """Tell of the first rows that cannot be used, and how many more there are."""
    if refused is None:
        return
    for told in bad[:_TOLD]:
        refused(told)
    if len(bad) > _TOLD:
        refused(f"{path}: {len(bad) - _TOLD:,} more {'row' if len(bad) == _TOLD + 1 else 'rows'} cannot be used")
