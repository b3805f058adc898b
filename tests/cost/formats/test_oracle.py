"""Specs, price arithmetic and oracle agree to the last digit, on records of any size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.core.cost import cost_usd
from llmopt.cost.spec.load import load_specs, variants
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row
from tests.cost.formats.expected import PRICES
from tests.cost.oracle import cost
from tests.cost.oracle_formats import parsers
from tests.cost.reading import read_all, sample_files, sample_lines, tokens
from tests.cost.records import BUILDERS, Json, Truth

READERS = [RecordReader(variant) for spec in load_specs() for variant in variants(spec)]
COUNTS = st.integers(min_value=0, max_value=600_000)


def truths(buckets: list[str]) -> st.SearchStrategy[Truth]:
    """Any counts, but not all 0: gateways log that for requests that were not billed by tokens."""
    return st.fixed_dictionaries(
        {name: COUNTS if name != "output_text" else COUNTS.map(lambda n: n + 1) for name in buckets}
    )


def one(line: Json) -> Row:
    reader = next(reader for reader in READERS if reader.detects(line))
    (row,) = reader.rows(line)
    return row


def row_cost(row: Row) -> Decimal | None:
    resolved = PRICES.resolve(row.model or "", row.provider)
    price = PRICES.price_at(resolved, row.tier, row.timestamp).price if resolved else None
    return None if price is None else cost_usd(row.usage, price)


@pytest.mark.parametrize("case", BUILDERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_record_is_read_as_the_tokens_it_was_made_of(case: str, data: st.DataObject) -> None:
    name, buckets, build = BUILDERS[case]
    truth = data.draw(truths(buckets))
    row = one(build(truth))
    assert (row.spec, row.outcome, row.reason) == (name, Outcome.OK, "")
    assert tokens(row) == {bucket: count for bucket, count in truth.items() if count}


@pytest.mark.parametrize("case", BUILDERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_oracle_works_out_the_same_dollars(case: str, data: st.DataObject) -> None:
    name, buckets, build = BUILDERS[case]
    line = build(data.draw(truths(buckets)))
    (seen,) = parsers()[name](line)
    dollars = row_cost(one(line))
    assert dollars is not None
    assert dollars == cost(seen, PRICES)


@pytest.mark.parametrize("name", parsers())
def test_specs_and_oracle_see_the_same_tokens_in_the_samples(name: str) -> None:
    lines = [line for path in sample_files(name) for line in sample_lines(path)]
    parse = parsers()[name]
    seen = [one for line in lines for one in parse(line) if one.fate == "usage"]
    rows = [row for row in read_all(lines) if row.outcome is Outcome.OK]
    assert [tokens(row) for row in rows] == [{k: n for k, n in one.tokens.items() if n} for one in seen]
    assert [row.model for row in rows] == [one.model for one in seen]
    assert [row.timestamp for row in rows] == [one.at for one in seen]
    assert [row.tier for row in rows] == [one.tier for one in seen]
    assert {row.spec for row in rows} == {name}
