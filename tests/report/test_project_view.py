"""The reports of `llmopt project` in every format, from projections with fixed figures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from llmopt.report import as_screen
from llmopt.report.project_json import arithmetic_payload, payload
from llmopt.report.project_limits import too_little, too_little_of, unknown
from llmopt.report.project_view import arithmetic_view, view
from llmopt.report.project_words import headline, label
from llmopt.report.render import FORMATS, Format, render
from llmopt.report.table import Report, Table
from llmopt.savings.project.plan import LEVERS as NAMES
from llmopt.savings.project.result import Brochure, Lever, Projection
from tests.conftest import Golden
from tests.report.hostile import CONTROLS
from tests.report.hostile import HOSTILE as STRINGS
from tests.report.projections import ARITHMETIC, CURVES, LAST, LEVERS, MONTHLY, PROJECTION, REPLAY, SAVED, lever

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
NO_LEVERS = replace(
    PROJECTION,
    replay=replace(
        REPLAY, levers=(), hurts=(), optimized_usd=Decimal(1000), savings_usd=Decimal(0), savings_ratio=Decimal(0)
    ),
    monthly=None,
    checklist=tuple(replace(one, on=False) for one in PROJECTION.checklist),
)
BOLD = replace(
    PROJECTION,
    name="bold",
    replay=replace(
        REPLAY,
        levers=(*LEVERS, lever("batch", "50", "61.5", "40", 300)),
        optimized_usd=REPLAY.optimized_usd - 50,
        savings_usd=SAVED + 50,
        savings_ratio=Decimal("0.572373"),
    ),
    monthly=None,
    monthly_note="the log has 1 whole day: at least 7 are needed for a month",
)
PLANS = (replace(PROJECTION, name="mild"), BOLD)
SHOWN: dict[str, tuple[Report, dict[str, Any]]] = {
    "plan": (view([PROJECTION], full=True), payload([PROJECTION], failed_checks=("too little",))),
    "plans": (view(PLANS), payload(PLANS)),
    "no-levers": (view([NO_LEVERS]), payload([NO_LEVERS])),
    "steps": (arithmetic_view(ARITHMETIC), arithmetic_payload(ARITHMETIC)),
}


def table(report: Report, name: str) -> Table:
    return next(one for one in report.tables if one.name == name)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SHOWN)
def test_every_format(name: str, format: Format, golden: Golden) -> None:
    report, document = SHOWN[name]
    golden(f"project/{name}.{SUFFIX[format]}", render(report, document, format))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("name", ["plan", "plans"])
def test_on_a_terminal(name: str, width: int, golden: Golden) -> None:
    golden(f"project/{name}-{width}.txt", as_screen.render(SHOWN[name][0], width, color=False))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for report, _ in SHOWN.values():
        assert max(len(line) for line in as_screen.render(report, width, color=False).splitlines()) <= width


def test_the_fields_of_the_arithmetic_form() -> None:
    document = SHOWN["steps"][1]
    assert document["schema"] == "llmopt.project/1"
    assert (document["baseline_usd"], document["optimized_usd"]) == ("1000000", "48000")
    assert (document["savings_usd"], document["savings_ratio"]) == ("952000", "0.952")
    assert [step["name"] for step in document["steps"]] == ["compression", "caching", "routing"]


def test_one_step_shares_its_dollars_with_no_other() -> None:
    one = replace(ARITHMETIC, steps=ARITHMETIC.steps[:1])
    text = render(arithmetic_view(one), {}, "table")
    assert "if the step saves what it is said to." in text
    assert "no two steps" not in text
    assert "They mostly do" not in text
    assert "no two steps save the same dollar.\n" in render(arithmetic_view(ARITHMETIC), {}, "table")


def test_the_plan_is_echoed() -> None:
    echo = SHOWN["plan"][1]["plan"]
    assert (echo["file"], echo["growth_per_month"], echo["prices"]) == (None, "0.1", ["prices.json"])
    assert list(echo["levers"]) == ["cache", "routing", "swap", "compression", "prompt_cache"]
    own = {"usd_per_month": "0", "usd_per_call": "0"}
    assert echo["levers"]["routing"] == {"policy": "rules.toml", "models": [], **own}
    assert echo["levers"]["swap"] == {"swaps": [["o1", "o3-mini"]], **own}
    assert echo["levers"]["cache"]["usd_per_month"] == "4.5"
    assert echo["levers"]["cache"]["ttl_s"] == 86_400.0


def test_the_fields_of_a_replay() -> None:
    document = SHOWN["plan"][1]
    assert document["schema"] == "llmopt.project/1"
    assert document["failed_checks"] == ["too little"]
    replay = document["replay"]
    assert (replay["baseline_usd"], replay["savings_ratio"]) == ("1000", "0.522373")
    assert Decimal(replay["optimized_usd"]) == 1000 - SAVED
    first = replay["levers"][0]
    assert first["name"] == "cache"
    assert (first["saved_usd"], first["alone_usd"], first["last_in_usd"]) == ("210.5", "250.25", "180")
    assert (document["monthly"]["low"], document["monthly"]["high"]) == ("1100.25", "1399")
    assert document["brochure"]["optimized_usd"] == "301.2"
    assert document["brochure"]["savings_ratio"] == "0.6988"
    assert document["days"][0] == {"day": "2026-03-02", "baseline_usd": "70", "optimized_usd": "33.4"}


def test_several_plans_stand_beside_each_other_in_json() -> None:
    document = SHOWN["plans"][1]
    assert document["best"] == "bold"
    assert [plan["name"] for plan in document["plans"]] == ["mild", "bold"]
    assert document["plans"][0] == {
        name: value for name, value in payload([PLANS[0]]).items() if name not in ("schema", "llmopt", "failed_checks")
    }


def test_the_waterfall_ends_at_the_optimised_bill() -> None:
    shown = table(SHOWN["plan"][0], "levers")
    labels = [column.name for column in shown.columns]
    bills = [row[labels.index("left_usd")] for row in shown.rows]
    assert bills[0] == REPLAY.baseline_usd
    assert bills[-1] == REPLAY.optimized_usd
    assert shown.total is not None
    assert shown.total[labels.index("left_usd")] == REPLAY.optimized_usd
    bars = [str(row[labels.index("bar")]) for row in shown.rows]
    assert bars[0] == "#" * 10
    assert bars[1] == "#" * 8 + "-" * 2
    assert all(set(bar) <= set("#-") for bar in bars)


def test_a_lever_that_costs_more_than_it_saves_shows_a_plus() -> None:
    worse = replace(
        PROJECTION, replay=replace(REPLAY, levers=(lever("self_host", "-1000", "-1000", "-1000", 5),), hurts=())
    )
    rows = table(view([worse]), "levers").rows
    assert rows[0][4] == "#" * 5
    assert rows[1][4] == "#" * 5 + "+" * 5


def test_of_one_lever_no_column_repeats_another() -> None:
    single = replace(PROJECTION, replay=replace(REPLAY, levers=LEVERS[:1]))
    labels = [column.label for column in table(view([single]), "levers").for_people().columns]
    assert "Saved" in labels
    assert not {"Alone", "Last in"} & set(labels)
    assert {"Alone", "Last in"} <= {one.label for one in table(SHOWN["plan"][0], "levers").for_people().columns}


def test_a_range_that_shows_one_figure_is_none() -> None:
    narrow = replace(LEVERS[0], low_usd=Decimal("210.501"), high_usd=Decimal("210.502"))
    shown = table(view([replace(PROJECTION, replay=replace(REPLAY, levers=(narrow, *LEVERS[1:])))]), "levers")
    at = [column.name for column in shown.columns].index("range")
    assert [row[at] for row in shown.rows[1:5]] == ["", "", "$80.50 to $110.00", "-$5.00 to -$1.00"]


def test_a_log_of_one_moment_has_no_length() -> None:
    assert "(one moment)" in headline(replace(PROJECTION, last=PROJECTION.first))


def test_where_nothing_is_on_the_checklist_says_alone_only() -> None:
    assert "its share" not in table(view([NO_LEVERS]), "checklist").notes[0].text
    assert "its share" in table(SHOWN["plan"][0], "checklist").notes[0].text


def test_a_lever_that_saw_no_call_is_unknown_and_not_nothing() -> None:
    blind = replace(LEVERS[0], saved_usd=Decimal(0), unseen=REPLAY.calls, notes=())
    report = view([replace(PROJECTION, replay=replace(REPLAY, levers=(blind, *LEVERS[1:])))])
    shown = table(report, "levers")
    assert shown.rows[1][:4] == ("response cache", None, None, REPLAY.baseline_usd)
    assert shown.rows[1][5:8] == (None, None, "")
    sighted = replace(PROJECTION, name="sighted")
    both = table(view([replace(PROJECTION, replay=replace(REPLAY, levers=(blind, *LEVERS[1:]))), sighted]), "saved")
    assert both.rows[0] == ("response cache", None, LEVERS[0].saved_usd)
    assert table(report, "remarks").rows[0] == ("response cache", "could not look at 12,345 calls")


@pytest.mark.parametrize(("notes", "last"), [(6, "note 5"), (7, "and 2 more, which --format json has")])
def test_many_remarks_are_shortened(notes: int, last: str) -> None:
    said = replace(LEVERS[0], notes=tuple(f"note {at}" for at in range(notes)))
    one = replace(PROJECTION, replay=replace(REPLAY, levers=(said,)))
    rows = table(view([one]), "remarks").rows
    assert len(rows) == 6
    assert rows[-1] == ("response cache", last)


def test_csv_has_a_row_for_each_lever_on_and_off() -> None:
    rows = list(csv.DictReader(io.StringIO(render(*SHOWN["plan"], "csv"))))
    assert [row["lever"] for row in rows] == ["baseline", *(one.name for one in LEVERS), "batch", "self_host"]
    assert rows[0]["left_usd"] == "1000"
    assert Decimal(rows[5]["left_usd"]) == REPLAY.optimized_usd
    assert [row["on"] for row in rows] == ["", *["yes"] * 5, "no", "no"]
    assert (rows[3]["low_usd"], rows[3]["high_usd"], rows[1]["low_usd"]) == ("80.5", "110", "")
    assert (rows[6]["potential_usd"], rows[7]["potential_usd"]) == ("61.5", "")
    both = list(csv.DictReader(io.StringIO(render(*SHOWN["plans"], "csv"))))
    assert [row["plan"] for row in both] == ["mild"] * 8 + ["bold"] * 9


def test_the_headline_has_the_answer() -> None:
    said = headline(PROJECTION)
    assert "the plan saves $522.37 of $1,000.00 (52.2%), between 50.6% and 53.8%" in said
    assert "a month: $1,253.70 of $2,400.00 (95 % interval $1,100.25 to $1,399.00, 12 whole days of log)." in said
    assert "the plan 'bold' saves" in headline(BOLD)
    assert "month" not in headline(BOLD)
    exact = replace(PROJECTION, replay=replace(REPLAY, low_usd=None, high_usd=None))
    assert "estimated" not in headline(exact)
    dearer = replace(PROJECTION, replay=replace(REPLAY, savings_usd=Decimal(-5), savings_ratio=Decimal("-0.005")))
    assert "the plan adds $5.00 to $1,000.00 (0.5%), which is a saving between 50.6% and 53.8%" in headline(dearer)
    lost = replace(MONTHLY, savings_usd=Decimal(-9), low=Decimal(-12), high=Decimal(-7))
    said = headline(replace(dearer, monthly=lost))
    assert "a month: $9.00 more than $2,400.00 (95 % interval of what is saved -$12.00 to -$7.00, 12" in said
    free = replace(PROJECTION, replay=replace(REPLAY, baseline_usd=Decimal(0)))
    assert "no saving can be told" in headline(free)
    assert "12,345 calls (no time known)" in headline(replace(free, first=None, last=None))
    assert "12,345 calls (13.5 hours)" in headline(replace(free, first=LAST - timedelta(hours=13.5)))
    assert "12,345 calls (30.0 minutes)" in headline(replace(free, first=LAST - timedelta(minutes=30)))
    assert headline(NO_LEVERS).startswith("No lever is on: this log of 12,345 calls (13.6 days) costs $1,000.00.")


def test_several_plans_name_the_best() -> None:
    levers = {row[0]: row[1] for row in table(SHOWN["plans"][0], "checklist").rows}
    assert (levers["routing"], levers["batch tier"], levers["self-hosting"]) == ("all plans", "none", "none")
    assert SHOWN["plans"][0].headline.endswith("'bold' saves most, $572.37 of $1,000.00 (57.2%).")
    none = [replace(one, replay=replace(one.replay, savings_usd=Decimal(0))) for one in PLANS]
    assert view(none).headline.endswith("none saves anything.")
    free = [replace(one, replay=replace(one.replay, baseline_usd=Decimal(0))) for one in PLANS]
    assert "no saving can be told" in view(free).headline


@pytest.mark.parametrize(
    ("optimized", "gap", "said"),
    [
        ("132.666666", "344.96", "the bill would be 3.60 times what it says."),
        ("0", "477.63", "Multiplying claims $477.63 more than the replay finds."),
        ("477.63", "0", "both agree"),
        ("500", "-22.37", "Here multiplying claims $22.37 too little"),
    ],
)
def test_the_gap_to_the_brochure(optimized: str, gap: str, said: str) -> None:
    replay = replace(REPLAY, optimized_usd=Decimal("477.6"))
    claim = Brochure(Decimal(optimized), Decimal(0), Decimal(gap))
    shown = table(view([replace(PROJECTION, replay=replay, brochure=claim)]), "brochure")
    assert said in shown.notes[0].text
    alone = replace(PROJECTION, replay=replace(REPLAY, levers=LEVERS[:1]))
    assert "brochure" not in [one.name for one in view([alone]).tables]


def test_a_log_that_is_too_short_for_a_month_says_so() -> None:
    text = render(view([BOLD]), {}, "table")
    assert "A month (30 days)\nthe log has 1 whole day: at least 7 are needed for a month\n" in text
    shrinking = replace(PROJECTION, monthly=replace(MONTHLY, growth_per_month=Decimal("-0.05")))
    assert "With 5.0% fewer calls each month" in render(view([shrinking]), {}, "table")
    still = replace(PROJECTION, monthly=replace(MONTHLY, growth_per_month=Decimal(0)))
    assert "calls each month" not in render(view([still]), {}, "table")


def test_quiet_leaves_the_background_out() -> None:
    names = [one.name for one in view([PROJECTION], brief=True).tables]
    assert names == ["levers", "monthly", "brochure", "hurts", "checklist", "divergences", "left_out", "rejected"]
    assert not view([PROJECTION], brief=True).plots
    assert not view([PROJECTION]).plots
    assert view([PROJECTION], full=True).plots
    both = [one.name for one in view(PLANS, brief=True).tables]
    assert both == ["plans", "saved", "hurts", "hurts", "checklist", "divergences", "left_out", "rejected"]
    without = replace(PROJECTION, replay=replace(REPLAY, levers=LEVERS[1:]))
    assert "by_ttl" not in [one.name for one in view([without]).tables]
    assert "by_ttl" in [one.name for one in view([without], full=True).tables]
    assert "by_ttl" in [one.name for one in view([NO_LEVERS]).tables]
    assert [one.name for one in view([PROJECTION]).tables][4:8] == ["remarks", "checklist", "by_ttl", "by_size"]


def test_where_nothing_has_a_price_nothing_is_said_to_be_saved() -> None:
    nothing = replace(REPLAY, baseline_usd=Decimal(0), optimized_usd=Decimal(0), savings_usd=Decimal(0))
    curves = replace(CURVES, recommended_ttl_s=None)
    report = view([replace(PROJECTION, replay=nothing, break_even=curves)])
    names = [one.name for one in report.tables]
    assert names[:4] == ["remarks", "checklist", "by_ttl", "by_size"]
    assert all(row[2] is None for row in table(report, "checklist").rows)
    assert all(row[3] is None for row in table(report, "by_ttl").rows)
    assert "What repeats here has no price" in table(report, "by_ttl").notes[0].text
    empty = replace(PROJECTION, replay=replace(nothing, calls=0))
    assert headline(empty).startswith("No call is left to replay")
    assert "checklist" not in [one.name for one in view([empty]).tables]
    assert view([replace(empty, first=None, last=None)]).notes[0].text == "0 calls of 2 files."


def test_curves_of_a_log_in_which_nothing_repeats() -> None:
    nothing = tuple(replace(one, hits=0, saved_usd=Decimal(0)) for one in CURVES.by_ttl)
    curves = replace(CURVES, by_ttl=nothing, recommended_ttl_s=None, least_usd_per_month=None)
    report = view([replace(PROJECTION, break_even=curves)], full=True)
    assert not report.plots
    assert "Nothing repeats" in table(report, "by_ttl").notes[0].text
    short = replace(CURVES, least_usd_per_month=None, sampled=Decimal("0.3"), sizes_sampled=Decimal("0.1"))
    report = view([replace(PROJECTION, break_even=short)])
    notes = [note.text for note in table(report, "by_ttl").notes]
    assert notes[1:] == ["Replayed on 30.0% of the calls, all calls of each question that was chosen, and scaled up."]
    assert table(report, "by_size").notes[0].text.startswith("Replayed on 10.0% of the calls")
    assert "by_ttl" not in [one.name for one in view([replace(PROJECTION, break_even=None)]).tables]


@pytest.mark.parametrize(
    ("levers", "usd", "said"),
    [
        (
            LEVERS,
            "12",
            "beside the plan's other levers, kept for 24h, the cache saves $12.00 a month; a store that costs more",
        ),
        (LEVERS, "-1", "beside the plan's other levers, kept for 24h, the cache saves nothing, whatever"),
        (LEVERS[:1], "12", "as the plan has it, kept for 24h, the cache saves $12.00 a month; a store that"),
        (LEVERS[1:], "12", "alone and kept for 7d, the cache saves $12.00 a month; a store that"),
    ],
)
def test_what_a_store_may_cost(levers: tuple[Lever, ...], usd: str, said: str) -> None:
    curves = replace(CURVES, least_usd_per_month=Decimal(usd))
    report = view([replace(PROJECTION, replay=replace(REPLAY, levers=levers), break_even=curves)], full=True)
    assert f"Break-even: {said}" in table(report, "by_ttl").notes[1].text


def test_a_limit_is_compared_exactly() -> None:
    def failed(least: str, *plans: Projection) -> tuple[str, ...]:
        return too_little([replace(one, min_savings=Decimal(least)) for one in plans])

    assert failed("0.522373", PROJECTION) == ()
    assert failed("0.6", PROJECTION) == ("the plan saves 52.2% of the bill, under --min-savings 60%",)
    assert failed("0.5224", PROJECTION) == ("the plan saves 52.2373% of the bill, under --min-savings 52.24%",)
    assert failed("0.55", *PLANS) == ("the plan 'mild' saves 52.2% of the bill, under --min-savings 55%",)
    free = replace(PROJECTION, replay=replace(REPLAY, baseline_usd=Decimal(0), savings_ratio=Decimal(0)))
    assert failed("0", free) == ("what the plan saves is not known: no call has a price above $0 (--min-savings 0%)",)
    assert too_little([PROJECTION]) == ()
    assert too_little_of(ARITHMETIC, Decimal("0.952")) == ()
    assert too_little_of(ARITHMETIC, None) == ()
    assert too_little_of(ARITHMETIC, Decimal("0.96")) == ("the steps save 95.2% of the bill, under --min-savings 96%",)


def test_a_strict_run_lets_nothing_unknown_pass() -> None:
    assert unknown([PROJECTION, PROJECTION]) == (
        "14 records not replayed: no price: acme-1 (--strict)",
        "3 records not replayed: sums of many requests (--strict)",
        "2 records rejected: not JSON, first at logs/a.jsonl:9 (--strict)",
        "routing: could not look at 120 calls (--strict)",
        "warning: gpt-4o: no batch price (--strict)",
    )
    clean = replace(PROJECTION, left_out=(), rejected=(), warnings=(), replay=replace(REPLAY, levers=LEVERS[:1]))
    assert unknown([clean]) == ()


def test_every_lever_has_a_name_for_people() -> None:
    assert len({label(name) for name in NAMES}) == len(NAMES)
    assert label("new_lever") == "new lever"


def test_json_reads_back() -> None:
    for report, document in SHOWN.values():
        assert json.loads(render(report, document, "json")) == json.loads(json.dumps(document))


def _hostile(text: str) -> list[Projection]:
    levers = tuple(_renamed(one, text) for one in LEVERS)
    hurts = tuple(replace(one, why=text) for one in REPLAY.hurts)
    parted = tuple(replace(one, text=text, model=text, first=text) for one in PROJECTION.divergences)
    one = replace(
        PROJECTION,
        name=text,
        replay=replace(REPLAY, levers=levers, hurts=hurts),
        divergences=parted,
        checklist=tuple(replace(one, say=text) for one in PROJECTION.checklist),
        left_out=tuple(replace(one, reason=text) for one in PROJECTION.left_out),
        warnings=(text,),
        monthly_note=text,
    )
    return [one, replace(one, name=f"{text} too")]


def _renamed(one: Lever, text: str) -> Lever:
    return replace(one, notes=(text,))


@pytest.mark.parametrize("text", STRINGS)
def test_strings_of_strangers_drive_nothing(text: str) -> None:
    for results in (_hostile(text)[:1], _hostile(text)):
        report = view(results)
        for format in FORMATS:
            assert not CONTROLS & set(render(report, payload(results), format))
        assert not CONTROLS & set(as_screen.render(report, 80, color=False))
