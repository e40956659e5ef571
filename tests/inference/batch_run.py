"""A run of calls by the Batch API under a budget, as a process to be killed: ``batch_run.py BASE_URL CACHE RUN REPORT N``."""

import asyncio
import sys
from pathlib import Path

from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.book import Price
from rightly.inference.specs import build_generator, parse_spec
from rightly.types import Message


async def run(base_url: str, cache: Path, folder: Path, report: Path, n: int) -> None:
    folder.mkdir(exist_ok=True)
    account = Account({"m": Price(1000.0, 1000.0)}, budget=1000.0)
    spec = parse_spec(f"openai:m?base_url={base_url}&batch=true&poll_s=0.05&max_tokens=100")
    with account.kept_in(folder):
        generator, sampling = build_generator(spec, cache=AnswerCache(cache), account=account, role="judge")
        requests = [sampling.request((Message(role="user", content=f"question {i}"),)) for i in range(n)]
        found = await asyncio.gather(*(generator.generate(request) for request in requests))
        await generator.aclose()
    report.write_text("\n".join(each.model_dump_json(exclude={"cached"}) for each in found))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])))
