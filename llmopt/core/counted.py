"""Tokens counted from logged text, where the log does not say how many were billed."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted from text, of one request or of many added up; every field >= 0.

    The ends of the interval add up like the counts, as the errors of one estimator go the same way.
    """

    requests: int = 0
    """Requests without usage, of which at least one side was counted."""
    estimated_requests: int = 0
    """Those of them with a side whose count is not exact."""
    requests_without_input: int = 0
    """Those of them whose prompt is not in the log: their input is not counted."""
    requests_without_output: int = 0
    """Those of them whose answer is not in the log: their output is not counted. Embeddings have none to count."""
    input_tokens: int = 0
    input_low_tokens: int = 0
    """Lower end of the interval; equals `input_tokens` where all counts are exact."""
    input_high_tokens: int = 0
    """Upper end of the interval; equals `input_tokens` where all counts are exact."""
    output_tokens: int = 0
    """What was logged of the answers; hidden reasoning is not in it."""
    output_low_tokens: int = 0
    """Lower end of the interval; equals `output_tokens` where all counts are exact."""
    output_high_tokens: int = 0
    """Upper end of the interval; equals `output_tokens` where all counts are exact."""
    exact_tokens: int = 0
    """Part of both sides' tokens that the model's own public tokenizer counted."""
    reconstructed_tokens: int = 0
    """Part of both sides' tokens that a rebuilt tokenizer counted."""
    estimated_tokens: int = 0
    """Part of both sides' tokens that was estimated from the text."""
    requests_with_uncounted: int = 0
    """Those of them with parts that no text shows or no rule counts, such as hidden reasoning, audio or documents."""

    def __add__(self, other: Counted) -> Counted:
        return Counted(*(getattr(self, name) + getattr(other, name) for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Counted))
