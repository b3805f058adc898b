"""The rules that shorten a text, one function each: `(Segments, Context) -> list[Edit]`; `registry` lists them."""
