"""TOON (Token-Oriented Object Notation): JSON values by indentation, tables with their keys written once.

Follows version 4.4 of the specification (2026-10-08, https://github.com/toon-format/spec, SPEC.md), with comma as the
delimiter and two blanks a level. Two deliberate differences, both so that decoding gives back exactly what was there,
and both within what every decoder of that version must accept:

- Objects whose keys come in different orders are not uniform: a table would put them in one order.
- A number given as `Spelled` keeps its spelling (`1.0`, `1e5`); other numbers take the canonical form.

The decoder is strict (section 14): counts, widths, indentation, duplicate keys and escapes are all checked. Integers
are exact; other numbers are a float where that is exact or its shortest spelling, and a `Decimal` otherwise.
"""

from __future__ import annotations

from llmopt.prompts.forms.toon_decoder import decode
from llmopt.prompts.forms.toon_encoder import encode

__all__ = ["decode", "encode"]
