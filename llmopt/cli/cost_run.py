"""Run `llmopt cost`: price what is asked for with the engine that is asked for, show it, and check it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module

from llmopt.cli.cost_asked import Asked, Typed, asked, check
from llmopt.cli.output import Destination, to_stdout, write
from llmopt.core.check import Check, failures
from llmopt.cost import api
from llmopt.cost.baseline import Baseline, Comparison, compare, read_baseline
from llmopt.cost.gates import checks
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.regroup import regrouped
from llmopt.cost.result import CostReport
from llmopt.errors import CheckFailed, InputError, UsageError
from llmopt.report.cost_view import payload, view
from llmopt.report.focus import focus_groups, focus_table, focus_warning
from llmopt.report.page.tables import MOST_ROWS
from llmopt.report.table import Note, Report
from llmopt.report.text import clean

UNREAD = "no record could be read"


def run(typed: Typed, to: Destination, *, brief: bool = False) -> None:
    """Do what the user typed.

    Args:
        typed: all options.
        to: where the report goes.
        brief: no background in the report.

    Raises:
        LlmoptError: what is wrong with the options, a log or a file.
        CheckFailed: the report is out, and something in it is not as asked for.
    """
    check(typed)
    read = asked(typed, daily=to.is_drawn)
    if typed.follow and to.also:
        raise UsageError("--follow writes to one place, and -o names several", "price the log when it is done")
    if "focus" in to.formats:
        read = _by_charge(typed, read)
    earlier = read_baseline(typed.baseline) if typed.baseline else None
    if typed.follow:
        from llmopt.cli.cost_follow import follow  # only this needs clocks and a live screen

        report = follow(typed, read, to, earlier)
    else:
        report = _priced(typed, read, quiet=to.quiet)
    show(report, read, earlier, to, brief=brief, in_a_line=typed.follow and to.path is None and to.format == "json")


def show(
    report: CostReport,
    read: Asked,
    earlier: Baseline | None,
    to: Destination,
    *,
    brief: bool = False,
    in_a_line: bool = False,
) -> None:
    """Print a report, then fail: first where there was nothing to price, then where a limit is broken.

    Args:
        report: what was priced.
        read: with the limits.
        earlier: what it is compared with; None: with nothing.
        to: where it goes.
        brief: no background.
        in_a_line: as the last of several lines of JSON.

    Raises:
        InputError: no record could be read, or the report cannot be written.
        CheckFailed: a limit does not hold.
    """
    charged, report = report, regrouped(report, read.by) if "focus" in to.formats else report
    comparison = compare(report, earlier) if earlier else None
    held = checks(report, read.limits, comparison)
    failed = failures(held)
    unread = bool(report.rejected) and report.read == sum(entry.count for entry in report.rejected)
    people = _for_people(report, read, comparison, to, brief=brief)
    if "focus" in to.formats:
        people = _with_charges(people, charged, read)
    machines = payload(report, comparison=comparison, failed_checks=failed)
    if in_a_line:
        to_stdout(json.dumps(machines) + "\n")
    else:
        write(people, machines, to, (*held, Check("records", failures=(UNREAD,))) if unread else held)
    if unread:
        raise InputError(UNREAD, "see the reasons in the report; --input-format names the format")
    if failed:
        raise CheckFailed("\n".join(failed))


def _by_charge(typed: Typed, read: Asked) -> Asked:
    """Have the log grouped by what FOCUS tells charges apart by, besides what its report is grouped by."""
    if typed.follow:
        raise UsageError(
            "--format focus and --follow exclude each other: a day is a charge when it is over", "leave one out"
        )
    return replace(read, options={**read.options, "by": focus_groups(read.by)})


def _with_charges(people: Report, charged: CostReport, read: Asked) -> Report:
    as_of = read.options["as_of"]
    names = PriceTable.load(extra=read.options["prices"])
    warning = focus_warning(charged)
    return replace(
        people,
        focus=focus_table(charged, names.name_of, undated=None if as_of is None else as_of.date()),
        notes=(*people.notes, *([Note(warning, "warning")] if warning else [])),
    )


def _for_people(
    report: CostReport, read: Asked, comparison: Comparison | None, to: Destination, *, brief: bool
) -> Report:
    """Return the view of a report; a page shows so many groups that it stays small, and adds up the others."""
    if to.formats != {"html"} or read.top is not None or len(report.groups) <= MOST_ROWS:
        return view(report, top=read.top, comparison=comparison, brief=brief)
    shown = view(report, top=MOST_ROWS - 1, comparison=comparison, brief=brief)
    said = f"{MOST_ROWS - 1:,} of {len(report.groups):,} groups are shown, the others are added up in one row;"
    return replace(shown, notes=(Note(f"{said} --format csv and json have them all, --top N fewer."), *shown.notes))


def _priced(typed: Typed, read: Asked, *, quiet: bool) -> CostReport:
    # each of these has libraries of its own, which only those wait for who ask for it
    report: CostReport
    if typed.engine == "spark":
        run_there = import_module("llmopt.cost.spark.run").price_on_spark
        report = run_there(typed.logs, typed.master, **read.options)
    elif typed.state is not None:
        run_new = import_module("llmopt.cost.state.run").price_with_state
        tell = _unsaid if quiet else _say
        report = run_new(typed.logs, typed.state, rebuild=read.rebuild, tell=tell, **read.options)
    elif typed.sql is not None:
        rows = import_module("llmopt.cost.given").Query(typed.sql, typed.db)
        report = api.price_logs(rows, **read.options)
    else:
        report = api.price_logs(typed.logs, **read.options)
    return report


def _say(text: str) -> None:
    sys.stderr.write(f"llmopt: {clean(text)}\n")


def _unsaid(text: str) -> None:
    """Keep quiet."""
