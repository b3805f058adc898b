"""The log file: whole lines only, moved away, torn, full, forked; what is lost is counted."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.serving.gateway.request_log import RequestLog
from tests.serving.gateway.metering.calls import call

PATIENCE_S = 30.0


def ids(path: Path) -> list[str]:
    """Return the request ids of a log, all of whose lines are JSON."""
    return [json.loads(line)["request_id"] for line in path.read_bytes().splitlines()]


def noted(log: RequestLog, *names: str) -> None:
    """Log calls, and wait until they are written."""
    for name in names:
        log.note(call(request_id=name))
    assert log.flush(PATIENCE_S)


def test_calls_are_appended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for names in (["a", "b"], ["c"]):
        log = RequestLog(path)
        noted(log, *names)
        log.close()
    assert ids(path) == ["a", "b", "c"]
    assert path.stat().st_mode & 0o007 == 0


def test_closing_writes_what_waits_and_later_calls_are_lost(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    for number in range(500):
        log.note(call(request_id=str(number)))
    log.close()
    log.close()
    log.note(call())
    assert ids(tmp_path / "log.jsonl") == [str(number) for number in range(500)]
    assert log.lost_lines == 1


def test_a_log_without_calls_is_empty(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    assert log.flush()
    log.close()
    assert (tmp_path / "log.jsonl").read_bytes() == b""


def test_after_rotation_a_new_file_is_begun(tmp_path: Path) -> None:
    path, old = tmp_path / "log.jsonl", tmp_path / "log.1"
    log = RequestLog(path)
    noted(log, "a")
    path.rename(old)
    noted(log, "b")
    path.unlink()
    noted(log, "c")
    os.truncate(path, 0)
    noted(log, "d")
    log.close()
    assert (ids(old), ids(path)) == (["a"], ["d"])


def test_what_a_crash_cut_off_stays_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"schema":"llmopt.gateway/1","timest')
    log = RequestLog(path)
    noted(log, "a")
    log.close()
    first, second = path.read_bytes().splitlines()
    assert first == b'{"schema":"llmopt.gateway/1","timest'
    assert json.loads(second)["request_id"] == "a"


def test_a_full_disk_loses_lines_but_not_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write, room = tmp_path / "log.jsonl", os.write, [100]

    def full(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(file, data[: room[0]])
        room[0] -= written
        return written

    log = RequestLog(path)
    monkeypatch.setattr(os, "write", full)
    noted(log, "a", "b")
    noted(log, "c")
    assert log.lost_lines == 3
    room[0] = 10**6
    noted(log, "d")
    log.close()
    torn, whole = path.read_bytes().splitlines()
    assert len(torn) == 100
    assert json.loads(whole)["request_id"] == "d"


def test_no_more_than_so_many_calls_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, writing, write = threading.Event(), threading.Event(), os.write

    def slow(file: int, data: bytes) -> int:
        writing.set()
        assert held.wait(PATIENCE_S)
        return write(file, data)

    monkeypatch.setattr(os, "write", slow)
    log = RequestLog(tmp_path / "log.jsonl", most_lines=3, most_bytes=1000)
    log.note(call(request_id="a"))
    assert writing.wait(PATIENCE_S)
    log.note(call(request_id="b", request=b"{}" * 300))
    log.note(call(request_id="too large", request=b"{}" * 300))
    for name in ("c", "d", "too many"):
        log.note(call(request_id=name))
    assert log.lost_lines == 2
    assert not log.flush(0.001)
    held.set()
    log.close(PATIENCE_S)
    assert ids(tmp_path / "log.jsonl") == ["a", "b", "c", "d"]


def test_many_threads_and_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logs = [RequestLog(path), RequestLog(path)]

    def write(log: RequestLog, name: str) -> None:
        for number in range(200):
            log.note(call(request_id=f"{name}-{number}", request=b'{"a": "' + b"x" * 2000 + b'"}'))

    threads = [threading.Thread(target=write, args=(logs[number % 2], str(number))) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    for log in logs:
        log.close(PATIENCE_S)
    assert sorted(ids(path)) == sorted(f"{name}-{number}" for name in range(4) for number in range(200))


def test_a_forked_child_logs_its_own_calls(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from llmopt.serving.gateway.request_log import RequestLog
from tests.serving.gateway.metering.calls import call
log = RequestLog(Path(sys.argv[1]))
log.note(call(request_id="before"))
child = os.fork()
log.note(call(request_id="child" if child == 0 else "parent"))
if child == 0:
    log.close()
    os._exit(0)
os.waitpid(child, 0)
"""
    path = tmp_path / "log.jsonl"
    # The parent does not close its log: that happens at its exit.
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=PATIENCE_S, cwd=Path.cwd())
    assert sorted(ids(path)) == ["before", "child", "parent"]


def test_a_dash_is_standard_output(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open(1, "w", closefd=False) as out:
        monkeypatch.setattr(sys, "stdout", out)
        log = RequestLog(Path("-"))
        noted(log, "a")
        log.close()
    assert json.loads(capfd.readouterr().out)["request_id"] == "a"


def test_a_file_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such" / "folder.jsonl"):
        with pytest.raises(InputError, match="cannot be written") as told:
            RequestLog(path)
        assert told.value.hint
