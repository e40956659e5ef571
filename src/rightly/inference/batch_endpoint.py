"""The calls of OpenAI's Batch API: upload a file, create a batch of its lines, look at it, fetch its results."""

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from rightly.errors import EndpointError
from rightly.inference.chat_completion import Retry, message_of
from rightly.inference.endpoint import OVERLOAD, PASSING, Endpoint, short
from rightly.inference.retries import wait_seconds

ENDPOINT = "/v1/chat/completions"
WINDOW = "24h"
_PAGE = 100
_NAMED = "rightly_batch"


class BatchEndpoint:
    """The Batch API of an endpoint.

    Args:
        endpoint: The endpoint.
        max_attempts: Attempts of an upload or a creation before the run ends. What was created is asked for without end.
        sleep: Coroutine function that waits between attempts.
        retrying: Called with the problem before every wait.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        max_attempts: int,
        sleep: Callable[[float], Awaitable[None]],
        retrying: Callable[[str], None],
    ) -> None:
        self._endpoint, self._max_attempts = endpoint, max_attempts
        self._sleep, self._retrying, self._rng = sleep, retrying, random.Random()
        self._reached = False

    async def upload(self, name: str, lines: bytes) -> str:
        """Upload the input of a batch; returns the id of the file. An upload costs nothing, so it may be repeated.

        Raises:
            EndpointError: The endpoint refuses it, or cannot be reached.
        """

        def form() -> aiohttp.FormData:
            made = aiohttp.FormData()
            made.add_field("purpose", "batch")
            made.add_field("file", lines, filename=f"{name}.jsonl", content_type="application/jsonl")
            return made

        return self._id(await self._call("POST", "/files", self._max_attempts, form))

    async def create(self, name: str, file: str) -> str:
        """Create a batch; returns its id. One whose creation was not answered is looked for before another attempt.

        Raises:
            EndpointError: The endpoint refuses it, or cannot be reached.
        """
        sent = {"input_file_id": file, "endpoint": ENDPOINT, "completion_window": WINDOW, "metadata": {_NAMED: name}}
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._once("POST", "/batches", json=sent)
            if isinstance(outcome, bytes):
                return self._id(outcome)
            if attempt == self._max_attempts:
                problem = f"{outcome.problem}, {attempt} attempts"
                raise EndpointError(f"{self._endpoint.base}/batches creates no batch ({problem})")
            self._retrying(outcome.problem)
            await self._sleep(wait_seconds(outcome.headers, attempt, self._rng))
            found = await self.find(name, file)
            if found is not None:
                return found

    async def find(self, name: str, file: str) -> str | None:
        """The id of the batch with this name or this input; ``None`` if there is none.

        Raises:
            EndpointError: The endpoint refuses to list its batches.
        """
        after = ""
        while True:
            page = self._object(await self._call("GET", f"/batches?limit={_PAGE}{after}", None))
            listed = page.get("data") or []
            for each in listed:
                if each.get("input_file_id") == file or (each.get("metadata") or {}).get(_NAMED) == name:
                    return str(each["id"])
            if not page.get("has_more") or not listed:
                return None
            after = f"&after={listed[-1]['id']}"

    async def status(self, batch: str) -> Mapping[str, Any]:
        """The batch as the provider has it.

        Raises:
            EndpointError: The endpoint does not know the batch, or refuses the key.
        """
        return self._object(await self._call("GET", f"/batches/{batch}", None))

    async def content(self, file: str) -> bytes:
        """The content of a file.

        Raises:
            EndpointError: The endpoint does not know the file, or refuses the key.
        """
        return await self._call("GET", f"/files/{file}/content", None)

    async def _call(
        self, method: str, path: str, attempts: int | None, form: Callable[[], aiohttp.FormData] | None = None
    ) -> bytes:
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._once(method, path, data=None if form is None else form())
            if isinstance(outcome, bytes):
                return outcome
            if attempt == attempts:
                raise EndpointError(
                    f"{self._endpoint.base}{path} gave no answer ({outcome.problem}, {attempt} attempts)"
                )
            self._retrying(outcome.problem)
            await self._sleep(wait_seconds(outcome.headers, attempt, self._rng))

    async def _once(self, method: str, path: str, **sent: Any) -> bytes | Retry:
        url = f"{self._endpoint.base}{path}"
        timeout = self._endpoint.timeout
        # A file may be large: the limit is on silence, not on the whole transfer.
        patient = aiohttp.ClientTimeout(sock_connect=timeout.sock_connect, sock_read=timeout.total)
        session = self._endpoint.session()
        try:
            async with session.request(method, url, proxy=self._endpoint.proxy, timeout=patient, **sent) as response:
                status, headers, raw = response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if not self._reached:
                fix = "start it, or check base_url or OPENAI_BASE_URL"
                raise EndpointError(f"no server answers at {url} ({short(error)}); {fix}") from error
            return Retry(f"no connection: {short(error)}")
        except TimeoutError:
            return Retry(f"no answer within {timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Retry(f"connection broken: {short(error)}")
        self._reached = True
        if status < 300:
            return raw
        fatal = self._endpoint.fatal(status, raw, url)
        if fatal is None and (status in OVERLOAD or status in PASSING or status >= 500):
            return Retry(f"HTTP {status}: {message_of(raw)}", headers)
        if status == 404 and method == "POST":
            raise EndpointError(
                f"{url} does not exist: this endpoint has no Batch API of OpenAI's form; remove batch=true"
            )
        raise fatal or EndpointError(f"{url} refuses the batch: HTTP {status}: {message_of(raw)}")

    def _id(self, raw: bytes) -> str:
        return str(self._object(raw)["id"])

    def _object(self, raw: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(raw)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not ("id" in found or "data" in found):
            raise EndpointError(
                f"{self._endpoint.base} answers with something else than OpenAI's Batch API; remove batch=true"
            )
        return found
