"""What a user may type after `llmopt cost`, and what cannot go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.cli.cost_asked import EVERY_S, Typed, asked, check, settled
from tests.cli.conftest import Llmopt


def test_the_defaults_are_fine() -> None:
    typed = Typed(logs=["a"])
    check(typed)
    read = asked(typed)
    assert (read.every_s, read.rebuild, read.top, read.options["by"]) == (EVERY_S, (), None, ("model",))


REFUSED = [
    ((), "no logs are named", "llmopt cost LOGS"),
    (("a", "--engine", "dask"), "--engine 'dask': not one of local, spark", "such as --engine local"),
    (("a", "--master", "local[2]"), "--master is for --engine spark", "add --engine spark"),
    (("--sql", "SELECT 1"), "--sql asks a database, and none is named", "add --db"),
    (("a", "--db", "x.db"), "--db is where --sql asks, and nothing is asked", "add --sql"),
    (("a", "--sql", "SELECT 1", "--db", "x.db"), "--sql and LOGS exclude each other", "leave the paths out"),
    (("a", "--rebuild", "2026-11-01"), "--rebuild is for --state", "add --state DIR"),
    (("a", "--state", "s", "--rebuild", "monday"), "--rebuild 'monday': not a day", "such as --rebuild"),
    (("a", "--every", "5"), "--every is for --follow", "add --follow"),
    (("a", "--follow", "--every", "soon"), "--every 'soon': not a duration", ""),
    (("a", "--follow", "--every", "0"), "--every '0': ", ""),
    (("a", "--follow", "--engine", "spark"), "--follow and --engine spark exclude each other: Spark reads", "name one"),
    (("a", "--follow", "--state", "s"), "--follow and --state exclude each other", "name one"),
    (("--follow", "--sql", "SELECT 1", "--db", "x"), "--follow and --sql exclude each other: a query has an end", ""),
    (("a", "--state", "s", "--engine", "spark"), "--state and --engine spark exclude each other", "name one"),
    (("--sql", "SELECT 1", "--db", "x", "--state", "s"), "--state and --sql exclude each other", "name one"),
    (("--sql", "SELECT 1", "--db", "x", "--engine", "spark"), "--sql and --engine spark exclude each other", ""),
    (("s3://bucket/logs/", "--follow"), "--follow watches files of this machine, and a URL is named", "leave out"),
    (("a", "--max-increase", "5%"), "--max-increase compares with a baseline", "add --baseline FILE"),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), REFUSED, ids=[message for _, message, _ in REFUSED])
def test_what_makes_no_sense_is_said(
    arguments: tuple[str, ...], message: str, hint: str, llmopt: Llmopt, workdir: Path
) -> None:
    outcome = llmopt("cost", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    first, second = outcome.err.splitlines()
    assert first.startswith(f"llmopt: error: {message}")
    assert second.startswith(f"llmopt: hint: {hint}")


def test_days_and_durations_are_read() -> None:
    read = asked(Typed(logs=["a"], state=Path("s"), rebuild=["2026-11-01", " 2026-11-02"], follow=True, every="500ms"))
    assert (read.rebuild, read.every_s) == (("2026-11-01", "2026-11-02"), 0.5)
    assert asked(Typed(logs=["a"], follow=True, every="5")).every_s == 5.0


def test_a_flag_goes_before_a_setting_that_does_not_go_with_it() -> None:
    nightly = Typed(logs=["a"], follow=True, state=Path("s"), rebuild=["2026-11-01"])
    fits = settled(nightly, {"state", "rebuild"})
    assert (fits.state, fits.rebuild, fits.follow) == (None, (), True)
    check(fits)
    assert settled(nightly, ()) == nightly


def test_a_log_that_is_named_goes_before_a_query_of_the_settings() -> None:
    fits = settled(Typed(logs=["a"], sql="SELECT 1", db="x", engine="spark", master="m"), {"sql", "db"})
    assert (fits.sql, fits.db, fits.engine, fits.master) == (None, None, "spark", "m")
    fits = settled(Typed(logs=["a"], follow=True, engine="spark", master="m"), {"engine", "master"})
    assert (fits.engine, fits.master) == ("local", None)
    fits = settled(Typed(logs=["a"], every="5"), {"every"})
    assert fits.every is None


def test_a_gate_of_the_settings_is_never_dropped() -> None:
    typed = Typed(logs=["a"], max_increase="5%")
    assert settled(typed, {"max_increase"}) == typed
