"""What an OpenAI-compatible server said: a completion, or something that another attempt may mend."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from rightly.inference.generator import Completion
from rightly.types import Usage


class Retry(NamedTuple):
    """An attempt that another one may mend.

    Attributes:
        problem: What went wrong, in one line.
        headers: Of the answer; empty where none came.
        usage: What was billed all the same.
    """

    problem: str
    headers: Mapping[str, str] = {}
    usage: Usage = Usage()


def read_answer(raw: bytes) -> Completion | Retry:
    """Read the body of a chat completion.

    Cut off (``finish_reason: length``) is ``truncated``, with the partial text; filtered or declined is ``refused``. A body
    that is no chat completion, and an answer without text, are worth another attempt.
    """
    try:
        answer = json.loads(raw)
        choice = answer["choices"][0]
        message, finish = choice["message"], str(choice.get("finish_reason") or "")
        text, refusal = message.get("content"), message.get("refusal")
        usage = _usage(answer.get("usage"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return Retry("the answer is not a chat completion")
    if text is not None and not isinstance(text, str):
        return Retry("the answer's content is not text", usage=usage)
    text = _clean(text or "")
    if refusal or finish == "content_filter":
        said = _clean(str(refusal)) if refusal else text
        detail = "declined by the model" if refusal else "stopped by the server's content filter"
        return Completion(text=said, failure="refused", detail=detail, finish_reason=finish, usage=usage)
    if finish == "length":
        detail = f"truncated after {usage.output_tokens} tokens; raise max_tokens"
        return Completion(text=text, failure="truncated", detail=detail, finish_reason=finish, usage=usage)
    if not text.strip():
        return Retry(f"an empty answer (finish_reason {finish!r})", usage=usage)
    return Completion(text=text, finish_reason=finish, usage=usage)


def message_of(raw: bytes) -> str:
    """The server's own words about an error, in one short line."""
    text = raw.decode("utf-8", "replace")
    try:
        error = json.loads(text)
        error = error.get("error", error) if isinstance(error, dict) else error
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, RecursionError):
        pass
    return _clean(" ".join(text.split())[:300]) or "no message"


def _usage(found: Any) -> Usage:
    if not isinstance(found, dict):
        return Usage()
    tokens = [found.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [value if isinstance(value, int) and value >= 0 else 0 for value in tokens]
    return Usage(input_tokens=known[0], output_tokens=known[1])


def _clean(text: str) -> str:
    """Lone surrogates, which JSON may carry and UTF-8 cannot, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
