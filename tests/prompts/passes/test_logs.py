from __future__ import annotations

import random
import re
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.facts import facts
from llmopt.prompts.logs.atoms import split_line
from llmopt.prompts.logs.notation import expanded
from llmopt.prompts.logs.severity import tells_of_trouble
from llmopt.prompts.passes.logs import factored_logs
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Block, Segments, Span
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))
QUOTED = re.compile(r'"[^"\n]*"')


def as_log(text: str) -> Segments:
    """Return a text as one block of log lines with its quoted strings."""
    quoted = tuple(Span(found.start(), found.end(), "quoted", False) for found in QUOTED.finditer(text))
    return Segments(text, (Block(0, len(text), "log"),), quoted)


def short(text: str) -> str:
    return applied(text, factored_logs(as_log(text), CONTEXT))


def inside(text: str) -> list[str]:
    """Return the lines between the fences."""
    return text.removesuffix("\n").split("\n")[1:-1]


class Clock:
    """Times that only go forward."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.second = self.rng.randint(0, 60_000)

    def now(self) -> str:
        self.second += self.rng.choice((0, 1, 1, 3))
        return f"{self.second // 3600:02d}:{self.second // 60 % 60:02d}:{self.second % 60:02d}"

    def number(self, most: int = 9_999) -> int:
        return self.rng.randint(1, most)

    def bad(self) -> bool:
        return self.rng.random() < 0.1


def message(clock: Clock) -> str:
    user = clock.rng.choice(("mai", "tom", "lena", "raj"))
    return clock.rng.choice(
        (
            f"Order {clock.number()} shipped to warehouse {clock.number(9)} after {clock.number(300)}ms",
            f"Session of {user} opened from 10.0.{clock.number(250)}.{clock.number(250)}",
            f"Cache refreshed with {clock.number(500)} entries in region eu-central",
            f'Stored "invoice {clock.number()}.pdf" in the archive',
            "Heartbeat received",
        )
    )


def application(clock: Clock) -> str:
    level, text = ("ERROR", "Order was not saved: disk is full") if clock.bad() else ("INFO", message(clock))
    return f"2031-05-17 {clock.now()},{clock.number(999):03d} {level} [shop.orders] {text}"


def java(clock: Clock) -> str:
    level, text = ("WARN ", "Pool is nearly empty") if clock.bad() else ("INFO ", message(clock))
    return f"2031-05-17T{clock.now()}.{clock.number(999):03d}Z {level} --- [worker-{clock.number(4)}] c.e.Shop : {text}"


def system(clock: Clock) -> str:
    text = f"sshd[{clock.number()}]: Failed password for root" if clock.bad() else f"shopd[812]: {message(clock)}"
    return f"May 17 {clock.now()} node7 {text}"


def access(clock: Clock) -> str:
    status = 503 if clock.bad() else 200
    agent = clock.rng.choice(("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0", "curl/9.1.0"))
    path = clock.rng.choice(("/", "/cart", "/items"))
    return (
        f'10.1.{clock.number(9)}.{clock.number(9)} - - [17/May/2031:{clock.now()} +0000] "GET {path} HTTP/1.1" '
        f'{status} {clock.number()} "-" "{agent}"'
    )


def pairs(clock: Clock) -> str:
    level, text = ("error", "store is gone") if clock.bad() else ("info", "request served")
    return (
        f'ts=2031-05-17T{clock.now()}Z level={level} msg="{text}" method=GET path=/items/{clock.number()} '
        f"status=200 took={clock.number(900)}ms"
    )


def cluster(clock: Clock) -> str:
    if clock.bad():
        return f'E0517 {clock.now()}.123456 1 sync.go:88] "Cannot sync" pod="web-{clock.number(9)}"'
    return (
        f'I0517 {clock.now()}.123456 1 sync.go:91] "Synced pod" pod="web-{clock.number(9)}" took="{clock.number(9)}s"'
    )


KINDS: tuple[Callable[[Clock], str], ...] = (application, java, system, access, pairs, cluster)


def log(kind: Callable[[Clock], str], count: int, seed: int = 7) -> str:
    clock = Clock(seed)
    return "".join(f"{kind(clock)}\n" for _ in range(count))


@pytest.mark.parametrize("kind", KINDS)
def test_a_third_of_the_tokens_goes_and_every_line_can_be_read_back(kind: Callable[[Clock], str]) -> None:
    shares = []
    for seed in range(4):
        text = log(kind, 150, seed)
        result = short(text)
        lines = text.splitlines()
        shares.append(1 - CONTEXT.tokens(result) / CONTEXT.tokens(text))
        assert expanded(inside(result)) == lines
        assert [line for line in lines if tells_of_trouble(line)] == [
            line for line in result.splitlines() if tells_of_trouble(line) and line in lines
        ]
        assert set(facts(text)) <= set(facts(result))
        assert all(found in result for found in QUOTED.findall(text))
    assert statistics.mean(shares) >= 0.30
    assert min(shares) >= 0.25


def test_the_notation() -> None:
    lines = [f"2031-05-17 10:00:{second:02d} INFO Order {second} shipped to the warehouse" for second in range(12)]
    lines.insert(3, "2031-05-17 10:00:02 ERROR Order 3 was not saved")
    result = short("\n".join(lines) + "\n")
    assert result.startswith('```log\n"')
    assert "\n2031-05-17 10:00:02 ERROR Order 3 was not saved\n" in result
    assert "2031-05-17 <*> INFO Order <*> shipped to the warehouse" in result or (
        "=2031-05-17 <*> INFO\n" in result and "=Order <*> shipped to the warehouse\n" in result
    )
    assert result.endswith("\n```\n")
    assert not factored_logs(parse(result), CONTEXT)


def test_repeated_lines_are_counted() -> None:
    line = "level=info component=scheduler msg=waiting queue=reports note=nothing_to_do_here_at_all"
    text = f"{line}\n" * 30
    edits = factored_logs(as_log(text), CONTEXT)
    assert [edit.rule for edit in edits] == ["log-repeat"]
    assert "(x30)" in edits[0].text
    assert expanded(inside(edits[0].text)) == [line] * 30


def test_repeated_errors_are_not() -> None:
    text = log(application, 60) + "2031-05-17 23:00:00,001 ERROR [shop.orders] Out of stock\n" * 5
    assert short(text).count("ERROR [shop.orders] Out of stock\n") == 5


@pytest.mark.parametrize(
    "line",
    [
        'x "GET / HTTP/1.1" 404 12',
        "GET /a 500 12ms",
        "status=503",
        "http_status: 429",
        '{"status":500}',
        "Completed 500 Internal in 12ms",
        "POST /x -> 422",
        "E0301 12:00:00.1 x",
        "03-01 12:00:00.000 1 2 W Tag: x",
        "<11>Mar 1 x",
        "lvl=eror x",
        "[ERR] x",
        "level=50 x",
        "java.lang.NullPointerException: null",
        "WARNING: x",
        "connection timed out",
        "kernel panic",
        "Lỗi kết nối",
    ],
)
def test_trouble(line: str) -> None:
    assert tells_of_trouble(line)


@pytest.mark.parametrize(
    "line",
    [
        'x "GET / HTTP/1.1" 200 412',
        "Processed job 404 in 45ms",
        "I0301 12:00:00 x",
        "INFO: 10.0.0.1:443 - ok",
        "<14>Mar 1 x",
        "level=info status=200 took=450ms",
    ],
)
def test_no_trouble(line: str) -> None:
    assert not tells_of_trouble(line)


def test_stack_traces_and_lines_without_time_stay() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 4, in run', "    go(1)", "KeyNotThere: 'a'"]
    lines = log(application, 80).splitlines()
    text = "\n".join(lines[:40] + trace + lines[40:]) + "\n"
    assert "\n" + "\n".join(trace) + "\n" in short(text)
    assert expanded(inside(short(text))) == lines[:40] + trace + lines[40:]


def test_guarded_lines_are_outside_the_fence() -> None:
    lines = log(application, 120).splitlines()
    lines[60] = "2031-05-17 12:00:00,000 INFO Waiting for {name}"
    text = "\n".join(lines) + "\n"
    edits = factored_logs(parse(text), CONTEXT)
    assert len(edits) == 2
    assert not any("{name}" in edit.text for edit in edits)
    assert lines[60] in applied(text, edits)


def test_json_lines_stay() -> None:
    text = "".join(f'{{"time": "2031-05-17T10:00:{n:02d}Z", "level": "info", "n": {n}}}\n' for n in range(40))
    assert not factored_logs(parse(text), CONTEXT)


def test_fences_and_labels_within_lines() -> None:
    lines = [*log(application, 60).splitlines(), "A lone line", "Ab another", "a third ``` with a fence", "A=template"]
    text = "\n".join(lines) + "\n"
    result = short(text)
    assert result.startswith("````log\n")
    assert expanded(inside(result)) == lines


def test_line_breaks_of_windows_stay() -> None:
    text = log(application, 60).replace("\n", "\r\n")
    result = short(text)
    assert result.count("\n") == result.count("\r\n")
    assert expanded([line.removesuffix("\r") for line in inside(result)]) == log(application, 60).splitlines()


def test_places_that_touch_are_one_value() -> None:
    kinds = (
        "copy",
        "sync",
        "scan",
        "sort",
        "load",
        "pack",
        "ship",
        "trim",
        "wipe",
        "seal",
        "read",
        "send",
        "sign",
        "move",
    )
    lines = [f"2031-05-17 10:00:{n:02d} INFO Ran {kinds[n % 14]}-{n * 7} on the archive node" for n in range(40)]
    result = short("\n".join(lines))
    assert "<*> on the archive node\n" in result
    assert any(line.endswith(f" {kinds[39 % 14]}-273") for line in result.split("\n"))
    assert expanded(inside(result)) == lines


def test_paths_and_json_within_lines_stay_whole() -> None:
    lines = [
        f'2031-05-17 10:00:{n:02d} INFO Wrote /srv/data/part{n} tagged ["a",{n}], [{n}] for "user {n}" at --depth=3'
        for n in range(40)
    ]
    lines.append('2031-05-17 10:00:40 INFO Wrote /srv/data/part40 tagged ["a", 40], [40] for "user 40" at --depth=3')
    text = "\n".join(lines) + "\n"
    segments = parse(text)
    result = applied(text, factored_logs(segments, CONTEXT))
    assert CONTEXT.tokens(result) < 0.9 * CONTEXT.tokens(text)
    assert expanded(inside(result)) == lines
    assert all(segments.slice(span) in result for span in segments.spans)


def test_no_log_of_a_few_lines_grows() -> None:
    for count in range(12):
        for kind in KINDS:
            assert len(short(log(kind, count))) <= len(log(kind, count))


def test_atoms_are_whole() -> None:
    line = "2031-05-17T10:00:01.5Z job_12 took=1,234.5ms at 10.0.0.1:80 \"a b\" http://x.y/z?a=1 7f3a-22b 45% 'it is'"
    gaps, atoms = split_line(line)
    wanted = (
        "2031-05-17",
        "T10:00:01.5",
        "12",
        "1,234.5",
        "10.0.0.1:80",
        '"a b"',
        "http://x.y/z?a=1",
        "7f3a-22b",
        "45%",
    )
    assert set(wanted) <= set(atoms)
    assert "".join(gap + atom for gap, atom in zip(gaps, (*atoms, ""), strict=True)) == line


PIECES = (
    """INFO,12:00:01,2031-05-17,job,7,1.5ms,"a b",",','x y',<*>,A,b,(x3),A=,```,user=mai,[1],{,ERROR,GET,404,é,  ,x-1"""
)
PIECE = st.sampled_from([*PIECES.split(","), "\t", "|", "http://a.b/c", "don't", "no"])
LINES = st.lists(st.lists(PIECE, max_size=7).map(" ".join), min_size=1, max_size=12)


@settings(max_examples=300)
@given(LINES, st.integers(1, 6))
def test_whatever_the_lines_they_can_be_read_back(lines: list[str], times: int) -> None:
    lines = lines * times
    text = "\n".join(lines) + "\n"
    result = short(text)
    assert len(result) <= len(text)
    if result != text:
        assert expanded(inside(result)) == lines
        assert CONTEXT.tokens(result) < CONTEXT.tokens(text)
        for line in lines:
            assert not tells_of_trouble(line) or line in result.split("\n")


@pytest.mark.untraced
def test_linear_in_nasty_lines() -> None:
    for unit in ("{", "`", "<", '"', "'", " ", "a ", "|", "[1] ", '\\"', "1.", "a-", "/", "12:", "a=1 "):
        short(f"{unit * 20_000}\n" * 5)
        short(f"{unit * 400}\n" * 50)
