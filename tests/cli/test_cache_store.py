"""`llmopt cache stats` and `purge` on real stores: what is held, what goes, and what is no store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt.serving.cache import Entry, SqliteStore
from tests.cli.conftest import Llmopt
from tests.conftest import Golden

FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
THEN = 4_102_444_800.0
"""2100-01-01: what is stored then has not expired when the tests run."""
KEYS = [f"{number:064x}" for number in range(6)]
HELD = [
    ("acme", "gpt-4o"),
    ("acme", "gpt-4o"),
    ("acme", "gpt-4o-mini"),
    ("umbrella", "gpt-4o"),
    ("", "gpt-4o"),
    ("", ""),
]


@pytest.fixture
def store(workdir: Path) -> Path:
    """An SQLite file with six answers."""
    with_answers = SqliteStore(workdir / "cache.db")
    for at, (key, (tenant, model)) in enumerate(zip(KEYS, HELD, strict=True)):
        with_answers.set(key, Entry(b"{}" * (at + 1), tenant, model, THEN + at, THEN + 3_600, "0.05"))
    with_answers.close()
    return workdir / "cache.db"


def held(path: Path) -> set[str]:
    opened = SqliteStore(path)
    try:
        return {key for key in KEYS if opened.get(key, THEN) is not None}
    finally:
        opened.close()


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_stats_in_every_format(llmopt: Llmopt, golden: Golden, store: Path, format: str, suffix: str) -> None:
    outcome = llmopt("cache", "stats", "cache.db", "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/cache-stats.{suffix}", outcome.out)


def test_stats_by_tenant_and_model(llmopt: Llmopt, store: Path) -> None:
    found = json.loads(llmopt("cache", "stats", store, "--format", "json").out)
    assert (found["schema"], found["entries"], found["size_bytes"]) == ("llmopt.cache.stats/1", 6, 42)
    assert (found["oldest"], found["newest"]) == ("2100-01-01T00:00:00Z", "2100-01-01T00:00:05Z")
    rows = {(row["tenant"], row["model"]): (row["entries"], row["size_bytes"]) for row in found["tenants"]}
    assert rows[("acme", "gpt-4o")] == (2, 6)
    assert rows[("", "")] == (1, 12)
    assert (found["expired"], found["usd"]) == (0, "0.3")
    later = json.loads(llmopt("cache", "stats", store, "--format", "json", "--as-of", "2100-01-02").out)
    assert (later["expired"], later["entries"]) == (6, 6)


def test_a_store_from_the_environment(llmopt: Llmopt, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPT_CACHE_STORE", str(store))
    assert "6 answers" in llmopt("cache", "stats").out
    assert "1 answer under this key deleted" in llmopt("cache", "purge", "--key", KEYS[0]).out


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (("--tenant", "acme"), KEYS[:3]),
        (("--model", "gpt-4o"), [*KEYS[:2], KEYS[3], KEYS[4]]),
        (("--tenant", "acme", "--model", "gpt-4o"), KEYS[:2]),
        (("--tenant", ""), KEYS[4:]),
        (("--model", ""), KEYS[5:]),
        (("--key", KEYS[3].upper()), KEYS[3:4]),
        (("--key", KEYS[3], "--tenant", "acme"), []),
        (("--tenant", "nobody"), []),
        (("--all",), KEYS),
    ],
)
def test_what_fits_goes_and_nothing_else(
    llmopt: Llmopt, store: Path, options: tuple[str, ...], gone: list[str]
) -> None:
    outcome = llmopt("cache", "purge", store, *options, "--format", "json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert (found["schema"], found["deleted"]) == ("llmopt.cache.purge/1", len(gone))
    assert held(store) == set(KEYS) - set(gone)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "nothing is named that is to go"),
        (("--all", "--tenant", "acme"), "--all and a choice of answers exclude each other"),
        (("--key", "abc"), "--key 'abc': a key has 64 hexadecimal digits"),
        (("--key", ""), "--key '': a key has 64 hexadecimal digits"),
        (("--all", "--format", "xml"), "there is no output format 'xml'"),
    ],
)
def test_a_purge_that_is_not_clear_deletes_nothing(
    llmopt: Llmopt, store: Path, options: tuple[str, ...], complaint: str
) -> None:
    outcome = llmopt("cache", "purge", store, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"llmopt: error: {complaint}\n" in outcome.err
    assert held(store) == set(KEYS)


def test_settings_never_choose_what_goes(llmopt: Llmopt, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("llmopt.toml").write_text('model = "gpt-4o"\n[cache.purge]\ntenant = "acme"\nall = true\n')
    monkeypatch.setenv("LLMOPT_MODEL", "gpt-4o-mini")
    assert llmopt("cache", "purge", store).code == 2
    assert held(store) == set(KEYS)
    found = json.loads(llmopt("cache", "purge", store, "--tenant", "umbrella", "--format", "json").out)
    assert (found["deleted"], found["model"]) == (1, None)
    assert llmopt("cache", "purge", store, "--all").code == 0
    assert held(store) == set()


@pytest.mark.parametrize("command", [("stats",), ("purge", "--all")])
@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("nowhere.db", "nowhere.db"),
        ("notes.txt", "notes.txt"),
        (".", "is a folder"),
        ("http://host/cache", "http"),
        ("memory:", "a store in memory is seen by its own process alone"),
        ("redis://:hunter2@127.0.0.1:1/0", ""),
        ("", ""),
    ],
)
def test_what_is_no_store(llmopt: Llmopt, workdir: Path, command: tuple[str, ...], where: str, complaint: str) -> None:
    Path("notes.txt").write_text("no cache at all, and not to be touched\n" * 100)
    before = sorted(Path.cwd().iterdir())
    outcome = llmopt("cache", command[0], where, *command[1:])
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("llmopt: error: ")
    assert complaint in outcome.err.splitlines()[0]
    assert "hunter2" not in outcome.err
    assert sorted(Path.cwd().iterdir()) == before
    assert Path("notes.txt").read_text().startswith("no cache")
