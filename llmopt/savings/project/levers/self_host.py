"""Own machines: what a call takes of them, and how many they are.

All work is linear in calls and tokens, in whole picoseconds, so that it adds up exactly however calls are grouped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from llmopt.savings.project.levers.batch import tagged
from llmopt.savings.project.levers.measured_machine import Measured, measured
from llmopt.savings.project.plan import SelfHostLever

HOUR_US = 3_600_000_000
_PS_PER_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine at its sweet spot."""

    ps_per_call: int
    """Picoseconds of the machine that a call takes whatever its tokens."""
    ps_per_input_token: int
    """For each token of the request, cached ones included."""
    ps_per_output_token: int
    """For each token that is written."""
    says: str
    """What it was read from, in words."""
    notes: tuple[str, ...] = ()
    """What the result does not say."""

    @classmethod
    def load(cls, lever: SelfHostLever) -> Machine:
        """Read the result of a benchmark.

        Raises:
            InputError: it cannot be read, is no such result, or holds no sweet spot; names the file.
        """
        found: Measured = measured(lever.result)
        return cls(
            ps_per_call=round(found.call_s * 1e12),
            ps_per_input_token=round(found.input_token_s * 1e12),
            ps_per_output_token=round(found.output_token_s * 1e12),
            says=f"a machine at its sweet spot serves {found.says}",
            notes=found.notes,
        )

    def work_ps(self, calls: int, input_tokens: int, output_tokens: int) -> int:
        """Return how long a machine is busy with so many calls of so many tokens in all, in picoseconds."""
        tokens = input_tokens * self.ps_per_input_token + output_tokens * self.ps_per_output_token
        return calls * self.ps_per_call + tokens


def serves(lever: SelfHostLever, label: Mapping[str, str]) -> bool:
    """Return whether a call's label has one of the lever's tags, or the lever asks for none."""
    return not lever.tags or tagged(label, lever.tags)


def machines(work_ps: int, span_us: int, utilization: Decimal, *, calls: int = 1) -> int:
    """Return how many machines serve so much work.

    Args:
        work_ps: of all calls.
        span_us: how long they run; at least an hour counts.
        utilization: mean share of the time in which a machine is to be busy.
        calls: how many there are; none need no machine, one or more need one at least.
    """
    if not calls:
        return 0
    room = Fraction(max(span_us, HOUR_US) * _PS_PER_US) * Fraction(utilization)
    return max(1, -(-Fraction(work_ps) // room))


def cost_usd(count: int, span_us: int, usd_per_hour: Decimal) -> Fraction:
    """Return what so many machines cost over the time of a log (at least an hour), exactly."""
    return count * Fraction(usd_per_hour) * Fraction(max(span_us, HOUR_US), HOUR_US)
