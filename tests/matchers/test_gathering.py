"""Values are computed once, for all waiting callers together."""

import asyncio

import pytest

from rightly.matchers.gathering import Gathering


class Squares:
    def __init__(self, fails=0):
        self.batches, self.fails = [], fails

    def __call__(self, keys):
        self.batches.append(list(keys))
        if self.fails:
            self.fails -= 1
            raise ValueError("broken")
        return [key * key for key in keys]


def test_waiting_callers_share_a_batch_and_nothing_is_computed_twice():
    squares = Squares()
    gathering = Gathering(squares)

    async def ask():
        first = await asyncio.gather(gathering.values([1, 2]), gathering.values([2, 3]), gathering.values([]))
        return [*first, await gathering.values([3, 4])]

    assert asyncio.run(ask()) == [{1: 1, 2: 4}, {2: 4, 3: 9}, {}, {3: 9, 4: 16}]
    assert squares.batches == [[1, 2, 3], [4]]


def test_a_caller_during_a_batch_waits_for_the_next():
    squares = Squares()
    gathering = Gathering(squares)

    async def ask():
        async def late():
            await asyncio.sleep(0.001)
            return await gathering.values([5, 1])

        slow = squares.__call__

        def slower(keys):
            import time

            time.sleep(0.02)
            return slow(keys)

        gathering._compute = slower
        return await asyncio.gather(gathering.values([1]), late())

    assert asyncio.run(ask()) == [{1: 1}, {5: 25, 1: 1}]
    assert squares.batches == [[1], [5]]


def test_the_older_half_is_forgotten_but_never_a_value_someone_waits_for():
    squares = Squares()
    gathering = Gathering(squares, most_kept=10)

    async def ask():
        for start in range(0, 100, 5):
            assert await gathering.values(range(start, start + 8)) == {n: n * n for n in range(start, start + 8)}
        await gathering.values([0])

    asyncio.run(ask())
    assert sum(batch.count(0) for batch in squares.batches) == 2
    assert len(gathering._known) < 30


def test_an_error_reaches_the_callers_and_the_next_call_computes_again():
    gathering = Gathering(Squares(fails=1))

    async def ask():
        failed = await asyncio.gather(gathering.values([1]), gathering.values([2]), return_exceptions=True)
        return failed, await gathering.values([1, 2])

    failed, found = asyncio.run(ask())
    assert [str(each) for each in failed] == ["broken", "broken"]
    assert found == {1: 1, 2: 4}


def test_one_event_loop_after_another():
    gathering = Gathering(Squares())
    assert [asyncio.run(gathering.values([n])) for n in (1, 2)] == [{1: 1}, {2: 4}]
    with pytest.raises(TypeError):
        asyncio.run(gathering.values(["x"]))
