"""How large an answer is in a cache: as logged, or estimated from the tokens that the model wrote."""

from __future__ import annotations

BYTES_A_TOKEN = 4
ENVELOPE_BYTES = 400
"""What an API's answer has around its text."""


def answer_bytes(response: str | None, output_tokens: int) -> int:
    """Return the size of an answer.

    Args:
        response: as logged, text or JSON; None: estimate it.
        output_tokens: what the model wrote; 0 where nobody knows.
    """
    if response is None:
        return BYTES_A_TOKEN * output_tokens + ENVELOPE_BYTES
    size = len(response) if response.isascii() else len(response.encode("utf-8", "surrogatepass"))
    return size if response.startswith("{") else size + ENVELOPE_BYTES
