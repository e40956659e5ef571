"""Check the token and the body size, and count requests, before any route. Plain ASGI, for low overhead."""

import contextlib
import hmac
import json
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rightly.serving.prometheus import Metrics

_OPEN = ("/health", "/ready")
"""Paths that need no token, for orchestrators."""


class _TooLargeError(Exception):
    """The body exceeded its limit."""


class Guard:
    """Rejects requests without the token and bodies that are too large, and counts all requests.

    Args:
        app: The wrapped application.
        token: Token required in ``Authorization: Bearer``; ``None`` disables the check.
        max_bytes: Maximum size of a body, in bytes.
        metrics: Metrics that count the requests.
    """

    def __init__(self, app: ASGIApp, token: str | None, max_bytes: int, metrics: Metrics) -> None:
        self._app, self._token, self._limit, self._metrics = app, token, max_bytes, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
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
        """Pass the request on, counting the bytes of its body, whose length may be missing or wrong.

        Once the body is too large, no other answer is sent.
        """
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
