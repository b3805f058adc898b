"""How a projection names things for people, and the sentence that answers first."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import EXACT, MICRO, dollars
from llmopt.report.figures import plural
from llmopt.report.text import percent
from llmopt.savings.project.result import Lever, Projection, Replay

LABELS = {
    "cache": "response cache",
    "routing": "routing",
    "swap": "model swap",
    "compression": "compression",
    "prompt_cache": "prompt cache",
    "batch": "batch tier",
    "self_host": "self-hosting",
}
"""Lever -> what people read; a lever that is not here keeps its name."""


def label(lever: str) -> str:
    """Return how people read the name of a lever."""
    return LABELS.get(lever, lever.replace("_", " "))


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return a part of a whole to the millionth; None of nothing."""
    return EXACT.divide(part, whole).quantize(MICRO, context=EXACT) if whole else None


def is_blind(lever: Lever, replay: Replay) -> bool:
    """Return whether a lever could look at no call: nothing is known of what it saves, which is not 0."""
    return lever.unseen >= replay.calls > 0


def span_days(result: Projection) -> Decimal | None:
    """Return how many days lie between the first and the last call; None where no call has a time."""
    if result.first is None or result.last is None:
        return None
    return Decimal(repr((result.last - result.first).total_seconds())) / 86_400


def long(result: Projection) -> str:
    """Return the length of the log in words: `13.9 days`, `5.2 hours`, `no time known`, `one moment`."""
    days = span_days(result)
    if days is None:
        return "no time known"
    if days * 86_400 < 6:
        return "one moment"
    if days >= 1:
        return f"{days:,.1f} days"
    return f"{days * 24:,.1f} hours" if days * 24 >= 1 else f"{days * 1440:,.1f} minutes"


def between(low: Decimal | None, high: Decimal | None) -> str | None:
    """Return an interval of dollars, or the one figure that both ends show; None where nothing is estimated."""
    if low is None or high is None:
        return None
    ends = dollars(low), dollars(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def headline(result: Projection) -> str:
    """Return the answer of one plan: what it saves on the log, and in a month."""
    replay = result.replay
    log = f"this log of {plural(replay.calls, 'call')} ({long(result)})"
    if not replay.calls:
        return "No call is left to replay, by --since and --until, or for the reasons below: no saving can be told."
    if not replay.levers:
        return f"No lever is on: {log} costs {dollars(replay.baseline_usd)}. The checklist says what each could save."
    if not replay.baseline_usd:
        return f"Nothing in {log} has a price above $0: no saving can be told."
    name = f"the plan {result.name!r}" if result.name not in ("", "plan") else "the plan"
    verb = "saves" if replay.savings_usd >= 0 else "adds"
    to = "of" if replay.savings_usd >= 0 else "to"
    said = (
        f"Replayed on {log}, {name} {verb} {dollars(abs(replay.savings_usd))} {to} "
        f"{dollars(replay.baseline_usd)} ({percent(abs(replay.savings_ratio))})"
    )
    return f"{said}{_between(result)}{_month(result)}."


def _between(result: Projection) -> str:
    replay = result.replay
    if replay.low_usd is None or replay.high_usd is None:
        return ""
    ends = [
        share(replay.baseline_usd - usd, replay.baseline_usd) or Decimal(0) for usd in (replay.high_usd, replay.low_usd)
    ]
    shown = [percent(end) for end in ends]
    if shown[0] == shown[1]:
        return ""
    if replay.savings_usd >= 0:
        return f", between {shown[0]} and {shown[1]} for what is estimated"
    return f", which is a saving between {shown[0]} and {shown[1]} for what is estimated"


def _month(result: Projection) -> str:
    month = result.monthly
    if month is None:
        return ""
    to, of = ("of", "") if month.savings_usd >= 0 else ("more than", " of what is saved")
    return (
        f"; a month: {dollars(abs(month.savings_usd))} {to} {dollars(month.baseline_usd)} "
        f"(95 % interval{of} {between(month.low, month.high)}, {plural(month.days, 'whole day')} of log)"
    )
