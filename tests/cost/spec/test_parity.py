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

COUNTED = "input_uncached = 'n'\noutput_text = '0'\n"
SPECS: dict[str, tuple[str, Json]] = {
    "paths": (
        "[fields]\nmodel = 'a.b.c'\nuser = 'l[1].x'\nteam = 'a.\"odd.key\"'\nproject = '\"Top Key\"'\nfeature = 'l[0]'\n",
        {"a": {"b": {"c": "x"}, "odd.key": "y"}, "l": [1, {"x": 2}], "Top Key": "z"},
    ),
    "an object and a part of it": (
        "[fields]\nmodel = 'a'\nuser = 'a.b'\nteam = 'a.b.c'\nproject = 'l'\nfeature = 'l[0]'\nsession = 'l[1]'\n",
        {"a": {"b": {"c": "x"}}, "l": [1, 2]},
    ),
    "first and if": (
        "[fields]\nmodel = 'first(a, b, c)'\nuser = \"first(a, '')\"\nteam = \"if(a == 'x', b, c)\"\n"
        "feature = \"if(present(a), 'there', null)\"\nproject = 'if(a, b, c)'\nsession = 'if(not b, a, null)'\n",
        {"a": "x", "b": True, "c": "z"},
    ),
    "comparisons": (
        "free = \"a == b\"\nfailed = \"a != b and b != 'x'\"\n[fields]\nuser = \"a == a\"\nteam = \"a == ''\"\n"
        "feature = \"a in ['x', '1', 'true', '']\"\nproject = 'a != a'\nsession = 'a == 1'\n",
        {"a": "x", "b": "y"},
    ),
    "order": (
        "skip = 'a < b'\nfree = 'a >= 400'\nfailed = 'first(a, b) > 5'\n[fields]\nuser = 'a <= b'\nteam = 'a + b > 3'\n"
        "feature = 'if(a == b, a, b) < 2'\nproject = 'a - b <= first(c, 0)'\nsession = 'first(a + b, c) >= 2'\n",
        {"a": 1, "b": 2, "c": 3},
    ),
    "conditions": (
        "skip = 'a and b'\nfree = 'not a and (b or c)'\n[fields]\nuser = 'a'\nteam = 'a or b'\nfeature = 'not c'\n"
        "project = 'not (a and not c)'\nsession = \"not a == 'true'\"\n",
        {"a": True, "b": False, "c": None},
    ),
    "texts": (
        "[fields]\nmodel = 'lower(a)'\nuser = \"starts(a, 'x')\"\nteam = \"contains(a, '1')\"\n"
        "feature = \"starts(lower(a), 'true')\"\nproject = '''contains(a, '\\'')'''\nsession = \"starts(a, '')\"\n",
        {"a": "xyz"},
    ),
    "counts": (
        "usage = 'present(n) or present(m)'\n[fields]\ninput_uncached = 'n - first(c, 0) - w'\n"
        "input_cache_read = 'first(c, 0)'\ninput_cache_write_5m = 'w'\noutput_text = 'first(m, c, 5)'\ntotal = 't'\n"
        "[let]\nw = 'first(w1, w2, w3 + 1, 0)'\n",
        {"n": 10, "c": 2, "w1": None, "w2": 1, "w3": 0, "m": 5, "t": 15},
    ),
    "counts by condition": (
        "[fields]\ninput_uncached = \"if(k == 'in', n - c, n)\"\ninput_cache_read = 'if(present(c), c, 0)'\n"
        "output_text = 'm'\ntotal = 'if(t > 0, t, n + m)'\nrequests = 'first(r, 1)'\n",
        {"k": "in", "n": 10, "c": 2, "m": 3, "t": 13, "r": 1},
    ),
    "counts of many requests": (
        "aggregate = true\n[fields]\ninput_uncached = 'n'\noutput_text = 'first(m, 0)'\nrequests = 'r'\n",
        {"n": 10, "m": 3, "r": 7},
    ),
    "a total by arithmetic": (
        "[fields]\ninput_uncached = 'n'\noutput_text = 'm'\ntotal = 't + u'\n",
        {"n": 10, "m": 3, "t": 12, "u": 1},
    ),
    "instants": (
        "free = 'c > 5'\n[fields]\ntimestamp = 'time(first(a, b))'\nreported_usd = 'between(a, b)'\n",
        {"a": "2025-03-04T05:06:07Z", "b": 1_741_064_769, "c": 1500},
    ),
    "amounts": (
        "[fields]\nreported_usd = 'milli(first(a, b))'\nlatency_s = 'milli(a)'\n",
        {"a": 1500, "b": "2.5"},
    ),
    "attributes": (
        "[fields]\nmodel = \"attr(l, 'm')\"\ninput_uncached = \"attr(l, 'n')\"\noutput_text = \"first(attr(l, 'o'), 0)\"\n"
        "user = \"attr(r.attributes, 'u')\"\nteam = \"lower(attr(l, 'm'))\"\n",
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
        "[fields]\ninput_uncached = \"pick(l, 'k', 'in').n\"\noutput_text = \"first(pick(l, 'k', 'out').d.n, 0)\"\n"
        "user = \"pick(l, 'k', 'in').d.u\"\nteam = \"pick(a.l, 'k', '1').t\"\n",
        {"l": [{"k": "in", "n": 3, "d": {"u": "x"}}, {"k": "out", "d": {"n": 4}}], "a": {"l": [{"k": 1, "t": "y"}]}},
    ),
    "JSON as text": (
        "usage = 'present(json(a).n)'\n[fields]\nmodel = 'json(a).m'\ninput_uncached = 'json(a).n'\n"
        "output_text = 'first(json(a).d.o, 0)'\nuser = 'json(b)[0]'\nteam = 'json(a).d'\nfeature = 'json(c).\"odd key\"'\n",
        {"a": '{"m": "x", "n": 3, "d": {"o": 2}}', "b": '["p", "q"]', "c": {"odd key": 1}},
    ),
    "what becomes of a record": (
        "skip = \"s == 'skip'\"\nfree = 'f'\nfailed = \"s == 'failed'\"\nusage = 'present(n)'\n[fields]\n"
        "input_uncached = 'n'\noutput_text = 'first(m, 0)'\ntier = 't'\n[ask]\nmind = 'present(q)'\n"
        "[tier_map]\ngold = 'priority'\n",
        {"s": "ok", "f": False, "n": 3, "m": 2, "t": "Gold", "q": None},
    ),
    "one response": (
        "[fields]\ntimestamp = 'time(at)'\ninput_uncached = 'n'\noutput_text = 'first(m, 0)'\n"
        "[dedupe]\nkey = ['a', 'b']\norder = ['output_text', 'timestamp', 'if(present(q), 1, 0)', 'p - 1']\n",
        {"at": 1_741_064_767, "n": 3, "m": 2, "a": "x", "b": 1, "q": None, "p": 5},
    ),
    "a trace": (
        "[fields]\ninput_uncached = 'n'\noutput_text = 'first(m, 0)'\n[tree]\nid = ['t', 's']\nparent = ['t', 'p']\n",
        {"n": 3, "m": 2, "t": "trace", "s": "span", "p": "up"},
    ),
    "lists of rows": (
        "rows = ['a.l', 'r']\n[fields]\nmodel = 'm'\ninput_uncached = 'n'\noutput_text = '0'\nuser = '$.u'\n"
        "team = '$1.t'\nfeature = '$2.m'\nproject = '$0.p.q'\nsession = \"attr($1.tags, 's')\"\n",
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
        f"[fields]\n{COUNTED}model = \"carry(if(k == 'm', v, null))\"\nuser = 'carry(u)'\nteam = 'first(carry(u), v)'\n",
        {"k": "m", "v": "x", "u": None, "n": 1},
    ),
    "only whether it is there": (
        "skip = 'present(a)'\nfree = 'present(b.c) and not present(l[0])'\nfailed = 'present(json(j).x)'\n"
        "usage = 'present(t)'\n[fields]\ninput_uncached = '3'\noutput_text = 'first(m, 0)'\ntotal = 't'\n",
        {"a": None, "b": {"c": []}, "l": [1], "j": "{}", "t": 3, "m": 0},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


def spec_of(text: str, folder: Path) -> Spec:
    file = folder / "spec.toml"
    name = "name = 'tiny'\ndetect = 'present(tiny)'\n"
    lets = text.index("[") if "[" in text else len(text)
    usage = "" if "usage =" in text[:lets] else "usage = 'present(n)'\n" if "'n'" in text else ""
    file.write_text(name + usage + text, encoding="utf-8")
    (variant,) = variants(load_spec(file))
    return variant


@pytest.mark.parametrize("case", SPECS)
@given(data=st.data())
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
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
    assert unused == ["request_id", "provider", "prompt", "reported_usd", "ttft_s"], "and these the shipped formats have"


def test_lines_that_are_no_records_are_left_to_the_slow_path(folder: Path) -> None:
    spec = spec_of("[fields]\nmodel = 'm'\ninput_uncached = 'n'\noutput_text = '0'\n", folder)
    good = '{"tiny": 1, "n": 1}'
    lines = [good, good[:-1], "[1]", "not JSON", '"text"', "{}", good]
    rows = compare(spec, lines, folder / "log.jsonl")
    assert [row.place[0] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.difference() for row in rows if not row.agree] == []
    assert [row.query["outcome"] for row in rows if row.place[0] in (1, 7)] == [Outcome.OK, Outcome.OK]
