"""The duckdb query and the Python function agree on every form of the language, whatever the record holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.cost.spec.load import FIELDS, Spec, load_spec, variants
from llmopt.cost.spec.row import Outcome
from tests.cost.spec.mutations import spoiled
from tests.cost.spec.parity import Json, compare, text_of

SPECS: dict[str, tuple[str, Json]] = {
    "paths": (
        """
[fields]
model = 'a.b.c'
user = 'l[1].x'
team = 'a."odd.key"'
project = '"Top Key"'
feature = 'l[0]'
""",
        {"a": {"b": {"c": "x"}, "odd.key": "y"}, "l": [1, {"x": 2}], "Top Key": "z"},
    ),
    "an object and a part of it": (
        """
[fields]
model = 'a'
user = 'a.b'
team = 'a.b.c'
project = 'l'
feature = 'l[0]'
session = 'l[1]'
""",
        {"a": {"b": {"c": "x"}}, "l": [1, 2]},
    ),
    "first and if": (
        """
[fields]
model = 'first(a, b, c)'
user = "first(a, '')"
team = "if(a == 'x', b, c)"
feature = "if(present(a), 'there', null)"
project = 'if(a, b, c)'
session = 'if(not b, a, null)'
""",
        {"a": "x", "b": True, "c": "z"},
    ),
    "comparisons": (
        """
free = "a == b"
failed = "a != b and b != 'x'"
[fields]
user = "a == a"
team = "a == ''"
feature = "a in ['x', '1', 'true']"
project = 'a != a'
session = 'a == 1'
""",
        {"a": "x", "b": "y"},
    ),
    "order": (
        """
skip = 'a < b'
free = 'a >= 400'
failed = 'first(a, b) > 5'
[fields]
user = 'a <= b'
team = 'a + b > 3'
feature = 'if(a == b, a, b) < 2'
project = 'a - b <= first(c, 0)'
session = 'a + b >= c'
""",
        {"a": 1, "b": 2, "c": 3},
    ),
    "conditions": (
        """
skip = 'a and b'
free = 'not a and (b or c)'
[fields]
user = 'a'
team = 'a or b'
feature = 'not c'
project = 'not (a and not c)'
session = "not a == 'true'"
""",
        {"a": True, "b": False, "c": None},
    ),
    "texts": (
        r"""
[fields]
model = 'lower(a)'
user = "starts(a, 'x')"
team = "contains(a, '1')"
feature = "starts(lower(a), 'true')"
project = '''contains(a, '\'')'''
session = "starts(a, '')"
""",
        {"a": "xyz"},
    ),
    "counts": (
        """
usage = 'present(n) or present(m)'
[fields]
input_uncached = 'n - first(c, 0) - w'
input_cache_read = 'first(c, 0)'
input_cache_write_5m = 'w'
output_text = 'first(m, c, 5)'
total = 't'
[let]
w = 'first(w1, w2, w3 + 1, 0)'
""",
        {"n": 10, "c": 2, "w1": None, "w2": 1, "w3": 0, "m": 5, "t": 15},
    ),
    "counts by condition": (
        """
[fields]
input_uncached = "if(k == 'in', n - c, n)"
input_cache_read = 'if(present(c), c, 0)'
output_text = 'm'
total = 'if(t > 0, t, n + m)'
requests = 'first(r, 1)'
""",
        {"k": "in", "n": 10, "c": 2, "m": 3, "t": 13, "r": 1},
    ),
    "counts of many requests": (
        """
aggregate = true
[fields]
input_uncached = 'n'
output_text = 'first(m, 0)'
requests = 'r'
""",
        {"n": 10, "m": 3, "r": 7},
    ),
    "a total by arithmetic": (
        """
[fields]
input_uncached = 'n'
output_text = 'm'
total = 't + u'
""",
        {"n": 10, "m": 3, "t": 12, "u": 1},
    ),
    "instants": (
        """
free = 'c > 5'
[fields]
timestamp = 'time(first(a, b))'
reported_usd = 'between(a, b)'
""",
        {"a": "2025-03-04T05:06:07Z", "b": 1741064769, "c": 1500},
    ),
    "amounts": (
        """
[fields]
reported_usd = 'milli(first(a, b))'
latency_s = 'milli(a)'
""",
        {"a": 1500, "b": "2.5"},
    ),
    "attributes": (
        """
[fields]
model = "attr(l, 'm')"
input_uncached = "attr(l, 'n')"
output_text = "first(attr(l, 'o'), 0)"
user = "attr(r.attributes, 'u')"
team = "lower(attr(l, 'm'))"
""",
        {
            "l": [
                {"key": "m", "value": {"stringValue": "X"}},
                {"key": "n", "value": {"intValue": "12"}},
                {"key": "o", "value": {"doubleValue": 3}},
            ],
            "r": {"attributes": [{"key": "u", "value": {"boolValue": True}}]},
        },
    ),
    "picks": (
        """
[fields]
input_uncached = "pick(l, 'k', 'in').n"
output_text = "first(pick(l, 'k', 'out').d.n, 0)"
user = "pick(l, 'k', 'in').d.u"
team = "pick(a.l, 'k', '1').t"
""",
        {"l": [{"k": "in", "n": 3, "d": {"u": "x"}}, {"k": "out", "d": {"n": 4}}], "a": {"l": [{"k": 1, "t": "y"}]}},
    ),
    "JSON as text": (
        """
