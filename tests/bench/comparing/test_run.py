"""A whole comparison of models whose times are a formula: what it says follows from the formula."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.bench.comparing.checks import failed_checks
from llmopt.core.batch import Shape
from llmopt.errors import InputError, OutOfMemory, UsageError
from tests.bench.comparing.contenders import FACTS, Contender, compared, quality
from tests.bench.machines import Clock, Machine


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_model_that_takes_half_the_time_is_twice_as_fast(clock: Clock) -> None:
    # 8 x 128 tokens: 2 ms + 102.4 ms, and 1 ms + 51.2 ms
    base, half = Contender(clock), Contender(clock, 0.001, 0.00005)
    found = compared(clock, [base, half], price_per_month=Decimal(1000))
    first, second = found.models
    assert found.shapes == (Shape(8, 128),)
    assert (found.base, first.is_base, second.is_base) == ("m0", True, False)
    assert first.latency_p50_s == pytest.approx(0.1044)
    assert first.throughput_per_s == pytest.approx(8 / 0.1044)
    assert first.tokens_per_s == pytest.approx(1024 / 0.1044)
    assert (first.speedup, first.speedup_low, first.speedup_high) == (1, 1, 1)
    assert second.speedup == pytest.approx(2)
    assert second.speedup_low is not None
    assert second.speedup_high is not None
    assert 1.9 < second.speedup_low < 2 < second.speedup_high < 2.1
    assert first.cost is None
    assert second.cost is not None
    assert second.cost.at_speedup == Decimal("500.00")
    assert second.cost.at_speedup_low < 500 < second.cost.at_speedup_high
    assert second.cost.saved_per_month == Decimal("500.00")
    assert found.failures == ()
    assert found.environment.noise.quiet
    assert base.closed
    assert half.closed


def test_enough_samples_for_a_p95_and_at_least_thirty_rounds(clock: Clock) -> None:
    found = compared(clock, [Contender(clock), Contender(clock)], max_time_s=1000.0)
    assert found.rounds >= 30
    for model in found.models:
        (shape,) = model.shapes
        assert len(shape.turns_s) == found.rounds
        assert shape.point.samples >= 59
        assert model.latency_p95_s is not None


def test_the_end_of_the_time_ends_the_rounds_and_is_told(clock: Clock) -> None:
    found = compared(clock, [Contender(clock), Contender(clock)], max_time_s=4.0)
    assert 3 <= found.rounds < 30
    assert found.models[0].latency_p95_s is None
    assert any("raise --max-time" in line for line in found.warnings)
    assert clock() < 6
    late = compared(clock, [Contender(clock), Contender(clock)], max_time_s=0.001)
    assert late.rounds == 3


def test_a_model_against_itself_is_as_fast_as_itself() -> None:
    held = 0
    for seed in range(40):
        clock = Clock()
        pair = [Contender(clock, spread=0.2, rng=random.Random(f"{seed} {at}")) for at in range(2)]
        other = compared(clock, pair, seed=seed, max_time_s=20.0).models[1]
        assert other.speedup_low is not None
        assert other.speedup_high is not None
        held += other.speedup_low <= 1 <= other.speedup_high
    assert held >= 36


def test_what_slows_the_machine_down_for_a_while_hits_both_and_leaves_the_ratio_alone(clock: Clock) -> None:
    class Drifting(Contender):
        def run(self, lengths: tuple[int, ...]) -> object:  # type: ignore[override]
            slow = 3.0 if 2 < self.clock() % 6 < 5 else 1.0
            self.base_s, kept = self.base_s * slow, self.base_s
            try:
                return super().run(lengths)
            finally:
                self.base_s = kept

    found = compared(clock, [Drifting(clock, 0.06, 0.0), Drifting(clock, 0.03, 0.0)], max_time_s=60.0)
    assert found.models[1].speedup == pytest.approx(2, rel=0.05)


def test_the_order_of_a_round_changes(clock: Clock) -> None:
    order: list[str] = []

    class Noted(Contender):
        def run(self, lengths: tuple[int, ...]) -> object:  # type: ignore[override]
            order.append(self.facts_of.name)
            return super().run(lengths)

    compared(clock, [Noted(clock, 0.3, facts_of=replace(FACTS, name=name)) for name in ("a", "b")], max_time_s=30.0)
    rounds = ["".join(order[at : at + 2]) for at in range(4, len(order) - 1, 2)]
    assert {"ab", "ba"} == set(rounds)


def test_short_batches_are_repeated_after_one_that_is_not_counted(clock: Clock) -> None:
    # 5 ms: a turn of 20 ms has four, and one before
    base = Contender(clock, 0.005, 0.0)
    found = compared(clock, [base, Contender(clock, 0.3, 0.0)], max_time_s=20.0)
    short, long = (model.shapes[0].point.samples for model in found.models)
    assert short == 4 * found.rounds
    assert long == found.rounds
    assert len(base.batches) == 2 + 5 * found.rounds


def test_three_models_and_several_shapes(clock: Clock) -> None:
    # one is twice as fast for each token, one for each batch
    trio = [Contender(clock, 0.1, 0.001), Contender(clock, 0.1, 0.0005), Contender(clock, 0.05, 0.001)]
    found = compared(clock, trio, batch_sizes=(1, 4), seq_lens=(100, 200), max_time_s=200.0)
    assert found.shapes == (Shape(1, 100), Shape(1, 200), Shape(4, 100), Shape(4, 200))
    base_s, token_s, batch_s = ([0.2, 0.3, 0.5, 0.9], [0.15, 0.2, 0.3, 0.5], [0.15, 0.25, 0.45, 0.85])
    for model, times in zip(found.models[1:], (token_s, batch_s), strict=True):
        ratios = [shape.speedup.value for shape in model.shapes if shape.speedup]
        assert ratios == pytest.approx([before / after for before, after in zip(base_s, times, strict=True)])
        requests = [1, 1, 4, 4]
        mix = [sum(time / count for time, count in zip(of, requests, strict=True)) for of in (base_s, times)]
        assert model.speedup == pytest.approx(mix[0] / mix[1])
    assert found.models[2].latency_p50_s == pytest.approx(0.15)


def test_one_model_alone_is_measured_and_compared_with_nothing(clock: Clock) -> None:
    found = compared(clock, [Contender(clock, spread=0.05)])
    (alone,) = found.models
    assert (found.base, alone.is_base, alone.speedup, alone.speedup_low, alone.cost) == (None, False, None, None, None)
    assert alone.latency_p50_s
    assert alone.shapes[0].speedup is None
    assert found.warnings == ()


def test_memory_says_what_of_it_is_libraries(clock: Clock) -> None:
    (alone,) = compared(clock, [Contender(clock)], seq_lens=(10,)).models
    assert alone.size_bytes == 555
    assert alone.memory.running_peak_bytes == 1080
    assert (alone.memory.libraries_bytes, alone.memory.peak_bytes, alone.peak_memory_bytes) == (100, 1080, 1080)
    assert alone.memory.above_libraries_bytes == 980
    gpu = replace(FACTS, device="cuda:0")
    (alone,) = compared(clock, [Contender(clock, facts_of=gpu)], seq_lens=(10,)).models
    assert (alone.memory.device_peak_bytes, alone.peak_memory_bytes) == (1080, 1080)
    assert (alone.memory.running_peak_bytes, alone.memory.peak_bytes) == (800, 900)


def test_a_model_that_cannot_be_opened_ends_it_before_anything_is_measured(clock: Clock) -> None:
    fine, bad = Contender(clock), Contender(clock, opens=InputError("m1: no such model"))
    with pytest.raises(InputError, match="m1: no such model"):
        compared(clock, [fine, bad])
    assert fine.batches == []
    assert fine.closed
    assert bad.closed


def test_models_for_different_tasks_are_refused(clock: Clock) -> None:
    pair = [Contender(clock), Contender(clock, facts_of=replace(FACTS, task="generate", new_tokens=8))]
    with pytest.raises(UsageError, match="m0 is to embed and m1 to generate: they cannot be compared"):
        compared(clock, pair)
    pair = [Contender(clock), Contender(clock, facts_of=replace(FACTS, task="callable"))]
    with pytest.raises(UsageError, match="m1 to be called"):
        compared(clock, pair)


def test_what_does_not_fit_in_memory_loses_its_figures_and_no_others(clock: Clock) -> None:
    large = Contender(clock, most_tokens=1000)
    found = compared(
        clock, [Contender(clock), large, Contender(clock, 0.001)], batch_sizes=(8, 4), min_speedup=1.0, max_time_s=30.0
    )
    _, lost, fine = found.models
    assert (lost.speedup, lost.latency_p50_s, lost.throughput_per_s) == (None, None, None)
    assert [shape.point.status for shape in lost.shapes] == ["oom", "ok"]
    assert lost.shapes[1].speedup is not None
    assert lost.reason == "8 requests of up to 128 tokens do not fit in memory"
    assert found.failures == (f"m1: no speed-up could be measured, 1 was asked for: {lost.reason}",)
    assert f"m1: {lost.reason}" in found.warnings
    assert fine.speedup is not None
    assert "peak_bytes" not in [name for name, _ in large.asked]


def test_a_base_that_does_not_fit_leaves_nothing_to_compare_with(clock: Clock) -> None:
    found = compared(clock, [Contender(clock, most_tokens=10), Contender(clock)])
    assert found.models[1].speedup is None
    assert found.models[1].latency_p50_s is not None
    assert found.models[1].reason == "the base: 8 requests of up to 128 tokens do not fit in memory"
    with pytest.raises(OutOfMemory, match="8 requests of up to 128 tokens do not fit"):
        compared(clock, [Contender(clock, most_tokens=10), Contender(clock, most_tokens=10)])


def test_running_out_of_memory_in_the_middle(clock: Clock) -> None:
    found = compared(clock, [Contender(clock), Contender(clock, exhausted_after=9)], max_time_s=20.0)
    assert found.models[1].speedup is None
    assert found.models[1].shapes[0].turns_s == ()
    assert found.rounds >= 30


def test_other_work_on_the_machine_fails_the_run_unless_allowed(clock: Clock) -> None:
    found = compared(clock, [Contender(clock), Contender(clock)], Machine(clock, waiting=0.5), max_time_s=20.0)
    assert not found.environment.noise.quiet
    assert found.failures == ()
    (line,) = failed_checks(found)
    assert line.startswith("the machine was not quiet: ")
    assert failed_checks(found, allow_noisy=True) == ()
    assert found.models[0].shapes[0].point.status == "noisy"


def test_threads_that_never_sleep_are_told(clock: Clock) -> None:
    found = compared(clock, [Contender(clock), Contender(clock)], settled=lambda: False, max_time_s=5.0)
    assert any("still ran at the beginning of" in line for line in found.warnings)


def test_a_quality_drop_and_a_speed_that_are_not_as_asked(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("one two\nthree\nfour five six\n", encoding="utf-8")
    pair = [Contender(clock), Contender(clock, 0.001, judged=quality(0.03, warnings=("few texts",)))]
    found = compared(
        clock, pair, data=str(data), seq_lens=(64,), max_quality_drop=0.02, min_speedup=3.0, max_time_s=20.0
    )
    second = found.models[1]
    assert second.quality is not None
    assert found.models[0].quality is None
    assert found.failures[1] == "m1: 3.00% nearest neighbours changed, more than 2.000%"
    assert "times as fast as the base (95% interval" in found.failures[0]
    assert "m1: few texts" in found.warnings
    assert pair[0].asked[-1][0] == "reference"
    assert pair[0].asked[-1][1][1] == 8
    assert pair[1].asked[-1][0] == "quality"
    assert pair[1].asked[-1][1] == (b"answers", 0.02)
    assert found.lengths is None
    passing = compared(clock, [Contender(clock), Contender(clock)], data=str(data), max_quality_drop=0.03, ci=0.1)
    assert passing.failures == ()


def test_language_models_are_judged_side_by_side_with_the_base_closed(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("one two\nthree\n", encoding="utf-8")
    facts = replace(FACTS, task="generate", new_tokens=4)
    pair = [Contender(clock, facts_of=facts), Contender(clock, facts_of=facts, words=len)]
    found = compared(clock, pair, data=str(data), max_time_s=20.0)
    assert [name for name, _ in pair[0].asked] == ["details", "check", "lengths", "peak_bytes"]
    assert pair[1].asked[-1][0] == "quality_beside"
    assert found.models[1].quality is not None
    assert any("different tokens" in line for line in found.warnings)


def test_inputs_that_tell_nothing_end_it_before_anything_is_measured(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("one two\nthree\n", encoding="utf-8")
    pair = [Contender(clock, refuses=InputError("texts.txt:1: the model knows no label 'x'")), Contender(clock)]
    with pytest.raises(InputError, match="knows no label"):
        compared(clock, pair, data=str(data))
    assert pair[0].batches == []
    alone = Contender(clock, refuses=InputError("not asked"))
    assert compared(clock, [alone], data=str(data)).models[0].latency_p50_s


def test_quality_that_cannot_be_measured_is_a_reason_and_no_end(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("one two\nthree\n", encoding="utf-8")
    pair = [Contender(clock), Contender(clock, judged=InputError("other classes"))]
    found = compared(clock, pair, data=str(data), max_quality_drop=0.5)
    assert found.models[1].quality is None
    assert found.models[1].reason == "other classes"
    assert found.failures == ("m1: its quality could not be measured, a drop of 50.000% at most was asked for",)
    functions = replace(FACTS, task="callable")
    found = compared(clock, [Contender(clock, facts_of=functions) for _ in range(2)], data=str(data))
    assert found.models[1].reason == "the answers of functions are not compared"
    assert found.models[1].tokens_per_s is None


def test_requests_are_as_long_as_the_texts_for_each_model(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("".join(f"{'word ' * count}\n" for count in (1, 5, 9)), encoding="utf-8")
    pair = [Contender(clock), Contender(clock, words=lambda text: 2 * len(text.split()))]
    found = compared(clock, pair, data=str(data), batch_sizes=(2,), max_time_s=20.0)
    assert found.lengths is not None
    assert (found.lengths.texts, found.lengths.shortest, found.lengths.median, found.lengths.longest) == (3, 1, 5, 9)
    assert found.shapes == (Shape(2, 9),)
    assert {length for batch in pair[0].batches for length in batch} == {1, 5, 9}
    assert {tuple(2 * length for length in batch) for batch in pair[0].batches} == set(pair[1].batches)
    assert found.models[1].speedup is not None
    assert found.models[1].speedup < 1


def test_a_row_of_the_data_that_cannot_be_used_is_told_and_the_rest_counts(clock: Clock, tmp_path: Path) -> None:
    data = tmp_path / "texts.jsonl"
    data.write_text('{"text": "one two"}\nnonsense\n{"text": "three"}\n', encoding="utf-8")
    found = compared(clock, [Contender(clock)], data=str(data))
    assert any("texts.jsonl:2" in line for line in found.warnings)
    assert found.lengths is not None
    assert found.lengths.texts == 2
    with pytest.raises(InputError):
        compared(clock, [Contender(clock)], data=str(tmp_path / "missing.txt"))


def test_lengths_that_a_model_does_not_take(clock: Clock) -> None:
    short = Contender(clock, facts_of=replace(FACTS, name="short", max_tokens=64))
    with pytest.raises(UsageError, match="short takes 64 tokens at most, not 128"):
        compared(clock, [Contender(clock), short], seq_lens=(32, 128))
    writes = replace(FACTS, name="writes", task="generate", max_tokens=60, new_tokens=4)
    with pytest.raises(UsageError, match="writes takes 60 tokens at most beside 4 new ones, not 63"):
        compared(clock, [Contender(clock, facts_of=writes)], seq_lens=(63,))
    short = replace(short, closed=False)
    assert compared(clock, [Contender(clock), short], max_time_s=5.0).shapes == (Shape(8, 64),)
