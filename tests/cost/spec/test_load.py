"""A right spec file is read as it is meant, and a wrong one is refused with the file and the key."""

from __future__ import annotations

from pathlib import Path as FilePath

import pytest

from llmopt.core.usage import TIERS
from llmopt.cost.spec.expr import Const, parse
from llmopt.cost.spec.load import FIELDS, FORMATS_DIR, WRAPPERS, Spec, load_spec, load_specs, variants
from llmopt.errors import SpecError

MINIMAL = "name = 'acme'\ndetect = 'present(acme)'\n"


@pytest.fixture
def spec_file(tmp_path: FilePath) -> FilePath:
    return tmp_path / "acme.toml"


def load(spec_file: FilePath, more: str = "", **params: str) -> Spec:
    spec_file.write_text(MINIMAL + more, encoding="utf-8")
    return load_spec(spec_file, params)


def test_a_minimal_spec_has_defaults(spec_file: FilePath) -> None:
    spec = load(spec_file)
    assert (spec.name, spec.title, spec.source, spec.priority) == ("acme", "", "", 50)
    assert spec.detect == spec.guard == parse("present(acme)")
    assert spec.skip == spec.free == spec.failed == spec.usage == Const(False)
    assert (spec.chains, spec.wrappers, spec.aggregate, spec.fields) == (((),), (), False, {})
    assert (spec.dedupe, spec.tree) == (None, None)
    assert {tier: spec.tier_map[tier] for tier in TIERS} == {tier: tier for tier in TIERS}
    assert spec.tier_map["auto"] == spec.tier_map["standard"] == spec.tier_map["on_demand"] == "default"
    assert [variant.variant for variant in variants(spec)] == ["acme"]


def test_everything_that_can_be_said(spec_file: FilePath) -> None:
    spec = load(
        spec_file,
        """title = "Acme"
source = "https://acme.example"
guard = "present(v)"
priority = 60
aggregate = true
usage = false
skip = "a == '1'"
free = "b"
failed = "c"
[fields]
model = "m"
timestamp = "time(ts)"
[tier_map]
Gold = "priority"
[dedupe]
key = ["id"]
order = ["timestamp", "if(d, 1, 0)"]
[tree]
id = ["t", "s"]
parent = ["t", "p"]
""",
    )
    assert (spec.title, spec.source, spec.priority, spec.aggregate) == ("Acme", "https://acme.example", 60, True)
    assert (spec.guard, spec.skip) == (parse("present(v)"), parse("a == '1'"))
    assert (spec.free, spec.failed, spec.usage) == (parse("b"), parse("c"), Const(False))
    assert spec.tier_map["gold"] == "priority"
    assert spec.dedupe is not None
    assert spec.tree is not None
    assert spec.dedupe.key == (parse("id"),)
    assert spec.dedupe.order == (parse("time(ts)"), parse("if(d, 1, 0)")), "a field's name stands for its expression"
    assert (spec.tree.id, spec.tree.parent) == ((parse("t"), parse("s")), (parse("t"), parse("p")))
    listed = spec.expressions()
    assert all(parse(source) in listed for source in ("m", "time(ts)", "present(v)", "b", "c", "id", "t", "s", "p"))


def test_usage_is_where_input_or_output_is(spec_file: FilePath) -> None:
    fields = "input_uncached = 'u.i - first(u.c, 0)'\noutput_text = \"attr(l, 'o') + json(x).y\"\ntotal = 't'\n"
    spec = load(spec_file, f"[fields]\n{fields}")
    tests = ["present(u.i)", "present(u.c)", "present(attr(l, 'o'))", "present(json(x).y)"]
    assert spec.usage == parse(" or ".join(tests))


def test_named_parts_stand_for_their_expressions_in_all_that_follows(spec_file: FilePath) -> None:
    spec = load(
        spec_file,
        """free = "big"
[let]
cached = "first(u.cached, 0)"
big = "cached > 5"
[fields]
input_uncached = "u.input - cached"
[ask]
depth = "big"
[dedupe]
key = ["cached"]
order = ["cached"]
""",
    )
    assert spec.free == parse("first(u.cached, 0) > 5")
    assert spec.fields["input_uncached"] == parse("u.input - first(u.cached, 0)")
    assert spec.ask == {"depth": parse("first(u.cached, 0) > 5")}
    assert spec.dedupe is not None
    assert spec.dedupe.key == spec.dedupe.order == (parse("first(u.cached, 0)"),)


