"""A log may be read in any order and in any parts: merging the parts' ledgers gives the whole's."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.counted import Counted
from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.usage import BUCKETS, Usage

STAMPS = st.datetimes(timezones=st.just(UTC))
USAGES = st.builds(Usage, **{name: st.integers(0, 10**9) for name in BUCKETS})
COUNTS = st.builds(Counted, **{field.name: st.integers(0, 10**9) for field in fields(Counted)})
DOLLARS = st.decimals(0, 1000, places=9)
KEYS = st.builds(
    Key,
    format=st.sampled_from(["openai-chat", "gemini"]),
    outcome=st.integers(0, 2),
    model=st.sampled_from([None, "gpt-5"]),
    tier=st.sampled_from(["default", "batch"]),
    epoch=st.sampled_from([None, date(2025, 1, 1)]),
    groups=st.sampled_from([(), ("a",), (None,)]),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """What one record adds, with and without a time and a reported cost."""
    stamp = draw(st.none() | STAMPS)
    return Entry(
        records=1,
        requests=draw(st.integers(1, 5)),
        usage=draw(USAGES),
        reported_usd=draw(st.none() | DOLLARS),
        first=stamp,
        last=stamp,
        untimed=int(stamp is None),
        naive=draw(st.integers(0, 1)),
        counted=draw(st.none() | COUNTS),
    )


ENTRIES = entries()
RECORDS = st.lists(st.tuples(KEYS, ENTRIES), max_size=12)


def ledger_of(records: list[tuple[Key, Entry]]) -> Ledger:
    ledger = Ledger()
    for key, entry in records:
        ledger.add(key, entry)
    return ledger


def merged(*ledgers: Ledger) -> Ledger:
    total = Ledger()
    for ledger in ledgers:
        total.merge(ledger)
    return total


@given(ENTRIES, ENTRIES, ENTRIES)
def test_adding_entries_up_is_associative_and_commutative_and_has_a_zero(a: Entry, b: Entry, c: Entry) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Entry() == Entry() + a == a


@given(RECORDS, RECORDS, RECORDS)
def test_merging_ledgers_is_associative_and_commutative_and_has_an_identity(
    a: list[tuple[Key, Entry]], b: list[tuple[Key, Entry]], c: list[tuple[Key, Entry]]
) -> None:
    one, two, three = ledger_of(a), ledger_of(b), ledger_of(c)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, two) == merged(two, one)
    assert merged(one, Ledger()) == merged(Ledger(), one) == one


@given(RECORDS, st.lists(st.integers(0, 3), min_size=12, max_size=12), st.randoms(use_true_random=False))
def test_any_split_in_any_order_gives_the_whole(
    records: list[tuple[Key, Entry]], parts: list[int], order: random.Random
) -> None:
    split = [[record for record, at in zip(records, parts, strict=False) if at == part] for part in range(4)]
    for part in split:
        order.shuffle(part)
    order.shuffle(split)
    assert merged(*(ledger_of(part) for part in split)) == ledger_of(records)


def test_a_sum_keeps_the_span_and_what_is_unknown() -> None:
    early, late = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    text = Counted(requests=1, input_tokens=4, input_low_tokens=3, input_high_tokens=6, estimated_tokens=4)
    timed = Entry(1, 2, Usage(input_uncached=10), Decimal("0.5"), late, late, 0, 1, text)
    earlier = Entry(1, 1, Usage(output_text=5), None, early, early)
    untimed = Entry(1, 1, Usage(), None, None, None, 1)
    assert timed + earlier + untimed == Entry(
        records=3,
        requests=4,
        usage=Usage(input_uncached=10, output_text=5),
        reported_usd=Decimal("0.5"),
        first=early,
        last=late,
        untimed=1,
        naive=1,
        counted=text,
    )
    assert (earlier + untimed).reported_usd is None, "what nobody reported is unknown, not 0"
    assert (earlier + untimed).counted is None


def test_counts_and_the_ends_of_their_intervals_add_up_field_by_field() -> None:
    one = Counted(1, 1, 0, 1, 10, 8, 13, 0, 0, 0, 0, 0, 10)
    two = Counted(1, 0, 1, 0, 0, 0, 0, 7, 7, 7, 7, 0, 0)
    assert one + two == Counted(2, 1, 1, 1, 10, 8, 13, 7, 7, 7, 7, 0, 10)
    assert one + Counted() == one


def test_merging_does_not_change_the_other_ledger() -> None:
    key = Key("gemini", 0)
    one, two = ledger_of([(key, Entry(1, 1))]), ledger_of([(key, Entry(2, 2))])
    one.merge(two)
    assert dict(one) == {key: Entry(3, 3)}
    assert dict(two) == {key: Entry(2, 2)}


def test_a_ledger_counts_by_outcome() -> None:
    ledger = ledger_of([(Key("a", 0), Entry(2)), (Key("b", 0), Entry(3)), (Key("a", 1), Entry(5))])
    assert (ledger.records(0), ledger.records(1), ledger.records(2), len(ledger)) == (5, 5, 0, 3)


def test_a_ledger_equals_ledgers_only_and_has_no_hash() -> None:
    assert Ledger() == Ledger()
    assert Ledger() != {}
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ledger())
