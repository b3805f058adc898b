"""Tokens after a change: whole columns at once, and the same as call by call."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.usage import Usage
from llmopt.savings.project.changes import TEXT, Change, Changed, changed, sums

UNCACHED, READ, WRITE_5M, WRITE_1H = TEXT
NAMES = (*TEXT, "input_audio", "output_text", "output_reasoning", "output_image")
SHIFTED = (*TEXT, "output_text", "output_reasoning")

Row = dict[str, int]


def column(rows: list[Row], name: str) -> array[int]:
    return array("q", [row.get(name, 0) for row in rows])


def by_hand(row: Row, change: Change, saved: int, counted: int) -> tuple[Row, bool, bool]:
    """The rules of another tokenizer and of compression for one call; and whether it got shorter, and was killed."""
    new = {
        name: (tokens * change.num + change.den // 2) // change.den if name in SHIFTED else tokens
        for name, tokens in row.items()
    }
    total = sum(new[name] for name in TEXT)
    less = total * saved // counted
    if not change.ratio or not less:
        return new, False, False
    cached = {name: new[name] * saved // counted for name in TEXT[1:]}
    if not any(new[name] for name in TEXT[1:]):
        return {**new, UNCACHED: new[UNCACHED] - less}, True, False
    after = {name: new[name] - cached[name] for name in cached}
    after[UNCACHED] = new[UNCACHED] - min(new[UNCACHED], less - sum(cached.values()))
    if (left := sum(after.values())) < change.minimum:
        return {**new, UNCACHED: left, READ: 0, WRITE_5M: 0, WRITE_1H: 0}, True, True
    return {**new, **after}, True, False


ROWS = st.lists(
    st.tuples(
        st.fixed_dictionaries({name: st.sampled_from([0, 0, 1, 7, 1023, 1024, 5000]) for name in NAMES}),
        st.sampled_from([(0, 1), (1, 3), (50, 100), (99, 100)]),
    ),
    min_size=1,
    max_size=12,
)
CHANGES = st.builds(
    Change,
    num=st.sampled_from([1000, 571, 1900]),
    den=st.just(1000),
    ratio=st.sampled_from(["", "saved"]),
    minimum=st.sampled_from([0, 1024]),
)


@given(rows=ROWS, change=CHANGES)
def test_columns_change_as_single_calls_do(rows: list[tuple[Row, tuple[int, int]]], change: Change) -> None:
    calls = [row for row, _ in rows]
    ratio = array("q", [saved for _, (saved, _) in rows]), array("q", [counted for _, (_, counted) in rows])
    used = [name for name in NAMES if any(row[name] for row in calls)] or [UNCACHED]
    found = changed({name: column(calls, name) for name in used}, change, ratio if change.ratio else None)
    wanted = [by_hand(row, change, *pair) for row, pair in rows]
    for name in NAMES:
        none = array("q", bytes(8 * len(rows)))
        assert found.columns.get(name, none) == column([row for row, _, _ in wanted], name), name
    assert list(found.total) == [sum(row[name] for name in TEXT) for row, _, _ in wanted]
    assert list(found.shorter or bytes(len(rows))) == [shorter for _, shorter, _ in wanted]
    assert list(found.killed or bytes(len(rows))) == [killed for _, _, killed in wanted]


def test_rounding_is_half_up() -> None:
    columns = {UNCACHED: array("q", [1, 2, 3]), "output_audio": array("q", [5, 5, 5])}
    found = changed(columns, Change(num=3, den=2), None)
    assert list(found.columns[UNCACHED]) == [2, 3, 5]
    assert list(found.columns["output_audio"]) == [5, 5, 5]


def test_the_columns_that_are_given_stay_as_they_are() -> None:
    columns = {UNCACHED: array("q", [100]), READ: array("q", [2000])}
    changed(columns, Change(ratio="saved", minimum=1024), (array("q", [1]), array("q", [2])))
    assert (columns[UNCACHED][0], columns[READ][0]) == (100, 2000)


def tokens(inputs: list[int]) -> Changed:
    size = array("q", inputs)
    columns = {UNCACHED: size, "output_text": array("q", [1] * len(inputs))}
    return Changed(
        columns, size, size, shorter=bytes([1] * len(inputs)), split=bytes([0, 1] * len(inputs))[: len(inputs)]
    )


def test_sums_are_kept_by_band_and_a_step_itself_is_below() -> None:
    found = sums(tokens([10, 200, 201, 500, 501]), 0, 5, (200, 500))
    assert found.bands == (
        (2, Usage(input_uncached=210, output_text=2)),
        (2, Usage(input_uncached=701, output_text=2)),
        (1, Usage(input_uncached=501, output_text=1)),
    )
    assert (found.calls, found.shorter, found.killed, found.split) == (5, 5, 0, 2)
    assert found.usage == Usage(input_uncached=1412, output_text=5)


def test_calls_below_the_first_step_are_one_band() -> None:
    assert len(sums(tokens([10, 200]), 0, 2, (200, 500)).bands) == 1


@given(inputs=st.lists(st.integers(0, 600), min_size=1, max_size=20), cut=st.integers(0, 20))
def test_parts_add_up_to_the_whole(inputs: list[int], cut: int) -> None:
    steps, all_tokens = (200, 500), tokens(inputs)
    whole = sums(all_tokens, 0, len(inputs), steps)
    middle = min(cut, len(inputs))
    parts = [sums(all_tokens, 0, middle, steps), sums(all_tokens, middle, len(inputs), steps)]
    assert sum(part.calls for part in parts) == whole.calls
    assert parts[0].usage + parts[1].usage == whole.usage
    assert parts[0].split + parts[1].split == whole.split
