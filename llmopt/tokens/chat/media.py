"""Counts the images in messages, in the shapes of all makers, and says what audio, video and documents would be.

These have no length and no pages in a request: for audio Gemini states 32 tokens a second, for video 263 a second
("Understand and count tokens"), and for a page of a PDF 258 ("Document understanding"); Anthropic states 1,500 to
3,000 a page ("PDF support").
"""

from __future__ import annotations

from llmopt.tokens.chat.images import image_tokens
from llmopt.tokens.chat.tally import Tally

GEMINI_DATA = ("inlineData", "inline_data", "fileData", "file_data")
"""Keys of bytes and files in Gemini's parts."""
AUDIO = "audio (Gemini: 32 tokens a second)"
VIDEO = "video (Gemini: 263 tokens a second)"
DOCUMENT = "document (a page of a PDF: 1,500 to 3,000 tokens on Claude, 258 on Gemini)"
_BYTES = ("data", "bytes", "bytesBase64Encoded", "url")


def count_image(tally: Tally, part: dict[str, object]) -> None:
    """Add the image of a part, by its data where it is held."""
    holder = next((part[key] for key in ("image_url", "source", "image") if part.get(key) is not None), part)
    detail = part.get("detail")
    data: object = holder
    if isinstance(holder, dict):
        detail = holder.get("detail", detail)
        source = holder.get("source")
        holder = source if isinstance(source, dict) else holder
        data = next((holder[key] for key in _BYTES if isinstance(holder.get(key), str)), None)
    _picture(tally, data, detail, None)


def count_pictures(tally: Tally, images: object) -> None:
    """Add images that are listed beside a text, as Ollama takes them."""
    for image in images if isinstance(images, list) else ():
        if isinstance(image, str):
            _picture(tally, image, None, None)
        elif isinstance(image, dict):
            count_image(tally, image)


def count_gemini_data(tally: Tally, part: dict[str, object]) -> None:
    """Add Gemini's bytes or file by its media type."""
    found = next((part[key] for key in GEMINI_DATA if isinstance(part.get(key), dict)), None)
    holder = found if isinstance(found, dict) else {}
    mime = holder.get("mimeType", holder.get("mime_type"))
    kind = mime.partition("/")[0].lower() if isinstance(mime, str) else ""
    if kind == "image":
        _picture(tally, holder.get("data"), None, part.get("mediaResolution", part.get("media_resolution")))
    else:
        tally.missing({"audio": AUDIO, "video": VIDEO}.get(kind, DOCUMENT))


def count_otel_data(tally: Tally, part: dict[str, object]) -> None:
    """Add the bytes or address of OpenTelemetry's parts by their modality."""
    kind = part.get("modality", "")
    if kind == "image":
        _picture(tally, part.get("content", part.get("data")), None, None)
    else:
        tally.missing({"audio": AUDIO, "video": VIDEO}.get(kind if isinstance(kind, str) else "", DOCUMENT))


def _picture(tally: Tally, data: object, detail: object, resolution: object) -> None:
    encoded = data if isinstance(data, str) and not data[:5].lower().startswith("http") else None
    if isinstance(resolution, dict):
        resolution = resolution.get("level")
    level = resolution if isinstance(resolution, str) else tally.resolution
    span, exact = image_tokens(
        encoded, tally.maker, tally.model, detail.lower() if isinstance(detail, str) else "", level
    )
    tally.image(span, exact)
