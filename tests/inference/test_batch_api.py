"""Answers by the Batch API: gathered, billed at half the price, cached, and named when they fail."""

import asyncio
import json

import pytest

from rightly.errors import BudgetExceededError, EndpointError, InputError
from rightly.inference import batch_api
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.batch_api import BatchGenerator
from rightly.inference.batch_journal import BatchJournal, batches_beside
from rightly.inference.batch_money import BatchMoney
from rightly.inference.book import Price, SpendingBook
from rightly.inference.bounds import worst_usage
from rightly.inference.endpoint import endpoint_fingerprint
from rightly.inference.specs import build_generator, generator_fingerprint, parse_spec
from rightly.types import Usage
from tests.fake_batches import FakeBatches, refused_line
from tests.fake_endpoint import judge_like
from tests.inference.test_openai_api import ask, no_sleep

PRICES = {"m": Price(1000.0, 1000.0)}
"""A tenth of a cent a token."""


@pytest.fixture
def cache(tmp_path):
    made = AnswerCache(tmp_path / "cache" / "answers.db")
    yield made
    made.close()


def answers(endpoint, cache, requests, account=None, run=None, **options):
    """The completions of requests asked all at once through the cache, by a batch."""

    async def whole():
        async with endpoint:
            money = BatchMoney(account, "judge", "m")
            options_ = {"sleep": no_sleep, "gather_s": 0.02} | options
            generator = BatchGenerator("m", cache=cache, money=money, base_url=endpoint.base_url, **options_)
            try:
                return await asyncio.gather(*(generator.generate(each) for each in requests), return_exceptions=True)
            finally:
                await generator.aclose()

    account = account or Account()
    if run is None:
        return asyncio.run(whole())
    run.mkdir(exist_ok=True)
    with account.kept_in(run):
        return asyncio.run(whole())


def asked(n, **options):
    return [ask(f"question {i}", max_tokens=100, **options) for i in range(n)]


def said(request):
    return judge_like({"messages": [{"role": "user", "content": request.messages[0].content}]})


def under_way(cache):
    return sorted(path.name for path in batches_beside(cache.path).glob("*"))


def test_concurrent_calls_are_answered_by_one_batch(cache, tmp_path):
    endpoint, requests, account = FakeBatches(), asked(30), Account(PRICES)
    found = answers(endpoint, cache, requests, account, tmp_path / "run")
    assert [each.text for each in found] == [said(each) for each in requests]
    assert len(endpoint.batches) == endpoint.calls["upload"] == 1
    assert sum(endpoint.asked.values()) == 0, "no call outside the batch"
    assert {each.failure for each in found} == {None}
    assert under_way(cache) == []


def test_bill_is_half_the_price(cache, tmp_path):
    account = Account(PRICES)
    found = answers(FakeBatches(), cache, asked(5), account, tmp_path / "run")
    usage = sum((each.usage for each in found), Usage())
    book = SpendingBook.read(tmp_path / "run")
    assert book.settled["judge", "m"].usage == usage
    assert book.settled["judge", "m"].dollars == pytest.approx(PRICES["m"].of(usage) / 2)
    assert book.open == {}


def test_answers_are_the_same_models_as_without_a_batch(tmp_path):
    text = "openai:m?base_url=http://localhost:1/v1&temperature=0"
    assert generator_fingerprint(parse_spec(f"{text}&batch=true&poll_s=5")) == generator_fingerprint(parse_spec(text))
    cache = AnswerCache(tmp_path / "cache.db")
    built, _ = build_generator(parse_spec(f"{text}&batch=true"), cache=cache, account=Account(), role="judge")
    assert built.fingerprint == endpoint_fingerprint("m", "http://localhost:1/v1")
    assert built.concurrency == 100_000
    cache.close()


def test_cached_answers_need_no_second_batch(cache):
    async def run():
        async with FakeBatches() as endpoint:
            spec = parse_spec(f"openai:m?base_url={endpoint.base_url}&batch=true&poll_s=0.01")
            online = parse_spec(f"openai:m?base_url={endpoint.base_url}")
            for each in (spec, spec, online):
                generator, _ = build_generator(each, cache=cache, account=Account(), role="judge")
                found = await asyncio.gather(*(generator.generate(request) for request in asked(3)))
                await generator.aclose()
            return endpoint, found

    endpoint, found = asyncio.run(run())
    assert len(endpoint.batches) == 1
    assert sum(endpoint.asked.values()) == 0
    assert all(each.cached for each in found)


