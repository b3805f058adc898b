"""From what all parts of a log have sent to the projection of a single machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llmopt.cost.calls import call_warnings
from llmopt.cost.wanted import Wanted
from llmopt.errors import UsageError
from llmopt.savings.project.assembly import assembled
from llmopt.savings.project.log import Log
from llmopt.savings.project.parts.costs import CostsOfParts
from llmopt.savings.project.parts.limits import UNMEASURED, asked_of
from llmopt.savings.project.parts.outcome import Outcome, outcome_of
from llmopt.savings.project.parts.reading import Counts, Remarks
from llmopt.savings.project.parts.slices import Slice
from llmopt.savings.project.parts.survey import Measured, Survey
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.result import Projection


@dataclass(slots=True)
class Whole:
    """What reading all parts of a log gave."""

    files: tuple[str, ...]
    parts: int
    counts: Counts = field(default_factory=Counts)
    remarks: Remarks = field(default_factory=Remarks)
    survey: Survey = field(default_factory=Survey)

    def check(self, wanted: Wanted) -> None:
        """Refuse a log that parts cannot tell of.

        Raises:
            InputError: nothing in it could be read.
            UsageError: texts without usage, whose usage may be in another part.
        """
        counts, found = self.counts, self.counts.rejects.listed()
        if not (self.survey.calls or counts.aggregated or counts.free or counts.skipped or counts.duplicates):
            raise wanted.nothing(self.files, f"{found[0].first}: {found[0].reason}" if found else "")
        if counts.unpaired and self.parts > 1:
            text, others = counts.unpaired[0], len(counts.unpaired) - 1
            more = f" (and {others:,} more)" if others else ""
            raise UsageError(
                f"request {text!r}{more} is logged without its tokens; another part of the log may have them",
                "project such a log on one machine, without --engine spark",
            )

    def log(self, outcome: Outcome, as_of: datetime | None) -> Log:
        """Return what a projection says of the log as a whole."""
        counts, survey = self.counts, self.survey
        return Log(
            calls=survey.calls,
            times=survey.times,
            at_edges=outcome.at_edges,
            with_request=survey.with_request,
            hashed=counts.hashed and not counts.looked,
            unpriced=outcome.unpriced,
            files=self.files,
            aggregated=counts.aggregated,
            aggregated_usd=counts.aggregated_usd,
            free=counts.free,
            rejected=counts.rejects.listed(),
            warnings=tuple(call_warnings(self.remarks, as_of)),
        )


def projected(
    plan: Plan, whole: Whole, found: Measured, outcome: Outcome, wanted: Wanted, as_of: datetime | None
) -> Projection:
    """Return the projection of a log that was read in parts; without curves and divergences.

    Args:
        plan: as the user has it.
        whole: what reading gave.
        found: measured on texts.
        outcome: of all parts; added to.
        wanted: prices.
        as_of: as for reading.
    """
    asked = asked_of(plan)
    outcome.add(outcome_of(Slice(), plan, asked, found, wanted.table, as_of))  # zeros, for a log without calls
    costs = CostsOfParts(outcome, found, asked, wanted.table)
    return assembled(plan, asked, whole.log(outcome, as_of), costs, UNMEASURED)
