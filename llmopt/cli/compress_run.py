"""Compress the files behind some paths, put the results where they go, and say what was left out."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from llmopt.cli import values
from llmopt.cli.compress_asked import Outputs
from llmopt.cli.compress_places import places_of
from llmopt.cli.compress_write import put_below, put_diff, put_in_place, put_text
from llmopt.cli.output import Destination, destination, write
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.prompts import price_of
from llmopt.errors import CheckFailed, InputError, UsageError
from llmopt.prompts.files.compressing import compress_file
from llmopt.prompts.files.reading import NotText
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.options import Options
from llmopt.report import compress_audit_view, compress_check_view, compress_view
from llmopt.report.compress_money import Pricing, saving_of
from llmopt.report.compress_notes import prefix_line
from llmopt.report.compress_shown import Shown
from llmopt.report.text import clean
from llmopt.tokens.counting.paths import jobs_of
from llmopt.tokens.counting.values import Job, Skipped

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for."""

    options: Options
    to: Outputs
    pricing: Pricing | None
    most_waste: Decimal
    """Share of the tokens of a file that may be waste."""
    messages: bool
    brief: bool
    """No notes under reports."""
    quiet: bool


@dataclass(slots=True)
class Work:
    """What was done so far."""

    files: list[FileResult] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    untouched: bytes = b""
    """What a pipe gets of an input that is no text."""


def pricing_of(
    model: str | None,
    *,
    per_day: str | None,
    provider: str | None,
    as_of: str | None,
    own: Sequence[Path],
    prefixed: bool,
) -> Pricing | None:
    """Return the rates that a saving is priced at; None where no dollars are asked for.

    Args:
        model: whose rates.
        per_day: requests a day, as typed.
        provider: who bills; None: who makes the model.
        as_of: the day, as typed; None: the newest price.
        own: price files of the user.
        prefixed: whether there is a stable prefix, whose change costs dollars too.

    Raises:
        UsageError: no model, one that nobody knows, or one without a price.
    """
    daily = values.whole(per_day, "--per-day", least=1)
    at = values.instant(as_of, "--as-of")
    if daily is not None and model is None:
        raise UsageError("--per-day needs to know the model", "add --model NAME")
    if daily is None and not (prefixed and model is not None):
        if provider or as_of or own:
            raise UsageError("--provider, --as-of and --prices are about dollars", "add --model NAME --per-day N")
        return None
    name = model or ""
    return Pricing(name, price_of(PriceTable.load(extra=own), name, provider=provider, at=at), daily)


def run(paths: Sequence[str], settings: Settings) -> None:
    """Compress what is behind the paths.

    Raises:
        UsageError: several files for one stdout, or an output that is an input.
        InputError: something named could not be compressed; the rest is done.
        CheckFailed: a file has too much waste.
    """
    work = Work()
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        found = jobs_of(paths, Path(folder), work.skipped)
        jobs, places = places_of(found, paths, settings.to, work.skipped)
        if settings.to.printed == "text" and settings.to.audit is None and len(jobs) > 1:
            raise UsageError(
                f"{len(jobs):,} files are not one text for stdout",
                "--in-place or -o DIR writes them; --diff, --check and --format json show them",
            )
        for job in jobs:
            _compress(job, places.get(job.shown), settings, work)
    single = len(jobs) == 1
    if settings.to.printed == "text" and single:
        _put_single(work)
    shown = _shown(work, settings)
    _complain(work.skipped, quiet=settings.quiet)
    if not settings.quiet:
        _summarise(shown, settings)
    _report(shown, settings)
    _end(work, shown)


def _compress(job: Job, place: Path | None, settings: Settings, work: Work) -> None:
    """Compress one file and write it where it goes, or note why not."""
    try:
        file = compress_file(job.path, job.shown, settings.options, messages=settings.messages)
        if settings.to.in_place:
            put_in_place(file)
        elif place is not None:
            put_below(file, place)
    except NotText as error:
        work.skipped.append(Skipped(job.shown, error.reason, asked=job.asked or error.broken))
        work.untouched = error.data
    except (InputError, UsageError) as error:
        reason = error.message.removeprefix(f"{job.shown}: ").removeprefix(f"{Path(job.shown)}: ")
        work.skipped.append(Skipped(job.shown, f"{reason}; {error.hint}" if error.hint else reason, asked=True))
    else:
        work.files.append(file)
        work.skipped.extend(file.skipped)
        if not file.source.text:
            work.skipped.append(Skipped(job.shown, "empty", asked=False))


