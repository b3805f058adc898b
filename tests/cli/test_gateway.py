"""`llmopt gateway`: what it refuses, what --check shows, the settings it takes, and how signals end it."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from llmopt.cli.settings import defaults_for
from llmopt.serving.gateway import running
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.running import Ended, listen
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

URL = "http://localhost:8000"
PATIENCE_S = 60
FULL = """\
[gateway]
policy = "policy.toml"
compress = "safe"
workers = 2
usd-per-day = 20
[gateway.cache]
store = "redis://ada:hidden@cache.internal/0"
ttl = "1h"
[[gateway.upstream]]
name = "openai"
url = "https://api.openai.com"
api-key-env = "OPENAI_API_KEY"
[[gateway.upstream]]
name = "anthropic"
url = "https://api.anthropic.com"
models = ["claude-*", "claude-sonnet-4-5"]
[gateway.keys.care]
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
usd-per-month = 100.5
"""
POLICY = 'default = "cheap"\n[routes]\ncheap = "gpt-4o-mini"\nhouse = "house-7b"\n'
FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]


@pytest.fixture
def settings(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (workdir / ".git").mkdir()
    (workdir / "policy.toml").write_text(POLICY)
    (workdir / "llmopt.toml").write_text(FULL)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    return workdir


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[GatewayConfig]:
    """What the server was started with; it ends at once."""
    configs: list[GatewayConfig] = []

    def run(
        config: GatewayConfig, *, ready: Callable[[str, Callable[[], None]], None], prepare: Callable[[], object]
    ) -> Ended:
        pickle.dumps(prepare)  # for workers
        configs.append(config)
        ready(f"http://{config.host}:1234", lambda: None)
        return Ended(unanswered=0, clean=True)

    monkeypatch.setattr(running, "run", run)
    return configs


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_check_in_every_format(llmopt: Llmopt, golden: Golden, settings: Path, format: str, suffix: str) -> None:
    outcome = llmopt("gateway", "--check", "--format", format)
    assert (outcome.code, outcome.err if format != "csv" else "") == (0, "")
    assert "hidden" not in outcome.out + outcome.err
    golden(f"cli/gateway.{suffix}", outcome.out)


def test_help(llmopt: Llmopt, golden: Golden) -> None:
    golden("cli/gateway-help.txt", llmopt("gateway", "--help").out)


def test_check_shows_what_would_run_and_then_fails(
    llmopt: Llmopt, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (settings / "policy.toml").write_text("[routes]\n")
    outcome = llmopt("gateway", "--check", "--format", "json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["schema"], found["ok"]) == (2, "llmopt.gateway.check/1", False)
    assert [fault["message"].partition(": ")[0] for fault in found["faults"]] == [
        str(settings / "policy.toml"),
        "upstream 'openai'",
    ]
    assert len(outcome.err.splitlines()) == 2
    assert "OPENAI_API_KEY is not set" in outcome.err.splitlines()[0]
    assert "It would not run: 2 faults." in llmopt("gateway", "--check").out


def test_check_writes_a_file(llmopt: Llmopt, settings: Path) -> None:
    outcome = llmopt("gateway", "--check", "-o", "plan.md", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert "What would run" in (settings / "plan.md").read_text()


def test_settings_variables_and_flags_go_over_each_other(
    llmopt: Llmopt, ran: list[GatewayConfig], settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert llmopt("gateway").code == 0
    assert (ran[0].port, ran[0].compress, [one.name for one in ran[0].upstreams]) == (
        8080,
        "safe",
        ["openai", "anthropic"],
    )
    monkeypatch.setenv("LLMOPT_GATEWAY_COMPRESS", "lossless")
    monkeypatch.setenv("LLMOPT_GATEWAY_LOG_BODIES", "yes")
    monkeypatch.setenv("LLMOPT_PORT", "99")
    monkeypatch.setenv("LLMOPT_CHECK", "true")  # of llmopt compress
    assert llmopt("gateway", "--port", "98", "--no-log-bodies", "--upstream", URL).code == 0
    assert (ran[1].port, ran[1].compress, ran[1].log_bodies) == (98, "lossless", False)
    assert [one.url for one in ran[1].upstreams] == [URL]
    assert llmopt("gateway", "--cache", "off", "--workers", "1").code == 0
    assert (ran[2].port, ran[2].log_bodies, ran[2].cache) == (99, True, None)


def test_a_named_file_takes_the_place_of_the_one_that_is_found(
    llmopt: Llmopt, ran: list[GatewayConfig], settings: Path
) -> None:
    (settings / "else").mkdir()
    (settings / "else" / "mine.toml").write_text(f'[gateway]\nupstream = "{URL}"\nlog = "calls.jsonl"\nquiet = true\n')
    outcome = llmopt("gateway", "--config", "else/mine.toml")
    assert (outcome.code, outcome.err) == (0, "")
    assert ran[0].log == Path("else/calls.jsonl")
    assert (ran[0].compress, ran[0].keys) == ("", ())
    (settings / "else" / "none.toml").write_text("[cost]\ntop = 3\n")
    outcome = llmopt("gateway", "--config", "else/none.toml", "--upstream", URL)
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "llmopt: error: else/none.toml: no [gateway] in it")


def test_other_commands_do_not_mind_the_gateway(llmopt: Llmopt, settings: Path) -> None:
    assert llmopt("prices", "show", "gpt-4o").code == 0
    assert llmopt("route", "explain", "hello", "--policy", "policy.toml").code == 0


def test_it_says_where_it_is_and_warns_of_strangers(
    llmopt: Llmopt, ran: list[GatewayConfig], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = llmopt("gateway", "--upstream", URL)
    assert outcome.err == f"gateway on http://127.0.0.1:1234 for {URL}/v1 (cache memory)\n"
    outcome = llmopt("gateway", "--upstream", URL, "--host", "0.0.0.0", "--api-key-env", "KEY")
    assert outcome.err.splitlines()[1] == (
        "llmopt: warning: without [gateway.keys], whoever reaches http://0.0.0.0:1234 spends the key in KEY"
    )
    assert llmopt("gateway", "--upstream", URL, "-q").err == ""

    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    assert llmopt("gateway", "--upstream", URL).code == 0


def test_what_is_left_is_counted(llmopt: Llmopt, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run", lambda config, **_: Ended(unanswered=2, clean=True))
    outcome = llmopt("gateway", "--upstream", URL, "--drain", "1.5s")
    assert (outcome.code, outcome.err) == (1, "llmopt: check failed: 2 requests were not answered within 1.5s\n")


def test_a_new_key_is_shown_once_and_its_table_goes_to_a_file(llmopt: Llmopt, workdir: Path) -> None:
    outcome = llmopt("gateway", "--new-key", "care.team")
    key = outcome.err.split()[-1]
    table = tomllib.loads(outcome.out)["gateway"]["keys"]["care.team"]
    assert table == {"sha256": hashlib.sha256(key.encode()).hexdigest()}
    assert key not in outcome.out
    assert len(key) > 40
    Path("llmopt.toml").write_text("port = 81" + outcome.out)  # as >> does to a file whose last line does not end
    assert llmopt("gateway", "--upstream", URL, "--check").code == 0
    assert llmopt("gateway", "--new-key", "care.team").err != outcome.err
    assert llmopt("gateway", "--new-key", "a b").code == 2


def test_a_new_key_whose_table_cannot_be_written_is_no_bug(
    llmopt: Llmopt, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys.stdout, "write", full)
    done = llmopt("gateway", "--new-key", "care")
    assert (done.code, done.err.splitlines()[1:]) == (
        2,
        ["llmopt: error: stdout cannot be written: No space left on device", "llmopt: hint: make room on the disk"],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing says which server answers"),
        (["--upstream", "localhost:8000"], "--upstream 'localhost:8000' is no URL of a web server"),
        (["--upstream", URL, "--port", "70000"], "--port '70000': not a whole number from 0 to 65535"),
        (["--upstream", URL, "--cache-ttl", "soon"], "--cache-ttl 'soon'"),
        (["--upstream", URL, "--compress", "much"], "--compress 'much': not one of lossless, safe, aggressive, off"),
        (["--upstream", URL, "--config", "missing.toml"], "missing.toml: No such file or directory"),
        (["--upstream", URL, "--config", "wrong.toml"], "wrong.toml:2: [gateway] has no key 'prot'"),
        (["--upstream", URL, "--check", "--format", "png"], "png"),
        (["--upstream", URL, "-o", "plan.md"], "-o is for what --check finds"),
        (["--upstream", URL, "--policy", "missing.toml"], "missing.toml: No such file or directory"),
        (["--upstream", URL, "--api-key-env", "NOT_SET"], "NOT_SET is not set"),
        (["--upstream", URL, "--log", "no/such/folder.jsonl"], "no/such/folder.jsonl"),
    ],
)
def test_what_makes_no_sense_is_one_line(llmopt: Llmopt, workdir: Path, arguments: list[str], message: str) -> None:
    (workdir / "wrong.toml").write_text("[gateway]\nprot = 1\n")
    port = [] if "--port" in arguments else ["--port", "0"]
    outcome = llmopt("gateway", *arguments, *port)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("llmopt: error: ")
    assert message in outcome.err.splitlines()[0]
    assert len(outcome.err.splitlines()) <= 2


def test_a_taken_port_is_said(llmopt: Llmopt, workdir: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        outcome = llmopt("gateway", "--upstream", URL, "--port", taken.getsockname()[1])
    assert (outcome.code, outcome.out) == (2, "")
    assert "Address already in use" in outcome.err


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_a_signal_comes(workdir: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "llmopt", "gateway", "--upstream", "http://127.0.0.1:9", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert match, told + process.stderr.read()
            with urlopen(f"{match[0]}/healthz", timeout=PATIENCE_S) as answer:
                assert answer.status == 200
            process.send_signal(sent)
            _, rest = process.communicate(timeout=PATIENCE_S)
            assert (process.returncode, rest) == (0, "")
        finally:
            process.kill()


def test_a_plain_gateway_loads_no_more_than_it_needs(workdir: Path) -> None:
    code = (
        "import sys; from llmopt.serving.gateway import running\n"
        "from llmopt.serving.running import Ended\n"
        "def run(config, ready, prepare):\n"
        "    from llmopt.serving.gateway.building import gateway_app\n"
        "    gateway_app(config); ready('U', None); print(*sys.modules); return Ended(0, True)\n"
        "running.run = run\n"
        "from llmopt.cli.main import run as cli; sys.exit(cli(['gateway', '--upstream', 'http://h', '-q']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    unwanted = {"duckdb", "fastapi", "numpy", "pandas", "pydantic", "redis", "rich", "tiktoken", "torch"}
    assert not unwanted & set(done.stdout.split())


@pytest.mark.parametrize("package", ["uvicorn", "aiohttp", "prometheus_client"])
def test_a_missing_extra_is_named(package: str, workdir: Path) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from llmopt.cli.main import run; sys.exit(run(['gateway', '--upstream', '{URL}', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=workdir)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"llmopt: error: {package} is not installed\nllmopt: hint: pip install 'llmopt[serve]'\n"


def test_settings_files_are_read_by_the_command_itself(workdir: Path) -> None:
    from llmopt.cli.registry import COMMANDS, load

    (entry,) = (entry for entry in COMMANDS if entry.reads_files)
    (workdir / "llmopt.toml").write_text("[gateway.cache]\nttl = '1h'\n")
    assert defaults_for(load(entry), workdir, files=False) == {}