def test_requests_are_split_by_the_limits_of_a_batch(cache, monkeypatch):
    monkeypatch.setattr(batch_api, "MOST_REQUESTS", 4)
    endpoint = FakeBatches()
    assert {each.failure for each in answers(endpoint, cache, asked(10))} == {None}
    assert sorted(each["request_counts"]["total"] for each in endpoint.batches.values()) == [2, 4, 4]
    monkeypatch.setattr(batch_api, "MOST_BYTES", 600)
    endpoint = FakeBatches()
    answers(endpoint, cache, asked(6, temperature=0.5))
    assert max(len(content) for name, content in endpoint.files.items() if name.startswith("file")) <= 600
    assert len(endpoint.batches) > 1


def test_a_request_larger_than_a_batch_is_sent_alone(cache, monkeypatch):
    monkeypatch.setattr(batch_api, "MOST_BYTES", 10)
    endpoint = FakeBatches()
    assert {each.failure for each in answers(endpoint, cache, asked(2))} == {None}
    assert len(endpoint.batches) == 2


def test_budget_submits_only_what_fits_and_the_rest_once_the_bill_has_come(cache, tmp_path):
    requests = asked(10)
    worst = PRICES["m"].of(worst_usage(requests[0])) / 2
    endpoint, account = FakeBatches(), Account(PRICES, budget=worst * 4.5)
    found = answers(endpoint, cache, requests, account, tmp_path / "run")
    sizes = [each["request_counts"]["total"] for each in endpoint.batches.values()]
    assert sizes[0] == 4
    assert sum(sizes) == 10
    assert {each.failure for each in found} == {None}
    assert account.spent <= account.budget


def test_budget_that_is_spent_stops_the_run_and_keeps_what_was_answered(cache, tmp_path):
    requests = asked(10)
    worst = PRICES["m"].of(worst_usage(requests[0])) / 2
    endpoint, account = FakeBatches(), Account(PRICES, budget=worst * 1.2)
    found = answers(endpoint, cache, requests, account, tmp_path / "run")
    stopped = [each for each in found if isinstance(each, BudgetExceededError)]
    assert 0 < len(stopped) < 10
    assert sum(endpoint.billed.values()) == 10 - len(stopped)
    assert SpendingBook.read(tmp_path / "run").open == {}
    assert under_way(cache) == []


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_batch_that_ended_early_keeps_what_was_finished_and_the_rest_is_asked_again(cache, tmp_path, status):
    requests, run = asked(6), tmp_path / "run"
    found = answers(FakeBatches(status=status, finished=4), cache, requests, Account(PRICES, 100.0), run)
    assert [each.failure for each in found] == [None] * 4 + ["provider"] * 2
    assert "before the batch expired" in found[5].detail
    assert SpendingBook.read(run).open == {}
    again = FakeBatches()
    assert [each.failure for each in answers(again, cache, requests[4:], Account(PRICES, 100.0), run)] == [None] * 2
    assert len(again.billed) == 2


def test_a_line_that_is_missing_is_a_failure(cache):
    endpoint = FakeBatches(line=lambda line, body: None if "question 1" in str(body) else line)
    found = answers(endpoint, cache, asked(2))
    assert found[0].failure is None
    assert found[1].failure == "provider"
    assert "the batch is completed and holds no answer to this request" in found[1].detail


def test_a_batch_that_failed_as_a_whole_says_why(cache, tmp_path):
    found = answers(FakeBatches(status="failed"), cache, asked(2), Account(PRICES, 100.0), tmp_path / "run")
    assert {each.failure for each in found} == {"provider"}
    assert "(Enqueued token limit reached)" in found[0].detail
    assert SpendingBook.read(tmp_path / "run").open == {}


