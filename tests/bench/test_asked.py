"""What a user wants of a run: lengths to measure, requests to expect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.asked import Asked, grid_of, quantile_lengths
from llmopt.cost.traffic import Request, Traffic
from llmopt.errors import UsageError

START = datetime(2026, 5, 1, tzinfo=UTC)


def log(*tokens: int | None, gap_s: float = 0.5) -> Traffic:
    """A log of requests with these input tokens, evenly in time."""
    asked = tuple(Request(START + timedelta(seconds=gap_s * at), n, 1, "m") for at, n in enumerate(tokens))
    return Traffic(asked, ("log.jsonl",), 0, tokens.count(None), 0, 0, 0, 0, ())


def test_without_a_word_it_is_128_tokens_or_what_the_model_takes() -> None:
    assert grid_of(Asked(), None).seq_lens == (128,)
    assert grid_of(Asked(), 64).seq_lens == (64,)
    assert grid_of(Asked(), 64).workload.lengths == (64,)
    assert grid_of(Asked(sized=False), None).seq_lens == (1,)


def test_named_lengths_are_measured_and_expected_equally_often() -> None:
    grid = grid_of(Asked(seq_lens=(32, 128), rate_per_s=9.0), None)
    assert grid.seq_lens == (32, 128)
    assert grid.workload.lengths == (32, 128)
    assert grid.workload.rate_per_s == 9.0
    assert "32 or 128 long, equally often" in grid.notes[0]


def test_lengths_that_the_model_does_not_take_are_left_out_and_named() -> None:
    grid = grid_of(Asked(seq_lens=(32, 512, 1024)), 256)
    assert grid.seq_lens == (32,)
    assert grid.notes == ("requests of 512, 1,024 tokens are left out: the model takes 256 at most",)
    with pytest.raises(UsageError, match="no request of 512 tokens: the model takes 256 at most"):
        grid_of(Asked(seq_lens=(512,)), 256)


def test_a_log_gives_lengths_for_grid_and_simulation() -> None:
    tokens = [10] * 50 + [100] * 45 + [390] * 5
    grid = grid_of(Asked(lengths=log(*tokens)), 256)
    assert grid.seq_lens == (16, 104, 256)
    assert sorted(grid.workload.lengths) == sorted(min(n, 256) for n in tokens)
    assert any("cut to them" in note for note in grid.notes)


def test_a_log_of_arrivals_gives_its_rate_and_its_own_lengths() -> None:
    grid = grid_of(Asked(arrivals=log(24, 24, 24, gap_s=0.5)), None)
    assert grid.workload.rate_per_s == pytest.approx(2.0)
    assert grid.seq_lens == (24,)
    named = grid_of(Asked(arrivals=log(24, 24, 24), seq_lens=(32,)), None)
    assert named.seq_lens == (32,)
    assert set(named.workload.lengths) == {32}
    assert len(named.workload.pattern_s) == 3
    bare = grid_of(Asked(arrivals=log(None, None, None)), None)
    assert bare.seq_lens == (128,)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seq_lens": (8,), "lengths": log(8)}, "sequence lengths and a log"),
        ({"rate_per_s": 1.0, "arrivals": log(8)}, "a rate and a log"),
        ({"sized": False, "seq_lens": (8,)}, "requests from a file"),
    ],
)
def test_what_cannot_go_together_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Asked(**asked)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=300), st.none() | st.integers(1, 4096))
def test_quantile_lengths_are_few_and_fit(lengths: list[int], most: int | None) -> None:
    found = quantile_lengths(lengths, most)
    assert 1 <= len(found) <= 4
    assert list(found) == sorted(set(found))
    assert all(length % 8 == 0 or length == most for length in found)
    assert most is None or found[-1] <= most
    assert found[-1] < max(lengths) + 8
