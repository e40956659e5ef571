"""Read an OpenAI-compatible server's response: a completion, or a failure worth a retry."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rightly.inference.generator import Completion
from rightly.inference.token_logprobs import served_logprobs
from rightly.types import Usage, without_surrogates

_MODERATED = ("content_filter", "content_policy", "content management policy", "moderation", "flagged")
_THINKING = ("thinking", "redacted_thinking", "reasoning")
"""Types of content parts that hold a model's thoughts and not its answer."""


class Retry(NamedTuple):
    """A failed attempt that is worth a retry.

    Attributes:
        problem: What went wrong, in one line.
        headers: Headers of the response; empty if none arrived.
        usage: Tokens billed despite the failure.
    """

    problem: str
    headers: Mapping[str, str] = {}
    usage: Usage = Usage()


def read_answer(raw: bytes, logprobs_of: Sequence[str] = ()) -> Completion | Retry:
    """Read the body of a chat completion.

    An answer that ended at its limit (``finish_reason: length``) is ``truncated`` and keeps the partial text. A filtered or
    declined answer is ``refused``. A body that is not a chat completion and an answer without text are worth a retry.

    Content in parts is joined, without its thinking parts. If a complete answer has no content, but a text in
    ``reasoning_content`` or ``reasoning``, that text is the answer: some servers take all of it for reasoning.

    Args:
        raw: The body.
        logprobs_of: Words whose tokens are returned with their log-probabilities.
    """
    try:
        answer = json.loads(raw)
        choice = answer["choices"][0]
        message, finish = choice["message"], str(choice.get("finish_reason") or "")
        text, refusal = _content(message.get("content")), message.get("refusal")
        listed = (choice.get("logprobs") or {}).get("content")
        usage = _usage(answer.get("usage"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return Retry("the answer is not a chat completion")
    if text is None:
        return Retry("the answer's content is not text", usage=usage)
    text = without_surrogates(text)
    if refusal or finish == "content_filter":
        said = without_surrogates(str(refusal)) if refusal else text
        detail = "declined by the model" if refusal else "stopped by the server's content filter"
        return Completion(text=said, failure="refused", detail=detail, finish_reason=finish, usage=usage)
    if finish == "length":
        detail = f"truncated after {usage.output_tokens} tokens; raise max_tokens"
        return Completion(text=text, failure="truncated", detail=detail, finish_reason=finish, usage=usage)
    if not text.strip() and finish == "stop":
        text = without_surrogates(_reasoning(message))
    if not text.strip():
        return Retry(f"an empty answer (finish_reason {finish!r})", usage=usage)
    logprobs = served_logprobs(listed, text, logprobs_of) if logprobs_of else ()
    return Completion(text=text, finish_reason=finish, usage=usage, logprobs=logprobs)


def moderated(status: int, raw: bytes) -> Completion | None:
    """The completion of a request that a server's filter refused; ``None`` for any other refusal."""
    whole = raw[:10_000].decode("utf-8", "replace").lower()
    if status in (400, 403) and any(word in whole for word in _MODERATED):
        return Completion(failure="refused", detail=f"HTTP {status}: {message_of(raw)}")
    return None


def message_of(raw: bytes) -> str:
    """The server's error message, in one short line."""
    text = raw.decode("utf-8", "replace")
    try:
        error = json.loads(text)
        error = error.get("error", error) if isinstance(error, dict) else error
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, RecursionError):
        pass
    return without_surrogates(" ".join(text.split())[:300]) or "no message"


def _content(content: Any) -> str | None:
    """The text of a message's content; ``None`` if it holds something else."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        return None
    texts: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _THINKING:
            continue
        if kind != "text" or not isinstance(part.get("text"), str):
            return None
        texts.append(part["text"])
    return "".join(texts)


def _reasoning(message: Mapping[str, Any]) -> str:
    found = (message.get(name) for name in ("reasoning_content", "reasoning"))
    return next((text for text in found if isinstance(text, str) and text.strip()), "")


def _usage(found: Any) -> Usage:
    if not isinstance(found, dict):
        return Usage()
    tokens = [found.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [value if isinstance(value, int) and value >= 0 else 0 for value in tokens]
    return Usage(input_tokens=known[0], output_tokens=known[1])
