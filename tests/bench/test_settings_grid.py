"""The settings that are tried: enough of them, within what was measured and what fits in memory."""

from __future__ import annotations

import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import fit
from llmopt.bench.settings_grid import grid, neighbours
from llmopt.serving.batching.settings import BatchSettings
from tests.bench.swept import out_of_memory, points

MIXED = Workload((10, 20, 40, 300))


@pytest.mark.parametrize("workload", [Workload((64,)), MIXED])
@pytest.mark.parametrize("slo_p99_s", [None, 0.02, 5.0])
@pytest.mark.parametrize("largest", [8, 32, 96, 512])
def test_at_least_60_different_ones_are_tried(workload: Workload, slo_p99_s: float | None, largest: int) -> None:
    curve = fit(points(sizes=(1, 2, 4, largest)))
    found = grid(curve, workload, slo_p99_s)
    assert len(found) == len(set(found)) >= (60 if largest > 8 else 40)
    assert max(settings.max_batch_size for settings in found) == largest
    assert found[0].max_wait_s == 0


def test_nobody_waits_longer_than_there_is_time() -> None:
    found = grid(fit(points()), Workload((64,)), 0.03)
    assert max(settings.max_wait_s for settings in found) <= 0.015
    assert min(settings.max_wait_s for settings in found) == 0


def test_token_budgets_are_for_requests_of_several_lengths() -> None:
    assert {settings.max_batch_tokens for settings in grid(fit(points()), Workload((64,)), 0.1)} == {None}
    budgets = {settings.max_batch_tokens for settings in grid(fit(points()), MIXED, 0.1)}
    assert None in budgets
    assert len(budgets) >= 4


def test_what_did_not_fit_in_memory_is_kept_clear_of() -> None:
    curve, failed = fit(points(sizes=(1, 2, 4, 8, 16))), [out_of_memory(16, 64)]
    assert max(settings.max_batch_size for settings in grid(curve, Workload((64,)), 0.1, failed)) == 14
    found = grid(curve, MIXED, 0.1, [out_of_memory(4, 300)])
    for settings in found:
        most = settings.max_batch_size * 300
        assert min(most, max(settings.max_batch_tokens or most, 300)) < 4 * 300
    assert any(settings.max_batch_size == 16 for settings in found)
    assert grid(curve, Workload((64,)), 0.1, [out_of_memory(1, 64)]) == ()


def test_neighbours_lie_between_settings_of_the_grid() -> None:
    assert BatchSettings(18) in neighbours(BatchSettings(20), 32)
    assert BatchSettings(20) not in neighbours(BatchSettings(20), 32)
    assert all(settings.max_batch_size <= 20 for settings in neighbours(BatchSettings(20), 20))
    assert {settings.max_batch_tokens for settings in neighbours(BatchSettings(8, 0.0, 1000), 32)} == {
        700, 850, 1200, 1400,
    }  # fmt: skip
