"""Read what was asked of `llmopt gateway`, then check it, or serve until a signal comes, or make a key."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llmopt.cli.output import destination, to_stdout, write
from llmopt.cli.server import log_to_stderr, logged, say, tell_end
from llmopt.cli.settings import file_layers, working_folder
from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.config.entries import Entry
from llmopt.serving.gateway.config.file import told
from llmopt.serving.gateway.config.making import config_of
from llmopt.serving.gateway.config.readers import is_name
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.planning.words import spends_for_strangers, started

_LOGGERS = ("llmopt.serving", "llmopt.gateway", "uvicorn.error")
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """What files, variables and flags say together."""

    config: GatewayConfig
    quiet: bool
    verbose: bool
    format: str | None


def read(flags: Mapping[str, object], config: Path | None) -> Asked:
    """Return what is asked.

    Args:
        flags: what the command line and variables say, by name.
        config: settings file; None: those that hold in the working folder.

    Raises:
        ConfigError: a file cannot be read, or something in it makes no sense.
        UsageError: a flag makes no sense.
    """
    files = [config] if config is not None else [path for path, _ in file_layers(working_folder())]
    entries = told(files, flags)
    if config is not None and not any(entry.place.source for entry in entries.values()):
        raise ConfigError(f"{config}: no [gateway] in it", "see docs/gateway.md")
    switch = {name: entries[name].switch() if name in entries else False for name in ("quiet", "verbose")}
    return Asked(config_of(entries), switch["quiet"], switch["verbose"], _format(entries.get("format")))


def check(asked: Asked, output: Sequence[Path] | None, *, quiet: bool) -> None:
    """Check all that can be checked without connecting to anything, and print what would run.

    Raises:
        ConfigError: something would not run.
    """
    to = destination(asked.format, output, quiet=quiet)
    from llmopt.report import gateway_view
    from llmopt.serving.gateway.planning.plan import planned  # loads what a plain gateway does without

    plan = planned(asked.config, os.environ)
    write(gateway_view.view(plan), gateway_view.payload(plan), to)
    if plan.faults:
        raise ConfigError("; ".join(fault.message for fault in plan.faults), plan.faults[0].hint)


def serve(config: GatewayConfig, *, quiet: bool, verbose: bool) -> None:
    """Serve until a signal comes.

    Raises:
        LlmoptError: the address cannot be had, or something that the configuration names cannot be used.
        CheckFailed: requests were left unanswered when the time to drain was up.
    """
    from llmopt.serving.gateway.running import run  # loads the server

    level = logging.DEBUG if verbose else logging.WARNING
    with logged(_LOGGERS, level):
        ended = run(config, ready=_announced(config, quiet=quiet), prepare=partial(log_to_stderr, _LOGGERS, level))
    tell_end(ended, f"{config.times.drain_s:g}s")


def new_key(name: str) -> None:
    """Make a key: its table goes to stdout, so that it may be appended to a file, the key itself to stderr, once.

    Raises:
        UsageError: the name makes no sense.
    """
    if not is_name(name):
        raise UsageError(f"--new-key {name!r}: a name has up to 64 of A-Z a-z 0-9 . _ -", "such as --new-key search")
    key = f"sk-llmopt-{secrets.token_urlsafe(_KEY_BYTES)}"
    sys.stderr.write(f"key for {name}, shown this once: {key}\n")
    table = f'"{name}"' if "." in name else name
    # The empty line is for a file whose last line does not end.
    to_stdout(f'\n[gateway.keys.{table}]\nsha256 = "{hashlib.sha256(key.encode()).hexdigest()}"\n')


def _format(entry: Entry | None) -> str | None:
    return None if entry is None else entry.text()


def _announced(config: GatewayConfig, *, quiet: bool) -> Callable[[str, Callable[[], None]], None]:
    """Return what says that the gateway takes requests, and where."""

    def ready(url: str, _: Callable[[], None]) -> None:
        spent = spends_for_strangers(config)
        lines = [started(config, url)]
        if spent:
            lines.append(f"llmopt: warning: without [gateway.keys], whoever reaches {url} spends the key in {spent}")
        if not quiet:
            say(lines)

    return ready
