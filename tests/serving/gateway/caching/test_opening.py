"""The cache stage made from settings, and what of them is part of every key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from llmopt.errors import UsageError
from llmopt.serving.gateway.caching.opening import identity_of, open_cache
from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, UpstreamSettings
from llmopt.serving.routing.policy import load_policy
from tests.serving.gateway.caching.parts import Origin, call_of

CONFIG = GatewayConfig((UpstreamSettings("http://user:secret@localhost:1/v1", models=("a", "b")),))
POLICY = """
default = "cheap"
[routes]
cheap = "small"
strong = "large"
[[rule]]
name = "team"
route = "strong"
tags = ["team=care"]
[[rule]]
name = "wish"
route = "strong"
header = {X-Quality = "best"}
"""


@pytest.mark.parametrize(
    "changed",
    [
        {"upstreams": (UpstreamSettings("http://localhost:2/v1", models=("a", "b")),)},
        {"upstreams": (UpstreamSettings("http://localhost:1/v1", models=("a",)),)},
        {"upstreams": (*CONFIG.upstreams, UpstreamSettings("http://localhost:3", name="other"))},
        {"compress": "safe"},
    ],
    ids=["url", "models", "more", "compress"],
)
def test_setup_that_changes_answers_changes_the_digest(changed: dict[str, object]) -> None:
    assert identity_of(replace(CONFIG, **changed)).digest != identity_of(CONFIG).digest  # type: ignore[arg-type]


def test_setup_that_changes_nothing_leaves_the_digest() -> None:
    other = replace(
        CONFIG,
        upstreams=(UpstreamSettings("http://localhost:1/v1", models=("b", "a"), api_key_env="KEY"),),
        port=1,
        workers=7,
        route_models=("a",),
    )
    assert identity_of(other) == identity_of(CONFIG)
    assert identity_of(CONFIG, upstreams=("function",)) != identity_of(CONFIG)


def test_policy_is_part_of_it_with_the_headers_that_its_rules_look_at(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    config = replace(CONFIG, policy=path, key_headers=("X-App",))
    found = identity_of(config, load_policy(path))
    assert found.headers == {b"x-app", b"x-quality", b"x-llmopt-tags"}
    assert found.digest != identity_of(CONFIG).digest
    path.write_text(POLICY.replace("large", "larger"))
    assert identity_of(config, load_policy(path)).digest != found.digest
    assert identity_of(replace(config, route_models=("a",)), load_policy(path)).digest != found.digest


def test_no_cache_is_no_stage() -> None:
    assert open_cache(replace(CONFIG, cache=None)) is None


def test_store_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError):
        open_cache(replace(CONFIG, cache=CacheSettings("memcached://localhost")))


@pytest.mark.parametrize("store", ["memory", "cache.sqlite"])
def test_stage_keeps_and_finds(tmp_path: Path, store: str) -> None:
    async def main() -> None:
        step = open_cache(replace(CONFIG, cache=CacheSettings(store if store == "memory" else str(tmp_path / store))))
        assert step is not None
        origin = Origin(step)
        for _ in range(2):
            await step.answer(call_of(), origin)
            step.cache.store.flush()
        assert len(origin.calls) == 1
        assert step.store_errors == 0
        await step.aclose()

    asyncio.run(main())


def test_redis_is_loaded_only_where_it_is_the_store() -> None:
    code = (
        "import sys; from llmopt.serving.gateway.caching.opening import open_cache;"
        "from llmopt.serving.gateway.config.settings import GatewayConfig;"
        "open_cache(GatewayConfig(())); sys.exit('redis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
