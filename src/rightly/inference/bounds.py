"""What requests will cost, before they are sent: an estimate for people, and a bound that no answer can pass."""

import unicodedata
from collections.abc import Iterable

from rightly.inference.generator import Request
from rightly.types import Usage

CHARACTERS_PER_TOKEN = 4.0
"""For estimates only: English prose with current tokenizers; other languages and code need more tokens."""

TOKENS_PER_MESSAGE = 16
"""Most tokens that a chat template puts around one message (role names and delimiters take 3 to 10)."""

TOKENS_PER_REQUEST = 256
"""Most tokens that a chat template adds to a request: the beginning, a default system message, the answer's header."""


def estimate_usage(requests: Iterable[Request], *, output_tokens: int) -> Usage:
    """Tokens that these requests will take, roughly: `CHARACTERS_PER_TOKEN`, and a guess at the answers.

    Args:
        requests: All calls of the run.
        output_tokens: Tokens guessed for one answer; a request's ``max_tokens`` caps it.
    """
    total = Usage()
    for request in requests:
        characters = sum(len(message.content) for message in request.messages)
        answer = min(output_tokens, request.max_tokens or output_tokens)
        total += Usage(input_tokens=round(characters / CHARACTERS_PER_TOKEN), output_tokens=answer)
    return total


def worst_usage(request: Request) -> Usage | None:
    """The most tokens that one attempt at a request can be billed for; ``None`` without ``max_tokens``.

    Every token of a byte-level or byte-fallback tokenizer stands for at least one byte of the text that it reads, so a
    prompt has at most as many tokens as bytes, in any language. What the template adds comes on top.
    """
    if request.max_tokens is None:
        return None
    text = sum(_most_bytes(message.content) for message in request.messages)
    template = TOKENS_PER_REQUEST + TOKENS_PER_MESSAGE * len(request.messages)
    return Usage(input_tokens=text + template, output_tokens=request.max_tokens)


def _most_bytes(text: str) -> int:
    """Bytes of the text in UTF-8, as it is or normalised as some tokenizers do first, whichever is longest."""
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFKC", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)
