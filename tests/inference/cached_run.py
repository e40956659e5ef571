"""A run of cached calls, as a process to be killed: ``cached_run.py BASE_URL CACHE REPORT FIRST LAST``.

Writes a line to REPORT as soon as a call has come back, so that whoever kills it knows what had.
"""

import asyncio
import os
import sys
from pathlib import Path

from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.dispatch import run_bounded
from rightly.inference.specs import Sampling, build_generator, parse_spec
from rightly.types import Message


async def run(base_url: str, cache: Path, report: Path, first: int, last: int) -> None:
    spec = parse_spec(f"openai:m?base_url={base_url}&concurrency=4")
    generator, _ = build_generator(spec, cache=AnswerCache(cache), account=Account(), role="judge")
    log = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    print("ready", flush=True)

    async def ask(number: int) -> tuple[int, str]:
        request = Sampling(max_tokens=100).request((Message(role="user", content=f"question {number}"),))
        return number, (await generator.generate(request)).model_dump_json(exclude={"cached"})

    async for number, completion in run_bounded(range(first, last), ask, concurrency=generator.concurrency):
        os.write(log, f"{number} {completion}\n".encode())
    await generator.aclose()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
