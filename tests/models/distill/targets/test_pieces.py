from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.distill.targets.pieces import Limits, batches, chunks

LENGTHS = st.lists(st.integers(1, 5_000), max_size=600)


@given(LENGTHS)
def test_chunks_follow_each_other_and_cover_all_texts(lengths: list[int]) -> None:
    pieces = list(chunks(lengths))
    assert [place for piece in pieces for place in piece] == list(range(len(lengths)))
    assert all(len(piece) == 1 or sum(lengths[place] for place in piece) <= 2**15 for piece in pieces)


def test_first_chunk_is_an_eighth() -> None:
    assert [len(piece) for piece in chunks([1] * 5_000)] == [256, 2_048, 2_048, 648]
    assert [len(piece) for piece in chunks([1_024] * 70)] == [4, 32, 32, 2]


def test_more_texts_do_not_move_the_chunks_before_them() -> None:
    lengths = [1 + at % 90 for at in range(3_000)]
    assert list(chunks(lengths))[:-1] == list(chunks([*lengths, 7, 8]))[: len(list(chunks(lengths))) - 1]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(1, 20), st.integers(1, 200))
def test_batches_hold_each_text_once_within_the_limits(lengths: list[int], texts: int, tokens: int) -> None:
    made = batches(range(len(lengths)), lengths, Limits(texts, tokens))
    assert sorted(place for batch in made for place in batch) == list(range(len(lengths)))
    for batch in made:
        longest = max(lengths[place] for place in batch)
        assert len(batch) <= texts
        assert len(batch) == 1 or longest * len(batch) <= tokens


def test_batches_are_of_like_lengths_and_begin_with_the_longest() -> None:
    assert batches([0, 1, 2, 3], [2, 9, 3, 8], Limits(2, 100)) == [[1, 3], [2, 0]]
