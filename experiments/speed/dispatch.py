"""Wall and processor time of 1,000 judge calls against a local server, beside what else is used for them.

``python experiments/speed/dispatch.py [--calls 1000] [--rounds 3] [--concurrency 64 256]`` prints a Markdown table.

The limit of a run is max(N x mean latency / concurrency, slowest call): what no client can beat. The server runs in a
process of its own on the same machine, so its processor time is in every wall time. Arms take turns, in another order
each round; figures are medians over rounds, processor time is the client's alone. Latencies are drawn by request, so
every arm meets the same ones.

Arms: ``rightly`` (cache on an empty file, account, verdict parsed, judgment written), ``rightly, generator only``, a bare
aiohttp loop with a semaphore (parses JSON, nothing else), the official SDK with a semaphore, and a pool of 5 threads with
the official SDK, as reference scripts have it (fewer calls; its ratio is against the limit at concurrency 5).
"""

import argparse
import asyncio
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import aiohttp
import openai

from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Request
from rightly.inference.openai_api import OpenAIGenerator
from rightly.inference.specs import Sampling, build_generator, parse_spec
from rightly.judges.collect import collect_judgments
from rightly.judges.generative import GenerativeJudge
from rightly.store.records import RecordFile
from rightly.types import Judgment, Message, PreferencePair

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tests.fake_endpoint import FakeEndpoint, fixed, heavy_tailed, key_of  # noqa: E402 - the server is the one that the tests use

LATENCY_S = 0.2
THREADS = 5
THREAD_CALLS = 100
SAMPLING = Sampling(temperature=0.0, max_tokens=512)
QUESTION = Message(role="user", content="What makes bread rise?")
WORDS = ("the", "response", "names", "a", "cause", "and", "gives", "an", "example", "nobody", "asked", "for", "here")


class Figures(NamedTuple):
    """One run of one arm."""

    wall_s: float
    cpu_ms_per_call: float
    limit_s: float


class Work(NamedTuple):
    """The same for every arm: pairs the size of chat answers, and what a judge asks of them."""

    pairs: list[PreferencePair]
    requests: list[Request]

    def bodies(self) -> list[dict[str, object]]:
        """The requests as the endpoint reads them."""
        return [
            {"model": "m", "messages": [{"role": m.role, "content": m.content} for m in request.messages]}
            | {"temperature": 0.0, "max_tokens": 512}
            for request in self.requests
        ]

    def head(self, count: int) -> "Work":
        return Work(self.pairs[:count], self.requests[:count])


def make_work(calls: int) -> Work:
    """Pairs whose responses have about 1,400 characters each, and the requests of `rightly_whole`."""
    rng = random.Random(0)
    pairs = []
    for i in range(calls):
        responses = tuple(" ".join(rng.choices(WORDS, k=280)) for _ in range(2))
        pairs.append(PreferencePair(id=str(i), context=(QUESTION,), responses=responses, label="A"))
    judge = GenerativeJudge("j", OpenAIGenerator("m"), SAMPLING)
    return Work(pairs, [SAMPLING.request(judge.messages(pair)) for pair in pairs])


async def rightly_whole(base_url: str, work: Work, concurrency: int) -> None:
    """Pairs in, judgments on disk: cache, account, parsing and records included."""
    with tempfile.TemporaryDirectory() as folder:
        cache = AnswerCache(Path(folder) / "cache.sqlite")
        spec = parse_spec(f"openai:m?base_url={base_url}&concurrency={concurrency}")
        generator, _ = build_generator(spec, cache=cache, account=Account(), role="judge")
        judge = GenerativeJudge("j", generator, SAMPLING, orders="single")
        judge.orders = lambda _: ("AB",)  # one call a pair, as in the other arms
        with RecordFile(Path(folder) / "judgments.jsonl", Judgment) as records:
            seen: list[Judgment | None] = []
            await collect_judgments(work.pairs, [judge], records, seen.append)
        await judge.aclose()
        cache.close()
        assert sum(1 for judgment in seen if judgment and judgment.verdict) == len(work.pairs)


async def rightly_generator(base_url: str, work: Work, concurrency: int) -> None:
    """The endpoint's generator under the rolling window, nothing else."""
    generator = OpenAIGenerator("m", base_url=base_url, concurrency=concurrency)
    async for completion in run_bounded(work.requests, generator.generate, concurrency=generator.concurrency):
        assert completion.failure is None, completion.detail
    await generator.aclose()


