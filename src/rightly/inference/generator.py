"""The one way to ask a language model: a request in, a completion out.

A generator never raises because one call failed: the failure is part of the completion. It raises only when the run as
a whole must stop (`EndpointError`, `BudgetExceededError`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from rightly.types import FailureKind, Frozen, Message, Usage, content_key


class Request(Frozen):
    """One call, whole: equal requests may share one answer.

    Attributes:
        messages: The chat, oldest first.
        temperature: Sampling temperature; ``None`` leaves it to the server.
        top_p: Nucleus mass; ``None`` leaves it to the server.
        max_tokens: Most tokens to generate, thinking included; ``None`` leaves it to the server.
        seed: Sampling seed where the server honours one.
        sample: Which repeat this is; separates repeats in the cache, not sent.
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
    """What came back.

    Attributes:
        text: The answer, reasoning markup included where the server inlines it; partial when truncated.
        finish_reason: As the server gave it (``stop``, ``length``, ``content_filter``, ...).
        usage: Tokens billed, retried attempts that were billed included.
        failure: ``truncated``, ``refused`` or ``provider``; ``None`` when the answer is complete.
        detail: One line on the failure.
        attempts: How often the model was asked for it; more than 1 after retries.
        cached: Whether it was another call's answer; then nothing was billed now.
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
        name: The model, for people.
        fingerprint: Identity in keys of caches and records: the model's content or endpoint, and whatever of its engine changes
            its answers.
        concurrency: How many calls are worth having in flight at once.
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
    """Who is told of every attempt that may be billed, before it is sent and after."""

    def attempt(self, request: Request) -> AbstractAsyncContextManager[Callable[[Usage], None]]:
        """Surround one attempt; gives the function to call with the tokens billed, where they are known."""
        ...

    def retrying(self, problem: str) -> None:
        """Hear of an attempt that failed and is made again."""
        ...

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Run a check once, before the first call; it raises what is wrong."""
        ...


class Unmetered:
    """A meter that nobody reads."""

    @asynccontextmanager
    async def attempt(self, request: Request) -> AsyncIterator[Callable[[Usage], None]]:
        """Let the attempt pass."""
        yield lambda _: None

    def retrying(self, problem: str) -> None:
        """Forget it."""

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Nothing is checked before a call that nobody meters; the endpoint's own refusal says the same."""
