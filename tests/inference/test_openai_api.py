import asyncio
import contextlib
import json

import pytest

from rightly.errors import BudgetExceededError, EndpointError, InputError
from rightly.inference.account import Account, AccountMeter
from rightly.inference.book import Price
from rightly.inference.generator import Request
from rightly.inference.openai_api import OpenAIGenerator
from rightly.types import Message, Usage
from tests.fake_endpoint import FAULTS, LASTING, FakeEndpoint, fixed, judge_like

ALL_FAULTS = dict.fromkeys(FAULTS, 0.04)


def ask(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


async def no_sleep(_):
    await asyncio.sleep(0)


def answers(endpoint, requests, **options):
    """The completions of requests asked all at once."""

    async def run():
        async with endpoint:
            generator = OpenAIGenerator("m", base_url=endpoint.base_url, **({"sleep": no_sleep} | options))
            try:
                return await asyncio.gather(*(generator.generate(request) for request in requests))
            finally:
                await generator.aclose()

    return asyncio.run(run())


def scripted(*replies):
    """An endpoint that gives these (status, headers, body) in turn, then a good answer."""
    from aiohttp import web

    class Scripted(FakeEndpoint):
        async def _complete(self, request):
            self.bodies.append(await request.json())
            self.headers.append(request.headers)
            if len(self.bodies) <= len(replies):
                status, headers, body = replies[len(self.bodies) - 1]
                return web.Response(status=status, headers=headers, body=json.dumps(body).encode())
            return web.Response(body=self._body(self.bodies[-1], None))

    return Scripted()


def chat(content="fine", finish="stop", **message):
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return (200, {}, {"choices": [choice], "usage": usage})


def test_every_request_ends_as_text_or_named_failure_under_every_fault():
    requests = [ask(f"question {i}") for i in range(400)]
    endpoint = FakeEndpoint(faults=ALL_FAULTS, latency=fixed(0.01))
    found = answers(endpoint, requests, concurrency=200, timeout_s=2.0)

    assert set(endpoint.faults_given) >= {*FAULTS, "none"}, "every fault was met"
    assert max(endpoint.asked.values()) <= 8
    for request, completion in zip(requests, found, strict=True):
        body = {"messages": [{"role": "user", "content": request.messages[0].content}]}
        if completion.failure is None:
            assert completion.text == judge_like(body)
        elif completion.failure == "provider":
            assert completion.detail.endswith("(8 attempts)")
        elif completion.failure == "truncated":
            assert judge_like(body).startswith(completion.text)
            assert completion.text
        else:
            assert completion.failure == "refused"
    failures = [completion.failure for completion in found]
    assert failures.count(None) > 300
    assert failures.count("truncated") == endpoint.faults_given["truncated"], "a cut-off answer is not asked again"
    assert failures.count("refused") == endpoint.faults_given["refusal"], "a refusal is not asked again"
    assert {"truncated", "refusal"} == set(LASTING)


def test_concurrency_limit_is_respected_and_fully_used():
    endpoint = FakeEndpoint(latency=fixed(0.02))
    answers(endpoint, [ask(f"{i}") for i in range(60)], concurrency=7)
    assert endpoint.most_in_flight == 7


def test_concurrency_adapts_to_endpoint_capacity():
    endpoint = FakeEndpoint(latency=fixed(0.01), capacity=8)
    found = answers(endpoint, [ask(f"{i}") for i in range(300)], concurrency=64)
    assert {completion.failure for completion in found} == {None}
    assert endpoint.faults_given["429"] < 300


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "17"},
        {"RETRY-AFTER": "17"},
        {"X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "17s"},
    ],
)
def test_retry_after_header_is_obeyed_case_insensitively(headers):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    endpoint = scripted((429, headers, {}), (503, headers, {}))
    (completion,) = answers(endpoint, [ask("x")], sleep=sleep)
    assert completion.failure is None
    assert completion.attempts == 3
    assert [int(wait) for wait in waits] == [17, 17]


def test_call_waiting_for_retry_holds_no_place():
    async def run():
        async with scripted((429, {"Retry-After": "9"}, {})) as endpoint:
            woken = asyncio.Event()

            async def sleep(_):
                await woken.wait()

            generator = OpenAIGenerator("m", base_url=endpoint.base_url, concurrency=1, sleep=sleep)
            first = asyncio.create_task(generator.generate(ask("first")))
            while not endpoint.bodies:
                await asyncio.sleep(0.001)
            second = await generator.generate(ask("second"))
            assert not first.done()
            woken.set()
            assert (await first).attempts == 2
            await generator.aclose()
            return second

    assert asyncio.run(run()).failure is None


