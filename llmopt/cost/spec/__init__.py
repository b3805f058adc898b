"""The small language that log formats are written in: parser, spec files, and two compilers.

`docs/format-specs.md` is its manual. `expr` parses an expression, `load` reads a spec file, `python` compiles
a spec into a function of one record, `sql` into a duckdb query over whole files.
"""
