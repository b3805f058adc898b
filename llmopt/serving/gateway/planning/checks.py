"""What would keep a gateway from running, and what may not be meant; nothing is connected to, and nothing written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import ConfigError, LlmoptError
from llmopt.serving.cache.stores.opening import open_store
from llmopt.serving.gateway.config.settings import GatewayConfig, VirtualKey
from llmopt.serving.gateway.planning.prices import PlannedPrice
from llmopt.serving.gateway.planning.words import Words, spends_for_strangers
from llmopt.serving.gateway.spend.sqlite_spend import KIND
from llmopt.serving.gateway.upstreams.choosing import fits
from llmopt.serving.gateway.upstreams.http import HttpUpstream
from llmopt.serving.gateway.values import Caps
from llmopt.serving.routing.policy import Policy, load_policy
from llmopt.serving.routing.router import Router

Made = TypeVar("Made")
_SQLITE = b"SQLite format 3\0"
"""How such a file begins."""
_KIND_AT = slice(68, 72)
"""Where it says of what program it is: https://sqlite.org/fileformat.html#application_id"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold that the settings name."""

    policy: Policy | None
    """None: there is none, or it cannot be used."""
    prices: PriceTable | None
    """None: they cannot be read."""
    faults: tuple[LlmoptError, ...]
    """Why something cannot be used."""


def load(config: GatewayConfig) -> Loaded:
    """Read the files that the settings name."""
    faults: list[LlmoptError] = []
    prices = _tried(lambda: PriceTable.load(extra=config.prices), faults)
    if config.policy is None:
        return Loaded(None, prices, tuple(faults))
    policy = _tried(lambda: load_policy(config.policy), faults)
    if policy is not None and _tried(lambda: Router(policy), faults) is None:
        policy = None
    return Loaded(policy, prices, tuple(faults))


def faults_of(config: GatewayConfig, environ: Mapping[str, str], loaded: Loaded) -> tuple[LlmoptError, ...]:
    """Return why the gateway would not run.

    Args:
        config: all settings.
        environ: environment variables.
        loaded: the files that the settings name.
    """
    faults = list(loaded.faults)
    for upstream in config.upstreams:
        _tried(lambda upstream=upstream: HttpUpstream(upstream, config.times, environ=environ), faults)  # type: ignore[misc]
    faults += _unanswered(config, loaded.policy)
    if config.cache is not None:
        faults += _of_store(config.cache.store)
    faults += _of_spending(config)
    if config.log is not None and str(config.log) != "-":
        faults += _of_place(config.log)
    return tuple(faults)


def warnings_of(config: GatewayConfig, prices: tuple[PlannedPrice, ...]) -> tuple[str, ...]:
    """Return what would run, and may not be meant."""
    return (*_of_keys(config), *_of_memory(config), *_of_prices(config, prices), *_of_rest(config))


def _tried(make: Callable[[], Made], faults: list[LlmoptError]) -> Made | None:
    """Return what can be made; where it cannot, its error is among the faults."""
    try:
        return make()
    except LlmoptError as error:
        faults.append(error)
        return None


def _unanswered(config: GatewayConfig, policy: Policy | None) -> Iterator[LlmoptError]:
    """Yield routes to models that no upstream answers."""
    if policy is None or any(not upstream.models for upstream in config.upstreams):
        return
    for route in policy.routes.values():
        if not any(fits(route.model, upstream.models) for upstream in config.upstreams):
            yield ConfigError(
                f"{config.policy}: no upstream answers {route.model!r}, the model of route {route.name!r}",
                "add it to models of an upstream, or leave models out of one",
            )


def _of_store(where: str) -> Iterator[LlmoptError]:
    """Yield why answers cannot be kept there; a file that is not there yet is not made."""
    is_file = "://" not in where and where != "memory"
    if is_file and not _is_there(Path(where)):
        yield from _of_place(Path(where), makes_folders=True)
        return
    try:
        open_store(where, create=not is_file).close()
    except LlmoptError as error:
        yield error


