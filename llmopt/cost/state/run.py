"""Price logs night by night: read what is new, and count it together with all that was read before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Unpack

from llmopt.cost.pairs import Answer
from llmopt.cost.price_options import PriceOptions
from llmopt.cost.read import Settings
from llmopt.cost.result import CostReport
from llmopt.cost.sources import find_files
from llmopt.cost.state.answer import reading_of
from llmopt.cost.state.asked import Asked, asked
from llmopt.cost.state.asking import found_answers
from llmopt.cost.state.balance import Balance, named_parts
from llmopt.cost.state.carry import carry_over
from llmopt.cost.state.changes import Changes, Known, Listed, compare
from llmopt.cost.state.fingerprint import difference, digest_of
from llmopt.cost.state.marks import mark_of, path_of, stat_of
from llmopt.cost.state.opening import WAIT_S, opened
from llmopt.cost.state.order import ordered
from llmopt.cost.state.store import Set, Store
from llmopt.cost.state.take_in import Intake
from llmopt.cost.state.tidy import Tidied, tidied
from llmopt.errors import InputError, UsageError, next_step


def _unheard(_: str) -> None:
    """Hear nothing."""


def price_with_state(
    paths: Sequence[str | os.PathLike[str]],
    directory: Path,
    *,
    rebuild: Collection[str] = (),
    wait_s: float = WAIT_S,
    tell: Callable[[str], None] = _unheard,
    reached: Callable[[str], None] = _unheard,
    **options: Unpack[PriceOptions],
) -> CostReport:
    """Price request logs, reading only what is new since the last time.

    Args:
        paths: files, directories (recursive), globs.
        directory: where to keep what was read; made where there is none.
        rebuild: UTC days (`2026-11-01`); files with records of them are read again.
        wait_s: how long to wait for another run that uses the directory.
        tell: told what is new, changed or moved.
        reached: told of points that a run passes, for tests that end it there.
        options: as for `llmopt.price_logs`; `since` and `until` take whole UTC days.

    Raises:
        InputError: nothing could be read.
        UsageError: a state cannot answer that, or a day that is none.
        ConfigError: the directory cannot be used.
    """
    question = asked(**options)
    days = frozenset(map(_day, rebuild))
    with (
        tempfile.TemporaryDirectory(prefix="llmopt-") as folder,
        opened(directory, wait_s=wait_s, waiting=lambda: tell("waiting for another run")) as store,
    ):
        reached("locked")
        run = _Run(question, store, Path(folder), days, tell, reached)
        totals, files = run.bring_up_to_date(run.listed(paths))
        reading = reading_of(question, store, totals, files)
    report = question.prepared.report(reading)
    return replace(report, warnings=(*report.warnings, *run.warnings))


@dataclass(slots=True)
class _Run:
    """One run over a state."""

    asked: Asked
    store: Store
    spool: Path
    rebuild: frozenset[str]
    tell: Callable[[str], None]
    reached: Callable[[str], None]
    warnings: list[str] = field(default_factory=list)

    def listed(self, paths: Sequence[str | os.PathLike[str]]) -> list[Listed]:
        """Look at the files behind the paths."""
        sources = find_files(paths, self.spool)
        for source in sources:
            if source.path.startswith(str(self.spool)) and not source.stored:
                raise UsageError(f"{source.shown}: a state needs files that stay", "write it to a file first")
        try:
            return [Listed(source, stat_of(source)) for source in sources]
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}", next_step(error)) from error

    def bring_up_to_date(self, listed: Sequence[Listed]) -> tuple[Set, list[Known]]:
        """Read what is new; return the totals and all files, in order."""
        totals = self._set(listed)
        intake = Intake(self.store, self._settings(totals), totals, self.spool, self.reached)
        while True:
            known = self.store.known(totals.id)
            changes = self._again(compare(_live(known), listed), totals, intake.numbers)
            totals = intake.read(changes)
            if not intake.found_repeats:
                break
            self.tell("request ids repeat: all logs are read again, to tell repeats by what they say")
            intake.settings = self._settings(totals)
        self._say(changes, totals)
        if changes.to_read or changes.superseded:
            known = self.store.known(totals.id)
        return self._settle(totals, listed, changes, known, intake.numbers)

    def _settings(self, totals: Set) -> Settings:
        return replace(self.asked.settings, dedupe=totals.dedupe)

    def _set(self, listed: Sequence[Listed]) -> Set:
        """Return the set of files that were read as is asked now."""
        described, before = self.asked.described, self.store.described()
        named = digest_of(described), described, self.asked.settings.dedupe
        if not before or described in before.values():
            return self.store.set_of(*named)
        self.tell(f"all logs are read: {difference(described, before[max(before)])} not as in the run before")
        with self.store.transaction():
            carried = carry_over(self.store, described, self.store.set_of(*named), listed)
            self.store.change_set(replace(self.store.set_of(*named), lost=carried.lost))
        if carried.files:
            self.tell(f"gone, so as the version before has read them: {_named(carried.files)}")
        return self.store.set_of(*named)

    def _again(self, changes: Changes, totals: Set, just_read: Collection[int]) -> Changes:
        """Have files read again whose day is to be rebuilt, and those that were read without looking for repeats."""

        def stale(known: Known) -> bool:
            return known.id not in just_read and bool(known.days & self.rebuild or known.dedupe != totals.dedupe)

        for pairs in (changes.same, changes.moved):
            changes.changed += [pair for pair in pairs if stale(pair[0])]
            pairs[:] = [pair for pair in pairs if not stale(pair[0])]
        return changes

    def _settle(
        self,
        totals: Set,
        listed: Sequence[Listed],
        changes: Changes,
        before: Sequence[Known],
        just_read: Collection[int],
    ) -> tuple[Set, list[Known]]:
        """Bring the totals up to date, and forget what is dropped."""
        places = {item.path: place for place, item in enumerate(listed)}
        now = {known.id: item for known, item in changes.kept}
        live = [_as_listed(known, now.get(known.id)) for known in _live(before)]
        there = {known.id: places[known.path] for known in live if known.id in now or known.id in just_read}
        files = ordered(live, there)
        is_counted = all(known.fate == "counted" for known in before)
        if totals.final is not None and totals.ranked is not None and is_counted and files == list(before):
            return totals, files
        settings = self._settings(totals)
        answers = self._answers(files, {item.path: item for item in listed}, settings)
        old = [known for known in before if known.fate != "added"]
        totals = Balance(self.store, settings, totals, old, files, self.asked.by_file).settled()
        tidy = tidied(self.store, totals.id, [replace(known, fate="counted") for known in files])
        files = [replace(known, is_odd=known.is_odd or known.id in answers) for known in tidy.files]
        self._write(totals, before, files, tidy, answers)
        self.reached("settled")
        self.store.sweep()
        return totals, files

    def _answers(
        self, files: Sequence[Known], listed: Mapping[str, Listed], settings: Settings
    ) -> dict[int, list[Answer]]:
        """Return what new files say of requests and answers that were logged without their usage."""
        added = {known.path: known.id for known in files if known.fate == "added" and known.path in listed}
        odd = [known for known in files if known.is_odd] if added else []
        parts = (part for _, part in named_parts(self.store, odd))
        sources = [listed[path].source for path in added]
        return {added[path_of(source)]: found for source, found in found_answers(parts, sources, settings)}

    def _write(
        self,
        totals: Set,
        before: Sequence[Known],
        files: Sequence[Known],
        tidy: Tidied,
        answers: Mapping[int, Sequence[Answer]],
    ) -> None:
        """Write the totals down, and what became of the files."""
        store, as_before = self.store, set(before)
        with store.transaction():
            store.change_set(totals)
            for number, part in list(store.parts(answers)):
                part.answers += answers[number]
                store.change_part(number, part)
            store.drop_files([known.id for known in before if known.fate == "dropped"])
            store.change_files(known for known in files if known not in as_before)
            if tidy.path:
                store.add_rows(totals.id, tidy.path, tidy.records)
            store.drop_rows(set(store.rows(totals.id)) - {known.rows for known in files})
            self.reached("half settled")

    def _say(self, changes: Changes, totals: Set) -> None:
        """Say what happened to the files."""
        counts = {
            "new": len(changes.new),
            "grown": len(changes.grown),
            "changed": len(changes.changed),
            "moved": len(changes.moved),
            "as before": len(changes.same),
        }
        self.tell("files: " + ", ".join(f"{count:,} {name}" for name, count in counts.items() if count))
        if changes.gone:
            names = _named([known.shown for known in changes.gone])
            self.warnings.append(f"still counted, though gone or not among the paths: {names}")
        if totals.lost:
            self.warnings.append(f"gone, and read in another way before, so not counted here: {_named(totals.lost)}")
        if changes.rewritten:
            names = _named([known.shown for known in changes.rewritten])
            self.warnings.append(f"holds something else now, and what it held before counts no more: {names}")
        late = [known.shown for known in changes.gone if known.dedupe != totals.dedupe]
        if late:
            self.warnings.append(f"gone before request ids repeated, so repeats in them count: {_named(late)}")
        unbuilt = [known.shown for known in changes.gone if known.days & self.rebuild]
        if unbuilt:
            self.warnings.append(f"gone, so not read again: {_named(unbuilt)}")


def _live(known: Sequence[Known]) -> list[Known]:
    """Return the files that are not to be forgotten."""
    return [item for item in known if item.fate != "dropped"]


def _as_listed(known: Known, item: Listed | None) -> Known:
    """Return a file under the name that it has now."""
    if item is None or (known.path, known.shown, known.stat) == (item.path, item.source.shown, item.stat):
        return known
    is_packed_now = item.source.compression != known.mark.compression
    mark = mark_of(item.source, item.stat) if is_packed_now else known.mark
    return replace(known, path=item.path, shown=item.source.shown, stat=item.stat, mark=mark)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"no such day: {text!r}", "write it as 2026-11-01") from error


def _named(names: Sequence[str]) -> str:
    """Name a few."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
