"""Pricing night by night gives what pricing everything at once gives, and reads each file once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.cost.state import take_in, tidy
from llmopt.cost.state.by_file import read_files
from llmopt.cost.state.run import price_with_state
from llmopt.errors import InputError, UsageError
from tests.cost.logs import ONE
from tests.cost.reading import SAMPLES
from tests.cost.state.history import Logs, text_of, told

numbers = st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True)
changes = st.tuples(
    st.sampled_from(["add", "add", "grow", "rewrite", "rename", "compress"]),
    st.integers(0, 20),
    st.builds(text_of, st.sampled_from(["chat", "copies", "damaged"]), numbers),
)
periods = st.sampled_from(
    [{}, {"since": datetime(2026, 3, 2, tzinfo=UTC)}, {"until": datetime(2026, 3, 4, tzinfo=UTC)}]
)
nights = st.tuples(st.lists(changes, min_size=1, max_size=3), periods)
groups = st.sampled_from([("model",), ("day", "session"), ("file",), ("week", "hour")])


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the names of files as they are read."""
    names: list[str] = []

    def reading(sources: Any, *arguments: Any, **options: Any) -> Any:
        names.extend(Path(source.path).name for source in sources)
        return read_files(sources, *arguments, **options)

    monkeypatch.setattr(take_in, "read_files", reading)
    return names


@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(
    nights=st.lists(st.tuples(st.lists(changes, min_size=1, max_size=3), periods), min_size=1, max_size=3), by=groups
)
def test_any_history_is_priced_as_if_read_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    nights: list[tuple[list[tuple[str, int, bytes]], dict[str, Any]]],
    by: tuple[str, ...],
) -> None:
    logs = Logs(tmp_path_factory.mktemp("history"))
    for changed, period in nights:
        for action, number, content in changed:
            logs.change(action, number, content)
        assert told(logs.with_state(by=by, **period)) == told(logs.without_state(by=by, **period))


def test_repeats_that_turn_up_later_are_looked_for_in_all_files(logs: Logs, read: list[str]) -> None:
    for content in (text_of("chat", range(5)), text_of("chat", range(5, 9))):
        logs.add(content)
        assert logs.with_state().duplicates == 0
    logs.add(text_of("chat", range(3)))
    heard: list[str] = []
    report = logs.with_state(tell=heard.append)
    assert (report.duplicates, report.total.cost_usd) == (3, 9 * ONE)
    assert any("request ids repeat" in text for text in heard)
    del read[:]
    logs.add(text_of("chat", [2, 20]))
    assert logs.with_state().duplicates == 4
    assert read == ["0-4.jsonl"]


def test_only_what_is_new_is_read(logs: Logs, read: list[str]) -> None:
    logs.add(text_of("copies", range(9)))
    logs.add(text_of("chat", range(9)))
    logs.with_state()
    logs.with_state()
    assert sorted(read) == ["1-1.jsonl", "2-2.jsonl"]
    logs.change("grow", 0, text_of("copies", [30]))
    logs.with_state()
    assert read[2:] == ["1-1.jsonl"]


def test_what_is_gone_still_counts_and_is_named(logs: Logs) -> None:
    logs.add(text_of("chat", range(4)))
    logs.add(text_of("chat", range(4, 6)))
    logs.with_state()
    (logs.folder / "1-1.jsonl").unlink()
    report = logs.with_state()
    assert report.total.cost_usd == 6 * ONE
    assert any("1-1.jsonl" in text and "still counted" in text for text in report.warnings)


def test_a_rewritten_file_counts_as_it_is_now_and_is_named(logs: Logs) -> None:
    logs.add(text_of("chat", range(4)))
    logs.with_state()
    logs.change("rewrite", 0, text_of("chat", [7]))
    report = logs.with_state()
    assert report.total.cost_usd == ONE
    assert any("1-1.jsonl" in text and "counts no more" in text for text in report.warnings)


def test_other_prices_need_no_reading(logs: Logs, read: list[str], tmp_path: Path) -> None:
    logs.add(text_of("chat", range(4)))
    before = logs.with_state()
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(doubled()))
    report = logs.with_state(prices=[prices])
    assert (report.total.cost_usd, len(read)) == (before.total.cost_usd + 2 * ONE, 1)
    assert told(report) == told(logs.without_state(prices=[prices]))


def doubled() -> dict[str, Any]:
    """Return prices of gpt-4o that double on a day between the second and the third of four chats."""
    rows = [
        {"usd_per_mtok": {"input_uncached": "2.5", "output_text": "10"}},
        {"from": "2026-03-03", "usd_per_mtok": {"input_uncached": "5", "output_text": "20"}},
    ]
    head = {"schema": 1, "provider": "openai", "checked": "2026-01-01", "sources": ["https://example.com/prices"]}
    return {**head, "models": {"gpt-4o": {"name": "gpt 4o", "rows": rows}}}


