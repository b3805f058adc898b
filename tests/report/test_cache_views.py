"""The reports of `llmopt cache` in every format, from results with fixed figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from llmopt.report import as_screen
from llmopt.report import cache_audit_view as audits
from llmopt.report import cache_simulate_view as simulations
from llmopt.report import cache_store_view as stores
from llmopt.report.cache_simulate_best import best, headline, recommended, saved_monthly, saved_share
from llmopt.report.cache_simulate_notes import kept_for
from llmopt.report.render import FORMATS, Format, render
from llmopt.report.table import Report
from llmopt.savings.caching_result import CacheSimulation
from llmopt.savings.daily import scaled
from llmopt.serving.cache.semantic.audit import Share
from llmopt.serving.cache.stores.store import StoreStats
from tests.conftest import Golden
from tests.report.cache_results import AUDIT, HELD, SIMULATION, setting
from tests.report.hostile import CONTROLS
from tests.report.hostile import HOSTILE as STRINGS

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
UNBOUNDED = replace(SIMULATION, settings=SIMULATION.settings[2:])
PROJECTION = scaled(1_000_000, 2_000, Decimal(40), Decimal("14.303456789"))
PURGED = stores.Purged("cache.db", 12, "acme", None, None)
NOTHING = replace(
    SIMULATION, simulated=0, simulated_usd=Decimal(0), settings=(), tenants=(), models=(), rejected=(), requests=800
)
SHOWN: dict[str, tuple[Report, dict[str, Any]]] = {
    "simulate": (
        simulations.view(UNBOUNDED, projection=PROJECTION),
        simulations.payload(UNBOUNDED, projection=PROJECTION, failed_checks=("too little",)),
    ),
    "simulate-nothing": (simulations.view(NOTHING), simulations.payload(NOTHING)),
    "stats": (stores.stats_view("cache.db", HELD), stores.stats_payload("cache.db", HELD)),
    "purge": (stores.purge_view(PURGED), stores.purge_payload(PURGED)),
    "audit": (audits.view(AUDIT), audits.payload(AUDIT, model="minilm")),
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SHOWN)
def test_every_format(name: str, format: Format, golden: Golden) -> None:
    report, payload = SHOWN[name]
    golden(f"cache/{name}.{SUFFIX[format]}", render(report, payload, format))


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("name", ["simulate", "audit"])
def test_on_a_terminal(name: str, width: int, golden: Golden) -> None:
    golden(f"cache/{name}-{width}.txt", as_screen.render(SHOWN[name][0], width, color=False))


@pytest.mark.parametrize("name", SHOWN)
def test_the_schema(name: str) -> None:
    payload = SHOWN[name][1]
    assert payload["schema"] == f"llmopt.cache.{name.partition('-')[0]}/1"
    assert json.loads(render(*SHOWN[name], "json")) == json.loads(json.dumps(payload))


def test_the_best_setting_saves_most_and_of_equals_comes_first() -> None:
    assert best(SIMULATION) == 3
    same = tuple(setting(ttl_s, None, 5, "1") for ttl_s in (60.0, 3_600.0))
    assert best(replace(SIMULATION, settings=same)) == 0
    free = (setting(60.0, None, 5, "0"), setting(3_600.0, None, 9, "0"))
    assert best(replace(SIMULATION, settings=free)) == 1
    assert best(NOTHING) is None


def test_a_shorter_time_to_live_that_saves_nearly_as_much_is_recommended() -> None:
    assert recommended(SIMULATION) == 3
    settings = (setting(3_600.0, 10**6, 80, "8"), setting(3_600.0, None, 95, "9.5"), setting(86_400.0, None, 100, "10"))
    near = replace(SIMULATION, settings=settings)
    assert (best(near), recommended(near)) == (2, 1)
    assert "keep answers for 1h, with room for 901 kB: 95.1% of that saving, with fresher answers." in headline(near)
    far = replace(near, settings=(settings[0], settings[2]))
    assert recommended(far) == 1
    assert headline(far).endswith("Recommended: keep answers for 24h, with room for 901 kB.")
    idle = tuple(replace(setting(ttl_s, None, 0, "0"), shared=0, shared_usd=Decimal(0)) for ttl_s in (60.0, 3_600.0))
    assert recommended(replace(SIMULATION, settings=idle)) is None
    assert "Recommended" not in headline(replace(SIMULATION, settings=idle))
    unpriced = (replace(idle[0], hits=89), replace(idle[1], hits=100))
    assert recommended(replace(SIMULATION, settings=unpriced)) == 1
    unpriced = (replace(idle[0], hits=90), replace(idle[1], hits=100))
    assert recommended(replace(SIMULATION, settings=unpriced)) == 0


def test_a_log_shorter_than_a_time_to_live_says_so() -> None:
    start = SIMULATION.start
    assert start is not None
    short = replace(SIMULATION, end=start + timedelta(hours=5))
    line = "The log covers less than 24h: answers kept for that long, or longer, never expire in it."
    assert line in [note.text for note in simulations.view(replace(short, tenants=(), models=()), brief=True).notes]
    assert "The log covers" not in render(*SHOWN["simulate"], "table")


def test_dollars_a_month_by_hand() -> None:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    assert saved_monthly(SIMULATION) is None
    ten_days = replace(SIMULATION, first=first, last=first + timedelta(days=10))
    assert saved_monthly(ten_days) == Decimal("42.910370")
    assert "(35.8%), $42.91 a month at this rate; nothing is known of 300 more." in headline(ten_days)
    assert simulations.payload(ten_days)["saved_monthly_usd"] == "42.91037"
    assert saved_monthly(replace(SIMULATION, first=first, last=first + timedelta(minutes=59))) is None
    assert "month" not in headline(SIMULATION)


def test_headlines_of_logs_without_hits_or_prices() -> None:
    assert headline(NOTHING) == "None of 800 requests can be simulated."
    assert headline(replace(NOTHING, requests=0)).startswith("The log has no single requests")
    sampling = replace(NOTHING, requests=500, left_out=SIMULATION.left_out[:1])
    assert headline(sampling) == "No cache answers any of 500 requests."
    free = replace(UNBOUNDED, cost_usd=Decimal(0))
    assert "share a call under way; nothing is known of 300 more. Recommended" in headline(free)


def test_what_has_no_price_is_unknown_and_not_nothing() -> None:
    nothing = Decimal(0)
    settings = tuple(
        replace(setting(ttl_s, None, hits, "0"), unpriced_hits=hits, shared=0, shared_usd=nothing)
        for ttl_s, hits in ((60.0, 95), (3_600.0, 100))
    )
    models = (replace(SIMULATION.models[0], simulated_usd=nothing, settings=settings),)
    free = replace(
        SIMULATION,
        cost_usd=nothing,
        simulated_usd=nothing,
        unpriced=2_000,
        settings=settings,
        tenants=(),
        models=models,
    )
    table, of_models = simulations.view(free).tables[:2]
    labels = [one.name for one in table.columns]
    assert [row[labels.index("saved_usd")] for row in table.rows] == [None, None]
    assert of_models.rows[0][4:] == (None, None, None)
    assert headline(free).endswith(
        "(5.9%); nothing is known of 300 more. "
        "Recommended: keep answers for 1min, with room for 901 kB: 95.0% of those hits, with fresher answers."
    )


def test_the_bound_is_a_column_where_there_is_one() -> None:
    bounded = render(simulations.view(replace(SIMULATION, tenants=(), models=())), {}, "table")
    assert "Kept for  Size " in bounded
    assert "Kept for  Hits " in render(*SHOWN["simulate"], "table")


def test_csv_has_the_same_columns_where_nothing_was_simulated() -> None:
    header, nothing = (render(*SHOWN[name], "csv").splitlines() for name in ("simulate", "simulate-nothing"))
    assert nothing == header[:1]


def test_shares_by_hand() -> None:
    rows = {row["ttl_s"]: row for row in csv.DictReader(io.StringIO(render(*SHOWN["simulate"], "csv")))}
    row = rows["86400"]
    assert (row["hits"], row["saved_usd"]) == ("731", "14.123456789")
    assert Decimal(row["hit_rate"]) == round(Decimal(731) / 1700, 6)
    assert Decimal(row["hit_rate_of_all"]) == round(Decimal(731) / 2000, 6)
    assert Decimal(row["saved_rate"]) == round(Decimal("14.123456789") / Decimal("35.5"), 6)
    assert Decimal(row["saved_rate_of_all"]) == round(Decimal("14.123456789") / 40, 6)
    assert saved_share(UNBOUNDED) == Decimal("14.303456789") / 40
    assert saved_share(NOTHING) == 0


def test_the_account_adds_up() -> None:
    text = render(*SHOWN["simulate"], "table")
    assert "2,000 requests = 1,200 simulated + 500 that no cache answers + 300 not known." in text
    assert "At 1,000,000 requests a day like these: $20,000" in text


def test_columns_of_all_requests_go_where_all_are_decided() -> None:
    whole = replace(UNBOUNDED, requests=1_700, left_out=SIMULATION.left_out[:1])
    assert "Of all requests" not in render(simulations.view(whole), {}, "table")
    assert "Of all requests" in render(*SHOWN["simulate"], "table")


def test_top_adds_the_others_up() -> None:
    report = simulations.view(UNBOUNDED, top=1)
    (tenants,) = [table for table in report.tables if table.name == "tenants"]
    assert tenants.rows[1][:3] == ("(2 others)", 400, 231)
    assert stores.stats_view("cache.db", HELD, top=1).tables[0].rows[1][-1] == Decimal("0.25")
    held = stores.stats_view("cache.db", HELD, top=2).tables[0]
    assert held.rows[2] == ("(1 other)", "", 4, 78_901, None)
    assert held.total == ("total", "", 1_204, 5_678_901, Decimal("12.75"))
    assert len(audits.view(AUDIT, top=1).tables[1].rows) == 1


def test_one_tenant_without_a_name_is_no_table() -> None:
    alone = replace(UNBOUNDED, tenants=SIMULATION.tenants[2:])
    assert "tenants" not in [table.name for table in simulations.view(alone).tables]


@pytest.mark.parametrize(
    ("ttl_s", "text"),
    [(90.0, "90s"), (1_800.0, "30min"), (86_400.0, "24h"), (604_800.0, "7d"), (0.25, "0.25s"), (5_400.0, "90min")],
)
def test_a_time_to_live_reads_as_it_is_typed(ttl_s: float, text: str) -> None:
    assert kept_for(setting(ttl_s, None, 0, "0")) == text


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("cache.db", "cache.db"),
        ("memory:", "memory:"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:secret@host:6379", "redis://:***@host:6379"),
        ("rediss://ada:se@cret@host/1", "rediss://ada:***@host/1"),
        ("unix://ada:secret@/run/valkey.sock?db=1", "unix://ada:***@/run/valkey.sock?db=1"),
        ("redis://host?password=secret&db=1", "redis://host?password=***&db=1"),
        ("redis://[bad:secret@host", "redis://***"),
    ],
)
def test_a_password_is_never_shown(where: str, shown: str) -> None:
    assert stores.without_password(where) == shown
    stats = replace(HELD, errors=1, last_error="timed out")
    for format in FORMATS:
        text = render(stores.stats_view(where, stats), stores.stats_payload(where, stats), format)
        assert "cret" not in text


@pytest.mark.parametrize(
    ("purged", "head"),
    [
        (stores.Purged("c.db", 2, None, None, None), "2 answers deleted from c.db."),
        (stores.Purged("c.db", 1, "", "gpt-4o", None), "1 answer of no tenant of model gpt-4o deleted from c.db."),
        (stores.Purged("c.db", 0, None, None, "ab"), "0 answers under this key deleted from c.db."),
    ],
)
def test_a_purge_says_what_went(purged: stores.Purged, head: str) -> None:
    assert stores.purge_view(purged).headline == head


def test_an_empty_store() -> None:
    empty = StoreStats("sqlite", 0, 0, None)
    assert (
        render(stores.stats_view("c.db", empty), {}, "table") == "Response cache\n\n0 answers, 0 B, in c.db (sqlite).\n"
    )
    assert stores.stats_payload("c.db", empty)["oldest"] is None


def test_audits_that_lack_something() -> None:
    bare = replace(
        AUDIT,
        guarded=False,
        at=tuple(replace(one, guarded_true_hits=None, guarded_false_hits=None) for one in AUDIT.at),
    )
    text = render(audits.view(bare), {}, "table")
    assert "without the guard: 16 of 40 pairs" in text
    assert "yes" not in text.split("Served wrongly")[0].split("Threshold")[1]
    none = Share(0, 0, 0.0, 1.0)
    alone = replace(AUDIT, different=0, at=(replace(AUDIT.at[1], false_hits=none, guarded_false_hits=none),))
    assert "nothing is known of false hits" in render(audits.view(alone), {}, "table")


def _simulation(text: str) -> CacheSimulation:
    named = tuple(replace(one, name=text) for one in SIMULATION.tenants)
    left = tuple(replace(one, reason=text, first=text) for one in SIMULATION.left_out)
    return replace(UNBOUNDED, tenants=named, models=named, left_out=left, warnings=(text,))


VIEWS: dict[str, Callable[[str], Report]] = {
    "simulate": lambda text: simulations.view(_simulation(text)),
    "stats": lambda text: stores.stats_view(
        text, replace(HELD, tenants=tuple(replace(one, tenant=text, model=text) for one in HELD.tenants))
    ),
    "audit": lambda text: audits.view(
        replace(AUDIT, false_hits=tuple(replace(one, pair=replace(one.pair, a=text)) for one in AUDIT.false_hits))
    ),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("text", STRINGS)
def test_strings_of_strangers_drive_nothing(name: str, text: str) -> None:
    report = VIEWS[name](text)
    for format in FORMATS:
        if format != "json":
            assert not CONTROLS & set(render(report, {}, format))
    assert not CONTROLS & set(as_screen.render(report, 80, color=False))
