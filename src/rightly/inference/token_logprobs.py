"""Find the tokens of an answer whose probabilities are wanted, and their places in its text."""

import codecs
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rightly.inference.generator import TokenLogprobs
from rightly.types import without_surrogates

TOP = 20
"""Number of likeliest tokens asked for at each place: the most that the public API gives."""

_AROUND = " \t\r\n\f\v\u00a0" + "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb" + "()[]{}<>"


def stated_word(token: str) -> str:
    """The word of a token: its text without white space, quotes and brackets around it."""
    return token.strip(_AROUND)


def is_wanted(token: str, words: Sequence[str]) -> bool:
    """Whether a token is one of these words."""
    return stated_word(token) in words


def served_logprobs(listed: Any, text: str, words: Sequence[str]) -> tuple[TokenLogprobs, ...]:
    """The wanted tokens of a served answer.

    Args:
        listed: The field ``choices[0].logprobs.content``: every token with ``logprob``, ``bytes`` and ``top_logprobs``.
        text: The answer's text. Tokens before and after it (reasoning, end markers) are left out.
        words: The wanted words.

    Returns:
        The tokens in the order of the text; nothing if the field is missing, malformed, or its tokens do not hold the text.
    """
    try:
        tokens = [(_text(each["token"]), _bytes(each), each) for each in listed]
        starts, joined = _places([data for _, data, _ in tokens])
        # The last place: an answer comes after the reasoning in which it may also stand.
        offset = joined.rfind(text)
        if offset < 0:
            return ()
        return tuple(
            # A server that strips the text leaves the white space in its first token.
            TokenLogprobs(start=max(0, start - offset), token=token, alternatives=_alternatives(token, each))
            for start, (token, _, each) in zip(starts, tokens, strict=True)
            if is_wanted(token, words) and start < offset + len(text) and offset < start + len(token)
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()


def local_logprobs(
    decode: Callable[[Sequence[int]], str],
    ids: Sequence[int],
    words: Sequence[str],
    likely: Callable[[int], Mapping[int, float]],
) -> tuple[TokenLogprobs, ...]:
    """The wanted tokens of a local model's answer.

    Args:
        decode: Text of a sequence of token ids, without special tokens.
        ids: Tokens of the answer, without the one that ended it.
        words: The wanted words.
        likely: Log-probabilities at a place of ``ids``, by token id, the chosen one included.
    """
    found: list[TokenLogprobs] = []
    for place in (i for i, token in enumerate(ids) if is_wanted(decode([token]), words)):
        before = list(ids[:place])
        start = len(decode(before))

        def piece(token: int, before: list[int] = before, start: int = start) -> str:
            # Decoded after its predecessors: by itself a token may lose the space before it.
            return decode([*before, token])[start:]

        alternatives: dict[str, float] = {}
        for token, value in likely(place).items():
            _keep_larger(alternatives, piece(token), value)
        found.append(TokenLogprobs(start=start, token=piece(ids[place]), alternatives=alternatives))
    return tuple(found)


def _text(token: Any) -> str:
    if not isinstance(token, str):
        raise TypeError
    return without_surrogates(token)


def _bytes(each: Mapping[str, Any]) -> bytes:
    """The bytes of a token, which may end inside a character; servers that list none give only its text."""
    data = each.get("bytes")
    return _text(each["token"]).encode() if data is None else bytes(data)


def _places(tokens: Sequence[bytes]) -> tuple[list[int], str]:
    """The index of each token's first character in the text of all tokens, and this text."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [*(decoder.decode(data) for data in tokens), decoder.decode(b"", final=True)]
    starts = [0]
    for piece in pieces[:-1]:
        starts.append(starts[-1] + len(piece))
    return starts[:-1], "".join(pieces)


def _alternatives(token: str, each: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for listed in [*(each.get("top_logprobs") or ()), {"token": token, "logprob": each.get("logprob")}]:
        value = listed["logprob"]
        if isinstance(value, int | float) and math.isfinite(value):
            _keep_larger(found, _text(listed["token"]), float(value))
    return found


def _keep_larger(found: dict[str, float], text: str, value: float) -> None:
    """Keep the likeliest of the tokens that read alike (parts of characters do)."""
    found[text] = max(value, found.get(text, value))