usage = 'present(json(a).n)'
[fields]
model = 'json(a).m'
input_uncached = 'json(a).n'
output_text = 'first(json(a).d.o, 0)'
user = 'json(b)[0]'
team = 'json(a).d'
feature = 'json(c)."odd key"'
""",
        {"a": '{"m": "x", "n": 3, "d": {"o": 2}}', "b": '["p", "q"]', "c": {"odd key": 1}},
    ),
    "what becomes of a record": (
        """
skip = "s == 'skip'"
free = 'f'
failed = "s == 'failed'"
usage = 'present(n)'
[fields]
input_uncached = 'n'
output_text = 'first(m, 0)'
tier = 't'
[ask]
mind = 'present(q)'
[tier_map]
gold = 'priority'
""",
        {"s": "ok", "f": False, "n": 3, "m": 2, "t": "Gold", "q": None},
    ),
    "one response": (
        """
[fields]
timestamp = 'time(at)'
input_uncached = 'n'
output_text = 'first(m, 0)'
[dedupe]
key = ['a', 'b']
order = ['output_text', 'timestamp', 'if(present(q), 1, 0)', 'p - 1']
""",
        {"at": 1741064767, "n": 3, "m": 2, "a": "x", "b": 1, "q": None, "p": 5},
    ),
    "a trace": (
        """
[fields]
input_uncached = 'n'
output_text = 'first(m, 0)'
[tree]
id = ['t', 's']
parent = ['t', 'p']
""",
        {"n": 3, "m": 2, "t": "trace", "s": "span", "p": "up"},
    ),
    "lists of rows": (
        """
rows = ['a.l', 'r']
[fields]
model = 'm'
input_uncached = 'n'
output_text = '0'
user = '$.u'
team = '$1.t'
feature = '$2.m'
project = '$0.p.q'
session = "attr($1.tags, 's')"
""",
        {
            "u": "line",
            "p": {"q": "body"},
            "a": {
                "l": [
                    {"t": "x", "tags": [{"key": "s", "value": {"intValue": 1}}], "r": [{"m": "a", "n": 1}, {"m": "b"}]},
                    {"t": "y", "r": [{"m": "c", "n": 2}]},
                ]
            },
        },
    ),
    "the last that was said": (
        """
[fields]
input_uncached = 'n'
output_text = '0'
model = "carry(if(k == 'm', v, null))"
user = 'carry(u)'
team = 'first(carry(u), v)'
""",
        {"k": "m", "v": "x", "u": None, "n": 1},
    ),
    "only whether it is there": (
        """
skip = 'present(a)'
free = 'present(b.c) and not present(l[0])'
failed = 'present(json(j).x)'
usage = 'present(t)'
[fields]
input_uncached = '3'
output_text = 'first(m, 0)'
total = 't'
""",
        {"a": None, "b": {"c": []}, "l": [1], "j": "{}", "t": 3, "m": 0},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


def spec_of(text: str, folder: Path) -> Spec:
    file = folder / "spec.toml"
    name = "name = 'tiny'\ndetect = 'present(tiny)'\n"
    usage = "usage = 'present(n)'\n" if "'n'" in text and "\nusage = " not in text else ""
    file.write_text(name + usage + text, encoding="utf-8")
    (variant,) = variants(load_spec(file))
    return variant


@pytest.mark.parametrize("case", SPECS)
@given(data=st.data())
@settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
def test_query_and_function_agree(case: str, folder: Path, data: st.DataObject) -> None:
    text, record = SPECS[case]
    record = {"tiny": 1, **record}
    spec = spec_of(text, folder)
    batch = st.lists(spoiled(spec, [record], most=4).map(text_of), min_size=1, max_size=40)
    lines = [text_of(record), *data.draw(batch)]
    rows = compare(spec, lines, folder / "log.jsonl")
    assert [row.difference() for row in rows if not row.agree] == []
    assert [row.difference() for row in rows if row.place[0] == 1 and not row.sure] == []


def test_every_field_takes_part() -> None:
    told = "".join(text for text, _ in SPECS.values())
    unused = [field for field in FIELDS if f"{field} = " not in told and not field.startswith(("input_", "output_"))]
    assert unused == ["request_id", "provider", "prompt_hash", "prompt", "response", "ttft_s"], (
        "these the shipped formats have"
    )


def test_lines_that_are_no_records_are_left_to_the_slow_path(folder: Path) -> None:
    spec = spec_of("[fields]\nmodel = 'm'\ninput_uncached = 'n'\noutput_text = '0'\n", folder)
    good = '{"tiny": 1, "n": 1}'
    lines = [good, good[:-1], "[1]", "not JSON", '"text"', "{}", good]
    rows = compare(spec, lines, folder / "log.jsonl")
    assert [row.place[0] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.difference() for row in rows if not row.agree] == []
    assert [row.query["outcome"] for row in rows if row.place[0] in (1, 7)] == [Outcome.OK, Outcome.OK]