def test_usage_sums_billed_attempts():
    (completion,) = answers(scripted(chat(content=None), chat("")), [ask("one two")])
    assert completion.attempts == 3
    assert completion.usage.input_tokens == 5 + 5 + 2
    assert completion.usage.output_tokens > 14


@pytest.mark.parametrize(
    ("reply", "failure", "detail"),
    [
        (chat("half of", finish="length"), "truncated", "truncated after 7 tokens; raise max_tokens"),
        (chat(None, finish="length"), "truncated", "raise max_tokens"),
        (chat("", finish="content_filter"), "refused", "content filter"),
        (chat(None, refusal="I will not."), "refused", "declined by the model"),
        ((400, {}, {"error": {"message": "context too long"}}), "provider", "HTTP 400: context too long"),
        ((400, {}, {"error": {"message": "filtered", "code": "content_filter"}}), "refused", "filtered"),
        ((403, {}, {"error": {"message": "Your input was flagged"}}), "refused", "flagged"),
        ((422, {}, {"detail": "no such field"}), "provider", "no such field"),
    ],
)
def test_permanent_failure_is_not_retried(reply, failure, detail):
    endpoint = scripted(reply)
    (completion,) = answers(endpoint, [ask("x")])
    assert completion.failure == failure
    assert detail in completion.detail
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (chat(None), "an empty answer (finish_reason 'stop')"),
        (chat("  \n"), "an empty answer"),
        (chat(["a", "list"]), "content is not text"),
        (chat([{"type": "image_url", "image_url": {}}]), "content is not text"),
        (chat([{"type": "thinking", "thinking": "hm"}]), "an empty answer"),
        ((200, {}, []), "not a chat completion"),
        ((200, {}, {"choices": []}), "not a chat completion"),
        ((200, {}, {"error": "overloaded"}), "not a chat completion"),
        ((500, {}, {"error": {"message": "oh\nno"}}), "HTTP 500: oh no"),
        ((502, {}, "<html>"), "HTTP 502: <html>"),
        ((408, {}, {}), "HTTP 408"),
    ],
)
def test_temporary_failure_is_retried_and_then_named(reply, problem):
    endpoint = scripted(*[reply] * 3)
    (completion,) = answers(endpoint, [ask("x")], max_attempts=3)
    assert completion.failure == "provider"
    assert problem in completion.detail
    assert completion.detail.endswith("(3 attempts)")
    assert len(endpoint.bodies) == completion.attempts == 3


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, {}, {"error": {"message": "bad key sk-1"}}), "the key is refused (bad key sk-1)"),
        ((403, {}, {"error": {"message": "no access"}}), "may not use this model"),
        ((404, {}, {"error": {"message": "no model m"}}), "no such model or path"),
        ((402, {}, {}), "no credit"),
        ((429, {}, {"error": {"message": "exceeded", "code": "insufficient_quota"}}), "no credit (exceeded)"),
    ],
)
def test_failure_that_affects_every_call_ends_run_in_one_line(reply, words):
    endpoint = scripted(reply)
    with pytest.raises(EndpointError) as caught:
        answers(endpoint, [ask("x")])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(endpoint.bodies) == 1


def test_no_server_ends_the_run_at_once(unused_tcp_port):
    generator = OpenAIGenerator("m", base_url=f"http://127.0.0.1:{unused_tcp_port}/v1")

    async def run():
        try:
            await generator.generate(ask("x"))
        finally:
            await generator.aclose()

    with pytest.raises(EndpointError, match=r"no server answers at .*refused"):
        asyncio.run(run())


