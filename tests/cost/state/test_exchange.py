"""Taking parts out of totals and putting others in gives what adding all up again gives, or says that it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.usage import Usage
from llmopt.cost.partial import Partial
from llmopt.cost.state.exchange import exchanged, summed

START = datetime(2026, 3, 1, tzinfo=UTC)
moments = st.none() | st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours))
costs = st.none() | st.integers(0, 3).map(Decimal)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Return one record as an entry."""
    moment = draw(moments)
    usage = Usage(input_uncached=draw(st.integers(0, 9)), output_text=draw(st.integers(0, 9)))
    return Entry(1, draw(st.integers(1, 3)), usage, draw(costs), moment, moment, int(moment is None))


@st.composite
def parts(draw: st.DrawFn) -> Partial:
    ledger = Ledger()
    for model, entry in draw(st.lists(st.tuples(st.sampled_from("ab"), entries()), max_size=4)):
        ledger.add(Key("openai-chat", 0, model), entry)
    return Partial(ledger=ledger, seen=len(ledger), skipped=draw(st.integers(0, 3)))


def figures(part: Partial) -> tuple[Ledger, int, int]:
    return part.ledger, part.seen, part.skipped


@given(stay=st.lists(parts(), max_size=3), goes=st.lists(parts(), max_size=2), comes=st.lists(parts(), max_size=2))
def test_an_exchange_is_exact_or_none(stay: list[Partial], goes: list[Partial], comes: list[Partial]) -> None:
    found = exchanged(summed([*stay, *goes]), summed(goes), summed(comes))
    assert found is None or figures(found) == figures(summed([*stay, *comes]))


@given(stay=st.lists(parts(), max_size=3), comes=st.lists(parts(), max_size=2))
def test_adding_never_needs_the_rest(stay: list[Partial], comes: list[Partial]) -> None:
    found = exchanged(summed(stay), Partial(), summed(comes))
    assert found is not None
    assert figures(found) == figures(summed([*stay, *comes]))


@given(stay=st.lists(parts(), max_size=3), part=parts())
def test_what_comes_back_whole_needs_no_rest(stay: list[Partial], part: Partial) -> None:
    """Most files that change have grown: all that goes is in what comes."""
    whole = summed([*stay, part])
    found = exchanged(whole, summed([part]), summed([part]))
    assert found is not None
    assert figures(found) == figures(whole)


def test_the_first_time_of_the_rest_is_not_made_up() -> None:
    early, late = (Entry(1, 1, first=START + timedelta(hours=n), last=START + timedelta(hours=n)) for n in (0, 1))
    key, old, total = Key("openai-chat", 0), Ledger(), Ledger()
    old.add(key, early)
    for entry in (early, late):
        total.add(key, entry)
    assert exchanged(Partial(ledger=total), Partial(ledger=old), Partial()) is None


def test_totals_that_lack_what_is_to_go_are_made_again() -> None:
    ledger = Ledger()
    ledger.add(Key("openai-chat", 0), Entry(1, 1))
    assert exchanged(Partial(), Partial(ledger=ledger), Partial()) is None
