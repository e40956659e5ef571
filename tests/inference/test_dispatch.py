import asyncio

import pytest

from rightly.inference.dispatch import run_bounded


def collect(work, worker, concurrency):
    """Results in order of completion, and the error that ended them."""

    async def run():
        results = []
        try:
            async for result in run_bounded(work, worker, concurrency=concurrency):
                results.append(result)
        except Exception as error:  # noqa: BLE001
            return results, error
        return results, None

    return asyncio.run(run())


def test_run_bounded_does_every_piece_once():
    async def worker(piece):
        await asyncio.sleep(0)
        return piece * 2

    results, error = collect(range(1000), worker, 16)
    assert sorted(results) == list(range(0, 2000, 2))
    assert error is None


def test_run_bounded_yields_results_in_order_of_completion():
    async def worker(piece):
        await asyncio.sleep(0.05 * piece)
        return piece

    assert collect([3, 1, 2], worker, 3)[0] == [1, 2, 3]


@pytest.mark.parametrize("concurrency", [1, 7])
def test_run_bounded_pulls_work_only_for_free_places(concurrency):
    running = pulled = most = 0

    def work():
        nonlocal pulled
        for i in range(50):
            pulled += 1
            assert pulled - len(done) <= concurrency
            yield i

    async def worker(piece):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done.append(piece)
        return piece

    done = []
    assert len(collect(work(), worker, concurrency)[0]) == 50
    assert most == concurrency


def test_worker_error_stops_pulling_and_finishes_calls_in_flight():
    pulled = []

    def work():
        for i in range(100):
            pulled.append(i)
            yield i

    async def worker(piece):
        if piece == 2:
            raise RuntimeError("over")
        for _ in range(10):
            await asyncio.sleep(0)
        return piece

    results, error = collect(work(), worker, 4)
    assert str(error) == "over"
    assert sorted(results) == [0, 1, 3]
    assert pulled == [0, 1, 2, 3]


def test_error_in_work_iterator_finishes_calls_in_flight():
    def work():
        yield from (1, 2)
        raise ValueError("bad row")

    async def worker(piece):
        await asyncio.sleep(0.01)
        return piece

    results, error = collect(work(), worker, 8)
    assert sorted(results) == [1, 2]
    assert str(error) == "bad row"


def test_closing_iterator_cancels_calls_in_flight():
    cancelled = []

    async def worker(piece):
        try:
            await asyncio.sleep(0 if piece == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(piece)
            raise
        return piece

    async def run():
        results = run_bounded(range(10), worker, concurrency=4)
        async for _ in results:
            break
        await results.aclose()

    asyncio.run(run())
    assert sorted(cancelled) == [1, 2, 3]


def test_run_bounded_without_work_yields_nothing():
    async def worker(piece):
        return piece

    assert collect([], worker, 4) == ([], None)
