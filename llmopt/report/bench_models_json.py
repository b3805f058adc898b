"""`BenchResult` as the document of `llmopt.bench/1`: every figure of every model, and the raw times."""

from __future__ import annotations

from llmopt.bench.comparing.result import BenchResult, Measured, ModelResult
from llmopt.report.as_json import Json, document
from llmopt.report.bench_batch_json import fields_of, finite, target_of


def payload(result: BenchResult, *, failed_checks: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return a comparison for machines; what there is not is null."""
    body = fields_of(result)
    environment = result.environment
    body["models"] = [_model(model) for model in result.models]
    body["environment"] = {**fields_of(environment), "target": target_of(environment.target)}
    del body["failures"]
    body["failed_checks"] = list(failed_checks)
    return document("bench", {name: finite(value) for name, value in body.items()})


def _model(model: ModelResult) -> dict[str, Json]:
    body = fields_of(model)
    memory = model.memory
    known = {"peak_bytes": memory.peak_bytes, "above_libraries_bytes": memory.above_libraries_bytes}
    return {
        **body,
        "facts": target_of(model.facts),
        "memory": {**fields_of(memory), **known},
        "shapes": [_shape(one) for one in model.shapes],
    }


def _shape(one: Measured) -> dict[str, Json]:
    """Return the figures of a shape, those of its batches beside its speed-up."""
    point = fields_of(one.point)
    del point["shape"]
    head: dict[str, Json] = {"batch_size": one.point.shape.batch_size, "seq_len": one.point.shape.seq_len}
    speedup = None if one.speedup is None else fields_of(one.speedup)
    return {**head, "speedup": speedup, "samples": one.point.samples, **point, "turns_s": list(one.turns_s)}
