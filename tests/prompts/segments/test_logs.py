"""Log lines of many makes, and what is none."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import block_kinds, blocks


@pytest.mark.parametrize(
    "line",
    [
        "2024-05-01T10:00:00.123Z INFO started",
        "2024-05-01 10:00:00,123 - app.db - ERROR - failed",
        "[2024-05-01 10:00:00] WARN slow",
        "2024/05/01 10:00:00 [error] 12#0: *3 open() failed",
        "May  1 10:00:00 host sshd[123]: Accepted password",
        "<34>May  1 10:00:00 host su: 'su root' failed",
        "<34>1 2024-05-01T10:00:00Z host app - ID47 - message",
        '10.0.0.1 - - [01/May/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 12',
        '::1 - bob [01/May/2024:10:00:00 +0000] "GET /x HTTP/1.1" 500 0 "-" "curl"',
        'time=2024-05-01T10:00:00Z level=info msg="started"',
        "level=error ts=1714557600 caller=main.go:12",
        "INFO:root:started",
        "ERROR: it failed",
        "[INFO] started",
        "10:00:00.123 [main] DEBUG a.b.C - text",
        "I0501 10:00:00.123456 1 main.go:10] started",
        "[Wed May 01 10:00:00 2024] [error] [client 1.2.3.4] failed",
        "[    0.123456] usb 1-1: new device",
        "01/05/2024 10:00:00 started",
        "INFO  a.b.C - started",
    ],
)
def test_three_lines_of_a_log_are_a_log(line: str) -> None:
    assert block_kinds("\n".join([line] * 3) + "\n") == ["log"]


def test_one_line_with_a_time_and_a_level_is_a_log() -> None:
    assert block_kinds("2024-05-01 10:00:00 ERROR failed") == ["log"]
    assert block_kinds("2024-05-01 10:00 we met in the park") == ["prose"]


@pytest.mark.parametrize(
    "trace",
    [
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    x()\nValueError: no',
        "java.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n\t... 12 more\nCaused by: x.Y: z\n\tat e.f(G:2)",
        "TypeError: x is not a function\n    at Object.<anonymous> (/a/b.js:1:2)\n    at node:internal/x:3:4",
        "panic: oh\ngoroutine 1 [running]:",
        'Exception in thread "main" java.lang.Error: x\n\tat a.b(C.java:1)',
    ],
)
def test_stack_traces_belong_to_the_log(trace: str) -> None:
    text = f"2024-05-01 10:00:00 ERROR failed\n{trace}\n2024-05-01 10:00:01 INFO next\n"
    assert blocks(text) == [("log", text)]


@pytest.mark.parametrize(
    "text",
    [
        "ERROR handling is hard.\nIt takes time.",
        "INFO about us",
        "10:30:00 is when we start.",
        "Warning: this is prose.\nNote: so is this.",
        "In 2024-05-01 we met.",
        "at the office\nwe met",
    ],
)
def test_prose_is_no_log(text: str) -> None:
    assert "log" not in block_kinds(text)
