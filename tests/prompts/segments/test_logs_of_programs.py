"""Log lines of many programs, their stack traces, and what is guarded in them."""

from __future__ import annotations

import re

import pytest

from llmopt.prompts.segments.parse import parse
from tests.prompts.segments.shown import block_kinds, blocks

LINES = """
240501 100000 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_7 terminating
web-1     | 2024-05-01T10:00:00Z ERROR  two  blanks
worker_2  | INFO:     started
db-1  | listening on port 5432
[pod/web-7d9f/app] 2024-05-01T10:00:00Z INFO started
web-7d9f-x app 2024-05-01 10:00:00 INFO started
05-01 10:00:00.123  1702  2395 D WindowManager: text
240501 10:00:00 [Note] InnoDB: started
1:M 01 May 2024 10:00:00.123 * DB saved on disk
I, [2024-05-01T10:00:00.123456 #42]  INFO -- : started
[01/May/2024 10:00:00] "GET / HTTP/1.1" 200 12
- 1714557600 2024.05.01 dn228 May 1 10:00:00 dn228/dn228 crond[7]: text
nova-api.log.1 2024-05-01 10:00:00.008 25746 INFO nova.wsgi [req-1 - - -] text
https 2024-05-01T10:00:00.186641Z app/lb/50d 10.0.0.1:2817 10.0.0.2:80 0.1 200 200 34 366 "GET / HTTP/1.1"
[Nest] 42  - 05/01/2024, 10:00:00 AM     LOG [Router] text
Information\t5/1/2024 10:00:00 AM\tService\t7036\tNone\ttext
20240501-10:15:29:606|Step_LSC|30002312|text
{"level":"info","ts":1714557600.1,"msg":"started"}
{"@timestamp": "2024-05-01T10:00:00Z", "log.level": "INFO", "message": "started"}
"""


@pytest.mark.parametrize("line", LINES.strip("\n").split("\n"))
def test_three_lines_of_a_program_are_a_log(line: str) -> None:
    assert block_kinds(f"{line}\n" * 3) == ["log"]


@pytest.mark.parametrize(
    "line",
    [
        "May  1 10:00:00 host sshd[1]: Failed password for root",
        "05-01 10:00:00.123  1702  2395 E WindowManager: text",
        "E0501 10:00:00.123456       1 main.go:10] text",
        '{"ts": "2024-05-01T10:00:00Z", "level": "ERROR", "message": "text"}',
    ],
)
def test_one_line_of_trouble_is_a_log(line: str) -> None:
    assert block_kinds(f"Text.\n{line}\nText.") == ["prose", "log", "prose"]


@pytest.mark.parametrize(
    "text",
    [
        "created_at: 2024-05-01 10:00:00\nupdated_at: 2024-05-02 10:00:00\ndeleted_at: 2024-05-03 10:00:00\n",
        "id,at,n\n1,2024-05-01 10:00:00,5\n2,2024-05-01 10:00:01,6\n3,2024-05-01 10:00:02,7\n",
        "- 10:30:00 stand up\n- 11:30:00 sit down\n- 12:30:00 lie down\n",
        "| at | n |\n|---|---|\n| 10:00:00 | 1 |\n| 10:00:01 | 2 |\n| 10:00:02 | 3 |\n",
        '{"level": 1, "name": "a"}\n{"level": 2, "name": "b"}\n{"level": 3, "name": "c"}\n',
        '{"level": "info", "time": "10:00"}\n',
        "The first train leaves at 10:30:00.\nTake it.\n",
    ],
)
def test_times_alone_make_no_log(text: str) -> None:
    assert "log" not in block_kinds(text)


@pytest.mark.parametrize(
    "trace",
    [
        "panic: no\n\ngoroutine 1 [running]:\nmain.load(0x1, {0xc0, 0x2})\n\t/a/main.go:12 +0x1d\nmain.main()\n"
        "\t/a/main.go:5 +0x2a\nexit status 2",
        "System.NullReferenceException: no\n   at Acme.X.Run() in /a/b.cs:line 12\n   --- End of inner trace",
        "PHP Fatal error:  Uncaught Exception: no in /x.php:3\nStack trace:\n#0 {main}\n  thrown in /x.php on line 3",
        "/a/x.rb:12:in `load': no item (KeyError)\n\tfrom /a/x.rb:3:in `<main>'",
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\na.ConnectTimeout: no\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 2, in f\n    y()\nValueError: no',
        "java.lang.NullPointerException: null\n\tat a.B.<init>(B.java:1)\n\tat a.B$C.lambda$run$0(B.java:2)",
        "Error: no\n    at Object.<anonymous> (/a/b.js:1:2)\n    at node:internal/x:3:4",
    ],
)
def test_traces_of_many_languages_belong_to_the_log(trace: str) -> None:
    line = "2024-05-01 10:00:00 ERROR failed\n"
    text = f"{line * 3}{trace}\n{line * 3}"
    assert blocks(text) == [("log", text)]
    assert not any(span.guarded for span in parse(text).spans)


def test_a_log_goes_on_over_a_blank_line_and_a_line_without_a_time() -> None:
    line = "2024-05-01 10:00:00 INFO started\n"
    text = f"{line * 3}\n{line}multi-line message\n{line}"
    assert blocks(text) == [("log", text)]
    assert block_kinds(f"{line * 3}What does it tell us?\n{line}") == ["log", "prose", "log"]


@pytest.mark.parametrize(
    "held", ["<init>", "[MAIN]", "Outer$Inner", "{}", "{a=1, b=2}", "{ open", "`x`", "<a@b.c>", "%s"]
)
def test_what_programs_print_is_not_guarded(held: str) -> None:
    text = f"2024-05-01 10:00:00 INFO started {held} now\n" * 3
    assert not any(span.guarded for span in parse(text).spans)


@pytest.mark.parametrize(
    "held", ["{{ name }}", "{name}", "${HOME}", "{% if x %}", "%(name)s", "<USER_NAME>", "<keep>x</keep>"]
)
def test_what_only_a_template_has_is_guarded(held: str) -> None:
    segments = parse(f"2024-05-01 10:00:00 INFO started {held} now\n" * 3)
    assert [segments.slice(span) for span in segments.spans if span.guarded] == [held] * 3


def test_what_the_user_wants_kept_is_guarded() -> None:
    text = "2024-05-01 10:00:00 INFO started <init> now\n" * 3
    segments = parse(text, keep=(re.compile("<init>"),), prefix=10)
    assert [span.kind for span in segments.spans if span.guarded] == ["prefix", "pinned", "pinned", "pinned"]


def test_a_brace_that_nothing_closes_is_still_guarded_behind_the_log() -> None:
    text = "2024-05-01 10:00:00 INFO started { now\n" * 3 + "Use every\nword.\n"
    segments = parse(text)
    assert [segments.slice(span) for span in segments.spans if span.guarded] == ["Use every\nword.\n"]


def test_json_in_a_line_of_trouble_is_no_span() -> None:
    calm, bad = '2024-05-01 10:00:00 INFO got {"a":  1}\n', '2024-05-01 10:00:00 ERROR got {"a":  1}\n'
    assert len(parse(calm * 3 + bad * 3).of_kind("json")) == 3
