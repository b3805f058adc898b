"""Read the JSON report of an earlier run, to compare with it (`--baseline FILE`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from llmopt.bench.result import Environment, Noise, Point, Status
from llmopt.core.batch import Shape
from llmopt.core.target import TargetFacts
from llmopt.errors import InputError

SCHEMA = "llmopt.bench-batch/1"
_HINT = "make one with llmopt bench-batch --format json"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an earlier run measured, and where."""

    points: tuple[Point, ...]
    environment: Environment


def read_baseline(path: Path | str) -> Baseline:
    """Return the points and the environment of a report (`llmopt.bench-batch/1`).

    Raises:
        InputError: there is no such file, or it is not such a report.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", _HINT) from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON report", _HINT) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{path} is no report of {SCHEMA}", _HINT)
    try:
        points = tuple(_point(point) for point in document["points"])
        where = _environment(document["environment"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} lacks what a report of {SCHEMA} has: {error}", _HINT) from error
    if not any(point.times_s for point in points):
        raise InputError(f"{path} holds no samples", _HINT)
    return Baseline(points, where)


def _point(body: Mapping[str, Any]) -> Point:
    """Return a point.

    Raises:
        KeyError, TypeError, ValueError: it lacks something, or a value makes no sense.
    """
    known = {field.name for field in fields(Point)} - {"shape", "times_s", "handovers_s"}
    shape = Shape(int(body["batch_size"]), int(body["seq_len"]))
    if body["status"] not in get_args(Status):
        raise ValueError(f"a status {body['status']!r}")
    times_s = tuple(float(time_s) for time_s in body["times_s"])
    if any(not 0 <= time_s < float("inf") for time_s in times_s):
        raise ValueError("a time below 0")
    handovers_s = tuple(None if time_s is None else float(time_s) for time_s in body.get("handovers_s", ()))
    rest = {name: value for name, value in body.items() if name in known}
    return Point(shape=shape, times_s=times_s, handovers_s=handovers_s, **rest)


def _environment(body: Mapping[str, Any]) -> Environment:
    """Return an environment; fields of a later version are left out."""
    target = dict(_known(body["target"], TargetFacts))
    for name in ("versions", "device_state"):
        target[name] = tuple((str(key), str(value)) for key, value in dict(target.get(name, {})).items())
    noise = dict(_known(body["noise"], Noise))
    noise["reasons"] = tuple(noise.get("reasons", ()))
    rest = {name: body[name] for name in ("python", "platform", "cpu_count", "llmopt")}
    return Environment(target=TargetFacts(**target), noise=Noise(**noise), **rest)


def _known(body: Mapping[str, Any], kind: type) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in body.items() if name in names}
