"""Answers that were paid for once, as a file that anybody can judge with again: ``--judge replay:answers.jsonl``."""

import asyncio
import tempfile
from pathlib import Path

from rightly.inference.answer_cache import AnswerCache
from rightly.inference.generator import Completion, Request
from rightly.inference.replay import ReplayGenerator
from rightly.types import Message

folder = Path(tempfile.mkdtemp())
cache = AnswerCache(folder / "answers.db")
request = Request(messages=(Message(role="user", content="Which is better?"),), temperature=0)
cache.put("key", request, Completion(text="Verdict: A", finish_reason="stop"))

replay = folder / "answers.jsonl"
replay.write_text("".join(f"{exchange.model_dump_json()}\n" for exchange in cache.exchanges()), encoding="utf-8")
cache.close()
print(asyncio.run(ReplayGenerator(replay).generate(request)).text)