def test_a_setting_is_put_in_and_then_no_longer_asked_for(spec_file: FilePath) -> None:
    more = "[fields]\nmodel = \"if(param.cached == 'included', a, b)\"\n[ask]\ncached = 'present(c)'\n"
    assert load(spec_file, more).ask == {"cached": parse("present(c)")}
    told = load(spec_file, more, cached="included")
    assert (told.ask, told.fields["model"]) == ({}, parse("a"))
    assert load(spec_file, more, cached="excluded").fields["model"] == parse("b")


def test_a_record_may_hold_lists_of_rows(spec_file: FilePath) -> None:
    (variant,) = variants(load(spec_file, "rows = ['a.b', 'c']"))
    assert (variant.rows, variant.variant, variant.in_list) == ((("a", "b"), ("c",)), "acme@a.b[].c[]", False)


def test_several_chains_of_lists_are_several_variants(spec_file: FilePath) -> None:
    found = variants(load(spec_file, "rows = [['a', 'b'], ['c']]"))
    assert [variant.variant for variant in found] == ["acme@a[].b[]", "acme@c[]"]


def test_wrappers_are_places_where_the_body_may_stand(spec_file: FilePath) -> None:
    found = variants(load(spec_file, "wrappers = true"))
    assert [variant.wrapper for variant in found] == [*WRAPPERS, ("data[]",)]
    assert found[0].variant == "acme"
    assert found[4].variant == "acme@response.body"
    assert found[-1].in_list
    assert found[-1].rows == (("data",),)
    assert not any(variant.in_list for variant in found[:-1])


def test_places_can_be_added(spec_file: FilePath) -> None:
    spec = load(spec_file, "wrappers = ['request', 'a.b']")
    assert spec.wrappers == (*WRAPPERS, ("request",), ("a", "b"))
    assert load(spec_file, "wrappers = false").wrappers == ()


def test_lists_inside_of_wrappers(spec_file: FilePath) -> None:
    found = variants(load(spec_file, "wrappers = true\nrows = ['results']"))
    assert found[0].rows == (("results",),)
    assert found[-1].rows == (("data",), ("results",))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("nosuch = 1", "unknown key 'nosuch'"),
        ("title = 3", "`title` must be a text"),
        ("source = 3", "`source` must be a text"),
        ("priority = 'high'", "`priority` must be a whole number"),
        ("priority = true", "`priority` must be a whole number"),
        ("skip = 1", "`skip` must be an expression in quotes"),
        ("free = 'a +'", "`free`: expression 'a +': ends too early"),
        ("rows = 'a'", "`rows` must be a list of texts"),
        ("rows = [1]", "`rows` must be a list of texts"),
        ("rows = [['a'], [1]]", "`rows` must be a list of texts"),
        ("rows = [['a'], 'b']", "`rows` must be a list of texts"),
        ("wrappers = 'x'", "`wrappers` must be a list of texts"),
        ("fields = 1", "`fields` must be a table"),
        ("[fields]\nnosuch = 'a'", "unknown field 'nosuch'"),
        ("[fields]\nmodel = 1", "`fields.model` must be an expression in quotes"),
        ("[fields]\nmodel = 'a ='", "`fields.model`: expression 'a =': cannot read from column 2"),
        ("let = []", "`let` must be a table"),
        ("[let]\na = 'b +'", "`let.a`: expression 'b +': ends too early"),
        ("[tier_map]\ngold = 'premium'", "`tier_map`: 'premium' is no tier"),
        ("[tier_map]\ngold = 1", "`tier_map`: '1' is no tier"),
        ("[dedupe]\norder = ['a']", "`dedupe.key` must be a list of texts"),
        ("[dedupe]\nkey = 'a'", "`dedupe.key` must be a list of texts"),
        ("[dedupe]\nkey = ['a']\norder = 'a'", "`dedupe.order` must be a list of texts"),
        ("[dedupe]\nkey = ['a +']", "`dedupe.key`: expression 'a +': ends too early"),
        ("[tree]\nid = ['a']", "`tree.parent` must be a list of texts"),
        ("[tree]\nparent = ['a']", "`tree.id` must be a list of texts"),
        ("[ask]\ncached = 1", "`ask.cached` must be an expression in quotes"),
    ],
)
def test_what_is_wrong_is_refused_with_the_file_and_the_key(spec_file: FilePath, more: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(spec_file, more)
    assert caught.value.message == f"{spec_file}: {message}"
    assert caught.value.hint


def test_an_unknown_field_or_tier_comes_with_the_known_ones(spec_file: FilePath) -> None:
    with pytest.raises(SpecError) as caught:
        load(spec_file, "[fields]\nnosuch = 'a'")
    assert all(field in caught.value.hint for field in FIELDS)
    with pytest.raises(SpecError) as caught:
        load(spec_file, "[tier_map]\na = 'b'")
    assert all(tier in caught.value.hint for tier in TIERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detect = 'a'", "`name` must be a text"),
        ("name = 1\ndetect = 'a'", "`name` must be a text"),
        ("name = 'x'", "a spec needs `detect`"),
        ("name = 'x'\ndetect = 1", "`detect` must be an expression in quotes"),
        ("name = ", "Invalid value (at "),
    ],
)
def test_name_and_detect_are_needed(spec_file: FilePath, text: str, message: str) -> None:
    spec_file.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file)
    assert caught.value.message.startswith(f"{spec_file}: {message}")