def dying(endpoint, calls, **options):
    """The error that ends the run over these calls."""
    with pytest.raises(EndpointError) as caught:
        answers(endpoint, [ask(f"{i}") for i in range(calls)], **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_silent_server_ends_run_after_few_attempts():
    endpoint = FakeEndpoint(faults={"reset": 1.0})
    said = dying(endpoint, 1000, concurrency=64)
    assert "gave no answer (connection broken: " in said
    assert "4 attempts each" in said
    assert sum(endpoint.asked.values()) <= 1000 * 4
    assert max(endpoint.asked.values()) <= 4


def test_server_with_only_errors_ends_run_after_eight_calls():
    found = []

    async def run():
        async with FakeEndpoint(faults={"500": 1.0}) as endpoint:
            generator = OpenAIGenerator("m", base_url=endpoint.base_url, sleep=no_sleep)
            try:
                for number in range(50):
                    found.append(await generator.generate(ask(f"{number}")))
            finally:
                await generator.aclose()

    with pytest.raises(EndpointError, match=r"answered none of 8 requests \(HTTP 500.*8 attempts each"):
        asyncio.run(run())
    assert [completion.failure for completion in found] == ["provider"] * 7


@pytest.mark.parametrize("good", [chat(), (400, {}, {"error": {"message": "too long"}})])
def test_server_that_answered_once_does_not_end_run(good):
    endpoint = scripted(good, *[(500, {}, {})] * 1000)
    found = answers(endpoint, [ask(f"{i}") for i in range(30)], concurrency=1, max_attempts=4)
    assert [completion.failure for completion in found][1:] == ["provider"] * 29


class Recorded:
    """A meter that notes how every attempt was settled: the tokens, ``None`` where nobody knows."""

    def __init__(self):
        self.bills, self.problems = [], []

    @contextlib.asynccontextmanager
    async def attempt(self, request):
        billed = []
        try:
            yield billed.append
        finally:
            self.bills += billed or [None]

    def retrying(self, problem):
        self.problems.append(problem)

    def before_first_call(self, check):
        self.checks = [check]


@pytest.mark.parametrize(
    ("reply", "bill"),
    [
        (chat("fine"), Usage(input_tokens=5, output_tokens=7)),
        (chat(None), Usage(input_tokens=5, output_tokens=7)),
        (chat(None, refusal="no"), Usage(input_tokens=5, output_tokens=7)),
        ((200, {}, {"choices": [{"message": {"content": "no usage is told"}}]}), None),
        ((200, {}, []), None),
        ((400, {}, {"error": {"message": "too long"}}), Usage()),
        ((401, {}, {}), Usage()),
        ((429, {}, {}), Usage()),
        ((503, {}, {}), Usage()),
        ((408, {}, {}), None),
        ((500, {}, {}), None),
        ((502, {}, {}), None),
        ((504, {}, {}), None),
    ],
)
def test_attempt_is_settled_or_left_reserved_if_possibly_billed(reply, bill):
    meter = Recorded()
    with contextlib.suppress(EndpointError):
        answers(scripted(reply), [ask("x")], meter=meter, max_attempts=1)
    assert meter.bills == [bill]


@pytest.mark.parametrize(("fault", "problem"), [("reset", "connection broken"), ("hang", "no answer within 0.2 s")])
def test_broken_attempt_stays_reserved_and_retry_is_reported(fault, problem):
    meter = Recorded()
    answers(FakeEndpoint(faults={fault: 1.0}), [ask("x")], meter=meter, max_attempts=2, timeout_s=0.2)
    assert meter.bills == [None, None], "each attempt is reserved by itself"
    assert len(meter.problems) == 1
    assert problem in meter.problems[0]


def test_a_server_that_refuses_the_connection_bills_nothing(unused_tcp_port):
    meter = Recorded()
    generator = OpenAIGenerator("m", base_url=f"http://127.0.0.1:{unused_tcp_port}/v1", meter=meter)

    async def run():
        try:
            await generator.generate(ask("x"))
        finally:
            await generator.aclose()

    with pytest.raises(EndpointError):
        asyncio.run(run())
    assert meter.bills == [Usage()]


@pytest.mark.parametrize("seed", range(3))
def test_budget_holds_under_every_endpoint_fault(seed):
    price = Price(1000.0, 1000.0)
    account = Account({"m": price}, budget=20.0)
    requests = [ask(f"question {i} " * 20, max_tokens=60) for i in range(2000)]
    endpoint = FakeEndpoint(faults=ALL_FAULTS | {"429": 0.2, "hang": 0.0}, latency=fixed(0.002), seed=seed)
    with pytest.raises(BudgetExceededError):
        answers(endpoint, requests, concurrency=64, meter=AccountMeter(account, "judge", "m"))
    worked = sum(endpoint.worked.values()) * 1000 / 1e6
    assert 0 < worked <= account.spent <= 20.0
    assert {"reset", "garbage", "empty", "none"} <= endpoint.faults_given.keys()


@pytest.mark.parametrize(
    ("base_url", "needs"),
    [
        ("https://api.openai.com/v1", True),
        ("https://openrouter.ai/api/v1", True),
        ("http://8.8.8.8/v1", True),
        ("http://localhost:8000/v1", False),
        ("http://127.0.0.1:8000/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://192.168.1.7:8000/v1", False),
        ("http://gpu-node:8000/v1", False),
        ("http://llm.internal/v1", False),
        ("https://user:password@api.example.com/v1", False),
    ],
)
def test_a_key_is_needed_for_a_public_host_only(base_url, needs, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="OPENAI_API_KEY is not set") if needs else contextlib.nullcontext():
        OpenAIGenerator("m", base_url=base_url).endpoint.require_key()
    OpenAIGenerator("m", base_url=base_url, api_key="k").endpoint.require_key()


def test_a_server_that_goes_away_later_is_a_failure_of_the_call():
    async def run():
        async with FakeEndpoint() as endpoint:
            generator = OpenAIGenerator("m", base_url=endpoint.base_url, max_attempts=2, sleep=no_sleep)
            assert (await generator.generate(ask("x"))).failure is None
        completion = await generator.generate(ask("y"))
        await generator.aclose()
        return completion

    completion = asyncio.run(run())
    assert completion.failure == "provider"
    assert "(2 attempts)" in completion.detail


def test_unsupported_request_fields_are_learned_once():
    endpoint = scripted(
        (400, {}, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}),
        (400, {}, {"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model."}}),
    )
    requests = [ask(f"{i}", max_tokens=9, temperature=0.0, seed=3) for i in range(3)]
    found = answers(endpoint, requests, concurrency=1, max_attempts=1)
    assert [completion.failure for completion in found] == [None] * 3
    assert [sorted(body.keys() - {"model", "messages"}) for body in endpoint.bodies] == [
        ["max_tokens", "seed", "temperature"],
        ["max_completion_tokens", "seed", "temperature"],
        ["max_completion_tokens", "seed"],
        ["max_completion_tokens", "seed"],
        ["max_completion_tokens", "seed"],
    ]


