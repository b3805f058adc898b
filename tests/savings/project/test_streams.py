"""Streams of prompts at the provider's cache: who pays for what."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest

from llmopt.cost.call_columns import NO_TIME
from llmopt.savings.project import streams
from llmopt.savings.project.changes import TEXT, Change, Changed, changed
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.streams import Member, Prompts, serve

MINUTE = 60_000_000
AUTOMATIC = PrefixRule("auto", 1024, 128, 5 * MINUTE, automatic=True, writes_charged=False)
EXPLICIT = PrefixRule("marked", 1024, 1, 5 * MINUTE, automatic=False, writes_charged=True)
SYSTEM = b"s" * 6400


def prompts(at_us: Sequence[int], *texts: bytes, order: Sequence[int] = ()) -> Prompts:
    tree = PrefixTree()
    chains = array("i", [tree.add([SYSTEM, text]) for text in texts])
    return Prompts(tree, chains, array("i", order or range(len(texts))), array("q", at_us))


def cell(*usage: dict[str, int], ratio: tuple[int, int] | None = None) -> Changed:
    columns = {name: array("q", [each.get(name, 0) for each in usage]) for name in TEXT}
    ratios = None if ratio is None else (array("q", [ratio[0]] * len(usage)), array("q", [ratio[1]] * len(usage)))
    return changed(columns, Change(ratio="saved" if ratio else ""), ratios)


def splits(found: Changed) -> list[tuple[int, ...]]:
    return [tuple(found.columns[name][call] for name in TEXT) for call in range(len(found.total))]


def one_cell(known: Prompts, rule: PrefixRule, tokens: Changed, *, lenient: bool = False) -> Changed:
    return serve(known, rule, None, [Member(0, len(known.chains), tokens)], lenient=lenient)[0]


def test_a_warm_prefix_is_read_in_whole_steps() -> None:
    found = one_cell(prompts((0, MINUTE), b"x" * 6400, b"y" * 6400), AUTOMATIC, cell(*[{TEXT[0]: 4000}] * 2))
    assert splits(found) == [(4000, 0, 0, 0), (4000 - 1920, 1920, 0, 0)]
    assert list(found.split) == [0, 1]


def test_what_is_marked_is_written_once_and_then_read() -> None:
    found = one_cell(prompts((0, MINUTE), b"x" * 6400, b"y" * 6400), EXPLICIT, cell(*[{TEXT[0]: 4000}] * 2))
    assert splits(found) == [(2000, 0, 2000, 0), (2000, 2000, 0, 0)]
    assert list(found.split) == [1, 1]


def test_after_its_time_a_prefix_is_written_anew() -> None:
    known = prompts((0, MINUTE, 7 * MINUTE), b"x" * 64, b"y" * 64, b"z" * 64)
    found = one_cell(known, EXPLICIT, cell(*[{TEXT[0]: 4040}] * 3))
    assert splits(found) == [(40, 0, 4000, 0), (40, 4000, 0, 0), (40, 0, 4000, 0)]


def test_what_comes_back_too_late_is_not_marked() -> None:
    known = prompts((0, 6 * MINUTE), b"x" * 64, b"y" * 64)
    found = one_cell(known, EXPLICIT, cell(*[{TEXT[0]: 4040}] * 2))
    assert splits(found) == [(4040, 0, 0, 0)] * 2
    assert not any(found.split)


def test_calls_without_a_time_mark_nothing() -> None:
    known = prompts((0, MINUTE, NO_TIME), b"x" * 64, b"y" * 64, b"x" * 64)
    assert known.marks(5 * MINUTE, charged=True) is known.marks(5 * MINUTE, charged=True)
    assert known.marks(5 * MINUTE, charged=True)[known.chains[0]] == known.tree.parents[known.chains[0]]
    late = prompts((0, 6 * MINUTE, NO_TIME), b"x" * 64, b"y" * 64, b"x" * 64)
    assert not any(late.marks(5 * MINUTE, charged=True))


@pytest.mark.parametrize(
    ("logged", "wanted"),
    [
        ({TEXT[0]: 100, TEXT[1]: 3900}, (100, 3900, 0, 0)),
        ({TEXT[0]: 3000, TEXT[1]: 1000}, (2000, 2000, 0, 0)),
        ({TEXT[0]: 1000, TEXT[3]: 3000}, (2000, 2000, 0, 0)),
    ],
    ids=["reads more already", "reads less", "only writes"],
)
def test_a_log_that_reads_as_much_keeps_its_split(logged: dict[str, int], wanted: tuple[int, ...]) -> None:
    found = one_cell(prompts((0, MINUTE), b"x" * 6400, b"y" * 6400), EXPLICIT, cell({TEXT[0]: 4000}, logged))
    assert splits(found)[1] == wanted
    assert sum(wanted) == found.total[1] == 4000


def test_a_cold_call_whose_log_writes_keeps_its_split() -> None:
    logged = {TEXT[0]: 1000, TEXT[2]: 3000}
    found = one_cell(prompts((0, MINUTE), b"x" * 6400, b"y" * 6400), EXPLICIT, cell(logged, {TEXT[0]: 4000}))
    assert splits(found) == [(1000, 0, 3000, 0), (2000, 2000, 0, 0)]


def test_calls_of_several_cells_meet_in_the_order_of_the_log() -> None:
    # The only call of the second cell is the first of the log.
    known = prompts((2 * MINUTE, 4 * MINUTE, 0), b"x" * 6400, b"y" * 6400, b"z" * 6400, order=(1, 2, 0))
    tokens = cell({TEXT[0]: 4000}, {TEXT[0]: 4000}), cell({TEXT[0]: 4000})
    members = [Member(0, 2, tokens[0]), Member(2, 3, tokens[1])]
    found = serve(known, EXPLICIT, None, members)
    assert [splits(each) for each in found] == [[(2000, 2000, 0, 0)] * 2, [(2000, 0, 2000, 0)]]
    # With a shorter time no call finds its prompt warm, and none is marked.
    shorter = serve(known, EXPLICIT, MINUTE, members)
    assert [splits(each) for each in shorter] == [[(4000, 0, 0, 0)] * 2, [(4000, 0, 0, 0)]]


def test_compression_below_the_least_prefix_ends_the_caching() -> None:
    known = prompts((0, MINUTE), b"x" * 64, b"y" * 64)
    short = cell(*[{TEXT[0]: 1200}] * 2, ratio=(1, 2))
    found = one_cell(known, EXPLICIT, short)
    assert splits(found) == [(600, 0, 0, 0)] * 2
    assert not any(found.split)


def test_leniently_it_is_cached_as_if_it_were_long_enough_and_counted() -> None:
    known = prompts((0, MINUTE), b"x" * 64, b"y" * 64)
    short = cell(*[{TEXT[0]: 1200}] * 2, ratio=(1, 2))
    found = one_cell(known, EXPLICIT, short, lenient=True)
    assert splits(found) == [(600 - 594, 0, 594, 0), (600 - 594, 594, 0, 0)]
    assert list(found.killed) == [0, 1]


def test_cells_stand_in_a_row_by_time_and_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    known = prompts((0, 9, 5), b"x", b"y", b"z", order=(0, 2, 1))
    row = known.row(((0, 2), (2, 3)))
    assert (list(row.turns), list(row.at_us)) == ([0, 2, 1], [0, 5, 9])
    assert list(row.chains) == [known.chains[turn] for turn in (0, 2, 1)]
    assert known.row(((0, 2), (2, 3))) is row
    assert list(known.row(((1, 3),)).at_us) == [9, 5]
    monkeypatch.setattr(streams, "_MOST_KEPT", 2)
    assert list(known.row(((2, 3),)).turns) == [0]
    assert known.row(((0, 2), (2, 3))) == row
    assert known.row(((0, 2), (2, 3))) is not row
