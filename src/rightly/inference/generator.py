"""The single interface to a language model: a request in, a completion out.

A generator never raises because one call failed: the failure is part of the completion. It raises only when the run as
a whole must stop (`EndpointError`, `BudgetExceededError`).
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from pydantic import field_validator

from rightly.types import FailureKind, Frozen, Turn, Usage, content_key


class Request(Frozen):
    """The complete content of one call; equal requests may share one answer.

    Attributes:
        messages: The chat, oldest first.
        temperature: Sampling temperature; ``None`` leaves it to the server.
        top_p: Nucleus sampling mass; ``None`` leaves it to the server.
        max_tokens: Maximum number of generated tokens, thinking included; ``None`` leaves it to the server.
        seed: Sampling seed, for servers that honour one.
        sample: Index of the repeat. It separates repeats in the cache and is not sent.
        response_format: Form that the answer must have, as JSON text: the value of OpenAI's field ``response_format``.
        logprobs_of: Words (verdict labels) whose tokens are returned with their log-probabilities; see `TokenLogprobs`.
    """

    messages: tuple[Turn, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    sample: int = 0
    response_format: str | None = None
    logprobs_of: tuple[str, ...] = ()

    @field_validator("response_format")
    @classmethod
    def _require_object(cls, text: str | None) -> str | None:
        if text is not None and not isinstance(json.loads(text), dict):
            raise ValueError("response_format is not a JSON object")
        return text

    @property
    def key(self) -> str:
        """Identity of the request's content (not of the model that answers it)."""
        # A field that came later counts only where it is used: answers that were paid for before it came stay found.
        unused = {name for name in ("response_format", "logprobs_of") if not getattr(self, name)}
        return content_key([self.model_dump_json(exclude=unused)])


class TokenLogprobs(Frozen):
    """The probabilities at one token of an answer, kept only for tokens that are one of `Request.logprobs_of`.

    A token is one of these words if its text is, without white space, quotes and brackets around it. A word that the model
    writes in several tokens is not found.

    Attributes:
        start: Index of the token's first character in the answer's text.
        token: Text of the token, white space and punctuation included.
        alternatives: Natural log-probability of the likeliest tokens at this place and of the chosen one, by their text.
    """

    start: int
    token: str
    alternatives: dict[str, float]


class Completion(Frozen):
    """The result of a request.

    Attributes:
        text: The answer, reasoning markup included if the server inlines it; partial when truncated.
        finish_reason: Finish reason given by the server (``stop``, ``length``, ``content_filter``, ...).
        usage: Billed tokens, including billed attempts that were retried.
        failure: ``truncated``, ``refused`` or ``provider``; ``None`` when the answer is complete.
        detail: One line about the failure.
        attempts: Number of attempts; more than 1 after retries.
        cached: Whether the answer came from an earlier call, so that nothing was billed now.
        logprobs: Probabilities at the tokens that the request asked for, in the order of the text; empty if the endpoint
            gives none.
    """

    text: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    failure: FailureKind | None = None
    detail: str = ""
    attempts: int = 1
    cached: bool = False
    logprobs: tuple[TokenLogprobs, ...] = ()


class Generator(Protocol):
    """Anything that answers requests.

    Attributes:
        name: Display name of the model.
        fingerprint: Identity in keys of caches and records: the model's content or endpoint, and the engine options that change
            its answers.
        concurrency: Useful number of calls in flight at once.
    """

    name: str
    fingerprint: str
    concurrency: int

    async def generate(self, request: Request) -> Completion:
        """Answer one request; safe to call concurrently."""
        ...

    async def aclose(self) -> None:
        """Release connections or the model."""
        ...


class Meter(Protocol):
    """Observer of every attempt that may be billed, called before it is sent and after."""

    def attempt(self, request: Request) -> AbstractAsyncContextManager[Callable[[Usage], None]]:
        """Surround one attempt. Yields the function to call with the billed tokens, if they are known."""
        ...

    def retrying(self, problem: str) -> None:
        """Note a failed attempt that will be retried."""
        ...

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Register a check that runs once, before the first call. It raises on a problem."""
        ...


class Unmetered:
    """A meter that records nothing."""

    @asynccontextmanager
    async def attempt(self, request: Request) -> AsyncIterator[Callable[[Usage], None]]:
        """Allow the attempt."""
        yield lambda _: None

    def retrying(self, problem: str) -> None:
        """Ignore the failed attempt."""

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Ignore the check: without metering, the endpoint's own refusal is the error."""
