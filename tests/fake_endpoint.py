"""A chat endpoint that answers from the request's content and misbehaves on purpose: a real HTTP server.

In a test: ``async with FakeEndpoint(faults=...) as endpoint`` and ask ``endpoint.base_url``. As a process of its own:
``python tests/fake_endpoint.py --port 8123 --faults 429=0.1,hang=0.05 --latency 0.2``; it prints its address when ready.

Which fault meets which attempt at which request is a function of the seed, the request and the number of the attempt, so
a run is the same however its calls are interleaved. ``GET /stats`` counts.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

FAULTS = ("429", "429_retry_after", "500", "hang", "reset", "garbage", "wrong_shape", "empty", "truncated", "refusal")
UNBILLED = ("429", "429_retry_after", "500")
"""Faults before any work; a hang, a broken connection and garbage are billed although no answer comes."""
LASTING = ("truncated", "refusal")
"""Faults that are answers: they meet the request at every attempt, and a client must not ask again."""


def judge_like(body: Mapping[str, Any]) -> str:
    """An answer such as a judge gives, drawn by a hash of the messages."""
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).digest()
    side, about = ("A" if digest[0] % 2 else "B"), ("A" if digest[1] % 2 else "B")
    points = ["names the cause", "answers the question asked", "gives a worked example", "is wrong about the date"]
    reason = {"point": f"Response {about} {points[digest[2] % 4]}.", "about": about, "favors": side}
    return "My judgment:\n" + json.dumps({"reasons": [reason], "verdict": side})


def matcher_like(body: Mapping[str, Any]) -> str:
    """An answer such as a MetaJudge gives: equal texts are the same point."""
    said = body["messages"][0]["content"]
    points, reasons = (re.findall(rf"^{letter}\d+: (.*)$", said, re.MULTILINE) for letter in "RS")
    lines = []
    for number, point in enumerate(points, start=1):
        same = [place for place, reason in enumerate(reasons, start=1) if reason == point]
        lines += [f"R{number} @ S{place}: 1.00" for place in same] or [f"R{number} @ none"]
    return "<matches>\n" + "\n".join(lines) + "\n</matches>"


ANSWERS = {"judge": judge_like, "matcher": matcher_like}


def listed_logprobs(
    tokens: Sequence[str], others: Mapping[str, Mapping[str, float | None]] | None = None
) -> list[dict[str, Any]]:
    """The field ``logprobs.content`` of these tokens; ``others`` holds alternatives to some of them."""

    def listed(token: str, value: float | None) -> dict[str, Any]:
        return {"token": token, "logprob": value, "bytes": list(token.encode())}

    rest = others or {}
    return [
        listed(token, -0.25) | {"top_logprobs": [listed(*each) for each in rest.get(token, {}).items()]}
        for token in tokens
    ]


def key_of(body: Mapping[str, Any]) -> str:
    """What a request is known by in `FakeEndpoint.stats`."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def heavy_tailed(mean_s: float) -> Callable[[random.Random], float]:
    """Latencies whose slowest hundredth is ten times the median: log-normal with sigma 1."""
    return lambda rng: mean_s * rng.lognormvariate(-0.5, 1.0)


def fixed(latency_s: float) -> Callable[[random.Random], float]:
    """The same latency for every call."""
    return lambda _: latency_s


NO_DELAY = fixed(0.0)


