import asyncio

from rightly.inference.batching import BatchingGenerator
from rightly.inference.generator import Completion, Request
from rightly.types import Message


def ask(text):
    return Request(messages=(Message(role="user", content=text),))


def run_batches(engine, texts, batch_size):
    async def run():
        generator = BatchingGenerator("engine", "engine", engine, batch_size)
        found = await asyncio.gather(*(generator.generate(ask(text)) for text in texts))
        await generator.aclose()
        return found

    return asyncio.run(run())


def test_waiting_requests_are_answered_in_full_batches_in_order():
    sizes = []

    def engine(requests):
        sizes.append(len(requests))
        return [Completion(text=request.messages[0].content.upper()) for request in requests]

    found = run_batches(engine, "abcdefghij", 4)
    assert [completion.text for completion in found] == list("ABCDEFGHIJ")
    assert sizes == [4, 4, 2]


def test_request_that_breaks_engine_fails_without_its_batch():
    def engine(requests):
        if any(request.messages[0].content == "c" for request in requests):
            raise RuntimeError("prompt\ntoo long")
        return [Completion(text="fine") for _ in requests]

    found = run_batches(engine, "abcde", 3)
    assert [completion.failure for completion in found] == [None, None, "provider", None, None]
    assert found[2].detail == "RuntimeError: prompt too long"


def test_cancelled_caller_does_not_delay_others():
    def engine(requests):
        return [Completion(text="fine") for _ in requests]

    async def run():
        generator = BatchingGenerator("engine", "engine", engine, 4)
        first, second = (asyncio.create_task(generator.generate(ask(text))) for text in "ab")
        await asyncio.sleep(0)
        first.cancel()
        found = await second
        await generator.aclose()
        return found

    assert asyncio.run(run()).text == "fine"