@pytest.mark.parametrize(
    ("status", "message", "failure"),
    [(400, "too long", "provider"), (500, "server error", "provider"), (400, "flagged by moderation", "refused")],
)
def test_a_refused_line_is_a_failure_with_the_servers_message(cache, status, message, failure):
    found = answers(FakeBatches(line=lambda line, _: refused_line(line, status, message)), cache, asked(1))
    assert (found[0].failure, found[0].detail) == (failure, f"HTTP {status}: {message}")


def test_a_field_that_the_model_refuses_is_learned_and_the_requests_are_sent_again(cache):
    def line(line, body):
        if "max_tokens" in body:
            return refused_line(line, 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return line

    endpoint = FakeBatches(line=line)
    found = answers(endpoint, cache, asked(3))
    assert {each.failure for each in found} == {None}
    assert [sorted(body) for body in endpoint.bodies[3:]] == [["max_completion_tokens", "messages", "model"]] * 3
    assert len(endpoint.batches) == 2


def test_logprobs_and_fields_of_the_spec_are_part_of_the_lines(cache):
    endpoint = FakeBatches(lambda _: "B wins")
    (found,) = answers(endpoint, cache, [ask("x", logprobs_of=("B",))], extra_body={"top_k": 5})
    assert endpoint.bodies[0]["top_k"] == 5
    assert [each.token for each in found.logprobs] == ["B"]


def test_a_bill_that_is_not_told_stays_reserved(cache, tmp_path):
    def line(line, _):
        del line["response"]["body"]["usage"]
        return line

    answers(FakeBatches(line=line), cache, asked(1), Account(PRICES, 100.0), tmp_path / "run")
    assert len(SpendingBook.read(tmp_path / "run").open) == 1


@pytest.mark.parametrize("step", ["upload", "show", "content"])
def test_a_server_error_is_retried(cache, step):
    endpoint, account = FakeBatches(), Account()
    endpoint.failing[step] = 3
    found = answers(endpoint, cache, asked(2), account)
    assert {each.failure for each in found} == {None}
    assert len(endpoint.batches) == 1


@pytest.mark.parametrize("drop_metadata", [False, True])
def test_a_creation_whose_response_was_lost_is_found_and_not_repeated(cache, drop_metadata):
    endpoint = FakeBatches()
    endpoint.failing["create"], endpoint.drop_metadata = 1, drop_metadata
    found = answers(endpoint, cache, asked(2))
    assert {each.failure for each in found} == {None}
    assert len(endpoint.batches) == 1


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((401, "bad key"), "the key is refused (bad key)"),
        ((404, "Not found"), "has no Batch API of OpenAI's form; remove batch=true"),
        ((400, "unknown purpose"), "refuses the batch: HTTP 400: unknown purpose"),
    ],
)
def test_an_endpoint_without_batches_ends_the_run_in_one_line(cache, tmp_path, refusal, words):
    found = answers(FakeBatches(refusal=refusal), cache, asked(2), Account(PRICES, 100.0), tmp_path / "run")
    assert {type(each) for each in found} == {EndpointError}
    assert words in str(found[0])
    assert "\n" not in str(found[0])
    assert under_way(cache) == []
    assert SpendingBook.read(tmp_path / "run").open == {}, "nothing was sent"


def test_the_display_says_that_a_batch_is_waited_for(cache):
    account, heard = Account(), []
    account.on_retry = heard.append
    answers(FakeBatches(), cache, asked(3), account)
    assert heard[0] == "waiting for a batch of 3 requests at the provider, 0 answered; it may take up to 24 hours"
    assert account.trouble == ""


def test_intervals_between_looks_grow(cache):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    answers(FakeBatches(looks=20), cache, asked(1), sleep=sleep, poll_s=30.0)
    assert waits[:3] == [30.0, 45.0, 67.5]
    assert max(waits) == waits[-1] == 600.0


