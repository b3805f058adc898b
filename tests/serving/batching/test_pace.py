"""When predict may run in the loop."""

from __future__ import annotations

from llmopt.serving.batching.pace import MOST_PROOF, PROOF, Pace


def proven(limit_s: float = 1e-5) -> Pace:
    pace = Pace(limit_s)
    for _ in range(PROOF):
        pace.threaded(1e-6)
    return pace


def needed(pace: Pace) -> int:
    for count in range(1, 2 * MOST_PROOF):
        pace.threaded(1e-6)
        if pace.inline:
            return count
    raise AssertionError("never")


def test_it_takes_so_many_short_batches_in_a_row() -> None:
    pace = Pace(1e-5)
    for _ in range(PROOF - 1):
        pace.threaded(1e-6)
    pace.threaded(1e-3)
    assert not pace.inline
    assert needed(pace) == PROOF


def test_zero_never_lets_it() -> None:
    pace = Pace(0.0)
    for _ in range(10 * PROOF):
        pace.threaded(0.0)
    assert not pace.inline


def test_a_long_batch_ends_it_and_the_next_proof_is_twice_as_long() -> None:
    pace = proven()
    pace.looped(3.9e-5)
    assert pace.inline
    pace.looped(4.1e-5)
    assert not pace.inline
    assert needed(pace) == 2 * PROOF
    pace.looped(1.0)
    assert needed(pace) == 4 * PROOF


def test_the_proof_grows_no_longer_than_the_most() -> None:
    pace = proven()
    for _ in range(20):
        pace.looped(1.0)
        assert needed(pace) <= MOST_PROOF


def test_many_short_batches_in_the_loop_make_up_for_it() -> None:
    pace = proven()
    pace.looped(1.0)
    assert needed(pace) == 2 * PROOF
    for _ in range(16 * 2 * PROOF):
        pace.looped(1e-6)
    pace.looped(1.0)
    assert needed(pace) == PROOF


def test_forbidden_is_for_good() -> None:
    pace = proven()
    pace.forbid()
    for _ in range(10 * PROOF):
        pace.threaded(0.0)
    assert not pace.inline