class FakeEndpoint:
    """The server.

    Args:
        answer: The text for a request body.
        latency: Seconds before an answer, from a random source seeded by the request.
        faults: Probability of each of `FAULTS`.
        seed: Of the faults and latencies.
        retry_after_s: What ``429_retry_after`` tells the client.
        hang_s: How long a hanging request hangs.
        capacity: Calls in flight beyond which it answers 429.
        port: 0 takes a free one.

    Attributes:
        worked: Tokens of all answers that were made, also of those that never arrived: what a provider may bill.
    """

    def __init__(
        self,
        answer: Callable[[Mapping[str, Any]], str] = judge_like,
        *,
        latency: Callable[[random.Random], float] = NO_DELAY,
        faults: Mapping[str, float] | None = None,
        seed: int = 0,
        retry_after_s: str = "0",
        hang_s: float = 3600.0,
        capacity: int | None = None,
        port: int = 0,
    ) -> None:
        self._answer, self._latency, self._faults, self._seed = answer, latency, dict(faults or {}), seed
        self._retry_after_s, self._hang_s, self._port = retry_after_s, hang_s, port
        self._capacity = capacity
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.faults_given: Counter[str] = Counter()
        self.worked: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        unknown = self._faults.keys() - set(FAULTS)
        if unknown:
            raise ValueError(f"unknown faults {sorted(unknown)}; known: {', '.join(FAULTS)}")

    async def __aenter__(self) -> "FakeEndpoint":
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/stats", self._stats)
        self._add_routes(app.router)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        """Further routes of a subclass."""

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def stats(self) -> dict[str, Any]:
        """How often each request was asked, and how often its answer was sent in full."""
        return {
            "asked": dict(self.asked),
            "sent": dict(self.sent),
            "faults": dict(self.faults_given),
            "most_in_flight": self.most_in_flight,
            "worked": dict(self.worked),
        }

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.stats())

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        key = key_of(body)
        self.asked[key] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._respond(request, body, key)
        finally:
            self.in_flight -= 1

    async def _respond(self, request: web.Request, body: dict[str, Any], key: str) -> web.StreamResponse:
        self.bodies.append(body)
        self.headers.append(request.headers)
        rng = random.Random(f"{self._seed}/{key}/{self.asked[key]}")
        delay = self.latency_of(key)
        fault = self.fault(key, self.asked[key])
        if self._capacity is not None and self.in_flight > self._capacity:
            fault, delay = "429", 0.0
        self.faults_given[fault or "none"] += 1
        if fault not in UNBILLED:
            usage = self.usage(body, "" if fault == "empty" else self._answer(body))
            self.worked.update(usage)
        if fault == "hang":
            delay = self._hang_s
        if delay:
            await asyncio.sleep(delay)
        if fault == "reset":
            return await self._reset(request, halfway=rng.random() < 0.5)
        refusal = self._refusal(fault)
        if refusal is not None:
            return refusal
        return await self._send(request, self._body(body, fault), key)

    def latency_of(self, key: str) -> float:
        """Seconds that the answer to this request takes, at every attempt."""
        return self._latency(random.Random(f"{self._seed}/{key}/latency"))

    def fault(self, key: str, attempt: int) -> str | None:
        """The fault that meets this attempt; one that is an answer meets every attempt at its request."""
        for lasting, draw in ((True, f"{self._seed}/{key}"), (False, f"{self._seed}/{key}/{attempt}/fault")):
            at = random.Random(draw).random()
            for name, probability in self._faults.items():
                if (name in LASTING) is not lasting:
                    continue
                if at < probability:
                    return name
                at -= probability
        return None

    def _refusal(self, fault: str | None) -> web.Response | None:
        if fault == "429":
            return web.json_response({"error": {"message": "slow down"}}, status=429)
        if fault == "429_retry_after":
            # Lower case, as servers behind HTTP/2 write it.
            return web.json_response(
                {"error": {"message": "slow down"}}, status=429, headers={"retry-after": self._retry_after_s}
            )
        if fault == "500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        return None

    def _body(self, body: dict[str, Any], fault: str | None) -> bytes:
        if fault == "garbage":
            return b'{"choices": [{"message": {"cont\xff'
        if fault == "wrong_shape":
            return b'{"object": "chat.completion", "choices": null}'
        text = "" if fault == "empty" else self._answer(body)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        finish = "stop"
        if fault == "truncated":
            message["content"], finish = text[: len(text) // 2], "length"
        if fault == "refusal":
            message["content"], message["refusal"] = None, "I cannot help with that."
        usage = self.usage(body, text)
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": listed_logprobs(re.findall(r"\w+|\W", text))}
        return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()

    def usage(self, body: Mapping[str, Any], text: str) -> dict[str, int]:
        """What an answer is billed: a token a word."""
        n_input = sum(len(m["content"].split()) for m in body["messages"])
        return {"prompt_tokens": n_input, "completion_tokens": len(text.split())}

    async def _reset(self, request: web.Request, *, halfway: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        if halfway:
            await response.prepare(request)
            await response.write(b'{"choices": [{"message"')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _send(self, request: web.Request, body: bytes, key: str) -> web.StreamResponse:
        """Send, and count it once all of it has left."""
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body)
        await response.write_eof()
        self.sent[key] += 1
        return response


@contextlib.contextmanager
def served(endpoint: FakeEndpoint) -> Iterator[Callable[[], None]]:
    """Serve from a thread; what is given can be called once to let the endpoint die before its time."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(endpoint.__aenter__(), loop).result()

    def die() -> None:
        asyncio.run_coroutine_threadsafe(endpoint.__aexit__(), loop).result()

    try:
        yield die
    finally:
        die()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _parse_faults(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (part.split("=") for part in text.split(",") if part)}


async def _serve(options: argparse.Namespace) -> None:
    latency = (heavy_tailed if options.heavy_tailed else fixed)(options.latency)
    faults = _parse_faults(options.faults)
    async with FakeEndpoint(
        ANSWERS[options.answer],
        latency=latency,
        faults=faults,
        seed=options.seed,
        port=options.port,
        hang_s=options.hang,
    ) as endpoint:
        print(endpoint.base_url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat endpoint that misbehaves on purpose.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--answer", choices=list(ANSWERS), default="judge")
    parser.add_argument("--faults", default="", help=f"NAME=PROBABILITY,... of {', '.join(FAULTS)}")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--heavy-tailed", action="store_true", help="log-normal latency with this mean")
    parser.add_argument("--hang", type=float, default=3600.0, help="seconds that a hanging request hangs")
    parser.add_argument("--seed", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
