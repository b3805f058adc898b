from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training.batches import TOKENS_A_TEXT, Texts, epoch_batches  # noqa: E402
from llmopt.models.distill.training.values import TrainingData  # noqa: E402
from llmopt.models.distill.values import Item  # noqa: E402
from tests.models.distill.training.fakes import WIDTH, Answers, data  # noqa: E402

LENGTHS = st.lists(st.integers(1, 200), max_size=120)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_has_each_text_once_in_batches_within_bounds(
    lengths: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    batches = epoch_batches(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[place] for place in batch)
        assert 1 <= len(batch) <= batch_size
        assert padded <= TOKENS_A_TEXT * batch_size or len(batch) == 1
    assert batches == epoch_batches(lengths, batch_size=batch_size, seed=seed, epoch=epoch)


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    lengths = [1 + place % 30 for place in range(500)]
    plans = {tuple(epoch_batches(lengths, batch_size=8, seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(plans) == 4


def test_texts_of_a_batch_are_about_equally_long() -> None:
    lengths = [1 + place * 7 % 60 for place in range(20_000)]
    batches = epoch_batches(lengths, batch_size=32, seed=0, epoch=0)
    padded = sum(len(batch) * max(lengths[place] for place in batch) for batch in batches)
    assert padded / sum(lengths) < 1.1


def test_few_texts_do_not_meet_in_the_same_batches_each_epoch() -> None:
    lengths = list(range(1, 65))
    plans = [
        {frozenset(batch) for batch in epoch_batches(lengths, batch_size=8, seed=0, epoch=epoch)} for epoch in (0, 1)
    ]
    assert not plans[0] & plans[1]


def test_a_batch_is_padded_to_its_longest_text() -> None:
    items = [
        Item([1, 2], [3, 4], label=1, wanted=[-100, 9]),
        Item([1], [7], wanted=[8]),
        Item([1, 2, 3], [5, 6, 7], wanted=[1, 2, 3]),
    ]
    vectors = torch.arange(3.0 * WIDTH).reshape(3, WIDTH)
    batch = Texts(TrainingData(items, Answers(vectors)), 0, torch.device("cpu")).batch([1, 0])
    assert batch.rows == (1, 0)
    assert batch.ids.tolist() == [[7, 0], [3, 4]]
    assert batch.mask.tolist() == [[1, 0], [1, 1]]
    assert batch.labels.tolist() == [-100, 1]
    assert batch.wanted.tolist() == [[8, -100], [-100, 9]]
    assert batch.targets["vectors"].tolist() == vectors[[1, 0]].tolist()
    assert batch.tokens == 3
    assert {batch.ids.dtype, batch.mask.dtype, batch.labels.dtype, batch.wanted.dtype} == {torch.int64}


def test_nothing_is_wanted_where_nothing_is_masked() -> None:
    assert Texts(data(3), 0, torch.device("cpu")).batch([0, 2]).wanted.numel() == 0


@pytest.mark.parametrize(("used", "count"), [(None, 5), (3, 3)])
def test_texts_without_answers_are_not_used(used: int | None, count: int) -> None:
    whole = data(5)
    more: Any = [*whole.items, Item([1], [1])]
    texts = Texts(TrainingData(more, whole.targets), 0, torch.device("cpu"), used)
    assert len(texts.lengths) == count
