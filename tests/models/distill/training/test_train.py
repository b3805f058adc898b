from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, OutOfMemory, UsageError
from llmopt.models.distill.config import DistillConfig
from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.config import PATIENCE  # noqa: E402
from llmopt.models.distill.training import train as training  # noqa: E402
from llmopt.models.distill.training.devices import Alone  # noqa: E402
from llmopt.models.distill.training.snapshot import FILE, Snapshots, State  # noqa: E402
from tests.models.distill.training.fakes import Vectors, data, same, student, trained, weights  # noqa: E402

CONFIG = DistillConfig(epochs=4, batch_size=8)
TABLE = "table.weight"


class Clock:
    """Goes on by a second whenever it is read."""

    def __init__(self, tick_s: float = 1.0) -> None:
        self._now_s, self._tick_s = 0.0, tick_s

    def __call__(self) -> float:
        self._now_s += self._tick_s
        return self._now_s


def stopping_at(step: int, number: signal.Signals = signal.SIGINT) -> Callable[[int, int, str], None]:
    """Return what interrupts a run when a step is told of."""
    told: list[str] = []

    def progress(done: int, total: int, text: str) -> None:
        told.append(text)
        if len(told) == step:
            heard = signal.getsignal(number)
            assert callable(heard)
            heard(number, None)  # without a real one, which all that shares the process would get

    return progress


def test_a_student_learns_and_the_report_says_how(tmp_path: Path) -> None:
    one, how = trained(tmp_path, CONFIG, spent_s=2.5)
    assert how.checks[-1].loss < how.checks[0].loss / 2
    assert [check.step for check in how.checks] == sorted({check.step for check in how.checks})
    assert (how.checks[0].step, how.checks[0].epoch) == (0, 0.0)
    assert len(how.checks) == 11
    assert how.best_step == min(how.checks, key=lambda check: check.loss).step
    assert (how.epochs, how.texts, how.ended, how.resumed, how.devices) == (4.0, 240, "epochs", 0, 1)
    assert how.tokens == 4 * sum(len(item.student_ids) for item in data(60).items)
    assert (how.learning_rate, how.batch_size, how.teacher_s) == (5e-2, 8, 2.5)
    assert how.precision in {"float32", "bfloat16"}
    assert how.training_s >= how.checks[-1].elapsed_s > 0
    assert not one.model.training
    assert all(weight.grad is None and weight.requires_grad for weight in one.model.parameters())


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    first, second, other = (
        weights(trained(tmp_path, DistillConfig(epochs=1, batch_size=8, seed=seed))[0]) for seed in (0, 0, 1)
    )
    assert same(first, second)
    assert not same(first, other)


def test_random_numbers_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    one = student()
    before = torch.get_rng_state()
    trained(tmp_path, CONFIG, one)
    assert torch.equal(before, torch.get_rng_state())


def test_without_dropout_the_student_does_not_drop(tmp_path: Path) -> None:
    modes = []
    one = student()
    one.model.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    trained(tmp_path, CONFIG, one, objective=Vectors(dropout=False))
    assert not any(modes)


def test_frozen_weights_stay(tmp_path: Path) -> None:
    one = student(frozen=(TABLE,))
    before = weights(one)
    trained(tmp_path, CONFIG, one)
    changed = {name for name, value in weights(one).items() if not torch.equal(value, before[name])}
    assert TABLE not in changed
    assert "norm.weight" in changed


def test_a_student_in_whose_part_no_text_falls_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Last(Alone):
        """The third of three, where batches have two texts."""

        count, rank = 3, 2

        def total(self, values: Any) -> list[float]:
            return list(values)

    before, one = weights(student()), student()
    monkeypatch.setattr(training, "devices_of", lambda place: Last())
    _, how = trained(tmp_path, DistillConfig(epochs=1, batch_size=2), one, others=data(0))
    assert (how.tokens, how.texts, how.devices) == (0, 60, 3)
    assert torch.equal(before["unused.weight"], weights(one)["unused.weight"])
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_train_is_refused(tmp_path: Path) -> None:
    names = tuple(name for name, _ in student().model.named_parameters())
    with pytest.raises(UsageError, match="nothing to train"):
        trained(tmp_path, CONFIG, student(frozen=names))


