"""The queue: batches form by themselves, equal work is done once, nobody waits for ever, nothing is lost."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import InputError
from rightly.serving.queue import (
    DeadlineError,
    DrainingError,
    MicroBatcher,
    ModelError,
    OverloadedError,
    StoppedError,
    group_equal_starts,
)


def score(groups):
    return [[float(sum(group.prefix) + sum(branch)) for branch in group.branches] for group in groups]


class Model:
    """Sums token ids; waits for `go` where it is told to."""

    def __init__(self, *, held=False):
        self.calls = []
        self.go = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, groups):
        self.calls.append([group.sequences() for group in groups])
        assert self.go.wait(10)
        return score(groups)

    @property
    def sizes(self):
        return [sum(map(len, call)) for call in self.calls]


def run(work, model, *, tokens_per_batch=1000, queue_tokens=10_000, **limits):
    async def whole():
        batcher = MicroBatcher(model, tokens_per_batch=tokens_per_batch, queue_tokens=queue_tokens, **limits)
        try:
            return await work(batcher)
        finally:
            model.go.set()
            await batcher.close()

    return asyncio.run(whole())


async def begun(model, calls=1):
    while len(model.calls) < calls:
        await asyncio.sleep(0.001)


def test_queue_batches_requests_that_arrive_during_a_forward_pass():
    model = Model(held=True)

    async def work(batcher):
        first = asyncio.create_task(batcher.rewards([(1, 2)]))
        await begun(model)
        others = [asyncio.create_task(batcher.rewards([(n, n)])) for n in range(3, 20)]
        await asyncio.sleep(0.01)
        model.go.set()
        return await asyncio.gather(first, *others)

    assert run(work, model) == [[3.0], *([2.0 * n] for n in range(3, 20))]
    assert model.sizes == [1, 17]


def test_queue_batches_stay_within_token_budget():
    model = Model()

    async def work(batcher):
        return await batcher.rewards([(1,) * 4, (2,) * 4, (3,) * 4, (4,) * 30, (5,)])

    assert run(work, model, tokens_per_batch=10) == [4.0, 8.0, 12.0, 120.0, 5.0]
    assert model.sizes == [2, 1, 1, 1]


def test_queue_computes_equal_sequences_once():
    model = Model()

    async def work(batcher):
        found = await asyncio.gather(*(batcher.rewards([(1, 2, 3)]) for _ in range(8)))
        return found, batcher.load

    found, load = run(work, model)
    assert found == [[6.0]] * 8
    assert (load.sequences, load.computed, load.batches, load.waiting_tokens) == (8, 1, 1, 0)


def test_full_queue_refuses_with_retry_after():
    model = Model(held=True)

    async def work(batcher):
        first = asyncio.create_task(batcher.rewards([(1,)]))
        await begun(model)
        waiting = asyncio.create_task(batcher.rewards([(2,) * 90]))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError) as sent_away:
            await batcher.rewards([(3,) * 20])
        assert sent_away.value.seconds >= 1
        fits = asyncio.create_task(batcher.rewards([(3,) * 10]))
        await asyncio.sleep(0)
        model.go.set()
        return await asyncio.gather(first, waiting, fits)

    assert run(work, model, queue_tokens=100) == [[1.0], [180.0], [30.0]]


def test_empty_queue_accepts_request_larger_than_its_limit():
    async def work(batcher):
        return await batcher.rewards([(1,) * 500])

    assert run(work, Model(), queue_tokens=100) == [500.0]


def test_expired_request_is_not_computed():
    model = Model(held=True)

    async def work(batcher):
        first = asyncio.create_task(batcher.rewards([(1,)]))
        await begun(model)
        late = asyncio.create_task(batcher.rewards([(2,)], timeout=0.01))
        await asyncio.sleep(0.05)
        model.go.set()
        with pytest.raises(DeadlineError):
            await late
        return await first, batcher.load.waiting_tokens

    assert run(work, model) == ([1.0], 0)
    assert model.sizes == [1]


def test_cancelled_request_is_not_computed():
    model = Model(held=True)

    async def work(batcher):
        first = asyncio.create_task(batcher.rewards([(1,)]))
        await begun(model)
        gone = asyncio.create_task(batcher.rewards([(2,)]))
        await asyncio.sleep(0)
        gone.cancel()
        model.go.set()
        return await first, await batcher.rewards([(3,)])

    assert run(work, model) == ([1.0], [3.0])
    assert model.sizes == [1, 1]


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), SystemExit(3), KeyboardInterrupt()])
def test_queue_worker_survives_any_model_error(error):
    class Fragile(Model):
        def __call__(self, groups):
            if any((13,) in group.sequences() for group in groups):
                raise error
            return super().__call__(groups)

    async def work(batcher):
        with pytest.raises(ModelError, match=type(error).__name__):
            await batcher.rewards([(13,)])
        assert batcher.problem == ""
        return await batcher.rewards([(1,)])

    assert run(work, Fragile()) == [1.0]


@pytest.mark.parametrize("wrong", [[], [[]], [[1.0], [2.0], [3.0]], None, [["x"]]])
def test_wrong_number_of_rewards_fails_only_its_batch(wrong):
    class Wrong(Model):
        def __call__(self, groups):
            return wrong if len(self.calls) == 0 and not self.calls.append(groups) else super().__call__(groups)

    async def work(batcher):
        with pytest.raises(ModelError):
            await batcher.rewards([(13,)])
        return await batcher.rewards([(1,)])

    assert run(work, Wrong()) == [1.0]


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_failing_sequence_fails_only_its_request(bad):
    class Fragile(Model):
        def __call__(self, groups):
            found = super().__call__(groups)
            ids = [group.sequences() for group in groups]
            for rewards, sequences in zip(found, ids, strict=True):
                for place, sequence in enumerate(sequences):
                    if sequence == (13, 13):
                        if bad is None:
                            raise RuntimeError("index out of range")
                        rewards[place] = bad
            return found

    model = Fragile(held=True)

    async def work(batcher):
        first = asyncio.create_task(batcher.rewards([(1,)]))
        await begun(model)
        mates = [asyncio.create_task(batcher.rewards([(n,)])) for n in range(2, 9)]
        broken = asyncio.create_task(batcher.rewards([(5, 5), (13, 13)]))
        mates += [asyncio.create_task(batcher.rewards([(n,)])) for n in range(9, 13)]
        await asyncio.sleep(0)
        model.go.set()
        with pytest.raises(ModelError, match="index out of range" if bad is None else str(bad)):
            await broken
        return await asyncio.gather(first, *mates)

    assert run(work, model) == [[float(n)] for n in range(1, 13)]


def test_queue_refuses_sequence_without_tokens():
    model = Model()

    async def work(batcher):
        with pytest.raises(InputError, match="no tokens"):
            await batcher.rewards([(1,), ()])
        return await batcher.rewards([(1,)]), batcher.load.waiting_tokens

    assert run(work, model) == ([1.0], 0)
    assert model.sizes == [1]


def test_queue_deadline_holds_while_model_hangs():
    model = Model(held=True)

    async def work(batcher):
        hanging = asyncio.create_task(batcher.rewards([(1,)], timeout=0.02))
        await begun(model)
        behind = asyncio.create_task(batcher.rewards([(2,) * 50], timeout=0.02))
        for late in (hanging, behind):
            with pytest.raises(DeadlineError):
                await late
        assert batcher.load.waiting_tokens == 0
        assert "one batch" in batcher.problem
        model.go.set()
        answered = await batcher.rewards([(3,)])
        return answered, batcher.problem

    assert run(work, model, patience=0.01) == ([3.0], "")


def test_stopped_worker_fails_waiting_and_new_requests():
    model = Model(held=True)

    async def work(batcher):
        tasks = [asyncio.create_task(batcher.rewards([(n,)])) for n in (1, 2)]
        await begun(model)
        batcher._worker.cancel()
        for task in tasks:
            with pytest.raises(StoppedError):
                await task
        with pytest.raises(StoppedError):
            await batcher.rewards([(3,)])
        return batcher.problem

    assert "stopped" in run(work, model)


def test_closing_queue_does_not_wait_for_hanging_model():
    model = Model(held=True)

    async def whole():
        batcher = MicroBatcher(model, tokens_per_batch=10, queue_tokens=10, patience=0.05)
        with pytest.raises(DeadlineError):
            await batcher.rewards([(1,)], timeout=0.01)
        await batcher.close()

    asyncio.run(whole())
    assert not model.go.is_set()
    model.go.set()


def test_closing_queue_finishes_waiting_requests():
    model = Model(held=True)

    async def work(batcher):
        tasks = [asyncio.create_task(batcher.rewards([(n,)])) for n in range(1, 6)]
        await begun(model)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(DrainingError):
            await batcher.rewards([(9,)])
        model.go.set()
        await closing
        return await asyncio.gather(*tasks)

    assert run(work, model) == [[1.0], [2.0], [3.0], [4.0], [5.0]]


IDS = st.lists(st.integers(1, 3), min_size=1, max_size=80).map(tuple)


@given(st.lists(st.one_of(IDS, IDS.map(lambda ids: (7,) * 50 + ids)), max_size=12))
def test_group_equal_starts_keeps_every_sequence(sequences):
    groups, places = group_equal_starts(sequences)
    for ids, (group, branch) in zip(sequences, places, strict=True):
        assert groups[group].sequences()[branch] == ids
    assert sum(len(group.branches) for group in groups) == len(set(sequences))


def test_queue_groups_responses_to_one_prompt_across_requests():
    prompt = tuple(range(100, 160))
    groups, _ = group_equal_starts([(*prompt, 1), (9,) * 40, (*prompt, 2, 3), (*prompt, 1)])
    assert sorted((len(group.prefix), len(group.branches)) for group in groups) == [(0, 1), (60, 2)]


def test_short_common_prefix_is_not_grouped():
    head = tuple(range(40))
    groups, _ = group_equal_starts([head + (1,) * 200, head + (2,) * 200])
    assert len(groups) == 2
