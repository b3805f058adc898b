"""The benchmark of the month's interval runs, and its logs are what they say."""

from __future__ import annotations

import json
import random

import pytest

from benchmarks import project_interval
from benchmarks.project_interval import KINDS


def test_it_prints_every_figure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["project_interval.py", "--logs", "2", "--days", "7"])
    with pytest.raises(SystemExit):
        project_interval.main()
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert len(lines) == len(KINDS) + 1 == len(figures["cells"]) + 1
    assert {cell["days"] for cell in figures["cells"]} == {7}
    assert all(0 <= cell["held"] <= 1 and cell["width"] > 0 for cell in figures["cells"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_of_each_kind_has_a_mean_of_one(kind: str) -> None:
    rng = random.Random(1)
    weekdays, noise = KINDS[kind]
    factors = noise(rng, 20_000)
    assert sum(factors) / len(factors) == pytest.approx(1, abs=0.05)
    assert min(factors) >= 0
    assert len(weekdays) == 7
