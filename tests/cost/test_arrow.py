"""Columns of duckdb as arrays."""

from __future__ import annotations

import duckdb
import pytest

from llmopt.cost.arrow import Texts, batches


def test_numbers_and_texts_come_in_order() -> None:
    with duckdb.connect() as connection:
        query = """SELECT range AS n, CAST(range % 3 AS UTINYINT) AS small, hash(range) AS h, NULL AS nothing,
            CASE WHEN range % 2 = 0 THEN 'é' || range END AS said FROM range(200000)"""
        numbers: list[int] = []
        for batch in batches(connection, query):
            first = len(numbers)
            numbers += batch.columns["n"]
            assert list(batch.columns["small"]) == [n % 3 for n in batch.columns["n"]]
            assert batch.columns["h"].typecode == "Q"
            assert batch.columns["nothing"] is None
            said = batch.columns["said"]
            assert isinstance(said, Texts)
            for row in (0, 1, batch.length - 1):
                number = first + row
                assert said[row] == (f"é{number}".encode() if number % 2 == 0 else None)
        assert numbers == list(range(200_000))


def test_no_rows_are_no_batches() -> None:
    with duckdb.connect() as connection:
        assert sum(batch.length for batch in batches(connection, "SELECT 1 AS n WHERE false")) == 0


def test_what_fails_on_the_way_is_an_error_of_duckdb() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.Error):
        list(
            batches(
                connection, "SELECT CAST(CASE WHEN range = 150000 THEN 'x' ELSE '1' END AS INT) AS n FROM range(200000)"
            )
        )
