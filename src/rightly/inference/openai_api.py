"""Any OpenAI-compatible chat endpoint: hosted ones, vLLM, SGLang, Ollama.

It uses one aiohttp session with pre-encoded bodies: a tenth of the official client's processor time per call. The
concurrency adapts to the endpoint (`AdaptiveLimiter`), and refusals are retried as the server's headers say. A failure
that a retry cannot fix is a failed completion. If it would affect every call (wrong key, unknown model, no server), the
run ends.
"""

import asyncio
import ipaddress
import json
import os
import random
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp

from rightly.errors import EndpointError, InputError
from rightly.inference.chat_completion import Retry, message_of, read_answer
from rightly.inference.generator import Completion, Meter, Request, Unmetered
from rightly.inference.limiter import AdaptiveLimiter
from rightly.inference.retries import wait_seconds
from rightly.inference.token_logprobs import TOP
from rightly.store.fingerprint import fingerprint
from rightly.types import Usage

DEFAULT_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 30.0
UNREACHED_ATTEMPTS = 4
"""Attempts of one call without any response before the run ends, if the server has never responded."""
FEWER_TOP = 5
"""Likeliest tokens asked for at an endpoint that gives fewer than `TOP` at a place."""
UNANSWERED_CALLS = 8
"""Calls that fail at every attempt before the run ends, if no call has ever been answered."""
_OVERLOAD = {429, 503, 529}
_PASSING = {408, 409, 425}
_MAY_BE_BILLED = {408, *range(500, 600)} - _OVERLOAD
"""Status codes that a gateway also returns when the server behind it has answered and billed the call."""
_FATAL = {
    401: "the key is refused",
    402: "the account has no credit",
    403: "the key may not use this model",
    404: "no such model or path",
}
_OWN_FIELDS = {
    "model": "write it as openai:MODEL",
    "messages": "remove it",
    "stream": "remove it: answers are read whole",
    "n": "remove it: every answer is a call of its own",
    "max_tokens": "write ?max_tokens=N, which a budget can count on",
    "max_completion_tokens": "write ?max_tokens=N, which a budget can count on",
}
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")
_MODERATED = ("content_filter", "content_policy", "content management policy", "moderation", "flagged")


