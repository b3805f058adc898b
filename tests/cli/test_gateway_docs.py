"""docs/gateway.md names every setting, and its example can be run."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
import uvicorn

from llmopt.serving.gateway.app import GatewayApp
from llmopt.serving.gateway.config.file import read_config
from llmopt.serving.gateway.config.names import ALIASES, KEY, PLAIN, TABLES, UPSTREAM
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.log_line import LogLine
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "gateway.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_there_is_an_example() -> None:
    assert len(EXAMPLE) == 1


def test_the_settings_can_be_run(llmopt: Llmopt, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "b")
    (workdir / "llmopt.toml").write_text(EXAMPLE[0], encoding="utf-8")
    outcome = llmopt("gateway", "--config", "llmopt.toml", "--check")
    assert (outcome.code, outcome.err) == (0, "")
    assert "https://api.anthropic.com/v1, models: claude-*, key: ANTHROPIC_API_KEY" in outcome.out


def test_the_settings_are_the_defaults_where_there_is_one(workdir: Path) -> None:
    (workdir / "llmopt.toml").write_text(EXAMPLE[0], encoding="utf-8")
    shown, default = read_config(workdir / "llmopt.toml"), GatewayConfig(())
    for name in ("host", "port", "workers", "policy", "route_models", "compress", "log_bodies", "tutorial_metrics"):
        assert getattr(shown, name) == getattr(default, name), name
    assert (shown.times, shown.retries, shown.limits) == (default.times, default.retries, default.limits)
    assert shown.cache is not None
    assert default.cache is not None
    assert (shown.cache.ttl_s, shown.cache.max_bytes) == (default.cache.ttl_s, default.cache.max_bytes)
    assert shown.keys[0].caps.usd_per_day == Decimal(5)


def test_every_setting_is_named() -> None:
    names = {*PLAIN, *KEY, *UPSTREAM, *(key for keys in TABLES.values() for key in keys)}
    words = set(re.findall(r"[a-z0-9_]+", EXAMPLE[0].replace("-", "_")))
    assert names - words - set(ALIASES) == set()


def test_every_field_of_the_log_is_named() -> None:
    names = set(LogLine.__struct_fields__)
    assert "cost_usd" in names
    assert {name for name in names if f"`{name}`" not in TEXT} == set()


def test_what_python_examples_import_is_there() -> None:
    text = TEXT + (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 5
    for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("llmopt"):
            assert all(hasattr(import_module(str(node.module)), name.name) for name in node.names), node.module


def test_the_application_in_python_can_be_built(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apps: list[object] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **_: apps.append(app))
    (workdir / "llmopt.toml").write_text('[gateway]\nupstream = "http://localhost:8000"\n', encoding="utf-8")
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "gateway_app" in block)
    exec(compile(example, "docs/gateway.md", "exec"), {})
    assert [type(app) for app in apps] == [GatewayApp]
