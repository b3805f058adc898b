"""Tags of XML and HTML, each by itself."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import guarded, kinds, spans


@pytest.mark.parametrize(
    "tag",
    [
        "<b>",
        "</b>",
        "<br/>",
        "<br />",
        '<a href="x">',
        '<a title="a > b">',
        "<a title='a > b' checked>",
        "<ns:tag a:b='c'/>",
        '<div\n  class="x"\n  id="y"\n>',
        "<document index='1'>",
        "<my-tag>",
        "<!-- a  comment -->",
        "<!-- over\n\nlines > too -->",
        "<![CDATA[ a < b ]]>",
        "<!DOCTYPE html>",
        '<?xml version="1.0"?>',
        "<think>",
        "</Tài_liệu>",
        "<h1>",
        "<a b=c>",
    ],
)
def test_a_tag_is_one_guarded_span(tag: str) -> None:
    assert kinds(f"x  {tag} y") == [("tag", tag)]


def test_what_tags_enclose_is_free() -> None:
    assert spans("<b>very  bold</b> and <i>this</i>") == ["<b>", "</b>", "<i>", "</i>"]


@pytest.mark.parametrize("text", ["a < b and c > d", "x <- y -> z", "1<2", "<3 you", "=> and <=", "a<b", "<>", "< b >"])
def test_these_are_no_tags(text: str) -> None:
    assert guarded(text) == []


def test_a_tag_that_is_cut_guards_the_rest_of_its_paragraph() -> None:
    assert guarded('see <a href="x and  more\nlines\n\nfree  text') == ['<a href="x and  more\nlines']
    assert guarded("x <!-- open\ny\n\nz") == ["<!-- open\ny"]


def test_a_block_quote_after_an_open_angle_closes_nothing() -> None:
    assert guarded("if a <b then\n\n> quoted  text\n") == []
