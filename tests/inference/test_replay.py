import asyncio

import pytest

from rightly.errors import InputError
from rightly.inference.answer_cache import Exchange
from rightly.inference.generator import Completion, Request
from rightly.inference.replay import ReplayGenerator
from rightly.types import Message


def ask(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


def test_replay_answers_recorded_requests_and_names_file_otherwise(tmp_path):
    path = tmp_path / "run.jsonl"
    kept = Exchange(request=ask("a\u2028b"), completion=Completion(text="line one\u2028line two"))
    path.write_text(kept.model_dump_json() + "\n\n", encoding="utf-8")
    generator = ReplayGenerator(path)
    found = asyncio.run(generator.generate(ask("a\u2028b")))
    assert (found.text, found.cached) == ("line one\u2028line two", True)
    missing = asyncio.run(generator.generate(ask("a\u2028b", seed=1)))
    assert missing.failure == "provider"
    assert str(path) in missing.detail


def test_replay_names_invalid_line(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text(Exchange(request=ask("a"), completion=Completion()).model_dump_json() + "\n{}\n")
    with pytest.raises(InputError, match=r"run\.jsonl:2: not a request with its completion"):
        ReplayGenerator(path)


def test_replay_names_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        ReplayGenerator(tmp_path / "none.jsonl")