def test_a_batch_of_a_living_process_is_waited_for(cache, tmp_path):
    """Two generators that share a cache: the second gets the answers of the first one's batch."""

    async def run():
        async with FakeBatches(looks=5) as endpoint:
            made = [
                BatchGenerator(
                    "m", cache=cache, money=BatchMoney(Account(), "judge", "m"), base_url=endpoint.base_url,
                    gather_s=0.01, poll_s=0.01,
                )
                for _ in range(2)
            ]  # fmt: skip
            first = asyncio.gather(*(made[0].generate(each) for each in asked(3)))
            while not endpoint.batches:
                await asyncio.sleep(0.01)
            second = await asyncio.gather(*(made[1].generate(each) for each in asked(4)))
            found = [await first, second]
            for each in made:
                await each.aclose()
            return endpoint, found

    endpoint, (first, second) = asyncio.run(run())
    assert [each.text for each in second[:3]] == [each.text for each in first]
    assert set(endpoint.billed.values()) == {1}
    assert len(endpoint.billed) == 4


def test_a_batch_that_the_key_cannot_see_is_kept(cache, tmp_path):
    folder = batches_beside(cache.path)
    endpoint = FakeBatches()

    async def first():
        async with endpoint:
            endpoint.hold("finish")
            generator = BatchGenerator(
                "m", cache=cache, money=BatchMoney(Account(), "judge", "m"), base_url=endpoint.base_url, gather_s=0.01
            )
            task = asyncio.ensure_future(generator.generate(asked(1)[0]))
            while not endpoint.holding["finish"]:
                await asyncio.sleep(0.01)
            task.cancel()
            await generator.aclose()
            endpoint.batches.clear()
            again = BatchGenerator(
                "m", cache=cache, money=BatchMoney(Account(), "judge", "m"), base_url=endpoint.base_url, gather_s=0.01
            )
            with pytest.raises(EndpointError, match=r"batch-0 is kept in .*rerun with the key that sent it"):
                await again.generate(asked(1)[0])
            await again.aclose()

    asyncio.run(first())
    assert len(list(folder.glob("*.json"))) == 1


@pytest.mark.parametrize("stored", [0, 3, 5])
def test_a_crash_while_answers_are_stored_bills_once(cache, tmp_path, monkeypatch, stored):
    """The process dies after some answers are stored, or all of them; the next one collects the same batch again."""
    requests, run = asked(5), tmp_path / "run"
    endpoint, whole = FakeBatches(), AnswerCache.put
    puts = []

    def put(self, *entry):
        if len(puts) == stored:
            raise OSError("dead")
        puts.append(entry)
        whole(self, *entry)

    def never(self):
        raise OSError("dead")

    async def twice():
        async with endpoint:
            found = []
            for patched in (True, False):
                account = Account(PRICES, 100.0)
                with account.kept_in(run), monkeypatch.context() as patch:
                    if patched:
                        patch.setattr(AnswerCache, "put", put)
                        patch.setattr(BatchJournal, "end", never)
                    generator = BatchGenerator(
                        "m", cache=cache, money=BatchMoney(account, "judge", "m"), base_url=endpoint.base_url,
                        gather_s=0.01, sleep=no_sleep,
                    )  # fmt: skip
                    asking = [generator.generate(each) for each in requests]
                    found = await asyncio.gather(*asking, return_exceptions=True)
                    await generator.aclose()
            return found

    run.mkdir()
    found = asyncio.run(twice())
    assert [each.text for each in found] == [said(each) for each in requests]
    book = SpendingBook.read(run)
    assert book.open == {}
    assert book.settled["judge", "m"].calls == 5
    assert len(endpoint.batches) == 1
    assert under_way(cache) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("openai:m?batch=yes", "batch=yes is neither true nor false"),
        ("openai:m?poll_s=5", "poll_s is an option of batches; add batch=true"),
        ("hf:m?batch=true", "unknown option 'batch'"),
        ("openai:m?batch=true", "batch=true needs an answer cache"),
    ],
)
def test_invalid_spec_of_a_batch_gives_one_line_error(text, words):
    with pytest.raises(InputError) as caught:
        build_generator(parse_spec(text), cache=None, account=Account(), role="judge")
    assert words in str(caught.value)


def test_lines_are_openais(cache):
    endpoint = FakeBatches()
    (request,) = asked(1)
    answers(endpoint, cache, [request])
    line = json.loads(endpoint.files["file-0"])
    assert line == {
        "custom_id": f"{request.key}-0",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": "question 0"}], "max_tokens": 100},
    }
