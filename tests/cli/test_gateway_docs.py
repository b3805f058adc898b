"""docs/gateway.md shows what the commands print, names every setting, and its example can be run."""

from __future__ import annotations

import ast
import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.serving.gateway.config import GatewayConfig
from llmopt.serving.gateway.config_file import read_config
from llmopt.serving.gateway.config_names import ALIASES, KEY, PLAIN, TABLES, UPSTREAM
from llmopt.serving.gateway.log_line import LogLine
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, UPDATE

PAGE = ROOT / "docs" / "gateway.md"
BLOCK = re.compile(r"(```console\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[str]:
    return [command for _, command, _ in BLOCK.findall(TEXT)]


@pytest.mark.parametrize("command", commands())
def test_an_example_prints_what_it_says(llmopt: Llmopt, workdir: Path, command: str) -> None:
    (workdir / ".git").mkdir()
    (workdir / "samples").symlink_to(ROOT / "samples")
    outcome = llmopt(*shlex.split(command))
    assert (outcome.code, outcome.err) == (0, "")
    page = PAGE.read_text(encoding="utf-8")
    if UPDATE:
        page = BLOCK.sub(lambda found: f"{found[1]}{outcome.out}```" if found[2] == command else found[0], page)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    assert {shown: output for _, shown, output in BLOCK.findall(page)}[command] == outcome.out


def test_there_are_examples() -> None:
    assert {command.split()[0] for command in commands()} == {"gateway", "cost"}
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


def test_python_examples_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        ast.parse(block)