def _put_single(work: Work) -> None:
    """Write the text of the only file, or its bytes where it is no text, so that a pipeline loses nothing."""
    if not work.files:
        put_text(work.untouched)
        return
    file = work.files[0]
    put_text(file.source.encoded(file.text if file.piped is None else file.piped))


def _shown(work: Work, settings: Settings) -> Shown:
    to, files, pricing = settings.to, tuple(work.files), settings.pricing
    savings = None if pricing is None else {file.source.shown: saving_of(file, pricing) for file in files}
    checks = compress_check_view.checks(files, settings.most_waste) if to.printed == "check" else ()
    with_text = to.printed == "report" and to.texts is None and not to.in_place
    return Shown(settings.options.level, files, pricing, savings, tuple(work.skipped), checks, with_text)


def _summarise(shown: Shown, settings: Settings) -> None:
    """Say on stderr what was saved, where no report on stdout does."""
    if settings.to.printed not in ("text", "nothing"):
        return
    model = shown.pricing.model if shown.pricing is not None else ""
    for file in shown.files:
        saving = shown.saving(file)
        if file.edits or len(shown.files) == 1:
            sys.stderr.write(f"{clean(compress_view.line_of(file, saving, model))}\n")
        if file.held is not None:
            sys.stderr.write(f"{clean(prefix_line(file, saving, shown.pricing))}\n")
    if len(shown.files) > 1:
        same = sum(not file.edits for file in shown.files)
        unchanged = f"; {same:,} as they were" if same else ""
        sys.stderr.write(f"{compress_view.headline(shown.files)}{unchanged}\n")


def _report(shown: Shown, settings: Settings) -> None:
    to, brief = settings.to, settings.brief
    if to.audit is not None:
        _audit(shown, destination(None, to.audit, quiet=True), brief=brief)
    if to.printed == "check":
        view = compress_check_view.view(shown, settings.most_waste, brief=brief)
        write(view, compress_view.payload(shown), to.report, shown.checks)
        _findings(shown, settings)
    elif to.printed == "report":
        write(compress_view.view(shown, brief=brief), compress_view.payload(shown), to.report)
    elif to.printed == "audit":
        _audit(shown, to.report, brief=brief)
    elif to.printed == "diff":
        put_diff(shown.files)


def _findings(shown: Shown, settings: Settings) -> None:
    """Name the worst findings on stderr as linters do."""
    for line in compress_check_view.finding_lines(shown.files, settings.most_waste) if not settings.quiet else ():
        sys.stderr.write(f"{clean(line)}\n")


def _audit(shown: Shown, to: Destination, *, brief: bool) -> None:
    view = compress_audit_view.view(shown, brief=brief, exact=to.format == "csv")
    write(view, compress_audit_view.payload(shown), to)


def _complain(skipped: Sequence[Skipped], *, quiet: bool) -> None:
    """Say what was left as it is: one line each."""
    told = [item for item in skipped if item.asked or not quiet]
    for item in told[:_LISTED]:
        sys.stderr.write(f"llmopt: {'error' if item.asked else 'skipped'}: {clean(f'{item.path}: {item.reason}')}\n")
    if len(told) > _LISTED:
        sys.stderr.write(f"llmopt: skipped: {len(told) - _LISTED:,} more; --format json lists all\n")


def _end(work: Work, shown: Shown) -> None:
    """Fail after everything is written: where a check failed, and where something named could not be compressed."""
    left_out = sum(item.asked for item in work.skipped)
    failed = shown.failed_checks
    if failed:
        more = [f"and {len(failed) - _LISTED:,} more; --format json lists all"] if len(failed) > _LISTED else []
        raise CheckFailed("\n".join([*failed[:_LISTED], *more]))
    if not work.files:
        raise InputError("nothing was compressed", "see the reasons above")
    if left_out:
        raise InputError(f"{left_out:,} of what was named could not be compressed", "the rest is done")
