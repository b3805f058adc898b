"""`DistillReport` as the document of `llmopt.distill/1`: every field, and every check of the training."""

from __future__ import annotations

from llmopt.models.distill.report import DistillReport
from llmopt.report.as_json import Json, document
from llmopt.report.bench_batch_json import fields_of, finite


def payload(report: DistillReport) -> dict[str, Json]:
    """Return what was done for machines; what there is not is null."""
    body = fields_of(report)
    body["failed_checks"] = body.pop("failures")
    return document("distill", {name: finite(value) for name, value in body.items()})