def endpoint_fingerprint(model: str, base_url: str | None = None, **fields: object) -> str:
    """Identity of a served model: its name, its endpoint, and the fields sent with every call.

    The weights behind the name cannot be seen from outside.

    Args:
        model: Name of the model at the endpoint.
        base_url: Base URL of the endpoint, as for `OpenAIGenerator`.
        fields: Its ``reasoning_effort``, ``chat_template_kwargs`` and ``extra_body``; empty ones do not count.

    Raises:
        InputError: ``base_url`` is not a valid address.
    """
    used = {name: value for name, value in fields.items() if value}
    return fingerprint("endpoint", model=_endpoint(model, _address(_base(base_url))), **used)


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
        base = _base(base_url)
        parts = _address(base)
        key = api_key if api_key is not None else _key(parts, key_env)
        self.name = _endpoint(model, parts)
        given = {"reasoning_effort": reasoning_effort, "chat_template_kwargs": chat_template_kwargs}
        self.fingerprint = endpoint_fingerprint(model, base_url, extra_body=extra_body, **given)
        self._extra = {name: value for name, value in given.items() if value} | _allowed(extra_body or {})
        # Twice the limit: calls that sleep before a retry release their places.
        self.concurrency = 2 * concurrency
        self._model, self._url, self._proxy = model, f"{base}/chat/completions", _proxy(parts)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._max_attempts, self._rng, self._sleep = max_attempts, random.Random(seed), sleep
        self._limiter = AdaptiveLimiter(concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._renamed: dict[str, str | None] = {}
        self._top_logprobs = TOP
        self._meter = meter or Unmetered()
        self._keyless = not key and not parts.username
        self._host, self._key_env = parts.hostname or "", key_env
        self._reached = self._answered = False
        self._unanswered = 0
        self._gone = ""
        self._meter.before_first_call(self.require_key)

    def require_key(self) -> None:
        """Check that a key is set if the endpoint needs one, without contacting it.

        Raises:
            InputError: No key is set and the host is public.
        """
        if self._keyless and _is_public(self._host):
            if self._key_env is not None:
                fix = f"export {self._key_env}=... (any text if this endpoint needs none)"
                raise InputError(f"{self._key_env} is not set, and {self._host} needs a key", fix=fix)
            if os.environ.get("OPENAI_API_KEY"):
                raise InputError(
                    f"there is no key for {self._host}: OPENAI_API_KEY is sent to {_home().hostname} only",
                    fix="add ?key_env=NAME, the environment variable that holds the key of this host",
                )
            fix = "export OPENAI_API_KEY=... (any text if this endpoint needs none), or point OPENAI_BASE_URL at a local server"
            raise InputError(f"OPENAI_API_KEY is not set, and {self._host} needs a key", fix=fix)

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
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, request: Request, epoch: int, billed: Callable[[Usage], None]) -> Completion | Retry:
        """Make one attempt. Reports the bill if it is known, and nothing if the server may have worked for a lost answer."""
        sent, top = dict(self._renamed), self._top_logprobs
        try:
            async with self._connected().post(self._url, data=self._body(request), proxy=self._proxy) as response:
                status, headers, raw = response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            billed(Usage())
            return self._unreached(error)
        except TimeoutError:
            return Retry(f"no answer within {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Retry(f"connection broken: {_short(error)}")
        self._reached = True
        if status == 200:
            self._limiter.succeeded()
            answer = read_answer(raw, request.logprobs_of)
            if answer.usage.input_tokens:
                billed(answer.usage)
            return answer
        if status in _OVERLOAD:
            self._limiter.refused(epoch)
        if status == 400 and self._adapt(message_of(raw), request, sent, top):
            return await self._attempt(request, epoch, billed)
        if status not in _MAY_BE_BILLED:
            billed(Usage())
        return self._refusal(status, headers, raw)

    def _unreached(self, error: Exception) -> Retry:
        if not self._reached:
            fix = "start it, or check base_url or OPENAI_BASE_URL"
            self._gone = f"no server answers at {self._url} ({_short(error)}); {fix}"
            raise EndpointError(self._gone) from error
        return Retry(f"no connection: {_short(error)}")

    def _refusal(self, status: int, headers: Mapping[str, str], raw: bytes) -> Completion | Retry:
        message, whole = message_of(raw), raw[:10_000].decode("utf-8", "replace").lower()
        if status in (400, 403) and any(word in whole for word in _MODERATED):
            return Completion(failure="refused", detail=f"HTTP {status}: {message}")
        no_credit = any(word in whole for word in _NO_CREDIT)
        if status in _FATAL or no_credit:
            why = _FATAL[402] if no_credit else _FATAL[status]
            raise EndpointError(f"{self._url} refuses {self._model!r}: HTTP {status}, {why} ({message})")
        if status in _OVERLOAD or status >= 500 or status in _PASSING:
            return Retry(f"HTTP {status}: {message}", headers)
        return Completion(failure="provider", detail=f"HTTP {status}: {message}")

    def _adapt(self, message: str, request: Request, sent: Mapping[str, str | None], top: int) -> bool:
        """Learn which field this model names differently or rejects; returns whether anything was learned."""
        if request.max_tokens is not None and "max_tokens" not in sent and "max_completion_tokens" in message:
            self._renamed["max_tokens"] = "max_completion_tokens"
            return True
        if request.logprobs_of and top > FEWER_TOP and "logprobs" in message:
            self._top_logprobs = FEWER_TOP
            return True
        for field in ("temperature", "top_p", "seed"):
            asked = getattr(request, field) is not None and field not in sent
            if asked and f"'{field}'" in message and "nsupported" in message:
                self._renamed[field] = None
                return True
        return False

    def _body(self, request: Request) -> bytes:
        fields: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        }
        if request.response_format is not None:
            fields["response_format"] = json.loads(request.response_format)
        if request.logprobs_of:
            fields |= {"logprobs": True, "top_logprobs": self._top_logprobs}
        for field in ("temperature", "top_p", "max_tokens", "seed"):
            value, name = getattr(request, field), self._renamed.get(field, field)
            if value is not None and name is not None:
                fields[name] = value
        return json.dumps(fields | self._extra, separators=(",", ":")).encode()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _allowed(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The extra fields of every call, if Rightly sets none of them.

    Raises:
        InputError: It sets one.
    """
    for name, instead in _OWN_FIELDS.items():
        if name in extra:
            raise InputError(f"extra_body sets {name!r}, which Rightly sets itself", fix=instead)
    return dict(extra)


def _base(base_url: str | None) -> str:
    return (base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")


def _home() -> SplitResult:
    """The address that ``OPENAI_API_KEY`` belongs to."""
    return _address(_base(None))


def _key(parts: SplitResult, key_env: str | None) -> str:
    """The key of an address: that of ``key_env``, else ``OPENAI_API_KEY`` at its own address; it goes to no other host."""
    if key_env is not None:
        return os.environ.get(key_env, "")
    home = _home()
    own = (parts.scheme, parts.hostname, parts.port) == (home.scheme, home.hostname, home.port)
    return os.environ.get("OPENAI_API_KEY", "") if own else ""


def _endpoint(model: str, parts: SplitResult) -> str:
    return f"openai:{model}@{parts.netloc.rpartition('@')[2]}{parts.path}"


def _address(base: str) -> SplitResult:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"base_url {base!r} is not a valid address", fix="write http://HOST:PORT/v1")
    return parts


def _is_public(host: str) -> bool:
    """Whether a host is public, by its name or address; hosts in a local network rarely need a key."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.rstrip(".") and not host.rstrip(".").endswith(_LOCAL_NAMES)


def _proxy(parts: SplitResult) -> str | None:
    """The proxy that the environment sets for this host; looked up once, because the lookup is slow."""
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _short(error: Exception) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    return "server disconnected" if isinstance(error, aiohttp.ServerDisconnectedError) else type(error).__name__
