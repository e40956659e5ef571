"""The cost of requests before they are sent: an estimate for display, and an upper bound for reservations."""

import unicodedata
from collections.abc import Iterable

from rightly.inference.generator import Request
from rightly.types import Usage

CHARACTERS_PER_TOKEN = 4.0
"""Used for estimates only: English prose with current tokenizers; other languages and code need more tokens."""

TOKENS_PER_MESSAGE = 16
"""Maximum number of tokens that a chat template adds to one message (role names and delimiters take 3 to 10)."""

TOKENS_PER_REQUEST = 256
"""Maximum number of tokens that a chat template adds to a request: its start, a default system message, the answer's header."""


def estimate_usage(requests: Iterable[Request], *, output_tokens: int) -> Usage:
    """Estimate the tokens of these requests from `CHARACTERS_PER_TOKEN` and an assumed answer length.

    Args:
        requests: All calls of the run.
        output_tokens: Assumed tokens of one answer, capped by a request's ``max_tokens``.
    """
    total = Usage()
    for request in requests:
        characters = sum(len(message.content) for message in request.messages)
        answer = min(output_tokens, request.max_tokens or output_tokens)
        total += Usage(input_tokens=round(characters / CHARACTERS_PER_TOKEN), output_tokens=answer)
    return total


def worst_usage(request: Request) -> Usage | None:
    """Upper bound on the tokens billed for one attempt at a request; ``None`` without ``max_tokens``.

    Every token of a byte-level or byte-fallback tokenizer stands for at least one byte of the text that it reads, so a
    prompt has at most as many tokens as bytes, in any language. The template's tokens are added.
    """
    if request.max_tokens is None:
        return None
    # Servers write the required form into the prompt.
    text = sum(_most_bytes(message.content) for message in request.messages) + _most_bytes(
        request.response_format or ""
    )
    template = TOKENS_PER_REQUEST + TOKENS_PER_MESSAGE * len(request.messages)
    return Usage(input_tokens=text + template, output_tokens=request.max_tokens)


def _most_bytes(text: str) -> int:
    """Bytes of the text in UTF-8, as it is or normalised as some tokenizers do first, whichever is longest."""
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFKC", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)
