import asyncio

import pytest

from rightly.inference.limiter import AdaptiveLimiter


def test_limiter_halves_once_per_burst_of_refusals():
    async def run():
        limiter = AdaptiveLimiter(64)
        epochs = [await limiter.acquire() for _ in range(64)]
        for epoch in epochs:
            limiter.refused(epoch)
            limiter.release()
        assert limiter.limit == 32
        limiter.refused(await limiter.acquire())
        assert limiter.limit == 16

    asyncio.run(run())


def test_limiter_stays_at_least_one_and_recovers_to_maximum():
    async def run():
        limiter = AdaptiveLimiter(16)
        for _ in range(10):
            limiter.refused(await limiter.acquire())
            limiter.release()
        assert limiter.limit == 1
        answered = 0
        while limiter.limit < 16:
            limiter.succeeded()
            answered += 1
        assert answered < 16 * 16, "recovery takes a few rounds"
        limiter.succeeded()
        assert limiter.limit == 16

    asyncio.run(run())


def test_a_lower_limit_holds_back_calls_until_enough_have_ended():
    async def run():
        limiter = AdaptiveLimiter(4)
        epochs = [await limiter.acquire() for _ in range(4)]
        limiter.refused(epochs[0])
        fifth = asyncio.create_task(limiter.acquire())
        for _ in range(2):
            limiter.release()
            await asyncio.sleep(0)
            assert not fifth.done()
        limiter.release()
        await asyncio.sleep(0)
        assert fifth.done()

    asyncio.run(run())


def test_limiter_grants_places_in_order_of_waiting():
    async def run():
        limiter = AdaptiveLimiter(1)
        await limiter.acquire()
        order = []

        async def call(name):
            await limiter.acquire()
            order.append(name)
            limiter.release()

        calls = [asyncio.create_task(call(i)) for i in range(5)]
        await asyncio.sleep(0)
        limiter.release()
        await call("late")
        await asyncio.gather(*calls)
        assert order == [0, 1, 2, 3, 4, "late"]

    asyncio.run(run())


@pytest.mark.parametrize("when", ["waiting", "just given a place"])
def test_cancelled_call_releases_its_place(when):
    async def run():
        limiter = AdaptiveLimiter(1)
        await limiter.acquire()
        cancelled, other = asyncio.create_task(limiter.acquire()), asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        if when == "waiting":
            cancelled.cancel()
            await asyncio.sleep(0)
            limiter.release()
        else:
            limiter.release()
            cancelled.cancel()
        await asyncio.wait_for(other, 5)
        assert cancelled.cancelled()

    asyncio.run(run())
