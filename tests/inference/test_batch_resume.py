"""A batch that an earlier run left at the provider, as the next run meets it."""

import asyncio

import pytest

from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.batch_api import BatchGenerator
from rightly.inference.batch_endpoint import BatchEndpoint
from rightly.inference.batch_money import BatchMoney
from rightly.inference.bounds import worst_usage
from rightly.inference.endpoint import Endpoint
from tests.fake_batches import FakeBatches
from tests.inference.test_batch_api import PRICES, asked
from tests.inference.test_openai_api import no_sleep


@pytest.fixture
def cache(tmp_path):
    made = AnswerCache(tmp_path / "answers.db")
    yield made
    made.close()


def test_new_requests_wait_for_the_money_of_an_earlier_batch(cache, tmp_path):
    """The budget holds four worst cases, which the earlier batch has reserved; its bill frees most of them."""
    requests = asked(10)
    budget = PRICES["m"].of(worst_usage(requests[0])) / 2 * 4.5

    def made(endpoint, account):
        money = BatchMoney(account, "judge", "m")
        return BatchGenerator("m", cache=cache, money=money, base_url=endpoint.base_url, gather_s=0.01, poll_s=0.01)

    async def run():
        async with FakeBatches(looks=5) as endpoint:
            first, second = Account(PRICES, budget), Account(PRICES, budget)
            with first.kept_in(tmp_path):
                generator = made(endpoint, first)
                waiting = [asyncio.ensure_future(generator.generate(each)) for each in requests[:4]]
                while not endpoint.calls["show"]:
                    await asyncio.sleep(0.01)
                await generator.aclose()
                for each in waiting:
                    each.cancel()
            with second.kept_in(tmp_path):
                generator = made(endpoint, second)
                found = await asyncio.gather(*(generator.generate(each) for each in reversed(requests)))
                await generator.aclose()
            return endpoint, found, second

    endpoint, found, account = asyncio.run(run())
    assert {each.failure for each in found} == {None}
    assert len(endpoint.billed) == 10
    assert set(endpoint.billed.values()) == {1}
    assert account.spent <= budget
    assert account.book.open == {}


def test_a_batch_is_found_on_a_later_page_of_the_list():
    async def run():
        async with FakeBatches() as server:
            endpoint = Endpoint("m", server.base_url)
            api = BatchEndpoint(endpoint, 1, no_sleep, lambda _: None)
            names = []
            for name in ("first", "second", "third"):
                file = await api.upload(name, b"")
                names.append((name, file, await api.create(name, file)))
            found = [await api.find(name, file) for name, file, _ in names]
            absent = await api.find("other", "file-9")
            await endpoint.aclose()
            return [batch for *_, batch in names], found, absent

    made, found, absent = asyncio.run(run())
    assert found == made
    assert absent is None
