"""Any OpenAI-compatible chat endpoint: hosted ones, vLLM, SGLang, Ollama.

Over one aiohttp session with pre-encoded bodies: a tenth of the processor time a call of the official client. Load is
found by asking (`AdaptiveLimiter`), refusals are retried as the server's headers say, and a failure that another attempt
cannot mend is a failed completion, or, when it would meet every call (wrong key, unknown model, no server), the end of
the run.
"""

import asyncio
import json
import os
import random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from rightly.errors import EndpointError
from rightly.inference.generator import Completion, Request
from rightly.inference.limiter import AdaptiveLimiter
from rightly.inference.retries import wait_seconds
from rightly.types import FailureKind, Usage

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_OVERLOAD = {429, 503, 529}
_FATAL = {401: "the key is refused", 403: "the key may not use this model", 404: "no such model or path"}


class _Retry(NamedTuple):
    """An attempt that another one may mend."""

    problem: str
    headers: dict[str, str]
    usage: Usage = Usage()


class OpenAIGenerator:
    """Asks ``POST {base_url}/chat/completions``.

    Args:
        model: The model's name at the endpoint.
        base_url: Default: ``OPENAI_BASE_URL``, else the public API.
        api_key: Default: ``OPENAI_API_KEY``; local servers need none.
        concurrency: Most calls in flight; the endpoint's refusals lower it.
        timeout_s: Seconds for one attempt, from sending to the last byte.
        max_attempts: Attempts for one call before it is a ``provider`` failure.
        seed: Of the jitter of retries.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        concurrency: int = 64,
        timeout_s: float = 300.0,
        max_attempts: int = 6,
        seed: int | None = None,
    ) -> None:
        base = (base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")
        key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
        self.name = f"openai:{model}@{urlsplit(base).netloc}"
        self.concurrency = concurrency
        self._model, self._url = model, f"{base}/chat/completions"
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._max_attempts, self._rng = max_attempts, random.Random(seed)
        self._limiter = AdaptiveLimiter(concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._renamed: dict[str, str | None] = {}
        self._answered = False

    async def generate(self, request: Request) -> Completion:
        """Answer one request, with retries.

        Raises:
            EndpointError: The endpoint would refuse every call.
        """
        billed = Usage()
        problem = ""
        for attempt in range(1, self._max_attempts + 1):
            epoch = await self._limiter.acquire()
            try:
                outcome = await self._attempt(request, epoch)
            finally:
                self._limiter.release()
            if isinstance(outcome, Completion):
                return outcome.model_copy(update={"usage": outcome.usage + billed})
            problem, billed = outcome.problem, billed + outcome.usage
            if attempt < self._max_attempts:
                await asyncio.sleep(wait_seconds(outcome.headers, attempt, self._rng))
        return Completion(
            failure="provider", detail=f"{problem} ({self._max_attempts} attempts)", usage=billed, finish_reason="error"
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, request: Request, epoch: int) -> Completion | _Retry:
        try:
            async with self._connected().post(self._url, data=self._body(request)) as response:
                status, headers, raw = response.status, dict(response.headers), await response.read()
        except aiohttp.ClientConnectorError as error:
            if not self._answered:
                raise EndpointError(f"no server answers at {self._url} ({error.os_error.strerror})") from error
            return _Retry(f"connection refused: {error}", {})
        except TimeoutError:
            return _Retry(f"no answer within {self._timeout.total:g} s", {})
        except (aiohttp.ClientError, OSError) as error:
            return _Retry(f"connection broken: {type(error).__name__}", {})
        self._answered = True
        if status == 200:
            self._limiter.succeeded()
            return _read(raw)
        if status in _OVERLOAD:
            self._limiter.refused(epoch)
        return self._refusal(status, headers, raw, request)

    def _refusal(self, status: int, headers: dict[str, str], raw: bytes, request: Request) -> Completion | _Retry:
        message = _message(raw)
        if status in _FATAL and not (status == 403 and "content" in message.lower()):
            raise EndpointError(f"{self._url} refuses {self._model!r}: HTTP {status}, {_FATAL[status]} ({message})")
        if status in _OVERLOAD or status >= 500 or status in (408, 409, 425):
            return _Retry(f"HTTP {status}: {message}", headers)
        if status == 400 and self._adapt(message, request):
            return _Retry(f"HTTP 400: {message}", {"Retry-After": "0"})
        failure: FailureKind = "refused" if "content_filter" in message or "content_policy" in message else "provider"
        return Completion(failure=failure, detail=f"HTTP {status}: {message}", finish_reason="error")

    def _adapt(self, message: str, request: Request) -> bool:
        """Learn a field that this model names otherwise or does not take; whether there was something to learn."""
        if request.max_tokens is not None and "max_completion_tokens" in message:
            self._renamed["max_tokens"] = "max_completion_tokens"
            return True
        for field in ("temperature", "top_p", "seed"):
            if getattr(request, field) is not None and f"'{field}'" in message and "nsupported" in message:
                self._renamed[field] = None
                return True
        return False

    def _body(self, request: Request) -> bytes:
        fields: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        }
        for field in ("temperature", "top_p", "max_tokens", "seed"):
            value, name = getattr(request, field), self._renamed.get(field, field)
            if value is not None and name is not None:
                fields[name] = value
        return json.dumps(fields, separators=(",", ":")).encode()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        return self._session


def _read(raw: bytes) -> Completion | _Retry:
    try:
        answer = json.loads(raw)
        choice = answer["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason") or ""
        usage = _usage(answer.get("usage"))
        text, refusal = message.get("content"), message.get("refusal")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return _Retry("the answer is not a chat completion", {})
    if refusal:
        return Completion(text=str(refusal), failure="refused", detail="refused", finish_reason=finish, usage=usage)
    if text is not None and not isinstance(text, str):
        return _Retry("the answer's content is not text", {}, usage)
    if finish == "length":
        detail = f"cut off after {usage.output_tokens} tokens; raise max_tokens"
        return Completion(text=text or "", failure="truncated", detail=detail, finish_reason=finish, usage=usage)
    if finish == "content_filter":
        return Completion(text=text or "", failure="refused", detail=finish, finish_reason=finish, usage=usage)
    if not text:
        return _Retry(f"an empty answer (finish_reason {finish!r})", {}, usage)
    return Completion(text=_clean(text), finish_reason=finish, usage=usage)


def _usage(found: Any) -> Usage:
    if not isinstance(found, dict):
        return Usage()
    tokens = [found.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [value if isinstance(value, int) and value >= 0 else 0 for value in tokens]
    return Usage(input_tokens=known[0], output_tokens=known[1])


def _message(raw: bytes) -> str:
    """The server's own words, in one short line."""
    text = raw.decode("utf-8", "replace")
    try:
        error = json.loads(text)
        error = error.get("error", error) if isinstance(error, dict) else error
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except ValueError:
        pass
    return " ".join(text.split())[:300] or "no message"


def _clean(text: str) -> str:
    """Lone surrogates, which JSON may carry and UTF-8 cannot, become U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
