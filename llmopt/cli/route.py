"""`llmopt route`: which model answers a request, and why; a learned score from one's own log, and what it saves."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.cli.route_eval import evaluate_
from llmopt.cli.route_train import train
from llmopt.errors import InputError, UsageError, next_step
from llmopt.report.route_explain_view import payload, view
from llmopt.serving.routing.policy import load_policy
from llmopt.serving.routing.router import Router

app = typer.Typer(
    name="route",
    help="Send requests to the cheapest model that will do.",
    no_args_is_help=True,
    add_completion=False,
)
_SHIPPED = "the one that is shipped (llmopt/serving/routing/default.toml)"
_LARGEST_BYTES = 16_000_000


@app.command("explain")
def explain(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What a user asks; - for stdin.", show_default=False)
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="FILE", help="A request's JSON body instead; - for stdin.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="TOML. Default: the policy that is shipped.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="A header of the request; repeat it.")
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="Whose request it is.")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="NAME", help="A tag; repeat it.")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Say where a request goes, and what every rule makes of it.

    Example: llmopt route explain "What is a monad?"
    """
    to = destination(format, output, quiet=quiet)
    headers = dict(_pair(each) for each in header or [])
    chosen = load_policy(policy)
    router = Router(chosen)
    body = _body(text, request)
    result = router.explain(body, headers=headers, tenant=tenant, tags=tuple(tag or ()))
    source = _SHIPPED if policy is None else str(policy)
    models = {name: route.model for name, route in chosen.routes.items()}
    write(view(result, models, source), payload(result, source), to)


app.command("train")(train)
app.command("eval")(evaluate_)


def _body(text: str | None, request: str | None) -> dict[str, Any]:
    """Return the body of the request that is asked about.

    Raises:
        UsageError: neither a text nor a request is given, or both are.
        InputError: the request cannot be read, or is no JSON object.
    """
    if (text is None) == (request is None):
        raise UsageError(
            "give either a TEXT or --request FILE" if text is None else "TEXT and --request exclude each other",
            'such as llmopt route explain "What is a monad?"',
        )
    if request is None:
        asked = _read("-") if text == "-" else text or ""
        if not asked.strip():
            raise UsageError("the TEXT is empty", 'such as llmopt route explain "What is a monad?"')
        return {"messages": [{"role": "user", "content": asked}]}
    name = "stdin" if request == "-" else request
    try:
        found = json.loads(_read(request))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: no JSON: {error}", "a request body is needed, with `messages`") from error
    if not isinstance(found, dict):
        raise InputError(f"{name}: no JSON object", "a request body is needed, with `messages`")
    return found


def _read(place: str) -> str:
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if place == "-" else Path(place).open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{place}: {error.strerror or error}", next_step(error)) from error
    name = "stdin" if place == "-" else place
    if len(raw) > _LARGEST_BYTES:
        raise InputError(f"{name}: more than {_LARGEST_BYTES:,} bytes", "give one request")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not valid UTF-8", "save it as UTF-8") from error


def _pair(text: str) -> tuple[str, str]:
    """Return a header's name and value from `x-tier=gold` or `x-tier: gold`."""
    cuts = [position for position in (text.find("="), text.find(":")) if position > 0]
    if not cuts:
        raise UsageError(f"--header {text!r}: not NAME=VALUE", "such as --header x-tier=gold")
    return text[: min(cuts)].strip(), text[min(cuts) + 1 :].strip()