def test_a_file_that_is_not_there_or_not_text(tmp_path: FilePath) -> None:
    with pytest.raises(SpecError, match="No such file"):
        load_spec(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match="decode byte 0xff"):
        load_spec(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    "more",
    [
        "[fields]\nmodel = '$1.a'",
        "rows = ['a']\n[fields]\nmodel = '$2.a'",
        "[let]\npart = 'first(a, b)'\n[fields]\nmodel = \"attr(part, 'k')\"",
        "[let]\npart = 'lower(a)'\n[fields]\nmodel = \"pick(part, 'k', 'v').x\"",
        "[fields]\nmodel = \"object('k', a)\"",
        "[fields]\nprompt = \"object('k', a, 'l')\"",
        '[fields]\nprompt = "object(k, a)"',
        "aggregate = 'yes'",
        "[dedupe]\nkey = ['a']\nordr = ['b']",
        "[tree]\nid = ['a']\nparent = ['b']\nchild = ['c']",
        f"skip = '{'(' * 3000}a{')' * 3000}'",
        f"skip = 'a{' or a' * 3000}'",
        "skip = 'x17 == 1'\n[let]\nx0 = 'a'\n" + "".join(f"x{n + 1} = 'x{n} + x{n}'\n" for n in range(17)),
        "name = ''\ndetect = 'a'",
    ],
)
def test_what_would_only_fail_later_is_refused_at_once(spec_file: FilePath, more: str) -> None:
    spec_file.write_text(more if more.startswith("name") else MINIMAL + more)
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file)
    assert str(spec_file) in caught.value.message


def test_not_may_be_said_often(spec_file: FilePath) -> None:
    assert load(spec_file, f"skip = '{'not ' * 3001}a'").skip == parse("not a")


def test_the_shipped_specs_come_most_specific_first() -> None:
    specs = load_specs()
    assert {spec.name for spec in specs} == {path.stem for path in FORMATS_DIR.glob("*.toml")}
    assert [spec.priority for spec in specs] == sorted((spec.priority for spec in specs), reverse=True)
    assert all(spec.title and spec.source for spec in specs)


def test_a_users_spec_replaces_the_shipped_one_of_its_name(spec_file: FilePath) -> None:
    spec_file.write_text("name = 'generic'\ndetect = 'present(mine)'\npriority = 99\n")
    specs = load_specs((spec_file,))
    assert specs[0].name == "generic"
    assert specs[0].detect == parse("present(mine)")
    assert [spec.name for spec in specs].count("generic") == 1
    load(spec_file)
    assert {spec.name for spec in load_specs((spec_file,))} == {spec.name for spec in load_specs()} | {"acme"}
