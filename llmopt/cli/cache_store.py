"""`llmopt cache stats` and `llmopt cache purge`: look into a store of the response cache, and delete from it."""

from __future__ import annotations

import re
import time
from contextlib import closing
from logging import NullHandler, getLogger
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.errors import UsageError
from llmopt.report import cache_store_view as views
from llmopt.serving.cache.stores.opening import open_store
from llmopt.serving.cache.stores.store import Store

StoreArgument = Annotated[
    str,
    typer.Argument(
        metavar="STORE",
        envvar="LLMOPT_CACHE_STORE",
        help="An SQLite file, redis://, rediss:// or unix://. Default: LLMOPT_CACHE_STORE.",
        show_default=False,
    ),
]
_KEY = re.compile(r"[0-9a-f]{64}")


def stats(
    store: StoreArgument,
    top: Annotated[str | None, typer.Option(metavar="N", help="Show the N largest rows; JSON has all.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="What has expired by then. Default: now.")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Show what a store of the cache holds, by tenant and model.

    Example: llmopt cache stats answers.db
    """
    to = destination(format, output, quiet=quiet)
    shown, moment = values.whole(top, "--top", least=1), values.instant(as_of, "--as-of")
    with closing(_opened(store)) as opened:
        found = opened.stats(moment.timestamp() if moment is not None else time.time())
    write(views.stats_view(store, found, top=shown), views.stats_payload(store, found), to)


def purge(
    context: typer.Context,
    store: StoreArgument,
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help='Answers of this tenant; "" for those of none.')
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Answers of this model.")] = None,
    key: Annotated[str | None, typer.Option(metavar="HEX", help="The answer under this key.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Everything in the store.")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Delete answers from a store: those that fit all that is given.

    What goes is said on the command line; settings do not count here.

    Example: llmopt cache purge answers.db --tenant acme
    """
    to = destination(format, output, quiet=quiet)
    chosen = {name: _typed(context, name) for name in ("tenant", "model", "key", "all")}
    wanted = [value if chosen[name] else None for name, value in (("tenant", tenant), ("model", model), ("key", key))]
    named = any(value is not None for value in wanted)
    complete = all and chosen["all"]
    if named == complete:
        message = "--all and a choice of answers exclude each other" if named else "nothing is named that is to go"
        raise UsageError(message, "either --all, or any of --tenant NAME, --model NAME, --key HEX")
    if wanted[2] is not None and not _KEY.fullmatch(wanted[2].lower()):
        raise UsageError(f"--key {wanted[2]!r}: a key has 64 hexadecimal digits", "request_key(...) gives it")
    purged = _purge(store, wanted[0], wanted[1], wanted[2].lower() if wanted[2] is not None else None)
    write(views.purge_view(purged), views.purge_payload(purged), to)


def _typed(context: typer.Context, name: str) -> bool:
    """Return whether an option comes from the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _opened(store: str) -> Store:
    """Open a store that other processes can see."""
    if store.strip(":") == "memory":
        raise UsageError(
            "a store in memory is seen by its own process alone", "cache.store.stats(now) tells of it there"
        )
    getLogger("llmopt.serving.cache").addHandler(NullHandler())  # what goes wrong is an error here, said once
    return open_store(store, create=False)


def _purge(store: str, tenant: str | None, model: str | None, key: str | None) -> views.Purged:
    with closing(_opened(store)) as opened:
        deleted = opened.purge(tenant=tenant, model=model, key=key)
        opened.flush()
    return views.Purged(views.without_password(store), deleted, tenant, model, key)
