"""One cache against a plain list that does the same the slow way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.savings.replay import Asked, Outcome, Replayed, replay

SECOND = 1_000_000


def ask(at_s: float, key: int = 1, **changes: Any) -> Asked:
    asked = Asked(round(at_s * SECOND), key, 0, 100, True, 0, 7, True)
    return asked._replace(**changes)


def once(asked: list[Asked], ttl_s: float = 60, size_bytes: int | None = None) -> tuple[Outcome, Replayed]:
    result = replay(asked, 1, round(ttl_s * SECOND), size_bytes)
    return result.parts[0], result


def test_a_repeat_is_a_hit_and_saves_its_own_cost() -> None:
    outcome, _ = once([ask(0, cost=5), ask(1, cost=9), ask(2, key=2, cost=100)])
    assert (outcome.hits, outcome.saved) == (1, 9)


def test_a_hit_does_not_prolong_the_time_to_live() -> None:
    assert once([ask(0), ask(59), ask(59.999999), ask(60)])[0].hits == 2
    assert once([ask(0), ask(60), ask(119)])[0].hits == 1


def test_time_runs_from_when_the_answer_is_there() -> None:
    outcome, _ = once([ask(0, took_us=5 * SECOND), ask(3), ask(5), ask(64.9), ask(65)])
    assert (outcome.hits, outcome.shared, outcome.shared_cost) == (2, 1, 7)


def test_an_answer_that_is_not_kept_is_shared_with_those_that_wait_for_it_alone() -> None:
    outcome, result = once([ask(0, took_us=5 * SECOND, kept=False), ask(3), ask(6, kept=False), ask(6)])
    assert (outcome.hits, outcome.shared) == (0, 1)
    assert result.peak_entries == 1


def test_an_answer_takes_no_room_before_it_is_there() -> None:
    asked = [ask(0, 1), ask(1, 2, took_us=5 * SECOND), ask(2, 1), ask(3, 2), ask(7, 1), ask(8, 2)]
    outcome, result = once(asked, size_bytes=100)
    assert (outcome.hits, outcome.shared, outcome.evicted) == (1, 1, 3)
    assert result.peak_bytes == 100


def test_a_call_is_shared_even_if_its_answer_is_too_large_to_keep() -> None:
    outcome, result = once([ask(0, took_us=5 * SECOND), ask(3), ask(6)], size_bytes=99)
    assert (outcome.hits, outcome.shared, result.too_large) == (0, 1, 2)


def test_the_least_recently_used_goes_first() -> None:
    three = [ask(0, 1), ask(1, 2), ask(2, 1), ask(3, 3), ask(4, 1), ask(5, 2)]
    outcome, result = once(three, size_bytes=200)
    assert (outcome.hits, outcome.evicted) == (2, 2)
    assert (result.peak_bytes, result.peak_entries) == (200, 2)


def test_what_is_past_its_time_makes_room_first() -> None:
    asked = [ask(0, 1), ask(50, 2), ask(55, 1), ask(61, 3), ask(62, 2)]
    assert once(asked, size_bytes=200)[0].hits == 2
    assert once(asked, size_bytes=200)[0].evicted == 0


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    outcome, result = once([ask(0, size_bytes=500), ask(1, size_bytes=500), ask(2, 2), ask(3, 2)], size_bytes=499)
    assert (outcome.hits, outcome.evicted, result.too_large) == (1, 0, 2)


def test_a_hit_without_a_price_is_counted() -> None:
    outcome, _ = once([ask(0), ask(1, cost=0, priced=False), ask(2)])
    assert (outcome.hits, outcome.unpriced_hits, outcome.saved) == (2, 1, 7)


def test_hits_count_to_the_part_that_asked_and_evictions_to_the_part_that_was_kept() -> None:
    asked = [ask(0, 1, part=0), ask(1, 1, part=1), ask(2, 2, part=1)]
    result = replay(asked, 2, 60 * SECOND, 100)
    assert [part.hits for part in result.parts] == [0, 1]
    assert [part.evicted for part in result.parts] == [1, 0]


@dataclass
class Slow:
    """A cache as a list, least recently used first: (key, size, until); and answers on their way: (when, key, size)."""

    ttl_us: int
    size_bytes: int | None
    kept: list[tuple[int, int, int]] = field(default_factory=list)
    coming: list[tuple[int, int, int]] = field(default_factory=list)
    fates: list[str] = field(default_factory=list)

    def ask(self, asked: Asked) -> None:
        self.arrive(asked.at_us)
        found = next((item for item in self.kept if item[0] == asked.key and asked.at_us < item[2]), None)
        if found:
            self.fates.append("hit")
            self.kept.remove(found)
            self.kept.append(found)
            return
        shared = any(key == asked.key for _, key, _ in self.coming)
        self.fates.append("shared" if shared else "miss")
        if not shared:
            self.coming.append((asked.at_us + asked.took_us, asked.key, asked.size_bytes))
            self.arrive(asked.at_us)

    def arrive(self, now_us: int) -> None:
        for come in sorted(self.coming, key=lambda item: item[0]):
            when, key, size = come
            if when <= now_us:
                self.coming.remove(come)
                self.kept = [item for item in self.kept if item[2] > when]
                if self.size_bytes is None or size <= self.size_bytes:
                    self.kept.append((key, size, when + self.ttl_us))
                while self.size_bytes is not None and sum(size for _, size, _ in self.kept) > self.size_bytes:
                    self.kept.pop(0)


@example(steps=[(0, 1, 3, 1), (0, 0, 3, 1), (3, 0, 0, 1)], ttl=1, size=1)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 6), st.sampled_from([0, 0, 3, 9]), st.integers(1, 60)), max_size=60
    ),
    ttl=st.integers(1, 60),
    size=st.one_of(st.none(), st.integers(1, 150)),
)
def test_it_does_what_a_list_does(steps: list[tuple[int, int, int, int]], ttl: int, size: int | None) -> None:
    now, asked = 0, []
    for gap, key, took, bytes_ in steps:
        now += gap
        asked.append(Asked(now, key, took, bytes_, True, 0, 1, True))
    slow = Slow(ttl, size)
    for one in asked:
        slow.ask(one)
    found = replay(asked, 1, ttl, size)
    assert found.parts[0].hits == slow.fates.count("hit")
    assert found.parts[0].shared == slow.fates.count("shared")
    assert found.peak_bytes <= (size if size is not None else 10**9)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=40), st.integers(1, 100))
def test_a_longer_life_never_loses_hits_without_a_bound(steps: list[tuple[int, int]], ttl: int) -> None:
    now, asked = 0, []
    for gap, key in steps:
        now += gap
        asked.append(Asked(now, key, 0, 1, True, 0, 1, True))
    short, long = (replay(asked, 1, life, None).parts[0].hits for life in (ttl, 2 * ttl))
    assert short <= long <= max(0, len(asked) - len({one.key for one in asked}))
