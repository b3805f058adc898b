"""`llmopt dashboard`: what it writes, where, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden


@pytest.mark.parametrize(("command", "name"), [("prometheus", "llmopt-rules.yml"), ("grafana", "llmopt-gateway.json")])
def test_it_writes_to_stdout(llmopt: Llmopt, golden: Golden, command: str, name: str) -> None:
    done = llmopt("dashboard", command)
    assert (done.code, done.err) == (0, "")
    golden(f"dashboard/{name}", done.out)


def test_it_writes_all_files_into_a_folder_and_says_so(llmopt: Llmopt, golden: Golden, workdir: Path) -> None:
    for _ in range(2):  # the second time over the first
        done = llmopt("dashboard", "prometheus", "-o", "new/folder", "--target", "gateway.internal:8080")
        assert (done.code, done.out) == (0, "")
        assert done.err == (
            "llmopt: wrote new/folder/llmopt-rules.yml\nllmopt: wrote new/folder/llmopt-prometheus.yml\n"
        )
    assert (workdir / "new/folder/llmopt-rules.yml").read_text() == llmopt("dashboard", "prometheus").out
    golden("dashboard/llmopt-prometheus.yml", (workdir / "new/folder/llmopt-prometheus.yml").read_text())
    assert llmopt("dashboard", "grafana", "-q", "-o", "new").err == ""
    assert (workdir / "new/llmopt-gateway.json").read_text() == llmopt("dashboard", "grafana").out


@pytest.mark.parametrize(
    "target", ["", "gateway", ":8080", "gateway:http", "http://gateway:80", 'a"b:1', "a\n:1", "[::1]", "a:0", "a:65536"]
)
def test_a_target_is_a_host_and_a_port(llmopt: Llmopt, target: str) -> None:
    done = llmopt("dashboard", "prometheus", "--target", target)
    assert (done.code, done.out) == (2, "")
    assert "not HOST:PORT" in done.err


def test_an_ipv6_target(llmopt: Llmopt, workdir: Path) -> None:
    assert llmopt("dashboard", "prometheus", "--target", "[::1]:8080", "-o", ".").code == 0
    assert '["[::1]:8080"]' in (workdir / "llmopt-prometheus.yml").read_text()


def test_a_folder_that_cannot_be_made_or_written(llmopt: Llmopt, workdir: Path) -> None:
    (workdir / "file").touch()
    done = llmopt("dashboard", "grafana", "-o", "file")
    assert (done.code, done.out) == (2, "")
    assert "file: cannot be made: File exists" in done.err
    (workdir / "llmopt-gateway.json").mkdir()
    done = llmopt("dashboard", "grafana", "-o", ".")
    assert done.code == 2
    assert "llmopt-gateway.json: cannot be written" in done.err


def test_a_stdout_that_cannot_be_written(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys.stdout, "write", full)
    done = llmopt("dashboard", "grafana")
    assert done.code == 2
    assert "stdout cannot be written: No space left on device" in done.err


def test_the_dashboard_is_whole(llmopt: Llmopt) -> None:
    model = json.loads(llmopt("dashboard", "grafana").out)
    panels = model["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["targets"] and panel["description"] for panel in panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken), "panels lie over one another"
    assert max(x for x, _ in taken) == 23


def test_it_needs_no_server_library() -> None:
    code = "import sys; from llmopt.cli.main import run; run(['dashboard', 'grafana']); print('\\n', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"aiohttp", "prometheus_client", "starlette", "uvicorn", "duckdb", "tiktoken", "pydantic"}
