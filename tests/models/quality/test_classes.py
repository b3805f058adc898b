"""Labels of a file find the classes of a model, whatever they are called, or are refused with their line."""

from __future__ import annotations

import importlib
import random
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.models.quality.data import Sample
from tests.models.extras import library

torch = library("torch", "semantic")
classes: Any = importlib.import_module("llmopt.models.quality.classes")

SENTIMENT = ("NEGATIVE", "POSITIVE")
UNNAMED = ("LABEL_0", "LABEL_1", "LABEL_2")
STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
TOPICS = ("Sci/Tech", "World News", "co2", "3d")


@pytest.mark.parametrize(
    ("labels", "label", "at"),
    [
        (SENTIMENT, "NEGATIVE", 0),
        (SENTIMENT, "positive", 1),
        (SENTIMENT, " Positive ", 1),
        (SENTIMENT, "0", 0),
        (SENTIMENT, "01", 1),
        (SENTIMENT, "LABEL_1", 1),
        (UNNAMED, "LABEL_2", 2),
        (UNNAMED, "label 2", 2),
        (UNNAMED, "1", 1),
        (STARS, "1", 0),
        (STARS, "5", 4),
        (STARS, "5 stars", 4),
        (STARS, "4-STARS", 3),
        (TOPICS, "world_news", 1),
        (TOPICS, "2", 2),
        (TOPICS, "CO2", 2),
        (("0", "1"), "1", 1),
        (("1", "0"), "1", 0),
        (("-1", "0", "1"), "-1", 0),
        (("-1", "0", "1"), "1", 2),
        (("no", "yes"), "yes", 1),
    ],
)
def test_a_label_is_known(labels: tuple[str, ...], label: str, at: int) -> None:
    assert classes.true_classes(labels, [Sample("x"), Sample("x", label)]) == (None, at)


@pytest.mark.parametrize(
    ("labels", "label", "known"),
    [
        (SENTIMENT, "neutral", "NEGATIVE, POSITIVE, or the numbers 0 to 1"),
        (SENTIMENT, "2", "NEGATIVE, POSITIVE"),
        (SENTIMENT, "-1", "NEGATIVE, POSITIVE"),
        (SENTIMENT, "1.5", "NEGATIVE, POSITIVE"),
        (SENTIMENT, '["POSITIVE"]', "NEGATIVE, POSITIVE"),
        (UNNAMED, "positive", "LABEL_0, LABEL_1, LABEL_2, or the numbers 0 to 2"),
        (STARS, "0", "or the numbers 1 to 5"),
        (("a b", "a-b", "c"), "ab", "a b, a-b, c"),
        (tuple(map(str, range(100, 150))), "3", "107 and others, or the numbers 100 to 149"),
    ],
)
def test_a_label_is_unknown(labels: tuple[str, ...], label: str, known: str) -> None:
    with pytest.raises(InputError) as error:
        classes.true_classes(labels, [Sample("x", labels[0], 1, "f.csv"), Sample("y", label, 2, "f.csv")])
    assert error.value.message == f"f.csv:2: the model knows no label {label!r}"
    assert known in error.value.hint


def test_unknown_labels_are_told_where_somebody_takes_note() -> None:
    told: list[InputError] = []
    samples = [Sample("x", "odd", 1, "f.csv"), Sample("y", SENTIMENT[0]), Sample("z"), Sample("y", "7", 4, "f.csv")]
    assert classes.true_classes(SENTIMENT, samples, refused=told.append) == (None, 0, None, None)
    assert [(error.message, error.hint) for error in told] == [
        ("f.csv:1: the model knows no label 'odd'", "it knows NEGATIVE, POSITIVE, or the numbers 0 to 1"),
        ("f.csv:4: the model knows no label '7'", "it knows NEGATIVE, POSITIVE, or the numbers 0 to 1"),
    ]


@pytest.mark.parametrize(
    ("labels", "others", "order"),
    [
        (SENTIMENT, SENTIMENT, [0, 1]),
        (SENTIMENT, ("Positive", "negative"), [1, 0]),
        (SENTIMENT, ("LABEL_0", "LABEL_1"), [0, 1]),
        (UNNAMED, ("c", "b", "a"), [0, 1, 2]),
        (("a", "b", "c"), ("c", "a", "b"), [1, 2, 0]),
        (SENTIMENT, ("NEGATIVE", "NEUTRAL"), None),
        (SENTIMENT, UNNAMED, None),
        (("x", "x"), ("x", "x"), [0, 1]),
        (("x", "x"), ("x", "y"), None),
    ],
)
def test_classes_of_two_models(labels: tuple[str, ...], others: tuple[str, ...], order: list[int] | None) -> None:
    assert classes.same_order(labels, others) == order


def test_scores_are_compared_as_slow_loops_do() -> None:
    torch.manual_seed(0)
    before, after = (torch.randn(200, 4).mul(2).softmax(1) for _ in range(2))
    rng = random.Random(0)
    truth = [rng.choice((None, 0, 1, 2, 3)) for _ in range(200)]
    found = classes.agreement(before, after, truth)
    one, other = ([row.index(max(row)) for row in scores.tolist()] for scores in (before, after))
    assert found.same == sum(map(int.__eq__, one, other))
    distances = [
        sum(abs(x - y) for x, y in zip(*rows, strict=True)) / 2
        for rows in zip(before.tolist(), after.tolist(), strict=True)
    ]
    assert found.score_error == pytest.approx(sum(distances) / 200, abs=1e-6)
    known = [at for at in range(200) if truth[at] is not None]
    right, still = ({at for at in known if found_at[at] == truth[at]} for found_at in (one, other))
    assert (found.labelled, found.right_before, found.right_after) == (len(known), len(right), len(still))
    assert (found.lost, found.gained) == (len(right - still), len(still - right))
    assert found.lost
    assert found.gained


def test_a_text_may_have_several_labels() -> None:
    before = torch.tensor([[0.9, 0.8, 0.1], [0.4, 0.1, 0.2], [0.6, 0.2, 0.3]])
    after = torch.tensor([[0.8, 0.9, 0.1], [0.6, 0.1, 0.2], [0.6, 0.2, 0.3]])
    assert classes.several_labels(before)
    assert not classes.several_labels(torch.randn(5, 3).softmax(1))
    found = classes.agreement(before, after, [0, 1, 0], several=True)
    assert (found.same, found.labelled) == (2, 0)
    assert found.score_error == pytest.approx((0.1 + 0.1 + 0.2) / 9)
