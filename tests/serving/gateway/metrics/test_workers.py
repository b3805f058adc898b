"""Whichever worker answers tells the numbers of all, of those that ended too, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.serving.gateway.metrics.cells import MOST_CELLS, NO_ROOM, OwnCells
from llmopt.serving.gateway.metrics.families import LOG_LOST, ROUTE
from llmopt.serving.gateway.metrics.gateway_metrics import GatewayMetrics
from llmopt.serving.gateway.metrics.workers import SharedCells
from tests.serving.gateway.calls import Told, call

COUNT = "gen_ai_client_operation_duration_seconds_count"
DIES = """
import os, sys
from pathlib import Path
from llmopt.serving.gateway.metrics.gateway_metrics import GatewayMetrics
from tests.serving.gateway.calls import call
metrics = GatewayMetrics(folder=Path(sys.argv[1]))
for _ in range(7):
    metrics.begun()
    metrics.note(call())
os.kill(os.getpid(), 9)
"""


def test_every_worker_tells_the_numbers_of_all(tmp_path: Path) -> None:
    one, other = GatewayMetrics(folder=tmp_path), GatewayMetrics(folder=tmp_path)
    for _ in range(3):
        one.note(call(cost_usd=Decimal("0.25")))
    other.note(call(cost_usd=Decimal("0.5"), route="fast"))
    one.begun()
    other.begun()
    assert [each.labels("llmopt_route_requests_total") for each in (Told(one), Told(other))] == [
        [{"route": "fast"}]
    ] * 2
    for told in (Told(one), Told(other)):
        assert told.total("llmopt_cost_usd_total") == 1.25
        assert told.total(COUNT) == 4
        assert told.total("llmopt_requests_in_flight") == 2
        assert told.total("llmopt_workers") == 2
    one.note(call(model="", asked_model="", answered_model=""))  # a series that is new since the last look
    assert Told(other).total("llmopt_requests_total") == 5
    one.close()
    other.close()


def test_what_a_killed_worker_counted_stays_and_its_open_requests_go(tmp_path: Path) -> None:
    lives = GatewayMetrics(folder=tmp_path)
    lives.note(call())
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False, timeout=120)
    assert done.returncode == -9
    told = Told(lives)
    assert (told.total(COUNT), told.total("llmopt_requests_in_flight"), told.total("llmopt_workers")) == (8, 0, 1)
    new = GatewayMetrics(folder=tmp_path)
    new.begun()
    new.note(call())
    assert len(list(tmp_path.iterdir())) == 2, "the new one took the file over"
    for told in (Told(lives), Told(new)):
        assert (told.total(COUNT), told.total("llmopt_requests_in_flight"), told.total("llmopt_workers")) == (9, 1, 2)
    lives.close()
    new.close()


def test_counts_of_other_parts_go_on_after_a_worker_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        metrics = GatewayMetrics(folder=tmp_path)
        metrics.follow(LOG_LOST, lambda: 3.0)
        told = Told(metrics)
        metrics.close()
    assert told.total("llmopt_log_lines_lost_total") == 6


def test_the_gateway_started_when_its_first_worker_did(tmp_path: Path) -> None:
    first = GatewayMetrics(folder=tmp_path)
    started = Told(first).total("llmopt_start_time_seconds")
    first.close()
    second, third = GatewayMetrics(folder=tmp_path), GatewayMetrics(folder=tmp_path)
    assert Told(second).total("llmopt_start_time_seconds") == Told(third).total("llmopt_start_time_seconds") == started
    second.close()
    third.close()


def test_a_name_that_was_cut_off_is_forgotten(tmp_path: Path) -> None:
    cells = SharedCells(tmp_path)
    cells.values[cells.place((ROUTE, "a"))] = 1
    cells.close()
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes() + b'["llmopt_route_req')
    again = SharedCells(tmp_path)
    again.values[again.place((ROUTE, "b"))] += 2
    reader = SharedCells(tmp_path)
    assert reader.read() == {(ROUTE, "a"): (1.0,), (ROUTE, "b"): (2.0,)}
    again.close()
    reader.close()


def test_a_file_that_is_being_made_is_passed_over(tmp_path: Path) -> None:
    cells = SharedCells(tmp_path)
    (tmp_path / "5.numbers").write_bytes(b"")
    assert (cells.read(), cells.workers()) == ({}, 1)
    cells.close()


def scraped(metrics: GatewayMetrics) -> float | None:
    return Told(metrics, scraped=True).total(COUNT)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_a_new_count_is_first_told_as_nothing_to_a_prometheus(tmp_path: Path, shared: bool) -> None:
    one = GatewayMetrics(folder=tmp_path if shared else None)
    other = GatewayMetrics(folder=tmp_path) if shared else one
    one.begun()
    one.note(call())
    assert Told(one).total(COUNT) == 1, "whoever just looks sees what there is"
    assert Told(one, scraped=True).total("llmopt_requests_in_flight") == 1
    assert (scraped(other), scraped(one)) == (1, 1)
    other.note(call())
    assert scraped(one) == 2
    one.note(call(status=500, error="server"))
    assert (scraped(other), scraped(one)) == (2, 3)
    one.close()
    other.close()


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_what_was_counted_long_before_a_prometheus_came_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    metrics = GatewayMetrics(folder=tmp_path if shared else None)
    metrics.note(call())
    monkeypatch.setattr("llmopt.serving.gateway.metrics.cells.YOUNG_S", -1.0)
    monkeypatch.setattr("llmopt.serving.gateway.metrics.workers.YOUNG_S", -1.0)
    assert scraped(metrics) == 1
    metrics.close()


def test_a_call_may_end_after_the_close(tmp_path: Path) -> None:
    metrics = GatewayMetrics(folder=tmp_path)
    metrics.begun()
    metrics.close()
    metrics.ended()


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_what_finds_no_room_is_counted_and_told_to_nobody(tmp_path: Path, shared: bool) -> None:
    cells = SharedCells(tmp_path) if shared else OwnCells()
    places = [cells.place((ROUTE, str(number))) for number in range(MOST_CELLS)]
    assert places[-1] == NO_ROOM != places[0]
    assert places.index(NO_ROOM) > MOST_CELLS // 2 - 100
    cells.values[NO_ROOM] = 1e9
    assert all(numbers == (0.0,) for numbers in cells.read().values())
    assert cells.place((ROUTE, "0")) == places[0]
    cells.close()


def test_the_gateway_says_that_series_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.serving.gateway.metrics.cells.MOST_CELLS", 200)
    metrics = GatewayMetrics()
    for number in range(50):
        metrics.note(call(route=f"r{number}", streamed=True, status=200 + number))
    assert (Told(metrics).total("llmopt_metric_series_refused_total") or 0) > 0
