"""What the router decided, and the header that says why."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER = "x-llmopt-route"
"""Name of the header that carries `Decision.header`."""
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")
_PLAIN = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request goes."""

    route: str
    """Name of the route in the policy."""
    model: str
    """That the route leads to."""
    rule: str
    """Name of the rule that decided; `score` or `default` where none did."""
    score: float | None
    """Probability that the cheap model will not do, from 0 to 1; None where no score was asked for."""
    why: str
    """In words. It holds nothing of the request but figures, so that it may be logged."""

    @property
    def header(self) -> str:
        """The value of `x-llmopt-route`: the route, and model, rule, score and reason as its parameters.

        It is an item of a structured field (RFC 9651): printable ASCII whatever the names in the policy are.
        """
        parameters = [("model", self.model), ("rule", self.rule), ("why", self.why)]
        said = "".join(f";{name}={_string(value)}" for name, value in parameters if value)
        scored = "" if self.score is None else f";score={self.score:.3f}"
        return f"{self.route if _TOKEN.fullmatch(self.route) else _string(self.route)}{said}{scored}"


def _string(text: str) -> str:
    """Return a text as a String, or as a Display String where it is not plain ASCII (RFC 9651, 3.3.3 and 3.3.8)."""
    if _PLAIN.fullmatch(text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    encoded = text.encode("utf-8", "replace")
    return (
        '%"'
        + "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'%"' else f"%{byte:02x}" for byte in encoded)
        + '"'
    )
