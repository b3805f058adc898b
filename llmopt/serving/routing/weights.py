"""Weights of the learned score as a JSON file that says its version, its features and its checksum; never a pickle.

Hashed weights are whole numbers of 1/65,536, so that a file reads back as exactly what was written, on any machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import ConfigError, InputError
from llmopt.serving.routing.features import DENSE

FORMAT = "llmopt.route-weights/1"
_KIND = FORMAT.rpartition("/")[0]
_STEPS = 65_536
_MOST_BYTES = 32 << 20
"""Of a file; the largest that training writes has some 1.3 MB."""
_TRAIN = "train it again with `llmopt route train LOG --quality-col COLUMN --weights FILE`"
_PLAIN = ("cheap", "strong", "seed", "held_out", "trained_on", "bias", "slope", "offset", "floor")


@dataclass(frozen=True, slots=True)
class Weights:
    """What a trained score consists of."""

    hashed: dict[int, float]
    """CRC-32 of a feature -> its weight, a whole number of 1/65,536; not to be changed."""
    dense: tuple[float, ...]
    """One a figure, in the order of `features.DENSE`."""
    bias: float
    slope: float
    """Of the calibration: the score is `1 / (1 + exp(-(slope * logit + offset)))`."""
    offset: float
    floor: float
    """The cheap answer is expected to lose `floor + (1 - floor) * score`, as a share of the scale of qualities."""
    threshold: float
    """Recommended: prompts that score this or more go to the strong model; from 0 to 1, infinite where none should."""
    cheap: str
    strong: str
    """As in the log of the training; empty where it had answers of one model only."""
    seed: int
    held_out: float
    """Share of the prompts, by their hash, that training never saw."""
    trained_on: int
    """Prompts."""


def rounded(weight: float) -> float:
    """Return the nearest weight that a file can hold."""
    return round(weight * _STEPS) / _STEPS


def load_weights(path: str | Path) -> Weights:
    """Read a weights file.

    Raises:
        ConfigError: it cannot be read, is of another version, or is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ConfigError(f"{path}: no weights file: it has more than {_MOST_BYTES >> 20} MiB", _TRAIN)
        document = json.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: the weights cannot be read: {error.strerror}", _TRAIN) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no weights file: it is not JSON", _TRAIN) from error
    body = _checked(document, path)
    try:
        return _weights(body)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{path}: the weights are damaged: a field is missing or wrong", _TRAIN) from error


def save_weights(weights: Weights, path: str | Path) -> None:
    """Write a weights file; whoever reads it meanwhile sees the old one or the new one, whole.

    Raises:
        InputError: it cannot be written.
    """
    ordered = sorted((feature, round(weight * _STEPS)) for feature, weight in weights.hashed.items())
    body = {
        "features": list(DENSE),
        **{name: getattr(weights, name) for name in _PLAIN},
        "threshold": weights.threshold if math.isfinite(weights.threshold) else None,
        "dense": list(weights.dense),
        "hashes": [feature for feature, weight in ordered if weight],
        "weights": [weight for _, weight in ordered if weight],
    }
    text = json.dumps({"format": FORMAT, "sha256": _checksum(body), **body}, ensure_ascii=True, separators=(",", ":"))
    _write(Path(path), text + "\n")


def is_weights_file(path: Path) -> bool:
    """Return whether a file begins as one that `save_weights` wrote, of whatever version."""
    try:
        with path.open("rb") as file:
            return file.read(64).startswith(f'{{"format":"{_KIND}/'.encode())
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    """Write beside the file and put it in its place at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="ascii")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(f"{path}: the weights cannot be written: {error.strerror}", "name another file") from error


def _checked(document: object, path: str | Path) -> dict[str, Any]:
    """Return the document without its head, once its head is right."""
    if not isinstance(document, dict) or not str(document.get("format", "")).startswith(f"{_KIND}/"):
        raise ConfigError(f"{path}: no weights file: it does not say {FORMAT!r}", _TRAIN)
    if document["format"] != FORMAT:
        raise ConfigError(f"{path}: weights of another version: {document['format']!r}, not {FORMAT!r}", _TRAIN)
    body = {name: value for name, value in document.items() if name not in ("format", "sha256")}
    if document.get("sha256") != _checksum(body):
        raise ConfigError(f"{path}: the weights are damaged: their checksum is another", _TRAIN)
    if body.get("features") != list(DENSE):
        raise ConfigError(f"{path}: weights of another version: their features are not those of this one", _TRAIN)
    return body


def _weights(body: dict[str, Any]) -> Weights:
    threshold = math.inf if body["threshold"] is None else float(body["threshold"])
    dense = tuple(map(float, body["dense"]))
    hashed = {int(h): int(w) / _STEPS for h, w in zip(body["hashes"], body["weights"], strict=True)}
    weights = Weights(
        hashed=hashed,
        dense=dense,
        bias=float(body["bias"]),
        slope=float(body["slope"]),
        offset=float(body["offset"]),
        floor=float(body["floor"]),
        threshold=threshold,
        cheap=str(body["cheap"]),
        strong=str(body["strong"]),
        seed=int(body["seed"]),
        held_out=float(body["held_out"]),
        trained_on=int(body["trained_on"]),
    )
    figures = (*dense, weights.bias, weights.slope, weights.offset)
    if len(dense) != len(DENSE) or not all(map(math.isfinite, figures)):
        raise ValueError("a weight is missing or not finite")
    if not (-1 <= weights.floor <= 0 and (0 <= threshold <= 1 or threshold == math.inf) and 0 <= weights.held_out <= 1):
        raise ValueError("a figure is out of its range")
    return weights


def _checksum(body: dict[str, Any]) -> str:
    """Return the SHA-256 of a document, whatever the order of its fields and the white space in its file."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
