from dataclasses import replace
from pathlib import Path

import pytest

from llmopt.bench.plan import Limits
from llmopt.bench.result import Sweep
from llmopt.bench.resume import Store
from llmopt.bench.sweep import sweep
from llmopt.errors import ConfigError, InputError
from tests.bench.machines import FACTS, Clock, Fake, guard

LIMITS = Limits(min_samples=20, max_samples=20, max_time_s=60)


def swept(target: Fake, path: Path, sizes: tuple[int, ...] = (1, 2)) -> Sweep:
    return sweep(
        target,
        batch_sizes=sizes,
        seq_lens=[32],
        limits=LIMITS,
        guard=guard(target.clock),
        clock=target.clock,
        store=Store(path),
    )


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """Return the samples of a run that was interrupted."""
    path = tmp_path / "samples.jsonl"
    with pytest.raises(KeyboardInterrupt):
        swept(Fake(Clock(), stop_after=24), path)
    return path


def test_a_second_run_goes_on_where_the_first_one_stopped(stopped: Path) -> None:
    kept = sum('"sample"' in line for line in stopped.read_text().splitlines())
    assert kept == 20
    target = Fake(Clock())
    result = swept(target, stopped)
    assert [point.samples for point in result.points] == [20, 20]
    assert len(target.batches) == 4 + 20


def test_a_run_that_was_finished_measures_nothing_more(stopped: Path) -> None:
    first = swept(Fake(Clock()), stopped)
    target = Fake(Clock())
    second = swept(target, stopped)
    assert len(target.batches) <= 4 + 2
    assert [point.samples for point in second.points] == [point.samples for point in first.points]


def test_a_torn_last_line_is_cut_away(stopped: Path) -> None:
    whole = stopped.read_bytes()
    stopped.write_bytes(whole + b'{"sample": [1, 3')
    swept(Fake(Clock()), stopped)
    assert stopped.read_bytes().startswith(whole)
    assert all(line.endswith("}") for line in stopped.read_text().splitlines())
    assert [point.samples for point in swept(Fake(Clock()), stopped).points] == [20, 20]


def test_samples_of_something_else_are_refused(stopped: Path) -> None:
    with pytest.raises(ConfigError, match="not the same dtype"):
        swept(Fake(Clock(), facts_of=replace(FACTS, dtype="bfloat16")), stopped)
    with pytest.raises(ConfigError, match="not the same batch sizes"):
        swept(Fake(Clock()), stopped, (1, 2, 4))


def test_the_state_of_a_device_may_change(stopped: Path) -> None:
    target = Fake(Clock(), facts_of=replace(FACTS, device_state=(("clock", "1 GHz"),)))
    assert swept(target, stopped).points[0].samples == 20


def test_a_file_of_something_else_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(ConfigError, match="holds no samples"):
        swept(Fake(Clock()), path)
    assert path.read_text() == "my notes\n"


@pytest.mark.parametrize("line", ["1", '{"sample": [1]}', '{"sample": [1, 2], "odd": 3}', "no JSON", '{"oom": 3}'])
def test_a_damaged_line_is_named(stopped: Path, line: str) -> None:
    head, *rest = stopped.read_text().splitlines()
    stopped.write_text("\n".join([head, line, *rest]) + "\n")
    with pytest.raises(ConfigError, match=r"samples.jsonl:2: no line of samples"):
        swept(Fake(Clock()), stopped)


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        swept(Fake(Clock()), tmp_path)
    with pytest.raises(InputError, match="cannot be used"):
        swept(Fake(Clock()), tmp_path / "no" / "folder")


def test_what_did_not_fit_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    swept(Fake(Clock(), most_tokens=64), path, (1, 2, 4))
    target = Fake(Clock(), most_tokens=64)
    result = swept(target, path, (1, 2, 4))
    assert (4, 32) not in target.batches
    assert [point.status for point in result.points] == ["ok", "ok", "oom", "oom"]