@pytest.mark.parametrize("by", [("day",), ("month", "provider"), ("week", "tier", "model", "format")])
def test_groups_that_days_and_prices_tell_need_no_reading(logs: Logs, read: list[str], by: tuple[str, ...]) -> None:
    logs.add(text_of("chat", range(4)))
    logs.with_state()
    assert told(logs.with_state(by=by)) == told(logs.without_state(by=by))
    assert len(read) == 1


def test_other_groups_are_kept_apart_in_the_same_folder(logs: Logs, read: list[str]) -> None:
    logs.add(text_of("copies", range(9)))
    logs.with_state()
    heard: list[str] = []
    assert told(logs.with_state(by=("session",), tell=heard.append)) == told(logs.without_state(by=("session",)))
    assert heard[0] == "all logs are read: --by not as in the run before"
    for by in (("model",), ("session",)):
        logs.with_state(by=by)
    assert len(read) == 2


def test_a_changed_format_is_read_again(logs: Logs, read: list[str], tmp_path: Path) -> None:
    spec = tmp_path / "own.toml"
    spec.write_text((SAMPLES.parent / "llmopt/cost/formats/openai-chat.toml").read_text())
    logs.add(text_of("chat", range(2)))
    for text in ("", "# changed\n", ""):
        spec.write_text(text + spec.read_text().removeprefix("# changed\n"))
        logs.with_state(format_specs=[spec])
    assert len(read) == 2


def test_a_day_is_read_again_on_request(logs: Logs, read: list[str]) -> None:
    logs.add(text_of("chat", [0]))
    logs.add(text_of("chat", [10]))
    logs.with_state()
    day = logs.with_state(by=("day",)).groups[0].key["day"]
    del read[:]
    report = logs.with_state(rebuild=[str(day)])
    assert len(read) == 1
    assert told(report) == told(logs.without_state())


def test_a_day_of_a_file_that_is_gone_cannot_be_read_again(logs: Logs) -> None:
    logs.add(text_of("chat", [0]))
    logs.add(text_of("chat", [10]))
    logs.with_state()
    (logs.folder / "1-1.jsonl").unlink()
    report = logs.with_state(rebuild=["2026-03-02"])
    assert any("not read again" in text and "1-1.jsonl" in text for text in report.warnings)
    assert report.total.cost_usd == 2 * ONE


def test_an_answer_may_come_a_night_after_its_request(logs: Logs) -> None:
    batch = SAMPLES / "request-only.jsonl"
    logs.add(batch.read_bytes())
    logs.with_state()
    logs.add((SAMPLES / "openai-batch.jsonl").read_bytes())
    assert told(logs.with_state()) == told(logs.without_state())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": datetime(2026, 3, 2, 12, tzinfo=UTC)}, "whole UTC days"),
        ({"until": datetime(2026, 3, 2, 12, tzinfo=UTC)}, "whole UTC days"),
        ({"dearest": True}, "dearest"),
    ],
)
def test_what_a_state_cannot_answer_is_refused(logs: Logs, options: dict[str, Any], words: str) -> None:
    logs.add(text_of("chat", [0]))
    with pytest.raises(UsageError, match=words):
        logs.with_state(**options)


def test_traces_are_refused(logs: Logs) -> None:
    for path in sorted((SAMPLES / "otel-genai").rglob("*.json*")):
        logs.add(path.read_bytes())
    with pytest.raises(UsageError, match="spans of one trace"):
        logs.with_state()


def test_an_empty_log_is_an_error_as_ever(logs: Logs) -> None:
    logs.add(b"")
    with pytest.raises(InputError, match="no record"):
        logs.with_state()


def test_damage_is_rejected_in_each_report_and_the_rest_counts(logs: Logs) -> None:
    logs.add(text_of("damaged", [1]) + text_of("copies", [3]))
    for _ in range(2):
        report = logs.with_state()
        assert [item.count for item in report.rejected] == [1]
        assert report.rejected[0].first.endswith("1-1.jsonl:2")
        assert report.priced == 2


def test_many_files_of_rows_are_put_together(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "MOST_ROW_FILES", 2)
    monkeypatch.setattr(tidy, "LEFT", 1)
    for night in range(4):
        logs.add(text_of("copies", range(night * 2, night * 2 + 5)))
        report = logs.with_state()
    assert told(report) == told(logs.without_state())
    assert len(list((logs.state / "rows").iterdir())) <= 3
    assert isinstance(report.total.cost_usd, Decimal)


def test_a_day_to_rebuild_must_be_one(logs: Logs) -> None:
    with pytest.raises(UsageError, match="no such day"):
        logs.with_state(rebuild=["yesterday"])


def test_standard_input_is_refused(logs: Logs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "piped"
    path.write_bytes(text_of("chat", [1]))
    with path.open() as piped:
        monkeypatch.setattr("sys.stdin", piped)
        with pytest.raises(UsageError, match="files that stay"):
            price_with_state(["-"], logs.state)