def test_no_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text with a teacher's answer"):
        trained(tmp_path, CONFIG, texts=data(0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 9, 32])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    tmp_path: Path, number: signal.Signals, step: int
) -> None:
    whole, how = trained(tmp_path, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, CONFIG, progress=stopping_at(step, number))
    again, rest = trained(tmp_path, DistillConfig(epochs=4, batch_size=8, resume=True), student())
    assert same(weights(whole), weights(again))
    assert [check.loss for check in rest.checks] == [check.loss for check in how.checks]
    assert (rest.steps, rest.texts, rest.tokens, rest.best_step) == (how.steps, how.texts, how.tokens, how.best_step)
    assert rest.resumed == 1


def test_it_may_be_stopped_again_and_again(tmp_path: Path) -> None:
    whole, _ = trained(tmp_path, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, CONFIG, progress=stopping_at(3))
    resumed = DistillConfig(epochs=4, batch_size=8, resume=True)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, resumed, progress=stopping_at(5))
    again, how = trained(tmp_path, resumed)
    assert same(weights(whole), weights(again))
    assert how.resumed == 2


def test_a_run_that_is_done_is_not_trained_again(tmp_path: Path) -> None:
    whole, how = trained(tmp_path, CONFIG)
    told: list[str] = []
    again, rest = trained(
        tmp_path,
        DistillConfig(epochs=4, batch_size=8, resume=True),
        progress=lambda done, total, text: told.append(text),
    )
    assert same(weights(whole), weights(again))
    assert (rest.steps, rest.checks, told) == (how.steps, how.checks, [])


def test_ctrl_c_at_the_very_end_is_heard(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, DistillConfig(epochs=1, batch_size=60), progress=stopping_at(1))
    _, how = trained(tmp_path, DistillConfig(epochs=1, batch_size=60, resume=True))
    assert (how.steps, how.ended) == (1, "epochs")


def test_without_resume_a_run_starts_anew(tmp_path: Path) -> None:
    whole, _ = trained(tmp_path, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, CONFIG, progress=stopping_at(9))
    again, how = trained(tmp_path, CONFIG)
    assert same(weights(whole), weights(again))
    assert how.resumed == 0


def test_resuming_with_nothing_to_go_on_from_starts_anew(tmp_path: Path) -> None:
    _, how = trained(tmp_path, DistillConfig(epochs=1, batch_size=8, resume=True))
    assert (how.resumed, how.epochs) == (0, 1.0)


def test_other_settings_are_not_gone_on_with(tmp_path: Path) -> None:
    trained(tmp_path, CONFIG)
    with pytest.raises(UsageError, match="--seed is 1, and was 0"):
        trained(tmp_path, DistillConfig(epochs=4, batch_size=8, seed=1, resume=True))
    with pytest.raises(UsageError, match="another one"):
        trained(tmp_path, DistillConfig(epochs=4, batch_size=8, resume=True), made="c of d")


def test_a_resumed_run_keeps_to_the_texts_it_began_with(tmp_path: Path) -> None:
    whole, _ = trained(tmp_path, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, CONFIG, progress=stopping_at(9))
    resumed = DistillConfig(epochs=4, batch_size=8, resume=True)
    again, _ = trained(tmp_path, resumed, texts=data(80))
    assert data(80).items[:60] == data(60).items
    assert same(weights(whole), weights(again))


def test_a_snapshot_is_written_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    save = Snapshots.save

    def counted(self: Snapshots, state: State, *more: Any) -> None:
        written.append(state.step)
        save(self, state, *more)

    monkeypatch.setattr(Snapshots, "save", counted)
    trained(tmp_path, CONFIG, clock=Clock(3.0), others=data(0))
    assert written[-1] == 32
    assert 3 <= len(written) <= 6


def test_snapshots_that_take_long_are_rarer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, written = Clock(), []

    def slow(self: Any, state: Any, *more: Any) -> None:
        written.append(state.step)
        for _ in range(50):
            clock()

    monkeypatch.setattr(training, "_EVERY_S", 5.0)
    monkeypatch.setattr(Snapshots, "save", slow)
    trained(tmp_path, CONFIG, clock=clock, others=data(0))
    assert len(written) == 2


def test_it_ends_when_the_time_is_up_at_a_rate_of_nothing(tmp_path: Path) -> None:
    _, how = trained(tmp_path, DistillConfig(max_time_s=100.0, batch_size=8), spent_s=20.0, clock=Clock())
    assert how.ended == "max time"
    assert 80 <= how.training_s <= 85
    assert how.epochs > 1