def _of_spending(config: GatewayConfig) -> Iterator[LlmoptError]:
    """Yield why spending cannot be counted where it should."""
    where = config.spend_store
    if "://" in where:
        if config.cache is None or config.cache.store != where:  # whose fault is known already
            yield from _of_store(where)
    elif where != "memory":
        yield from _of_database(Path(where))


def _of_database(path: Path) -> Iterator[LlmoptError]:
    yield from _of_place(path, makes_folders=True)
    if not _is_there(path) or path.is_dir():
        return
    with suppress(OSError):
        if not path.is_file() or not _counts_spending(path):
            yield ConfigError(f"{path} is something else, so spending cannot be counted in it", "name another file")


def _counts_spending(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(_KIND_AT.stop)
    return not header or (header.startswith(_SQLITE) and header[_KIND_AT] == KIND.to_bytes(4))


def _of_place(path: Path, *, makes_folders: bool = False) -> Iterator[LlmoptError]:
    """Yield why a file cannot be written."""
    try:
        reason = _against(path, makes_folders=makes_folders)
    except OSError as error:
        reason = error.errno or errno.EIO
    if reason:
        yield ConfigError(f"{path}: cannot be written: {os.strerror(reason)}", "name another file")


def _against(path: Path, *, makes_folders: bool) -> int:
    """Return the number of the error that writing a file would end in; 0 for none."""
    if path.is_dir():
        return errno.EISDIR
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if nearest != path and not nearest.is_dir():
        return errno.ENOTDIR
    if nearest not in (path, path.parent) and not makes_folders:
        return errno.ENOENT
    return 0 if os.access(nearest, os.W_OK) else errno.EACCES


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def _of_keys(config: GatewayConfig) -> Iterator[str]:
    spent = spends_for_strangers(config)
    if spent:
        yield f"without [gateway.keys], whoever reaches {config.host} spends the key in {spent}"
    for upstream in config.upstreams:
        if Words(config).key_of(upstream) == "none":
            yield f"upstream {upstream.name} gets no key: those of [gateway.keys] stay here; api_key_env names its own"
    tenants: dict[str, list[VirtualKey]] = {}
    for key in config.keys:
        tenants.setdefault(key.tenant, []).append(key)
    for tenant, keys in tenants.items():
        if len({key.caps for key in keys}) > 1:
            names = ", ".join(key.name for key in keys)
            yield f"keys {names} of tenant {tenant} have different caps: each is held against all that {tenant} spends"


def _of_memory(config: GatewayConfig) -> Iterator[str]:
    if config.cache is not None and config.cache.store == "memory" and config.workers > 1:
        yield f"a cache in memory: each of the {config.workers} workers has its own; a file or redis:// is shared"
    if config.spend_store == "memory" and Words(config).has_caps():
        yield 'spending is counted in memory: a restart begins at 0; [gateway.caps] store = "FILE" keeps it'


def _of_prices(config: GatewayConfig, prices: tuple[PlannedPrice, ...]) -> Iterator[str]:
    unpriced = [price.model for price in prices if not price.provider]
    if unpriced:
        capped = ", and no cap stops it" if Words(config).has_caps() else ""
        yield f"no price is known for {', '.join(unpriced)}: what it costs is not counted{capped}"


def _of_rest(config: GatewayConfig) -> Iterator[str]:
    if config.log == Path("-") and config.workers > 1:
        yield "several workers write their log to stdout: a pipe may mix up lines above 4 KiB; a file keeps them whole"
    rest = [upstream.name for upstream in config.upstreams if not upstream.models]
    if len(rest) > 1:
        yield f"upstream {', '.join(rest[1:])} answers nothing: {rest[0]} takes all models that nobody names"
    if config.route_models and config.policy is None:
        yield "route_models without a policy routes nothing"
    if config.total_caps != Caps() and not config.keys and config.caps == Caps():
        yield "all callers share the caps in all: one of them can use them up"
