"""Any OpenAI-compatible chat endpoint: hosted ones, vLLM, SGLang, Ollama.

It uses one aiohttp session with pre-encoded bodies: a tenth of the official client's processor time per call. The
concurrency adapts to the endpoint (`AdaptiveLimiter`), and refusals are retried as the server's headers say. A failure
that a retry cannot fix is a failed completion. If it would affect every call (wrong key, unknown model, no server), the
run ends.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from rightly.errors import EndpointError
from rightly.inference.chat_completion import Retry, message_of, moderated, read_answer
from rightly.inference.chat_request import ChatRequest
from rightly.inference.endpoint import OVERLOAD, PASSING, Endpoint, endpoint_fingerprint, short
from rightly.inference.generator import Completion, Meter, Request, Unmetered
from rightly.inference.limiter import AdaptiveLimiter
from rightly.inference.retries import wait_seconds
from rightly.types import Usage

UNREACHED_ATTEMPTS = 4
"""Attempts of one call without any response before the run ends, if the server has never responded."""
UNANSWERED_CALLS = 8
"""Calls that fail at every attempt before the run ends, if no call has ever been answered."""
_MAY_BE_BILLED = {408, *range(500, 600)} - OVERLOAD
"""Status codes that a gateway also returns when the server behind it has answered and billed the call."""
_JSON = {"Content-Type": "application/json"}


class OpenAIGenerator:
    """Asks ``POST {base_url}/chat/completions``.

    Args:
        model: Name of the model at the endpoint.
        base_url: Base URL of the endpoint. Default: ``OPENAI_BASE_URL``, else the public API.
        api_key: Key of the endpoint; local servers need none. Default: the one in ``key_env``.
        key_env: Environment variable that holds the key. Default: ``OPENAI_API_KEY``, which is sent to the address in
            ``OPENAI_BASE_URL`` (else the public API) and to no other host.
        concurrency: Maximum number of calls in flight; refusals by the endpoint lower it.
        reasoning_effort: The field of this name in every call: how much the model thinks.
        chat_template_kwargs: The field of this name in every call: arguments of the chat template at vLLM and SGLang.
        extra_body: Further fields of every call; they replace fields of the request.
        timeout_s: Seconds for one attempt, from sending to the last byte.
        max_attempts: Attempts per call before it becomes a ``provider`` failure.
        seed: Seed for the jitter of retries.
        sleep: Coroutine function that waits between attempts.
        meter: Observer of every attempt, called before it is sent and after.

    Raises:
        InputError: ``base_url`` is not a valid address, or ``extra_body`` holds a field that Rightly sets.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        key_env: str | None = None,
        reasoning_effort: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        concurrency: int = 64,
        timeout_s: float = 300.0,
        max_attempts: int = 8,
        seed: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        meter: Meter | None = None,
    ) -> None:
        self.endpoint = Endpoint(model, base_url, api_key, key_env, timeout_s)
        self._chat = ChatRequest(model, reasoning_effort, chat_template_kwargs, extra_body)
        self.name, self.fingerprint = self.endpoint.name, endpoint_fingerprint(model, base_url, **self._chat.sent)
        # Twice the limit: calls that sleep before a retry release their places.
        self.concurrency = 2 * concurrency
        self._url = f"{self.endpoint.base}/chat/completions"
        self._max_attempts, self._rng, self._sleep = max_attempts, random.Random(seed), sleep
        self._limiter = AdaptiveLimiter(concurrency)
        self._meter = meter or Unmetered()
        self._reached = self._answered = False
        self._unanswered = 0
        self._gone = ""
        self._meter.before_first_call(self.endpoint.require_key)

    async def generate(self, request: Request) -> Completion:
        """Answer one request, with retries.

        Raises:
            EndpointError: The endpoint would refuse every call.
        """
        usage = Usage()
        problem = ""
        for attempt in range(1, self._max_attempts + 1):
            epoch = await self._limiter.acquire()
            try:
                if self._gone:
                    raise EndpointError(self._gone)
                async with self._meter.attempt(request) as billed:
                    outcome = await self._attempt(request, epoch, billed)
            finally:
                self._limiter.release()
            # Yield to the loop twice: the call that got the place is sent before this answer is processed.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if isinstance(outcome, Completion):
                self._answered = True  # also if it refuses this request: the server itself then works
                if attempt == 1:
                    return outcome
                return outcome.model_copy(update={"usage": outcome.usage + usage, "attempts": attempt})
            problem, usage = outcome.problem, usage + outcome.usage
            self._give_up(problem, attempt)
            if attempt < self._max_attempts:
                self._meter.retrying(problem)
                await self._sleep(wait_seconds(outcome.headers, attempt, self._rng))
        detail = f"{problem} ({self._max_attempts} attempts)"
        return Completion(failure="provider", detail=detail, usage=usage, attempts=self._max_attempts)

    def _give_up(self, problem: str, attempt: int) -> None:
        """End the run if the endpoint has never answered and is not expected to.

        Raises:
            EndpointError: The server never responded and one call failed `UNREACHED_ATTEMPTS` times; or the server returned
                only errors until `UNANSWERED_CALLS` calls had no attempt left.
        """
        if self._answered:
            return
        if not self._reached and attempt >= UNREACHED_ATTEMPTS:
            fix = "check that a chat endpoint is served there, or raise timeout_s"
            self._gone = f"{self._url} gave no answer ({problem}, {attempt} attempts each); {fix}"
        self._unanswered += attempt == self._max_attempts
        if self._unanswered >= UNANSWERED_CALLS:
            self._gone = (
                f"{self._url} answered none of {self._unanswered} requests ({problem}, {attempt} attempts each)"
            )
        if self._gone:
            raise EndpointError(self._gone)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.endpoint.aclose()

    async def _attempt(self, request: Request, epoch: int, billed: Callable[[Usage], None]) -> Completion | Retry:
        """Make one attempt. Reports the bill if it is known, and nothing if the server may have worked for a lost answer."""
        sent, session = self._chat.learned, self.endpoint.session()
        body = json.dumps(self._chat.fields(request), separators=(",", ":")).encode()
        try:
            async with session.post(self._url, data=body, headers=_JSON, proxy=self.endpoint.proxy) as response:
                status, headers, raw = response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            billed(Usage())
            return self._unreached(error)
        except TimeoutError:
            return Retry(f"no answer within {self.endpoint.timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Retry(f"connection broken: {short(error)}")
        self._reached = True
        if status == 200:
            self._limiter.succeeded()
            answer = read_answer(raw, request.logprobs_of)
            if answer.usage.input_tokens:
                billed(answer.usage)
            return answer
        if status in OVERLOAD:
            self._limiter.refused(epoch)
        if status == 400 and self._chat.learn(message_of(raw), request, sent):
            return await self._attempt(request, epoch, billed)
        if status not in _MAY_BE_BILLED:
            billed(Usage())
        return self._refusal(status, headers, raw)

    def _unreached(self, error: Exception) -> Retry:
        if not self._reached:
            fix = "start it, or check base_url or OPENAI_BASE_URL"
            self._gone = f"no server answers at {self._url} ({short(error)}); {fix}"
            raise EndpointError(self._gone) from error
        return Retry(f"no connection: {short(error)}")

    def _refusal(self, status: int, headers: Mapping[str, str], raw: bytes) -> Completion | Retry:
        refused = moderated(status, raw)
        if refused is not None:
            return refused
        message = message_of(raw)
        fatal = self.endpoint.fatal(status, raw, self._url)
        if fatal is not None:
            raise fatal
        if status in OVERLOAD or status >= 500 or status in PASSING:
            return Retry(f"HTTP {status}: {message}", headers)
        return Completion(failure="provider", detail=f"HTTP {status}: {message}")
