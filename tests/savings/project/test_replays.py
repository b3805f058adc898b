"""Replays of cells: what is left out of a change makes no difference, and nothing is worked out twice."""

from __future__ import annotations

from array import array
from decimal import Decimal

import pytest

from llmopt.core.cost import cost_usd
from llmopt.core.rate import Band, Rates
from llmopt.core.usage import Usage
from llmopt.cost.call_columns import Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.savings.project.cells import put_together
from llmopt.savings.project.changes import Change
from llmopt.savings.project.coalitions import Coalitions
from llmopt.savings.project.levers.swap import Shift, Shifts
from llmopt.savings.project.plan import CompressionLever, Plan, SwapLever
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.ways import Ways
from tests.savings.project.made_prices import write_prices
from tests.savings.project.small_columns import One, columns, kind, price

OLD, NEW = "gpt-4", "claude-sonnet-4-5"
NONE: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PriceTable:
    return PriceTable.load(extra=write_prices(tmp_path_factory.mktemp("prices")))


def of_table(table: PriceTable, model: str) -> Kind:
    resolved = table.resolve(model)
    assert resolved is not None
    return Kind(model, resolved.provider, "default", None, 0, table.price_at(resolved, "default", None).price)


def known() -> Requests:
    return Requests(array("i", [0]), array("B", [0]))


def tokens(shift: Shift, count: int) -> int:
    return (count * shift.num + shift.den // 2) // shift.den


def over_the_edge(threshold: int) -> tuple[int, int]:
    """Tokens whose counts by the new tokenizer exceed a band's threshold only by how each bucket is rounded."""
    shift = Shifts().between(OLD, NEW)
    for read in range(1, threshold):
        for uncached in range(threshold * shift.den // shift.num - read - 2, threshold):
            whole = (uncached + read) * shift.num // shift.den
            if whole <= threshold < tokens(shift, uncached) + tokens(shift, read):
                return uncached, read
    raise AssertionError("no such numbers")


def test_a_band_is_found_where_only_rounding_reaches_it(table: PriceTable) -> None:
    uncached, read = over_the_edge(3000)
    calls = [One(0, tokens={"input_uncached": uncached, "input_cache_read": read, "output_text": 10})]
    plan = Plan(swap=SwapLever(((OLD, NEW),)))
    found = Coalitions(columns(calls, [of_table(table, OLD)]), known(), plan, table)
    shift, row = Shifts().between(OLD, NEW), of_table(table, NEW).price
    assert row is not None
    usage = Usage(
        input_uncached=tokens(shift, uncached), input_cache_read=tokens(shift, read), output_text=tokens(shift, 10)
    )
    assert usage.input_tokens > 3000
    assert found.cost(frozenset({"swap"})) == cost_usd(usage, row)


def test_calls_on_both_sides_of_a_band_are_priced_each_for_itself(table: PriceTable) -> None:
    row = price("1", "2", bands=(Band(100, "cliff", Rates(input_uncached=Decimal(5), output_text=Decimal(2))),))
    calls = [One(at_s, tokens={"input_uncached": tokens}) for at_s, tokens in enumerate((100, 101, 40))]
    found = Coalitions(columns(calls, [kind(row=row)]), known(), Plan(), table)
    assert found.cost(NONE) == Decimal(100 + 101 * 5 + 40) / 1_000_000


def test_compression_that_saves_nothing_is_no_change(table: PriceTable) -> None:
    requests = known()
    requests.counted, requests.saved = array("q", [100]), array("q", [0])
    requests.saved_least = requests.saved_most = requests.saved
    log, plan = columns([One(0)], [of_table(table, NEW)]), Plan(compression=CompressionLever())
    found = Coalitions(log, requests, plan, table)
    ways = Ways(log, requests, plan, table, None)
    way = ways.of(put_together(log, requests, plan).cells[0], frozenset({"compression"}))
    assert (
        ways.change(way, frozenset({"compression"}), "mid") == ways.change(way, NONE, "mid") == Change(steps=way.steps)
    )
    assert found.cost(frozenset({"compression"})) == found.cost(NONE)
    assert found.changed("compression", frozenset({"compression"})) == 0
