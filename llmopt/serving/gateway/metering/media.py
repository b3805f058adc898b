"""The usage of pictures and of transcribed speech, which no log format knows: their answers have no kind, nor a model.

Sources: OpenAI API reference, "The image generation response" (`usage.input_tokens_details`: `text_tokens`,
`image_tokens`) and "The transcription object" (`usage.input_token_details`: `text_tokens`, `audio_tokens`).
"""

from __future__ import annotations

from typing import Any

from llmopt.core.usage import Usage
from llmopt.cost.spec.row import MAX_COUNT
from llmopt.serving.gateway.metering.body import Body


def media_usage(body: Body) -> Usage | None:
    """Return the usage that an answer with pictures, or a transcription, tells; None: it is something else."""
    usage = body.usage
    if body.object is not None or body.type is not None or not isinstance(usage, dict):
        return None
    pictures, speech = usage.get("input_tokens_details"), usage.get("input_token_details")
    if isinstance(pictures, dict) and "image_tokens" in pictures:
        return _of_pictures(usage, pictures)
    if isinstance(speech, dict) and "audio_tokens" in speech:
        return _of_speech(usage, speech)
    return None


def _of_pictures(usage: dict[str, Any], read: dict[str, Any]) -> Usage | None:
    counts = _counts(usage.get("output_tokens"), read.get("text_tokens", 0), read["image_tokens"])
    if counts is None or counts[1] + counts[2] != usage.get("input_tokens"):
        return None
    written = usage.get("output_tokens_details")
    texts = _counts(written.get("text_tokens", 0)) if isinstance(written, dict) else [0]
    if texts is None or texts[0] > counts[0]:
        return None
    return Usage(
        input_uncached=counts[1], input_image=counts[2], output_text=texts[0], output_image=counts[0] - texts[0]
    )


def _of_speech(usage: dict[str, Any], read: dict[str, Any]) -> Usage | None:
    counts = _counts(usage.get("output_tokens"), read.get("text_tokens", 0), read["audio_tokens"])
    if counts is None or counts[1] + counts[2] != usage.get("input_tokens"):
        return None
    return Usage(input_uncached=counts[1], input_audio=counts[2], output_text=counts[0])


def _counts(*values: object) -> list[int] | None:
    counts = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    return counts if len(counts) == len(values) and all(0 <= count <= MAX_COUNT for count in counts) else None
