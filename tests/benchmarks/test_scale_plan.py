"""The plan of a large log: each figure by hand for round constants, and what must hold for all."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale_plan import Asked, Case, Constants, breaks, buckets, distinct, entries, part_count, planned

CONSTANTS = Constants(
    part_bytes=100,
    many_parts=1_000,
    largest_part_bytes=1_000,
    bucket_bytes=1_000,
    most_buckets=16,
    part_s=2.0,
    empty_bytes=10.0,
    entry_bytes=5.0,
    id_bytes=9.0,
    watched_bytes=1_000,
    merge_part_s=1.0,
    merge_entry_s=0.5,
    held_part_bytes=7.0,
    held_entry_bytes=3.0,
    priced_entry_s=0.25,
    piece_bytes=4.0,
    name_bytes=2.0,
    open_row_bytes=6.0,
    open_file_bytes=50.0,
    deal_row_s=0.5,
    deal_file_s=3.0,
    rank_row_s=0.25,
    rank_file_s=1.0,
    block_bytes=50,
)
PLAIN = Case("plain", row_bytes=10.0, rows_per_s=4.0)
COPIES = replace(PLAIN, open_share=1.0)
SMALL = Asked(rows=1_000, cores=10, file_bytes=500, models=1, usd_core_hour=36.0, usd_gb_month=1e9)


def test_a_plain_log_by_hand() -> None:
    plan = planned(PLAIN, SMALL, CONSTANTS)
    assert (plan.storage_bytes, plan.files, plan.parts, plan.buckets) == (10_000, 20, 100, 0)
    assert plan.read_h * 3_600 == pytest.approx(1_000 / 4 + 100 * 2)
    assert plan.wall_h * 3_600 == pytest.approx(45)
    assert (plan.shuffle_bytes, plan.shuffle_h, plan.bucket_rows) == (0, 0, 0)
    assert (plan.part_entries, plan.ledger_entries, plan.part_sent_bytes) == (1, 1, 15)
    assert plan.collected_bytes == pytest.approx(100 * 15 + 9 * 1_000 / 11)
    assert plan.driver_bytes == pytest.approx(plan.collected_bytes + 100 * 7 + 101 * 3)
    assert plan.driver_h * 3_600 == pytest.approx(100 * 1 + 100 * 0.5 + 0.25)
    assert plan.task_command_bytes == 100 * 4 + 20 * 2
    assert (plan.gets, plan.lists, plan.fetched_bytes) == (20 + 200 + 100, 1, 10_000)
    assert plan.compute_usd == pytest.approx(4.5)
    assert plan.storage_usd == pytest.approx(10_000)


def test_copies_by_hand() -> None:
    plan = planned(COPIES, SMALL, CONSTANTS)
    files = 100 * distinct(10, 10)
    assert plan.buckets == 10
    assert plan.shuffle_bytes == pytest.approx(1_000 * 6 + files * 50)
    assert plan.shuffle_h * 3_600 == pytest.approx(1_000 * 0.75 + files * 4)
    assert plan.wall_h * 3_600 == pytest.approx((450 + 500 + files * 3) / 10 + (250 + files) / 10)
    assert (plan.bucket_rows, plan.part_entries, plan.part_sent_bytes) == (100, 0, 10)
    assert plan.bucket_disk_bytes == pytest.approx(5 * 1_000 * 6 / 10)


def test_a_second_pass_reads_again_and_deals_everything() -> None:
    once, twice = (planned(PLAIN, replace(SMALL, passes=passes), CONSTANTS) for passes in (1, 2))
    assert (twice.read_h, twice.gets) == (2 * once.read_h, 2 * once.gets)
    assert twice.shuffle_bytes == planned(COPIES, SMALL, CONSTANTS).shuffle_bytes
    assert (twice.collected_bytes, twice.driver_bytes) == (once.collected_bytes, once.driver_bytes)
    assert twice.driver_h > once.driver_h


def test_files_that_cannot_be_cut_are_parts() -> None:
    packed = replace(PLAIN, is_cut=False, weight=4.0)
    assert part_count(10_000, 500, PLAIN, CONSTANTS) == 100
    assert part_count(10_000, 500, packed, CONSTANTS) == 20
    assert part_count(10_000, 10, packed, CONSTANTS) == 400
    assert part_count(10**9, 10, PLAIN, CONSTANTS) == 10**6


def test_buckets_have_a_least_and_a_most() -> None:
    assert [buckets(size, CONSTANTS) for size in (0, 9_999, 12_000, 10**9)] == [8, 9, 12, 16]


def test_entries_are_groups_until_there_are_fewer_rows() -> None:
    asked = Asked(models=2, days=10, users=100, by_day=True)
    assert entries(1e9, asked) == pytest.approx(2_000)
    assert entries(1e9, asked, 0.01) == pytest.approx(200)
    assert entries(1, asked) == pytest.approx(1)
    assert entries(1e9, replace(asked, by_day=False)) == pytest.approx(200)


def test_what_breaks_is_found() -> None:
    limits = {"parts": ("parts", 1e6), "never": ("bucket_rows", 1.0)}
    found = breaks(PLAIN, SMALL, CONSTANTS, limits)
    assert found["never"] == float("inf")
    assert planned(PLAIN, replace(SMALL, rows=found["parts"]), CONSTANTS).parts > 1e6
    assert planned(PLAIN, replace(SMALL, rows=found["parts"] / 1.02), CONSTANTS).parts <= 1e6


@given(st.floats(0, 1e12), st.floats(1, 1e12))
def test_distinct_is_no_more_than_either(draws: float, kinds: float) -> None:
    assert 0 <= distinct(draws, kinds) <= min(draws, kinds) * (1 + 1e-9) + 1e-9


@given(st.integers(1, 12), st.floats(1.01, 1000), st.booleans(), st.integers(1, 2))
def test_no_total_falls_as_a_log_grows(power: int, factor: float, by_day: bool, passes: int) -> None:
    asked = Asked(rows=10.0**power, by_day=by_day, passes=passes, users=100)
    totals = ("storage_bytes", "files", "ledger_entries", "lists", "fetched_bytes", "storage_usd")
    for case in (PLAIN, COPIES):
        small = planned(case, asked, CONSTANTS)
        large = planned(case, replace(asked, rows=asked.rows * factor), CONSTANTS)
        for name in totals:
            assert getattr(large, name) >= getattr(small, name) * (1 - 1e-9)
        assert large.parts * 1.001 + 1 >= small.parts


def test_more_cores_take_less_time_but_no_less_money() -> None:
    few, many = (planned(COPIES, replace(SMALL, cores=cores), CONSTANTS) for cores in (1, 1_000))
    assert few.wall_h > many.wall_h
    assert few.compute_usd == many.compute_usd
    assert {field.name for field in fields(few) if getattr(few, field.name) != getattr(many, field.name)} == {"wall_h"}
