"""`llmopt doctor`: is all here that commands need, how old are the prices, where does each setting come from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from llmopt.cli import doctor_machine, doctor_packages, values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.cli.settings_origin import in_force
from llmopt.core.check import Check, failures
from llmopt.core.diagnosis import Diagnosis, Finding
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import CheckFailed, ConfigError, LlmoptError
from llmopt.report.doctor_view import payload, view
from llmopt.tokens.exact.vocabulary import VOCABULARIES, ranks_file

_OLD_DAYS, _TOO_OLD_DAYS = 60, 180
"""Prices change every few weeks; after half a year most bills would be wrong."""


def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Fail when there is any problem.")] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Day that the age of prices is told for.")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Check this installation: versions, extras, prices, settings.

    Nothing is installed, changed or sent; what may be a secret is not shown.

    Example: llmopt doctor --strict
    """
    to = destination(format, output, quiet=quiet)
    at = values.instant(as_of, "--as-of") or datetime.now(UTC)
    found = diagnosis(at.date())
    held = _held(found) if strict else ()
    failed = failures(held)
    write(view(found, brief=quiet), payload(found, failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def _held(found: Diagnosis) -> tuple[Check, ...]:
    lines = tuple(f"{problem.name}: {problem.value or 'not installed'}" for problem in found.problems)
    return (Check("--strict", failures=lines),)


def diagnosis(today: date) -> Diagnosis:
    """Look at everything there is to look at."""
    settings, wrong = in_force()
    return Diagnosis(
        (
            *doctor_machine.program(),
            *doctor_packages.libraries(),
            *doctor_packages.extras(),
            *_prices(today),
            *_vocabularies(),
            *doctor_machine.machine(),
            *(Finding("settings", "settings", error.message, "problem", error.hint) for error in wrong),
        ),
        tuple(settings),
    )


def _prices(today: date) -> Iterator[Finding]:
    try:
        table = PriceTable.load()
    except LlmoptError as error:
        yield Finding("prices", "price table", error.message, "problem", error.hint or "reinstall llmopt")
        return
    days = (today - table.date).days
    value = f"of {table.date.isoformat()}, {days} {'day' if days == 1 else 'days'} old, sha256 {table.sha256[:12]}"
    hint = "pip install --upgrade llmopt, or name newer ones with --prices"
    if days > _TOO_OLD_DAYS:
        yield Finding("prices", "price table", value, "problem", hint)
    else:
        yield Finding("prices", "price table", value, *(("note", hint) if days > _OLD_DAYS else ("ok", "")))


def _vocabularies() -> Iterator[Finding]:
    for name, known in VOCABULARIES.items():
        try:
            size = len(ranks_file(known))
        except ConfigError as error:
            damaged = "damaged" in error.message
            # Only old models need those that no wheel brings along.
            yield Finding("vocabulary", name, error.message, "problem" if damaged else "note", error.hint)
        else:
            yield Finding("vocabulary", name, f"{size / 1e6:.1f} MB, as tiktoken's")