async def bare_aiohttp(base_url: str, work: Work, concurrency: int) -> None:
    """The least that an asynchronous client does."""
    places = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(body: dict[str, object]) -> str:
            async with places, session.post(f"{base_url}/chat/completions", json=body) as response:
                return (await response.json())["choices"][0]["message"]["content"]

        await asyncio.gather(*map(call, work.bodies()))


async def official_sdk(base_url: str, work: Work, concurrency: int) -> None:
    """``openai.AsyncOpenAI`` with a semaphore, as most tools have it."""
    places = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:

        async def call(body: dict[str, object]) -> None:
            async with places:
                await client.chat.completions.create(**body)  # pyright: ignore[reportCallIssue, reportArgumentType] - fields of a plain body

        await asyncio.gather(*map(call, work.bodies()))


async def thread_pool(base_url: str, work: Work, concurrency: int) -> None:
    """``openai.OpenAI`` in a pool of threads."""
    with openai.OpenAI(base_url=base_url, api_key="none") as client, ThreadPoolExecutor(concurrency) as pool:
        calls = [pool.submit(client.chat.completions.create, **body) for body in work.bodies()]  # pyright: ignore[reportCallIssue, reportArgumentType] - as above
        for call in calls:
            call.result()


Arm = Callable[[str, Work, int], Coroutine[None, None, None]]
ARMS: dict[str, Arm] = {
    "rightly (cache, account, parsing, records)": rightly_whole,
    "rightly, generator only": rightly_generator,
    "bare aiohttp loop": bare_aiohttp,
    "official SDK, semaphore": official_sdk,
}


def measure(arm: Arm, base_url: str, work: Work, concurrency: int, latencies: list[float]) -> Figures:
    """One run, in an event loop of its own."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(arm(base_url, work, concurrency))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    limit = max(sum(latencies) / concurrency, *latencies)
    return Figures(wall, 1000 * cpu / len(latencies), limit)


def serve(heavy: bool, seed: int) -> subprocess.Popen[str]:
    options = ["--latency", str(LATENCY_S), "--seed", str(seed), *(["--heavy-tailed"] if heavy else [])]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/fake_endpoint.py"), *options], stdout=subprocess.PIPE, text=True
    )


def rounds_of(heavy: bool, concurrency: int, work: Work, options: argparse.Namespace) -> dict[str, list[Figures]]:
    """All arms, in turns."""
    server_side = FakeEndpoint(latency=(heavy_tailed if heavy else fixed)(LATENCY_S), seed=options.seed)
    latencies = [server_side.latency_of(key_of(body)) for body in work.bodies()]
    found: dict[str, list[Figures]] = {}
    with serve(heavy, options.seed) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        for number in range(options.rounds):
            names = list(ARMS)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                figures = measure(ARMS[name], base_url, work, concurrency, latencies)
                found.setdefault(name, []).append(figures)
        if concurrency == options.concurrency[0]:
            name = f"official SDK, {THREADS} threads ({THREAD_CALLS} calls)"
            some = latencies[:THREAD_CALLS]
            found[name] = [measure(thread_pool, base_url, work.head(THREAD_CALLS), THREADS, some)]
        server.kill()
    return found


def table(results: dict[tuple[str, int], dict[str, list[Figures]]]) -> str:
    """A Markdown table of medians; the spread of the ratio over rounds in brackets."""
    lines = [
        "| latency | concurrency | client | wall / limit | wall / bare loop | CPU ms a call |",
        "|---|---|---|---|---|---|",
    ]
    for (latency, concurrency), arms in results.items():
        bare = statistics.median(f.wall_s / f.limit_s for f in arms["bare aiohttp loop"])
        for name, runs in arms.items():
            ratios = [f.wall_s / f.limit_s for f in runs]
            middle, cpu = statistics.median(ratios), statistics.median(f.cpu_ms_per_call for f in runs)
            spread = f"{middle:.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"
            threads = "threads" in name
            against = "-" if threads else f"{middle / bare:.2f}"
            lines.append(
                f"| {latency} | {THREADS if threads else concurrency} | {name} | {spread} | {against} | {cpu:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Wall and processor time of judge calls.")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    options = parser.parse_args()
    results, work = {}, make_work(options.calls)
    for heavy in (False, True):
        for concurrency in options.concurrency:
            results["heavy-tailed" if heavy else "fixed", concurrency] = rounds_of(heavy, concurrency, work, options)
    print(table(results))
    if options.json:
        rows = [
            {"latency": latency, "concurrency": concurrency, "client": name, **figures._asdict()}
            for (latency, concurrency), arms in results.items()
            for name, runs in arms.items()
            for figures in runs
        ]
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
