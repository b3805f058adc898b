"""Policies for tests, as texts."""

from __future__ import annotations

SMALL = """\
default = "strong"

[routes]
cheap = "small-model"
strong = {model = "big-model", context_tokens = 8000}
long = {model = "long-model", context_tokens = 1_000_000, timeout_s = 30}

[[rule]]
name = "gold"
header = {X-Tier = "gold"}
route = "strong"

[[rule]]
name = "simple"
words = ["what is", "define"]
tokens_below = 50
route = "cheap"

[fallback]
max_wait_s = 2

[fallback.chains]
cheap = ["strong", "long"]
strong = ["cheap"]

[fallback.longer]
cheap = ["long"]

[cascade]
routes = ["cheap", "strong"]

[[cascade.check]]
complete = true
min_chars = 2
"""
RULE = 'default = "a"\n[routes]\na = "m"\nb = "n"\n[[rule]]\nname = "r"\nroute = "b"\n'
"""A rule that asks nothing yet: add conditions."""