def test_epochs_end_a_run_that_has_time_left(tmp_path: Path) -> None:
    _, how = trained(tmp_path, DistillConfig(max_time_s=1e6, epochs=1, batch_size=8), clock=Clock())
    assert (how.ended, how.epochs) == ("epochs", 1.0)


def test_three_epochs_by_itself(tmp_path: Path) -> None:
    assert trained(tmp_path, DistillConfig(batch_size=32))[1].epochs == 3


def test_no_time_left_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the teacher took 20 s of 10 s, nothing is left"):
        trained(tmp_path, DistillConfig(max_time_s=10.0), spent_s=20.0)


def test_a_resumed_run_has_the_time_that_was_left(tmp_path: Path) -> None:
    config = DistillConfig(max_time_s=100.0, batch_size=8)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, config, spent_s=20.0, clock=Clock(), progress=stopping_at(10))
    resumed = DistillConfig(max_time_s=100.0, batch_size=8, resume=True)
    _, how = trained(tmp_path, resumed, spent_s=99.0, clock=Clock())
    assert 80 <= how.training_s <= 85


def test_a_run_without_gain_ends_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    one = student()
    before = weights(one)
    others = data(12, seed=9)
    others.targets.rows = lambda places: {"vectors": -one_vectors[list(places)]}  # type: ignore[method-assign]
    one_vectors = data(12, seed=9).targets.rows(range(12))["vectors"]
    _, how = trained(tmp_path, DistillConfig(epochs=20, batch_size=8), one, others=others)
    assert how.ended == "no gain"
    assert len(how.checks) == how.checks.index(min(how.checks, key=lambda check: check.loss)) + 1 + PATIENCE
    assert how.epochs < 20
    assert (how.best_step == 0) == same(before, weights(one))


def test_without_validation_the_last_weights_are_kept(tmp_path: Path) -> None:
    _, how = trained(tmp_path, CONFIG, others=data(0))
    assert how.checks == ()
    assert how.best_step == how.steps


@pytest.mark.parametrize("how", ["an error", "no number", "fine"])
def test_a_student_that_bfloat16_does_not_suit_trains_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    class Picky(Vectors):
        """Masks with the lowest number of float32, as some models do."""

        def loss(self, model: Any, batch: Any) -> dict[str, Any]:
            rounded = "forward" in vars(model)
            if rounded and how == "an error":
                raise RuntimeError("value cannot be converted to type c10::BFloat16 without overflow")
            found = super().loss(model, batch)
            return {"total": found["total"] * torch.nan} if rounded and how == "no number" else found

    monkeypatch.setattr(training, "precision_of", lambda place: "bfloat16")
    _, done = trained(tmp_path, CONFIG, objective=Picky())
    assert done.precision == ("bfloat16" if how == "fine" else "float32")
    assert done.ended == "epochs"


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="not a finite number") as caught:
        trained(tmp_path, CONFIG, objective=Vectors(scale=scale))
    assert "0.05" in caught.value.hint
    with pytest.raises(InputError, match=r"no longer a finite number at step 1 \(") as caught:
        trained(tmp_path, CONFIG, objective=Vectors(scale=scale), others=data(0))
    assert caught.value.hint == "take a lower --lr than 0.05"


def test_memory_that_runs_out_is_told(tmp_path: Path) -> None:
    class Hungry(Vectors):
        def loss(self, model: Any, batch: Any) -> dict[str, Any]:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    with pytest.raises(OutOfMemory) as caught:
        trained(tmp_path, CONFIG, objective=Hungry())
    assert caught.value.hint == "a smaller --batch-size"


def test_a_disk_without_space_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("llmopt.models.quantizing.destination.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="are free"):
        trained(tmp_path, CONFIG)
    assert not (tmp_path / FILE).exists()


def test_progress_goes_from_begin_to_end(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    trained(tmp_path, CONFIG, progress=lambda *said: told.append(said))
    assert len(told) == 32
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][:2] == (1000, 1000)
    assert told[-1][2].startswith("epoch 4.0 of 4, loss ")
    assert told[-1][2].endswith(" left")


def test_the_users_rate_goes_before_the_students(tmp_path: Path) -> None:
    assert trained(tmp_path, DistillConfig(epochs=1, lr=1e-4))[1].learning_rate == 1e-4
