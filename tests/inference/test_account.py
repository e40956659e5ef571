import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.account import Account, AccountedGenerator, Price, estimate_usage, parse_price
from rightly.inference.cache import AnswerCache, CachedGenerator
from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Completion, Request
from rightly.types import Message, Usage
from tests.scripted import ScriptedGenerator


def ask(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


def million(_):
    return Completion(text="x", usage=Usage(input_tokens=1_000_000, output_tokens=500_000), attempts=3)


def test_calls_retries_failures_tokens_and_money_are_booked():
    account = Account({"m": Price(2.0, 8.0)})
    account.enter("m", million(None))
    account.enter("m", Completion(failure="provider"))
    booked = account.models["m"]
    assert (booked.calls, booked.retries, booked.failed) == (2, 2, 1)
    assert account.spent == 2.0 + 4.0
    assert account.summary() == "$6.000"


def test_models_without_a_price_are_summed_in_tokens():
    account = Account({"m": Price(2.0, 8.0)})
    assert account.summary() == ""
    account.enter("n", million(None))
    assert account.summary() == "1,500,000 tokens"
    account.enter("m", million(None))
    assert account.summary() == "$6.000 + 1,500,000 tokens"


def test_the_budget_stops_the_run_and_keeps_what_was_answered(tmp_path):
    cache, account = AnswerCache(tmp_path / "cache"), Account({"m": Price(2.0, 8.0)}, budget=20.0)
    inner = ScriptedGenerator(million)
    generator = CachedGenerator(AccountedGenerator(inner, account, "m"), cache)
    answered = []

    async def run(count):
        requests = (ask(f"{i}") for i in range(count))
        async for completion in run_bounded(requests, generator.generate, concurrency=2):
            answered.append(completion)

    with pytest.raises(BudgetExceededError, match="raise --budget and run the same command again"):
        asyncio.run(run(50))
    assert len(inner.requests) == 4, "24 dollars: the budget is passed by the call in flight only"
    assert len(answered) == 4
    asyncio.run(run(4))
    assert len(inner.requests) == 4, "what was paid for is free when the run goes on"
    assert account.models["m"].calls == 4
    cache.close()


def test_a_budget_needs_a_price():
    with pytest.raises(InputError, match="add --price m=IN,OUT"):
        Account(budget=1.0).check("m")


@given(st.text(min_size=1).filter(str.strip), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_price_is_read_back(model, into, out):
    assert parse_price(f"{model}={into!r},{out!r}") == (model, Price(into, out))


@pytest.mark.parametrize("text", ["", "m", "m=", "m=1", "m=1,2,3", "m=a,b", "=1,2", "m=-1,2", "m=nan,1", "m=1,inf"])
def test_a_price_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="is not MODEL=IN,OUT"):
        parse_price(text)


def test_an_estimate_counts_characters_and_guesses_answers():
    requests = [ask("x" * 400), ask("x" * 400, max_tokens=10)]
    assert estimate_usage(requests, output_tokens=300) == Usage(input_tokens=200, output_tokens=310)
