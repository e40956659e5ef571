"""Before any route: the token, the size of the body, the count of requests. Plain ASGI, so that it costs next to nothing."""

import contextlib
import hmac
import json
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rightly.serving.prometheus import Metrics

_OPEN = ("/health", "/ready")
"""What an orchestrator asks, which has no token."""


class _TooLargeError(Exception):
    """The body grew past its limit."""


class Guard:
    """Turns away who has no token and what is too large, and counts everything.

    Args:
        app: What comes behind it.
        token: What ``Authorization: Bearer`` must hold; ``None`` lets everyone in.
        max_bytes: Largest body.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, token: str | None, max_bytes: int, metrics: Metrics) -> None:
        self._app, self._token, self._limit, self._metrics = app, token, max_bytes, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._metrics.request(scope["path"]) as seen:

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen(message["status"])
                await send(message)

            headers = dict(scope["headers"])
            told = headers.get(b"content-length", b"0")
            if not self._allowed(scope["path"], headers.get(b"authorization", b"")):
                await _refuse(counted, 401, "wrong or missing token", [(b"www-authenticate", b"Bearer")])
            elif not told.isdigit() or int(told) > self._limit:
                await self._too_large(counted)
            else:
                await self._pass_on(scope, receive, counted)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body without a length, or with a false one, is counted as it comes; then no other answer leaves."""
        size = 0

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise _TooLargeError
            return message

        async def unless_too_large(message: Message) -> None:
            if size <= self._limit:
                await send(message)

        with contextlib.suppress(_TooLargeError):
            await self._app(scope, counting, unless_too_large)
        if size > self._limit:
            await self._too_large(send)

    async def _too_large(self, send: Send) -> None:
        await _refuse(send, 413, f"the body is above {self._limit} bytes", [(b"connection", b"close")])

    def _allowed(self, path: str, given: bytes) -> bool:
        if self._token is None or path in _OPEN:
            return True
        return hmac.compare_digest(given, b"Bearer " + self._token.encode())


async def _refuse(send: Send, status: int, detail: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    body = json.dumps({"detail": detail}).encode()
    kinds = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*kinds, *headers]})
    await send({"type": "http.response.body", "body": body})
