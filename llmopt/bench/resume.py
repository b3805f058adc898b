"""Raw samples of a sweep in a file of JSON lines, so that a sweep that was stopped goes on (`--resume FILE`).

The first line says what is measured. Then comes a line for each sample (`sample`), each reading of the machine
(`reading`) and each batch that did not fit (`oom`), in the order in which they were made. Lines are appended with one
write each; a last line that was torn off is cut away when the file is opened again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmopt.bench.plan import Mix
from llmopt.bench.readings import Reading
from llmopt.core.batch import BatchTiming, Shape
from llmopt.core.target import TargetFacts
from llmopt.errors import ConfigError, InputError

SCHEMA = "llmopt.bench-samples/1"


@dataclass(slots=True)
class Stored:
    """What a file held."""

    samples: list[tuple[Shape, BatchTiming, int]] = field(default_factory=list)
    """Each with the number of readings before it."""
    readings: list[Reading] = field(default_factory=list)
    too_large: set[Shape] = field(default_factory=set)
    """What did not fit in memory."""


class Store:
    """A file of samples: a header with what is measured, then one line a sample.

    Args:
        path: of the file; made where it is not there.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def begin(self, header: Mapping[str, Any]) -> Stored:
        """Return what the file holds of this measurement; make the file where there is none.

        Args:
            header: what is measured, of `measured`.

        Raises:
            ConfigError: the file holds something else.
            InputError: it cannot be read or written.
        """
        wanted = {"schema": SCHEMA, **header}
        try:
            lines = self._whole_lines()
            if not lines:
                self._append(wanted)
                return Stored()
        except OSError as error:
            raise InputError(f"{self.path} cannot be used: {error.strerror}", "name another file") from error
        self._check(_value(lines[0]), wanted)
        stored = Stored()
        for number, line in enumerate(lines[1:], 2):
            try:
                _keep(stored, _value(line))
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigError(f"{self.path}:{number}: no line of samples", "delete the file") from error
        return stored

    def sample(self, shape: Shape, timing: BatchTiming) -> None:
        """Keep a sample."""
        self._append({"sample": [shape.batch_size, shape.seq_len], **asdict(timing)})

    def reading(self, reading: Reading) -> None:
        """Keep a reading of the machine."""
        self._append({"reading": asdict(reading)})

    def too_large(self, shape: Shape) -> None:
        """Keep that a batch did not fit."""
        self._append({"oom": [shape.batch_size, shape.seq_len]})

    def _append(self, value: Mapping[str, Any]) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(value).encode() + b"\n")

    def _whole_lines(self) -> list[bytes]:
        """Return the lines of the file, and cut a torn one off its end."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        return whole.splitlines()

    def _check(self, found: Any, wanted: Mapping[str, Any]) -> None:
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise ConfigError(f"{self.path} holds no samples of a sweep", "name another file for --resume")
        differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        if differing:
            named = ", ".join(differing).replace("_", " ")
            raise ConfigError(
                f"{self.path} holds samples of another measurement: not the same {named}",
                "name another file for --resume, or delete this one",
            )


def measured(facts: TargetFacts, batch_sizes: Sequence[int] | str, entries: Sequence[int | Mix]) -> dict[str, Any]:
    """Return what tells one measurement from another, as JSON has it."""
    of_target = {name: value for name, value in asdict(facts).items() if name != "device_state"}
    shapes = {
        "batch_sizes": batch_sizes if isinstance(batch_sizes, str) else list(batch_sizes),
        "seq_lens": [entry if isinstance(entry, int) else list(entry.lengths) for entry in entries],
    }
    plain: dict[str, Any] = json.loads(json.dumps({**of_target, **shapes}))
    return plain


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _keep(stored: Stored, value: Any) -> None:
    """Add a line to what is stored.

    Raises:
        KeyError, TypeError, ValueError: the line is damaged.
    """
    if "reading" in value:
        stored.readings.append(Reading(**value["reading"]))
    elif "oom" in value:
        batch_size, seq_len = value["oom"]
        stored.too_large.add(Shape(batch_size, seq_len))
    else:
        batch_size, seq_len = value.pop("sample")
        stored.samples.append((Shape(batch_size, seq_len), BatchTiming(**value), len(stored.readings)))
