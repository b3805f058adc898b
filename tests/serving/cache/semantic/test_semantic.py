"""Semantic mode: a question that says the same finds the answer, nothing else does, and no embedder does harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmopt.errors import UsageError
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.semantic.semantic import Semantic


def alike(texts: Sequence[str]) -> list[list[float]]:
    """Take all texts for the same, as a bad model would."""
    return [[1.0, 2.0] for _ in texts]


def by_length(texts: Sequence[str]) -> list[list[float]]:
    """Take texts for the same that are about as long."""
    return [[1.0, len(text) / 40] for text in texts]


def asking(text: str, *, tenant: str = "", model: str = "m", system: str = "") -> CacheRequest:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
    return CacheRequest.of({"model": model, "temperature": 0, "messages": messages}, tenant=tenant)


def answer(text: str) -> bytes:
    return json.dumps({"id": text, "choices": [{"message": {"content": text}}]}).encode()


def test_a_question_that_says_the_same_is_found() -> None:
    semantic = Semantic(alike)
    known = asking("How do I boil an egg?")
    assert semantic.find(known) is None
    semantic.learn(known)
    assert semantic.find(asking("How can I boil an egg, please?")) == known.key
    stats = semantic.stats()
    assert (stats.entries, stats.looked, stats.found, stats.errors) == (1, 2, 1, 0)


@pytest.mark.parametrize(
    "other",
    [
        asking("How do I fry an egg?"),
        asking("How do I boil 2 eggs?"),
        asking("How do I not boil an egg?"),
        asking("How can I boil an egg?", tenant="acme"),
        asking("How can I boil an egg?", model="n"),
        asking("How can I boil an egg?", system="Be rude."),
    ],
)
def test_nothing_else_is_found_even_where_the_model_takes_all_for_the_same(other: CacheRequest) -> None:
    semantic = Semantic(alike)
    semantic.learn(asking("How do I boil an egg?"))
    assert semantic.find(other) is None


def test_a_question_does_not_find_itself() -> None:
    semantic = Semantic(alike)
    semantic.learn(asking("Where is Ulm?"))
    assert semantic.find(asking("Where is Ulm?")) is None


def test_the_cosine_must_reach_the_threshold() -> None:
    semantic = Semantic(by_length, threshold=0.999)
    semantic.learn(asking("How can I boil an egg"))
    assert semantic.find(asking("How do I boil an egg?")) is not None
    assert semantic.find(asking("What are the steps to boil an egg")) is None
    assert (semantic.stats().found, semantic.stats().far) == (1, 1)


def test_what_stands_around_a_question_is_not_compared() -> None:
    """A greeting or a missing mark takes a sentence model below 0.95 and says nothing of what is asked."""
    read: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        read.extend(texts)
        return alike(texts)

    semantic = Semantic(embed)
    semantic.learn(asking("What's the U.S. tax?"))
    assert semantic.find(asking("Hello, what's the U.S. tax? Thank you very much!"))
    assert read == ["what's the U . S . tax", "What's the U . S . tax"]


def test_the_nearest_of_several_is_taken_and_of_equals_the_newest() -> None:
    near, newest = asking("What is Ulm??"), asking("what is Ulm??")
    semantic = Semantic(by_length, threshold=0.95)
    for request in (asking("What's Ulm?"), near, newest):
        semantic.learn(request)
    assert semantic.find(asking("What is Ulm?")) == newest.key
    semantic.forget(newest.key)
    assert semantic.find(asking("What is Ulm?")) == near.key


@pytest.mark.parametrize("threshold", [0.949, 0, -1, 1.01, float("nan"), float("inf")])
def test_a_low_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold"):
        Semantic(alike, threshold=threshold)


@pytest.mark.parametrize("room", [{"max_bytes": 0}, {"max_chars": 0}])
def test_no_room_is_refused(room: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="room"):
        Semantic(alike, **room)  # type: ignore[arg-type]


def test_the_embedder_runs_only_for_what_the_guard_lets_pass() -> None:
    read: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        read.extend(texts)
        return alike(texts)

    semantic = Semantic(embed)
    for number in range(20):
        semantic.find(asking(f"Is {number} prime?"))
        semantic.learn(asking(f"Is {number} prime?"))
    assert read == []
    assert semantic.find(asking("is 7 prime"))
    assert semantic.find(asking("Is 7 prime"))
    assert read == ["is 7 prime", "Is 7 prime"]  # the vector of what is known is kept


@pytest.mark.parametrize(
    ("embed", "errors", "unread"),
    [
        (lambda texts: [None] * len(texts), 0, 1),
        (lambda texts: [[0.0, 0.0]] * len(texts), 0, 1),
        (lambda texts: [[float("nan"), 1.0]] * len(texts), 0, 1),
        (lambda texts: [[1.0] * (1 + at) for at in range(len(texts))], 0, 1),
        (lambda texts: [], 1, 0),
        (lambda texts: [["x"]] * len(texts), 1, 0),
        (lambda texts: 1 / 0, 1, 0),
    ],
)
def test_whatever_an_embedder_does_is_a_miss(
    embed: Callable[[Sequence[str]], list[list[float] | None]], errors: int, unread: int
) -> None:
    semantic = Semantic(embed)
    semantic.learn(asking("Where is Ulm?"))
    assert semantic.find(asking("where is Ulm")) is None
    stats = semantic.stats()
    assert (stats.errors, stats.unread, bool(stats.last_error)) == (errors, unread, bool(errors))


def test_an_embedder_that_is_interrupted_interrupts() -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        raise KeyboardInterrupt

    semantic = Semantic(embed)
    semantic.learn(asking("Where is Ulm?"))
    with pytest.raises(KeyboardInterrupt):
        semantic.find(asking("where is Ulm"))


def test_what_was_forgotten_is_not_found() -> None:
    semantic = Semantic(alike)
    known = asking("Where is Ulm?")
    semantic.learn(known)
    semantic.find(asking("where is Ulm"))
    semantic.forget(known.key)
    semantic.forget("unknown")
    assert semantic.find(asking("where is Ulm")) is None
    assert (semantic.stats().entries, semantic.stats().size_bytes) == (0, 0)


def test_memory_is_bounded_and_the_longest_unused_goes_first() -> None:
    semantic = Semantic(alike, max_bytes=40_000)
    first = asking("Is 0 prime?")
    semantic.learn(first)
    for number in range(1, 100):
        semantic.learn(asking(f"Is {number} prime?"))
        assert semantic.find(asking("is 0 prime")) == first.key
    stats = semantic.stats()
    assert stats.size_bytes <= 40_000
    assert 5 < stats.entries < 50
    assert stats.entries + stats.evicted == 100
    assert semantic.find(asking("is 1 prime")) is None
    assert semantic.find(asking("is 99 prime")) is not None


def test_learning_again_takes_no_more_room() -> None:
    semantic = Semantic(alike)
    semantic.learn(asking("Where is Ulm?"))
    before = semantic.stats()
    semantic.learn(asking("Where is Ulm?"))
    assert semantic.stats() == before


def test_learning_again_counts_as_used() -> None:
    semantic = Semantic(alike, max_bytes=20_000)
    for number in range(50):
        semantic.learn(asking("Is 0 prime?"))
        semantic.learn(asking(f"Is {number} odd?"))
    assert semantic.stats().evicted > 0
    assert semantic.find(asking("is 0 prime")) is not None


def test_many_spellings_of_one_question_are_bounded() -> None:
    semantic = Semantic(alike)
    for spaces in range(1, 40):
        semantic.learn(asking("Where" + " " * spaces + "is Ulm?"))
    assert semantic.stats().entries == 8


def test_long_texts_are_neither_kept_nor_looked_for() -> None:
    semantic = Semantic(alike, max_chars=20)
    semantic.learn(asking("Where is Ulm? " + "x" * 20))
    assert semantic.find(asking("where is Ulm? " + "x" * 20)) is None
    assert (semantic.stats().entries, semantic.stats().looked) == (0, 0)


def test_a_request_without_a_question_is_passed_over() -> None:
    semantic = Semantic(alike)
    embeddings = CacheRequest.of({"model": "m", "input": "Where is Ulm?"}, endpoint="/v1/embeddings")
    semantic.learn(embeddings)
    assert semantic.find(embeddings) is None
    assert semantic.stats().entries == 0


def test_shadow_mode_finds_and_counts_whether_answers_agree() -> None:
    semantic = Semantic(by_length, shadow=True)
    assert semantic.shadow
    assert not Semantic(alike).shadow
    semantic.learn(asking("Where is Ulm?"))
    request = asking("where is Ulm?")
    assert semantic.find(request)
    semantic.compared(request, answer("On the  Danube."), answer("On the Danube."))
    semantic.compared(request, answer("By the Danube."), answer("On the Danube."))
    semantic.compared(request, answer("Who knows"), answer("It is a city in the south of Germany, on the Danube. " * 3))
    stats = semantic.stats()
    assert (stats.compared, stats.same, stats.alike, stats.found) == (3, 1, 2, 1)


def test_answers_of_an_unknown_form_agree_only_where_they_are_equal() -> None:
    semantic = Semantic(lambda texts: [None] * len(texts), shadow=True)
    semantic.compared(asking("Where is Ulm?"), b'{"candidates": 1}', b'{"candidates": 2}')
    semantic.compared(asking("Where is Ulm?"), b'{"candidates": 1}', b'{"candidates": 1}')
    assert (semantic.stats().compared, semantic.stats().same) == (2, 1)


def test_answers_that_cannot_be_compared_do_not_agree() -> None:
    semantic = Semantic(lambda texts: [None] * len(texts), shadow=True)
    semantic.compared(asking("Where is Ulm?"), answer("a"), answer("b"))
    stats = semantic.stats()
    assert (stats.compared, stats.same, stats.alike) == (1, 0, 0)


def test_many_threads_learn_find_and_forget_at_once() -> None:
    semantic, start = Semantic(alike, max_bytes=60_000), threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait()
        found = 0
        for number in range(60):
            request = asking(f"Is {number} prime?", tenant=str(number % 2))
            semantic.learn(request)
            found += semantic.find(asking(f"is {number} prime", tenant=str(number % 2))) in (request.key, None)
            if (number + worker) % 7 == 0:
                semantic.forget(request.key)
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [60] * 8
    for number in range(60):
        semantic.forget(asking(f"Is {number} prime?", tenant=str(number % 2)).key)
    assert (semantic.stats().entries, semantic.stats().size_bytes) == (0, 0)
