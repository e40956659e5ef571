import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.account import Account, AccountedGenerator, parse_price
from rightly.inference.book import Price
from rightly.inference.bounds import worst_usage
from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Completion, Request
from rightly.types import Message, Usage
from tests.scripted import ScriptedGenerator


def ask(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


def answer(n=1_000_000, m=500_000, **more):
    return Completion(text="x", usage=Usage(input_tokens=n, output_tokens=m), **more)


async def bill(account, request, usage, model="m", role="judge"):
    """One call that is billed so much; ``None``: nobody knows how much."""
    async with account.attempt(role, model, request) as billed:
        if usage is not None:
            billed(usage)


class Metered:
    """A model that answers when it is let, within an account."""

    def __init__(self, account, usage):
        self.account, self.usage, self.gate, self.sent = account, usage, asyncio.Event(), 0
        self.in_flight = self.most_in_flight = 0

    async def ask(self, request):
        async with self.account.attempt("judge", "m", request) as billed:
            self.sent += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            await self.gate.wait()
            await asyncio.sleep(0.001)
            self.in_flight -= 1
            billed(self.usage)


DOLLAR_A_TOKEN = {"m": Price(1e6, 1e6)}
"""A dollar a token."""


def worst(request):
    usage = worst_usage(request)
    assert usage is not None
    return usage.input_tokens + usage.output_tokens


def test_requests_retries_failures_and_tokens_are_counted_by_role():
    account = Account({"m": Price(2.0, 8.0)})
    account.enter("judge", "m", answer(attempts=3))
    account.enter("judge", "m", Completion(failure="provider", detail="HTTP 500"))
    account.enter("matcher", "m", Completion(failure="truncated"))
    booked = account.models["judge", "m"]
    assert (booked.calls, booked.retries, booked.failed, booked.last_error) == (2, 2, 1, "HTTP 500")
    assert not booked.silent
    assert account.models["matcher", "m"].failed == 0, "an answer that was cut off is an answer"


def test_spending_is_billed_dollars_and_tokens_of_unpriced_models():
    account = Account({"m": Price(2.0, 8.0)})
    assert account.summary() == ""
    account.enter("judge", "n", answer())
    assert account.summary() == "1,500,000 tokens"
    asyncio.run(bill(account, ask("x"), Usage(input_tokens=1_000_000, output_tokens=500_000)))
    account.enter("judge", "m", answer())
    assert account.spent == 2.0 + 4.0
    assert account.summary() == "$6.000 + 1,500,000 tokens"


def test_account_reports_trouble_until_an_answer_arrives():
    account, heard = Account(), []
    account.on_retry = heard.append
    account.retrying("connection refused")
    account.retrying("HTTP 503: full")
    assert account.trouble == "retrying: HTTP 503: full, 2 retries"
    assert heard == ["retrying: connection refused, 1 retry", account.trouble]
    account.enter("judge", "m", Completion(failure="provider"))
    assert account.trouble, "a failure is no answer"
    account.enter("judge", "m", answer())
    assert account.trouble == ""


@pytest.mark.parametrize("bill_tokens", [1, 100, 370])
def test_budget_is_not_exceeded_by_64_calls_in_flight_and_is_used_up_to_one_call(bill_tokens):
    request = ask("x", max_tokens=100)
    assert worst(request) == 1 + 16 + 256 + 100
    account = Account(DOLLAR_A_TOKEN, budget=5000.0)
    model = Metered(account, Usage(input_tokens=1, output_tokens=bill_tokens - 1))
    model.gate.set()

    async def run():
        async for _ in run_bounded(iter([request] * 100_000), model.ask, concurrency=64):
            pass

    with pytest.raises(BudgetExceededError) as stopped:
        asyncio.run(run())
    assert account.spent == model.sent * bill_tokens <= 5000
    assert account.spent + 373 > 5000, "one call more would not have fitted"
    assert model.most_in_flight == 13, "as many as have room: 13 x 373 dollars"
    assert str(stopped.value) == (
        f"the budget of $5000 does not cover the next call, which may cost $373.0000: ${account.spent:.4f} is spent. "
        "All answers are kept; to resume, run the same command with a higher --budget"
    )


def test_call_waits_for_settlement_of_calls_in_flight():
    request = ask("x", max_tokens=100)
    account = Account(DOLLAR_A_TOKEN, budget=400.0)
    model = Metered(account, Usage(input_tokens=1))

    async def run():
        asked = [asyncio.create_task(model.ask(request)) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert model.sent == 1
        model.gate.set()
        await asyncio.gather(*asked)

    asyncio.run(run())
    assert account.spent == 5


def test_attempt_without_bill_stays_reserved_in_full():
    request = ask("x", max_tokens=100)
    account = Account(DOLLAR_A_TOKEN, budget=700.0)
    asyncio.run(bill(account, request, None))
    assert account.spent == 373
    with pytest.raises(BudgetExceededError, match=r"\$373\.0000 of it reserved for calls whose bill never arrived"):
        asyncio.run(bill(account, request, None))


def test_cancelled_call_stays_reserved_and_does_not_block_others():
    request = ask("x", max_tokens=100)
    account = Account(DOLLAR_A_TOKEN, budget=800.0)
    model = Metered(account, Usage(input_tokens=1))

    async def run():
        first = asyncio.create_task(model.ask(request))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        model.gate.set()
        await model.ask(request)

    asyncio.run(run())
    assert account.spent == 374


def test_bill_above_reservation_is_reported_as_overrun():
    account = Account(DOLLAR_A_TOKEN, budget=1000.0)
    asyncio.run(bill(account, ask("x", max_tokens=100), Usage(input_tokens=1, output_tokens=500)))
    assert account.spent == 501
    assert account.overrun == 501 - 373


def test_roles_share_a_budget():
    account = Account(DOLLAR_A_TOKEN | {"n": Price(0.0, 1e6)}, budget=600.0)
    asyncio.run(bill(account, ask("x", max_tokens=100), Usage(input_tokens=300)))
    asyncio.run(bill(account, ask("x", max_tokens=300), Usage(input_tokens=1, output_tokens=300), "n", "matcher"))
    with pytest.raises(BudgetExceededError):
        asyncio.run(bill(account, ask("x", max_tokens=1), Usage(), "n", "matcher"))


def test_next_process_resumes_from_book(tmp_path):
    request = ask("x", max_tokens=100)
    first = Account(DOLLAR_A_TOKEN, budget=1000.0)
    with first.kept_in(tmp_path):
        asyncio.run(bill(first, request, Usage(input_tokens=10)))
        asyncio.run(bill(first, request, None))
    second = Account(DOLLAR_A_TOKEN, budget=1000.0)
    with second.kept_in(tmp_path):
        assert second.spent == 10 + 373
        asyncio.run(bill(second, request, Usage(input_tokens=300)))
        with pytest.raises(BudgetExceededError):
            asyncio.run(bill(second, request, Usage()))


def test_unpriced_tokens_in_book_are_priced_under_later_budget(tmp_path):
    first = Account()
    with first.kept_in(tmp_path):
        asyncio.run(bill(first, ask("x"), Usage(input_tokens=10)))
    with pytest.raises(InputError, match="add --price m=IN,OUT"), Account({}, budget=1.0).kept_in(tmp_path):
        pass
    second = Account(DOLLAR_A_TOKEN, budget=1.0)
    with second.kept_in(tmp_path):
        assert second.spent == 10


def test_process_waits_for_reservations_of_another_running_process(tmp_path):
    request = ask("x", max_tokens=100)
    one, two = (Account(DOLLAR_A_TOKEN, budget=400.0) for _ in range(2))
    first, second = (Metered(account, Usage(input_tokens=1)) for account in (one, two))
    second.gate.set()

    async def run():
        held = asyncio.create_task(first.ask(request))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(second.ask(request))
        await asyncio.sleep(0.05)
        assert (first.sent, second.sent) == (1, 0)
        assert not waiting.done()
        assert two.trouble == "waiting for budget that another run in this folder has reserved"
        first.gate.set()
        await asyncio.gather(held, waiting)

    with one.kept_in(tmp_path), two.kept_in(tmp_path):
        asyncio.run(run())
        assert two.spent == 2
        assert two.trouble == ""


def test_a_request_without_a_limit_is_refused_under_a_budget():
    account = Account(DOLLAR_A_TOKEN, budget=1.0)
    with pytest.raises(InputError, match=r"openai:m\?max_tokens=4096"):
        account.require("m", None)
    with pytest.raises(InputError, match="has no max_tokens"):
        asyncio.run(bill(account, ask("x"), Usage()))
    with pytest.raises(InputError, match="add --price n=IN,OUT"):
        account.require("n", 100)
    Account().require("n", None)


def test_checks_run_before_first_call_of_any_model():
    account, inner = Account(), ScriptedGenerator(lambda _: "x")

    def no_key():
        raise InputError("no key")

    account.before_first_call(no_key)
    generator = AccountedGenerator(inner, account, "judge", "other")
    for _ in range(2):
        with pytest.raises(InputError, match="no key"):
            asyncio.run(generator.generate(ask("x")))
    assert not inner.requests


@given(st.text(min_size=1).filter(str.strip), st.floats(0, 1e6), st.floats(0, 1e6))
def test_parse_price_reads_model_and_prices(model, into, out):
    assert parse_price(f"{model}={into!r},{out!r}") == (model, Price(into, out))


@pytest.mark.parametrize("text", ["", "m", "m=", "m=1", "m=1,2,3", "m=a,b", "=1,2", "m=-1,2", "m=nan,1", "m=1,inf"])
def test_parse_price_refuses_invalid_text(text):
    with pytest.raises(InputError, match="is not MODEL=IN,OUT"):
        parse_price(text)
