"""What a priced log says about lines of its files: records that could not be read, and models without a price."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.cost.result import CostReport
from llmopt.report.figures import plural
from llmopt.report.table import Finding, Rule

REJECTED = Rule(
    "rejected-record",
    "Record that cannot be read",
    "The record is not priced, so the cost is too low by what it was. The place is that of the first one; "
    "--input-format NAME and --map COLUMN=FIELD help with logs that are not recognised; see docs/cost.md.",
)
UNPRICED = Rule(
    "unpriced-model",
    "Model without a price",
    "These requests are in the log and not in the cost. --prices FILE adds prices of your own, --deployments FILE says "
    "which model a deployment is; `llmopt prices show MODEL` shows what is known.",
)
_PLACE = re.compile(r"(.+):(\d+)", re.DOTALL)


def cost_findings(report: CostReport) -> Iterator[Finding]:
    """Yield a finding for each reason to reject records, at the first one, and for each model without a price."""
    for entry in report.rejected:
        match = _PLACE.fullmatch(entry.first)
        path, line = (match[1], int(match[2])) if match else (entry.first, None)
        text = f"{plural(entry.count, 'record')} rejected, the first one here: {entry.reason}"
        yield Finding(REJECTED, text, path, line or None, same=entry.reason)
    for row in report.unpriced:
        meant = f"; did you mean {row.suggestion}?" if row.suggestion else ""
        text = f"{plural(row.requests, 'request')} of {row.model or 'no model'} without a price: {row.reason}{meant}"
        yield Finding(UNPRICED, text, subject(report), same=f"{row.model}: {row.reason}")


def subject(report: CostReport) -> str:
    """Return the file that stands for the log as a whole: the first one."""
    return report.files[0] if report.files else ""
