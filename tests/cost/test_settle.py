"""Settlement: entries become dollars, groups and the account of every record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

from llmopt.core.ledger import Entry, Key
from llmopt.core.usage import Usage
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read import Reading
from llmopt.cost.result import CostReport
from llmopt.cost.settle import Settlement
from llmopt.cost.spec.load import load_specs
from llmopt.cost.spec.row import Outcome
from tests.cost.reading import usd

TABLE = PriceTable.load()
SPECS = tuple(load_specs())
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USAGE = Usage(input_uncached=1200, output_text=80)
ONE = usd((1200, "2.5"), (80, "10"))


def key(model: str | None = "gpt-4o", outcome: Outcome = Outcome.OK, **more: object) -> Key:
    return Key(**({"format": "openai-chat", "outcome": int(outcome), "model": model, "epoch": NOON.date()} | more))  # type: ignore[arg-type]  # a test's shorthand


def entry(records: int = 1, usage: Usage = USAGE, **more: object) -> Entry:
    return Entry(**({"records": records, "requests": records, "usage": usage, "first": NOON, "last": NOON} | more))  # type: ignore[arg-type]  # a test's shorthand


def settled(*entries: tuple[Key, Entry], by: tuple[str, ...] = ("model",), as_of: datetime | None = None) -> CostReport:
    reading = Reading()
    for found, added in entries:
        reading.ledger.add(found, added)
    return Settlement(reading, TABLE, SPECS, by).report(as_of)


def test_groups_are_sorted_by_cost_and_then_by_name() -> None:
    report = settled(
        (key(groups=("b",)), entry()),
        (key(groups=(None,)), entry()),
        (key(groups=("a",)), entry()),
        (key(groups=("c",)), entry(2, Usage(input_uncached=2400, output_text=160))),
        by=("user",),
    )
    assert [(group.key["user"], group.totals.cost_usd) for group in report.groups] == [
        ("c", 2 * ONE),
        (None, ONE),
        ("a", ONE),
        ("b", ONE),
    ]


def test_groups_from_the_price_stand_between_groups_from_the_record() -> None:
    by = ("user", "provider", "team", "tier", "format")
    report = settled((key(groups=("ana", "search")), entry()), by=by)
    assert report.groups[0].key == {
        "user": "ana",
        "provider": "openai",
        "team": "search",
        "tier": "default",
        "format": "openai-chat",
    }


def test_every_record_is_somewhere() -> None:
    report = settled(
        (key(), entry(3)),
        (key(None), entry()),
        (key("gtp-4o"), entry(2)),
        (key(outcome=Outcome.NO_USAGE), entry(4, Usage())),
    )
    assert report.read == 10
    assert (report.priced, sum(found.requests for found in report.unpriced)) == (3, 7)
    assert [(found.reason, found.requests) for found in report.unpriced] == [
        ("no usage in the record", 4),
        ("unknown model", 2),
        ("no model in the record", 1),
    ]


def test_a_bucket_without_a_rate_is_unpriced() -> None:
    report = settled((key("text-embedding-3-small"), entry(usage=Usage(input_uncached=5, output_text=5))))
    assert report.total.cost_usd == 0
    assert [found.reason for found in report.unpriced] == ["no price for output text tokens"]


def test_a_row_that_adds_up_requests_counts_them() -> None:
    report = settled((key("gemini-2.5-pro", format="openai-usage"), entry(requests=9)))
    assert (report.priced, report.total.requests, report.resolved[0].requests) == (1, 9, 9)
    assert "sums of many requests are priced below 200,000 input tokens" in report.warnings[0]


def test_the_total_is_exact_in_any_context() -> None:
    odd = Usage(input_uncached=1_234_567, output_text=7)
    entries = [(key(groups=(str(number),)), entry(1, odd, reported_usd=Decimal("0.0038001"))) for number in range(3)]
    with localcontext(prec=3):
        report = settled(*entries, by=("user",))
    assert report.total.cost_usd == usd((3_703_701, "2.5"), (21, "10"))
    assert report.total.reported_usd == Decimal("0.0114003")


def test_warnings_count_their_records() -> None:
    report = settled(
        (key(epoch=None), entry(3, untimed=3, first=None, last=None)),
        (key(), entry(1, naive=1)),
        (key("gpt-5"), entry(1200, naive=1200)),
    )
    assert report.warnings == (
        "3 records without a readable timestamp, priced at the newest prices (set --as-of DATE)",
        "1,201 records without a time zone, taken as UTC",
    )


def test_formats_count_what_was_read_of_each() -> None:
    report = settled((key(), entry(2)), (key(format="codex", outcome=Outcome.NO_USAGE), entry(3, Usage())))
    assert report.formats == {"codex": 3, "openai-chat": 2}


def test_as_of_prices_what_has_no_time() -> None:
    untimed = (key(epoch=None), entry(untimed=1, first=None, last=None))
    report = settled(untimed, as_of=datetime(2024, 6, 1, tzinfo=UTC))
    assert report.total.cost_usd == usd((1200, "5"), (80, "15"))
    assert report.resolved[0].effective_from == date(2024, 5, 13)
    assert report.warnings == ()
