import asyncio
import sqlite3

import pytest

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.answer_cache import AnswerCache, CachedGenerator
from rightly.inference.generator import Completion, Request
from rightly.types import Message, Usage
from tests.scripted import ScriptedGenerator


def ask(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


def generate(generator, *requests):
    async def run():
        return await asyncio.gather(*(generator.generate(request) for request in requests))

    return asyncio.run(run())


@pytest.fixture
def cache(tmp_path):
    cache = AnswerCache(tmp_path / "answers.sqlite")
    yield cache
    cache.close()


def test_cached_answer_is_requested_once(cache):
    inner = ScriptedGenerator(lambda r: r.messages[0].content.upper())
    generator = CachedGenerator(inner, cache)
    first, second = (generate(generator, ask("a"))[0] for _ in range(2))
    assert (first.text, first.cached) == ("A", False)
    assert (second.text, second.cached) == ("A", True)
    assert len(inner.requests) == 1


def test_cached_answer_survives_the_process(cache):
    generate(CachedGenerator(ScriptedGenerator(lambda _: "kept"), cache), ask("a"))
    cache.close()
    again = AnswerCache(cache.path)
    inner = ScriptedGenerator(lambda _: "new")
    assert generate(CachedGenerator(inner, again), ask("a"))[0].text == "kept"
    assert not inner.requests
    again.close()


@pytest.mark.parametrize(
    "other",
    [
        ask("b"),
        ask("a", temperature=0.0),
        ask("a", sample=1),
        ask("a", seed=1),
        ask("a", max_tokens=5),
        Request(messages=(Message(role="system", content="a"),)),
    ],
)
def test_cache_key_changes_with_every_field_of_request(cache, other):
    inner = ScriptedGenerator(lambda _: "x")
    generate(CachedGenerator(inner, cache), ask("a"), other)
    assert len(inner.requests) == 2


def test_cache_key_changes_with_model(cache):
    first, second = ScriptedGenerator(lambda _: "first"), ScriptedGenerator(lambda _: "second")
    second.fingerprint = "another"
    assert generate(CachedGenerator(first, cache), ask("a"))[0].text == "first"
    assert generate(CachedGenerator(second, cache), ask("a"))[0].text == "second"


@pytest.mark.parametrize(("failure", "kept"), [("provider", False), ("truncated", True), ("refused", True)])
def test_cache_keeps_truncated_and_refused_answers(cache, failure, kept):
    inner = ScriptedGenerator(lambda _: Completion(failure=failure, detail="why", usage=Usage(output_tokens=3)))
    generator = CachedGenerator(inner, cache)
    for _ in range(2):
        (completion,) = generate(generator, ask("a"))
        assert (completion.failure, completion.detail) == (failure, "why")
    assert len(inner.requests) == (1 if kept else 2)


class Slow(ScriptedGenerator):
    """Answers after the loop has turned a few times."""

    async def generate(self, request):
        for _ in range(5):
            await asyncio.sleep(0)
        return await super().generate(request)


def test_equal_requests_in_flight_share_one_call(cache):
    inner = Slow(lambda _: Completion(text="x", usage=Usage(input_tokens=9)))
    found = generate(CachedGenerator(inner, cache), *[ask("a")] * 10, ask("b"))
    assert len(inner.requests) == 2
    assert [completion.text for completion in found] == ["x"] * 11
    assert [completion.cached for completion in found].count(False) == 2, "billed once"


def test_uncached_failure_is_shared_by_requests_in_flight(cache):
    inner = Slow(lambda _: Completion(failure="provider"))
    found = generate(CachedGenerator(inner, cache), *[ask("a")] * 5)
    assert [completion.failure for completion in found] == ["provider"] * 5
    assert len(inner.requests) == 1


def test_error_reaches_all_waiting_requests(cache):
    def over(_):
        raise BudgetExceededError("spent")

    async def run():
        generator = CachedGenerator(Slow(over), cache)
        return await asyncio.gather(*(generator.generate(ask("a")) for _ in range(4)), return_exceptions=True)

    assert [type(found) for found in asyncio.run(run())] == [BudgetExceededError] * 4


def test_waiting_request_is_sent_when_first_one_is_cancelled(cache):
    inner = Slow(lambda _: "x")

    async def run():
        generator = CachedGenerator(inner, cache)
        first, second = (asyncio.create_task(generator.generate(ask("a"))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(run()).text == "x"
    assert len(inner.requests) == 1


def test_answer_is_on_disk_before_it_is_returned(cache):
    seen = []

    async def run():
        await CachedGenerator(ScriptedGenerator(lambda _: "x"), cache).generate(ask("a"))
        with sqlite3.connect(cache.path) as other:
            seen.extend(other.execute("SELECT completion FROM answers").fetchall())
        other.close()

    asyncio.run(run())
    assert Completion.model_validate_json(seen[0][0]).text == "x"


def test_unreadable_cache_entry_is_requested_again(cache):
    inner = ScriptedGenerator(lambda _: "x")
    generator = CachedGenerator(inner, cache)
    generate(generator, ask("a"))
    cache._db.execute("UPDATE answers SET completion = '{}garbage'")
    assert generate(generator, ask("a"))[0].text == "x"
    assert len(inner.requests) == 2


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_file_that_is_not_a_cache_gives_one_line_error(tmp_path, content):
    path = tmp_path / "answers.sqlite"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        AnswerCache(path)
    assert "cannot be used as an answer cache" in str(caught.value)
    assert "move the file away" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cache_damaged_later_gives_one_line_error(cache):
    generate(
        CachedGenerator(ScriptedGenerator(lambda _: "x" * 2000), cache),
        *(ask(f"{i}" * 500) for i in range(200)),
    )
    cache.close()
    content = bytearray(cache.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    cache.path.write_bytes(content)
    damaged = AnswerCache(cache.path)
    with pytest.raises(InputError, match="move the file away"):
        generate(CachedGenerator(ScriptedGenerator(lambda _: "x"), damaged), ask("0"))
    damaged.close()


def test_folder_as_cache_gives_one_line_error(tmp_path):
    with pytest.raises(InputError, match="cannot be used as an answer cache"):
        AnswerCache(tmp_path)


def test_exchanges_yield_requests_with_answers(cache):
    generate(CachedGenerator(ScriptedGenerator(lambda r: r.messages[0].content * 2), cache), ask("a"), ask("b"))
    pairs = {(e.request.messages[0].content, e.completion.text) for e in cache.exchanges()}
    assert pairs == {("a", "aa"), ("b", "bb")}
