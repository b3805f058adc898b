"""Which calls the response cache answers: call by call what `llmopt.savings.replay` says, and by which rules."""

from __future__ import annotations

from array import array
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.hits import HIT, MISS, NOT, SHARED, keys, outcomes
from llmopt.savings.project.plan import CacheLever
from llmopt.savings.project.requests import READS_MORE, SAMPLES, UNKNOWN_SETTINGS, Requests
from llmopt.savings.replay import Asked, replay
from tests.savings.project.small_columns import SECOND, One, columns, kind, price

ANYBODY = CacheLever(ttl_s=10.0, tenant="")
KINDS = [kind(row=price())]


def asking(*canonical: int, flags: tuple[int, ...] = ()) -> Requests:
    return Requests(array("i", canonical), array("B", flags or bytes(len(canonical))))


def came(calls: list[One], lever: CacheLever = ANYBODY, requests: Requests | None = None) -> list[int]:
    return list(outcomes(columns(calls, KINDS), requests or asking(0, 1, 2, 3), lever))


def one_by_one(log: CallColumns, asked: array[int], lever: CacheLever) -> list[int]:
    """What the replay of `llmopt cache simulate` makes of each call: every call is a part of the log by itself."""
    questions = [number for number, key in enumerate(asked) if key >= 0]
    entries = [
        Asked(log.at_us[n], asked[n], log.took_us[n], log.answer_bytes[n], bool(log.flags[n] & 1), part, 1, True)
        for part, n in enumerate(questions)
    ]
    parts = replay(entries, len(entries), round(lever.ttl_s * SECOND), lever.size_bytes).parts
    found = [NOT] * len(log)
    for number, part in zip(questions, parts, strict=True):
        found[number] = HIT if part.hits else SHARED if part.shared else MISS
    return found


CALLS = st.lists(
    st.builds(
        One,
        at_s=st.integers(0, 40).map(float) | st.none(),
        request=st.integers(-1, 3),
        took_s=st.sampled_from([0.0, 0.5, 1.0, 5.0, 12.0]),
        size_bytes=st.sampled_from([1, 40, 60, 100, 101]),
        kept=st.sampled_from([True, True, True, False]),
    ),
    max_size=40,
).map(lambda calls: sorted(calls, key=lambda call: (call.at_s is None, call.at_s or 0)))


@given(calls=CALLS, ttl_s=st.sampled_from([0.5, 1.0, 7.0, 100.0]), size=st.sampled_from([None, 60, 100, 160, 1000]))
def test_every_call_meets_the_fate_that_the_replay_of_the_cache_gives_it(
    calls: list[One], ttl_s: float, size: int | None
) -> None:
    lever = CacheLever(ttl_s=ttl_s, size_bytes=size, tenant="")
    log, requests = columns(calls, KINDS), asking(0, 1, 2, 3)
    assert list(outcomes(log, requests, lever)) == one_by_one(log, keys(log, requests, lever), lever)


def test_a_hit_does_not_prolong_the_time_of_an_answer() -> None:
    assert came([One(0), One(9), One(10), One(19)]) == [MISS, HIT, MISS, HIT]


def test_the_time_runs_from_when_the_answer_was_there() -> None:
    assert came([One(0, took_s=4), One(3), One(4), One(13), One(14)]) == [MISS, SHARED, HIT, HIT, MISS]


def test_an_answer_that_is_not_kept_is_asked_for_again_but_shared_while_it_comes() -> None:
    assert came([One(0, took_s=2, kept=False), One(1), One(2)]) == [MISS, SHARED, MISS]


def test_where_room_is_bounded_the_least_recently_used_goes() -> None:
    lever = replace(ANYBODY, size_bytes=200)
    calls = [One(0, 0), One(1, 1), One(2, 0), One(3, 2), One(4, 0), One(5, 1)]
    assert came(calls, lever) == [MISS, MISS, HIT, MISS, HIT, MISS]


def test_calls_without_a_time_or_a_request_are_no_questions() -> None:
    assert came([One(0), One(1, -1), One(None)]) == [MISS, NOT, NOT]


def test_requests_that_read_more_or_have_no_key_are_not_answered() -> None:
    requests = asking(0, 1, -1, flags=(0, READS_MORE, 0))
    calls = [One(at_s, request) for request in range(3) for at_s in (0, 1)]
    calls.sort(key=lambda call: call.at_s or 0)
    assert came(calls, ANYBODY, requests) == [MISS, NOT, NOT, HIT, NOT, NOT]


def test_requests_that_sample_are_answered_unless_the_lever_says_no() -> None:
    requests = asking(0, 1, 2, flags=(SAMPLES, UNKNOWN_SETTINGS, 0))
    calls = [One(0, 0), One(0, 1), One(0, 2), One(1, 0), One(1, 1), One(1, 2)]
    assert came(calls, ANYBODY, requests) == [MISS, MISS, MISS, HIT, HIT, HIT]
    strict = replace(ANYBODY, only_deterministic=True)
    assert came(calls, strict, requests) == [NOT, NOT, MISS, NOT, NOT, HIT]


def test_answers_are_never_shared_across_tenants() -> None:
    labels = [{"team": "a"}, {"team": "b"}, {}, {"team": ""}]
    calls = [One(0, label=0), One(1, label=1), One(2, label=2), One(3, label=3), One(4, label=0)]
    log, lever = columns(calls, KINDS, labels), replace(ANYBODY, tenant="team")
    assert list(outcomes(log, asking(0), lever)) == [MISS, MISS, MISS, HIT, HIT]
    assert len(set(keys(log, asking(0), lever))) == 3
    assert list(outcomes(log, asking(0), ANYBODY)) == [MISS, HIT, HIT, HIT, HIT]


def test_two_requests_of_one_question_are_the_same_question() -> None:
    assert came([One(0, 0), One(1, 1)], ANYBODY, asking(5, 5)) == [MISS, HIT]


def test_a_log_without_calls_has_no_outcomes() -> None:
    assert came([]) == []