def test_too_large_max_completion_tokens_is_not_retried():
    too_large = (400, {}, {"error": {"message": "max_completion_tokens is too large"}})
    endpoint = scripted(too_large, too_large)
    (completion,) = answers(endpoint, [ask("x", max_tokens=10**9)])
    assert completion.failure == "provider"
    assert len(endpoint.bodies) == 2


def test_environment_names_the_endpoint_and_the_key(monkeypatch):
    async def run():
        async with FakeEndpoint() as endpoint:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url + "/")
            monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
            generator = OpenAIGenerator("org/model")
            await generator.generate(ask("x", temperature=0.5))
            await generator.aclose()
            return endpoint, generator

    endpoint, generator = asyncio.run(run())
    assert endpoint.headers[0]["Authorization"] == "Bearer sk-secret"
    assert endpoint.bodies[0]["model"] == "org/model"
    assert endpoint.bodies[0]["temperature"] == 0.5
    assert "max_tokens" not in endpoint.bodies[0]
    assert generator.name == "openai:org/model@" + endpoint.base_url.removeprefix("http://")


def test_a_local_server_needs_no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    endpoint = FakeEndpoint()
    answers(endpoint, [ask("x")])
    assert "Authorization" not in endpoint.headers[0]


def test_generator_name_contains_no_secret():
    generator = OpenAIGenerator("m", base_url="https://user:hunter2@host:8/v1", api_key="sk-1")
    assert generator.name == "openai:m@host:8/v1"


@pytest.mark.parametrize("base_url", ["localhost:8000/v1", "ftp://host/v1", "http://", "host"])
def test_invalid_base_url_is_refused(base_url):
    with pytest.raises(InputError, match="is not a valid address"):
        OpenAIGenerator("m", base_url=base_url)


def test_lone_surrogates_become_replacement_characters():
    (completion,) = answers(scripted(chat("a\ud800b")), [ask("x")])
    assert completion.text == "a\ufffdb"
    assert completion.usage == Usage(input_tokens=5, output_tokens=7)


@pytest.fixture
def unused_tcp_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
