"""What every test gets: an environment without surprises, and golden files."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

ROOT = Path(__file__).parent.parent
TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
TRACED = ("core", "serving")
"""Folders whose property tests, and all cases of the others, run under coverage too."""
CASES_TRACED = 3
"""Of a test with many cases, elsewhere."""
UPDATE = bool(os.environ.get("LLMOPT_UPDATE_GOLDEN"))

# A busy machine is no failure; CI tries the same examples each time, people new ones.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")

# There is a worker for each core, so that more threads than one in each only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

Golden = Callable[[str, str], None]
_SAME_ON_EVERY_PAGE = re.compile(
    r"(?<=<style>).*?(?=</style>)|(?<=<script>).*?(?=</script>)|(?<=<footer>).*?(?=</footer>)"
    r'|(?<=Content-Security-Policy" content=")[^"]*',
    re.DOTALL,
)
"""Looks, script and policy of a page, and what made it: golden pages are without them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave all but the first cases of a test untraced: they run the same lines with other values."""
    cases: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if cases[test] > CASES_TRACED and folder_of(item) not in TRACED:
            item.add_marker(pytest.mark.untraced)


def pytest_collection_finish() -> None:
    """Spare collections of garbage the 20,000 tests themselves: a full one takes a second with them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run untraced, under `--cov`, what repeats lines that other tests run already.

    Tracing makes Python two to three times as slow. Property tests run the same lines over and over, and the tests of
    the benchmarks run them as their users do: what they find counts, not where they have been. The core is held to all
    of its branches. pytest-cov's own `no_cover` does nothing in a worker of xdist, where a second tracer takes over.
    """
    tracer = sys.gettrace()
    if not (item.config.pluginmanager.hasplugin("_cov") and is_untraced(item)):
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


def is_untraced(item: pytest.Item) -> bool:
    folder = folder_of(item)
    is_property = folder not in TRACED and is_hypothesis_test(getattr(item, "obj", None))
    return folder == "benchmarks" or is_property or item.get_closest_marker("untraced") is not None


def folder_of(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith("LLMOPT_") or name in ("GITHUB_STEP_SUMMARY", "FORCE_COLOR", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True)
def clean_signals() -> Iterator[None]:
    """Signals come as in a new terminal, whoever began the tests and whatever an earlier test left.

    A job in the background begins with Ctrl-C ignored, others with it blocked or handled outside of Python, and a loop
    of events that has closed may leave its handler behind.
    """
    ours: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    if hasattr(signal, "SIGHUP"):
        ours[signal.SIGHUP] = signal.SIG_DFL
    signal.set_wakeup_fd(-1)  # a closed loop's: a byte for each signal would go into the file that has its number now
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    if hasattr(signal, "pthread_sigmask"):  # which Windows does not have
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
    yield
    for number, handler in before.items():
        signal.signal(number, ours[number] if handler is None else handler)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def golden() -> Golden:
    """Return a check of a text against `tests/golden/NAME`; `make golden` rewrites the files instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if path.suffix == ".html":
            text = _SAME_ON_EVERY_PAGE.sub("", text)
        if UPDATE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.is_file(), f"{path} is missing: run `make golden`, then read it"
        assert text == path.read_text(encoding="utf-8")

    return check
