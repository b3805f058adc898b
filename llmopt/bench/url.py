"""Load tests of an OpenAI-compatible URL: open loop, at several arrival rates, within a given time."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Mapping, Sequence

from llmopt.bench.arrivals import Workload
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_prompts import prompt
from llmopt.bench.url_recommend import recommend
from llmopt.bench.url_result import UrlPoint, UrlSweep
from llmopt.bench.url_search import Progress, RateSearch
from llmopt.core.quantity import duration, per_s, requests_per_s
from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, UsageError
from llmopt.serving.exchange import Exchange
from llmopt.serving.openai_client import CONNECTIONS, OpenAiClient

API_KEY_ENV = "OPENAI_API_KEY"
"""Read where no other variable is named."""
_LATE = 0.05
"""Share of the median latency that the sender may be late."""
_LATE_S = 0.02
"""A sender is late by this much on any busy machine."""


def sweep_url(
    options: UrlOptions,
    workload: Workload,
    *,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> UrlSweep:
    """Hold several arrival rates against a server and say which one to plan for.

    Args:
        options: the server, and what to ask of it.
        workload: lengths of prompts (o200k tokens), and how they come: at random, or as a log has them.
        progress: is told how far it is.
        environ: where the key is looked up.

    Raises:
        InputError: the server cannot be reached, or refuses.
        UsageError: the URL is none, or the named variable is not set.
    """
    return asyncio.run(_sweep(options, workload, _key(options, environ), progress))


async def _sweep(options: UrlOptions, workload: Workload, key: str, progress: Progress | None) -> UrlSweep:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    async with _client(options, key) as client:
        warm = await _warmed(client, options, sorted(workload.lengths)[len(workload.lengths) // 2])
        search = RateSearch(
            client,
            options,
            workload,
            deadline_s=start_s + options.max_time_s,
            typical_s=warm.latency_s,
            progress=progress,
        )
        points = await search.run()
    facts = TargetFacts(
        name=client.shown_url,
        task="url",
        device="remote",
        device_name=client.model,
        new_tokens=options.new_tokens,
        versions=(("python", platform.python_version()),),
    )
    return UrlSweep(
        target=facts,
        points=points,
        recommended=recommend(points, options),
        prompt_tokens=tuple(sorted(set(workload.lengths))),
        new_tokens=options.new_tokens,
        seed=options.seed,
        elapsed_s=loop.time() - start_s,
        held=options.rates is not None,
        warnings=(*workload.notes, *_warnings(points, search.untried)),
    )


def _client(options: UrlOptions, key: str) -> OpenAiClient:
    return OpenAiClient(
        options.url,
        model=options.model or "",
        new_tokens=options.new_tokens,
        api_key=key,
        api_key_name=options.api_key_env or API_KEY_ENV,
        timeout_s=min(options.timeout_s, options.max_time_s),
    )


async def _warmed(client: OpenAiClient, options: UrlOptions, tokens: int) -> Exchange:
    """Find the model and the form of a request, and return a request that the server was warm for.

    Both are of a usual length: one prompt of a log that is too long for the model is a failure to count, no reason to
    stop.
    """
    try:
        async with asyncio.timeout(options.max_time_s):
            if options.model is None:
                client.model = await client.first_model()
            await client.settle_form(prompt(-1, tokens, options.seed))
            return await client.settle_form(prompt(-2, tokens, options.seed))
    except TimeoutError as error:
        raise InputError(
            f"{client.shown_url}: no two answers in {options.max_time_s:g} s",
            "look at the server, or give it more time (--max-time)",
        ) from error


def _key(options: UrlOptions, environ: Mapping[str, str]) -> str:
    """Return the key; empty where none is set and none was named."""
    if options.api_key_env is None:
        return environ.get(API_KEY_ENV, "").strip()
    key = environ.get(options.api_key_env, "").strip()
    if not key:
        raise UsageError(f"the environment variable {options.api_key_env} is not set", "it should hold the API key")
    return key


def _warnings(points: Sequence[UrlPoint], untried: tuple[float, float] | None) -> list[str]:
    late = [each for each in points if each.late_s > max(_LATE_S, _LATE * (each.latency.p50_s or 0.0))]
    found = [
        f"the sender was up to {duration(point.late_s)} late at {requests_per_s(point.rate_per_s)}: "
        "this machine may be the limit; use a quieter or a larger one"
        for point in late
    ]
    most = max((each.open_most for each in points), default=0)
    if most > CONNECTIONS:
        found.append(
            f"up to {most:,} requests were open at once, and {CONNECTIONS} connections: "
            "the others waited here, not in the server"
        )
    skipped = sum(point.status == "skipped" for point in points)
    if skipped:
        rates = "1 rate was" if skipped == 1 else f"{skipped} rates were"
        found.append(f"{rates} not reached in time: give it more (--max-time)")
    if untried is not None and untried[0] < untried[1]:
        low, high = untried
        found.append(f"no time was left for rates between {per_s(low)} and {per_s(high)}: give it more (--max-time)")
    return found
