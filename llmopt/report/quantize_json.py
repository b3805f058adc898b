"""`QuantizeReport` as the document of `llmopt.quantize/1`: every field, every layer and every tensor that was kept."""

from __future__ import annotations

from llmopt.models.quantizing.report import QuantizeReport
from llmopt.report.as_json import Json, document
from llmopt.report.bench_batch_json import fields_of, finite


def payload(report: QuantizeReport) -> dict[str, Json]:
    """Return what was done for machines; what there is not is null."""
    body = fields_of(report)
    body["failed_checks"] = body.pop("failures")
    return document("quantize", {name: finite(value) for name, value in body.items()})
