"""The single interface to a language model: a request in, a completion out.

A generator never raises because one call failed: the failure is part of the completion. It raises only when the run as
a whole must stop (`EndpointError`, `BudgetExceededError`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from rightly.types import FailureKind, Frozen, Message, Usage, content_key


class Request(Frozen):
    """The complete content of one call; equal requests may share one answer.

    Attributes:
        messages: The chat, oldest first.
        temperature: Sampling temperature; ``None`` leaves it to the server.
        top_p: Nucleus sampling mass; ``None`` leaves it to the server.
        max_tokens: Maximum number of generated tokens, thinking included; ``None`` leaves it to the server.
        seed: Sampling seed, for servers that honour one.
        sample: Index of the repeat. It separates repeats in the cache and is not sent.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    sample: int = 0

    @property
    def key(self) -> str:
        """Identity of the request's content (not of the model that answers it)."""
        return content_key([self.model_dump_json()])


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
    """

    text: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    failure: FailureKind | None = None
    detail: str = ""
    attempts: int = 1
    cached: bool = False


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
