"""`BenchReport` as the document of `llmopt.bench-batch/1`: every field, and the raw samples."""

from __future__ import annotations

import math

from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Point, Recommendation, Verification
from llmopt.core.target import TargetFacts
from llmopt.report.as_json import Json, document, plain

FIRST = (
    "throughput_per_s",
    "throughput_low",
    "throughput_high",
    "latency_p50_s",
    "latency_p95_s",
    "latency_p99_s",
    "latency_max_s",
)
"""Figures of a point, in the order of the document; the others follow."""


def payload(report: BenchReport, *, failed_checks: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return a run for machines; what there is not is null."""
    found = report.sweep.environment
    body = {
        "environment": {**fields_of(found), "target": target_of(found.target)},
        "points": [_point(point) for point in report.sweep.points],
        "curve": report.curve,
        "recommended": _recommended(report, report.recommended) if report.recommended is not None else None,
        "unmet": _flat(report.unmet, "settings") if report.unmet is not None else None,
        "verified": _verified(report.verified) if report.verified is not None else None,
        "unverified": report.unverified or None,
        "comparison": _compared(report.comparison) if report.comparison is not None else None,
        "uncompared": report.uncompared or None,
        "slo_p99_s": report.slo_p99_s,
        "elapsed_s": report.elapsed_s or report.sweep.elapsed_s,
        "warnings": report.all_warnings,
        "failed_checks": failed_checks,
    }
    return document("bench-batch", {key: finite(plain(value)) for key, value in body.items()})


def finite(value: Json) -> Json:
    """Return a JSON value with null in place of what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    return value


def fields_of(value: object) -> dict[str, Json]:
    """Return the fields of a result as JSON values."""
    body = plain(value)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    return body


def target_of(facts: TargetFacts) -> dict[str, Json]:
    """Return what a target says of itself; what is pairs there is an object here."""
    pairs = {"versions": dict(facts.versions), "device_state": dict(facts.device_state)}
    return {**fields_of(facts), **{name: plain(value) for name, value in pairs.items()}}


def _point(point: Point) -> dict[str, Json]:
    body = fields_of(point)
    del body["shape"]
    head: dict[str, Json] = {"batch_size": point.shape.batch_size, "seq_len": point.shape.seq_len}
    head |= {name: body.pop(name) for name in FIRST}
    head |= {"samples": point.samples, "useful_tokens_per_s": point.useful_tokens_per_s}
    head |= {name: body.pop(name) for name in ("peak_memory_bytes", "status", "reason")}
    return head | body


def _recommended(report: BenchReport, best: Recommendation) -> dict[str, Json]:
    body = _flat(best, "settings")
    head = {name: body.pop(name) for name in ("max_batch_size", "max_wait_s", "max_batch_tokens")}
    return {**head, "max_queue": report.max_queue, **body, "batcher": report.batcher, "config": report.config}


def _verified(found: Verification) -> dict[str, Json]:
    return {**_flat(found, "settings"), "p50_error": found.p50_error, "p99_error": found.p99_error}


def _compared(found: Comparison) -> dict[str, Json]:
    return {**fields_of(found), "shapes": [_flat(one, "shape") for one in found.shapes]}


def _flat(value: object, name: str) -> dict[str, Json]:
    """Return the fields of a result with those of one of its values first, in place of that value."""
    body = fields_of(value)
    inner = body.pop(name)
    assert isinstance(inner, dict)  # noqa: S101 - a dataclass becomes a dict
    return {**inner, **body}
