"""The real promtool and a real Prometheus, as Debian packages them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.conftest import ROOT

UNPACKED = ROOT / ".tools" / "prometheus"
"""Where `.ci/get-prometheus` puts them."""
_LISTENS = re.compile(r"address=127\.0\.0\.1:([1-9]\d*)")
_START_S = 60.0


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; CI has them."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if found is None:
        told = f"there is no {name} (.ci/get-prometheus gets it)"
        assert "CI" not in os.environ, told
        pytest.skip(told)
    return found


def promtool(*arguments: object, given: str = "") -> str:
    """Run promtool, which must find nothing wrong, and return what it says."""
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    """One server; it scrapes each second. Its folder is its own.

    Args:
        folder: empty, or with rule files.
        targets: job -> host and port of what it scrapes.
        rules: a rule file, worked out each second.
    """

    def __init__(self, folder: Path, targets: Mapping[str, str], rules: Path | None = None) -> None:
        self._log = folder / "prometheus.log"
        config = folder / "prometheus.yml"
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)] if rules else [],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
            ],
        }
        config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
        self._command = [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            self.url = f"http://127.0.0.1:{self._port()}"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return what a query gives now: labels and value of each series."""
        asked = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return [(one["metric"], float(one["value"][1])) for one in told["data"]["result"]]

    def wait_for(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return what a query gives, as soon as it gives anything."""
        until = time.monotonic() + _START_S
        while True:
            found = self.ask(query)
            if found:
                return found
            assert time.monotonic() < until, f"nothing for {query}: {self._log.read_text()[-2000:]}"
            time.sleep(0.05)

    def _end(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait(30)

    def _port(self) -> int:
        until = time.monotonic() + _START_S
        while True:
            text = self._log.read_text(encoding="utf-8", errors="replace")
            found = _LISTENS.search(text)
            if found and "Server is ready" in text:
                return int(found[1])
            assert time.monotonic() < until, text
            assert self._server is not None
            assert self._server.poll() is None, text
            time.sleep(0.05)
