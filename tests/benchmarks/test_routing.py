"""The benchmark of routing runs, and its made-up prompts are what they say."""

from __future__ import annotations

import json
import random

import pytest

from benchmarks import routing
from benchmarks.routing_data import best_area, prompts


def test_it_prints_every_figure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["routing.py", "--rows", "300", "--pairs", "400", "--decisions", "3"])
    with pytest.raises(SystemExit):
        routing.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["quality"]["area"][0] > 0.5
    assert figures["training"]["rows"] == 300
    assert set(figures["decision"]["median_us"]) == {"score", "rules", "rules and score"}
    assert figures["decision"]["scored"] == 1  # no rule decided, so the score was asked each time
    assert len(figures["goals"]) == 4


def test_prompts_are_made_up_by_their_seed_alone() -> None:
    assert prompts(50, 1) == prompts(50, 1) != prompts(50, 2)
    assert len({one.text for one in prompts(500, 1)}) == 500


def test_the_best_router_is_the_one_that_knows_the_label() -> None:
    labelled = prompts(4000, 1)
    rng = random.Random(1)
    drawn = [(one.cheap_fails, (rng.random() < 0.95) - (rng.random() >= one.cheap_fails)) for one in labelled]
    drawn.sort(reverse=True)
    total = kept = area = 0
    for _, gain in drawn:
        area += kept
        kept += gain
        total += gain
    assert area / len(drawn) / total == pytest.approx(best_area(labelled), abs=0.03)
