"""Logs of many makes through all passes."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable

import pytest

import llmopt
from llmopt.prompts.context import Level
from llmopt.prompts.facts import facts
from llmopt.prompts.logs.notation import expanded

LEVELS: tuple[Level, ...] = ("lossless", "safe", "aggressive")
Make = Callable[[random.Random, str, str, str], str]
MAKES: dict[str, Make] = {
    "compose": lambda rng, at, level, text: f"web-{rng.randint(1, 2)}  | 2031-05-17T{at}Z {level:<5}  {text}",
    "kubectl": lambda _, at, level, text: f"[pod/shop-7d9f8b-abcde/app] 2031-05-17T{at}Z {level} {text}",
    "hdfs": lambda rng, at, level, text: (
        f"310517 {at.replace(':', '')} {rng.randint(9, 99)} {level} a.Node$Part: {text}"
    ),
    "logcat": lambda _, at, level, text: f"05-17 {at}.120  1702  2395 {level[0]} OrderStore: {text}",
    "rails": lambda _, at, level, text: f"{level[0]}, [2031-05-17T{at}.123456 #42] {level:>5} -- : [{level}] {text}",
    "spring": lambda rng, at, level, text: (
        f"2031-05-17 {at}.5 {level:>5} 1 --- [exec-{rng.randint(1, 4)}] [N/A] c.s.X : {text}"
    ),
    "event": lambda rng, at, level, text: f"{level}\t5/17/2031 {at} PM\tShop\t{rng.randint(7000, 7040)}\tNone\t{text}",
    "mail": lambda rng, at, level, text: (
        f"May 17 {at} mx smtp[{rng.randint(1, 999)}]: to=<u{rng.randint(1, 99)}@example.com> {level} {text}"
    ),
}


def log(make: Make, lines: int, seed: int) -> tuple[str, list[str]]:
    """Return a log and its lines of trouble."""
    rng = random.Random(seed)
    written: list[str] = []
    bad: list[str] = []
    for number in range(lines):
        at = f"10:{number // 60 % 60:02d}:{number % 60:02d}"
        if rng.random() < 0.12:
            line = make(
                rng, at, rng.choice(("ERROR", "WARN")), f"Order  {rng.randint(1, 999)} was  not saved <init> {{}}"
            )
            trace = "java.lang.NullPointerException: null\n\tat a.B.<init>(B.java:1)\n\tat a.B$C.lambda$run$0(B.java:2)"
            failed = [line, *(trace.split("\n") if rng.random() < 0.3 else ())]
            bad += failed
            written += failed
        else:
            texts = (
                f"Order {rng.randint(1, 999)} shipped to store {rng.randint(1, 9)}",
                "Cache of all prices refreshed",
            )
            written.append(make(rng, at, "INFO", rng.choice(texts)))
    return "\n".join(written) + "\n", bad


@pytest.mark.parametrize("name", MAKES)
def test_a_third_goes_and_no_line_of_trouble_changes(name: str) -> None:
    shares = []
    for seed in range(3):
        text, bad = log(MAKES[name], 120, seed)
        result = llmopt.compress(text)
        lines = result.text.split("\n")
        assert [line for line in lines if line in bad] == bad
        assert expanded(lines[1:-1]) == text.split("\n")[:-1]
        assert set(facts(text)) <= set(facts(result.text))
        shares.append(1 - result.tokens_after / result.tokens_before)
    assert statistics.mean(shares) >= 0.3


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MAKES)
def test_no_level_changes_a_line_of_trouble(name: str, level: Level) -> None:
    text, bad = log(MAKES[name], 40, 9)
    asked = f"Could you please read this log?\n\n{text}\nPlease note that every error matters."
    result = llmopt.compress(asked, level=level)
    assert [line for line in result.text.split("\n") if line in bad] == bad
    assert llmopt.compress(result.text, level=level).text == result.text


@pytest.mark.parametrize("level", LEVELS)
def test_json_lines_stay_json_and_those_of_trouble_as_they_are(level: Level) -> None:
    rows = [
        json.dumps({"ts": f"2031-05-17T10:00:{n:02d}Z", "level": "ERROR" if n % 9 == 4 else "INFO", "n": n, "msg": "x"})
        for n in range(30)
    ]
    lines = llmopt.compress("\n".join(rows), level=level).text.split("\n")
    assert [json.loads(line) for line in lines] == [json.loads(row) for row in rows]
    assert [line for line in lines if "ERROR" in line] == [row for row in rows if "ERROR" in row]
    assert sum(map(len, lines)) < sum(map(len, rows))


@pytest.mark.parametrize("held", ["<init>", "`load`", "%s", "$HOME", "[[name]]", "[your name]"])
def test_lines_with_what_may_be_a_placeholder_stay_within_the_fence(held: str) -> None:
    lines = [f"2031-05-17 10:00:{n:02d} INFO Order {n} shipped to the store" for n in range(40)]
    lines[20:22] = [f"2031-05-17 10:00:20 INFO Order shipped to {held}"] * 2
    result = llmopt.compress("\n".join(lines)).text.split("\n")
    assert result.count(lines[20]) == 2
    assert expanded(result[1:-1]) == lines


def test_a_placeholder_cuts_the_log() -> None:
    lines = [f"2031-05-17 10:00:{n:02d} INFO Order {n} shipped to the store" for n in range(60)]
    lines[30] = "2031-05-17 10:00:30 INFO Order {{ order.id }} shipped"
    result = llmopt.compress("\n".join(lines)).text
    assert f"```\n{lines[30]}\n```log\n" in result


def test_what_values_begin_with_is_in_the_template() -> None:
    things = ("orders", "tickets", "invoices")
    lines = [f"10:00:{n % 60:02d} INFO GET /api/v1/{things[n % 3]}/{n * 37} 200 in {n} ms" for n in range(60)]
    result = llmopt.compress("\n".join(lines)).text
    assert "/api/v1/<*>" in result
    assert expanded(result.split("\n")[1:-1]) == lines


@pytest.mark.parametrize("value", ["10.0.0.{n}", "https://a.example/b/{n}", "a{n}@example.com", "-1.{n}", '"a b {n}"'])
def test_numbers_and_literals_are_never_cut(value: str) -> None:
    lines = [f"2031-05-17 10:00:{n % 60:02d} INFO The order went to {value.format(n=n)} again" for n in range(60)]
    result = llmopt.compress("\n".join(lines)).text
    assert expanded(result.split("\n")[1:-1]) == lines
    assert all(value.format(n=n) in result for n in range(60))
