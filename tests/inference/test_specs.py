import asyncio
import sys

import pytest

from rightly.errors import InputError, MissingExtraError
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache, Exchange
from rightly.inference.book import Price
from rightly.inference.endpoint import endpoint_fingerprint
from rightly.inference.generator import Completion, Request
from rightly.inference.specs import Sampling, build_generator, generator_fingerprint, parse_spec
from rightly.types import Message, content_key
from tests.fake_endpoint import FakeEndpoint


def build(text, cache=None, account=None):
    return build_generator(parse_spec(text), cache=cache, account=account or Account(), role="judge")


def ask(text):
    return Request(messages=(Message(role="user", content=text),))


def test_spec_separates_engine_and_sampling_options():
    generator, sampling = build(
        "openai:org/m?temperature=0&max_tokens=20&concurrency=3&base_url=http://localhost:8000/v1&timeout_s=1.5"
    )
    assert generator.name == "openai:org/m@localhost:8000/v1"
    assert sampling == Sampling(temperature=0.0, max_tokens=20)
    assert generator.concurrency == 6


def test_sampling_options_are_passed_to_request():
    messages = (Message(role="user", content="hi"),)
    request = Sampling(temperature=0.5, seed=3).request(messages, sample=2)
    assert (request.messages, request.temperature, request.seed, request.sample) == (messages, 0.5, 3, 2)
    assert request.max_tokens is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("opnai:m", "did you mean 'openai'?"),
        ("gpt-4", "use openai:MODEL"),
        ("openai:", "is not a known model"),
        ("openai:m?temprature=0", "did you mean 'temperature'?"),
        ("openai:m?batch_size=3", "unknown option 'batch_size'"),
        ("openai:m?temperature=hot", "temperature: "),
        ("openai:m?temperature=-1", "temperature: "),
        ("openai:m?top_p=0", "top_p: "),
        ("openai:m?max_tokens=0", "max_tokens: "),
        ("openai:m?concurrency=0", "concurrency=0 is not above 0"),
        ("openai:m?concurrency=many", "concurrency=many is not a whole number"),
        ("openai:m?timeout_s=inf", "timeout_s=inf is not above 0"),
        ("openai:m?timeout_s", "timeout_s= is not a number"),
        ("openai:m?base_url=localhost", "is not a valid address"),
        ("replay:none.jsonl", "cannot be read"),
        ("openai:m?extra_body={top_k:5}", 'write extra_body={"top_k":20}, and in it %26 for &'),
        ("openai:m?extra_body=[1]", "extra_body=[1] is not a JSON object"),
        ('hf:m?chat_template_kwargs={"a":', 'write chat_template_kwargs={"enable_thinking":false}'),
        ('openai:m?extra_body={"model":"n"}', "extra_body sets 'model'"),
        ("hf:m?reasoning_effort=low", "unknown option 'reasoning_effort'"),
    ],
)
def test_invalid_spec_gives_one_line_error(text, words):
    with pytest.raises(InputError) as caught:
        build(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_built_generator_caches_and_books_calls(tmp_path):
    cache, account = AnswerCache(tmp_path / "cache"), Account()

    async def run():
        async with FakeEndpoint() as endpoint:
            generator, sampling = build(f"openai:m?base_url={endpoint.base_url}", cache, account)
            request = sampling.request((Message(role="user", content="hi"),))
            found = [await generator.generate(request) for _ in range(2)]
            await generator.aclose()
            return [completion.cached for completion in found]

    assert asyncio.run(run()) == [False, True]
    assert account.models["judge", "m"].calls == 1
    cache.close()


def test_a_replay_is_neither_booked_nor_cached(tmp_path):
    request = Sampling().request((Message(role="user", content="hi"),))
    path = tmp_path / "run.jsonl"
    path.write_text(Exchange(request=request, completion=Completion(text="x")).model_dump_json())
    account = Account(budget=0.0)
    generator, _ = build(f"replay:{path}", None, account)
    assert asyncio.run(generator.generate(request)).text == "x"
    assert not account.models


def test_json_options_are_sent_and_identify_the_model():
    text = 'openai:m?reasoning_effort=high&extra_body={"top_k":20,"stop":["a%26b%2Bc"]}&chat_template_kwargs={"t":true}'

    async def run():
        async with FakeEndpoint() as endpoint:
            spec = parse_spec(f"{text}&base_url={endpoint.base_url}")
            generator, _ = build_generator(spec, cache=None, account=Account(), role="judge")
            await generator.generate(ask("hi"))
            await generator.aclose()
            plain, _ = generator_fingerprint(parse_spec(f"openai:m?base_url={endpoint.base_url}"))
            assert generator.fingerprint == generator_fingerprint(spec)[0] != plain
            return endpoint.bodies[0]

    body = asyncio.run(run())
    assert body["reasoning_effort"] == "high"
    assert (body["top_k"], body["stop"], body["chat_template_kwargs"]) == (20, ["a&b+c"], {"t": True})


@pytest.mark.parametrize(("spec", "module", "extra"), [("vllm:m", "vllm", "vllm"), ("hf:m", "transformers", "train")])
def test_a_missing_extra_says_how_to_install_it(monkeypatch, spec, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'rightly\[{extra}\]'"):
        build(spec)


def test_a_local_model_costs_nothing_and_needs_no_price_under_a_budget(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError):
        build("hf:m", account=Account(budget=1.0))


@pytest.mark.parametrize(
    ("spec", "fix"), [("openai:n?max_tokens=9", "add --price n=IN,OUT"), ("openai:m", r"openai:m\?max_tokens=4096")]
)
def test_a_budget_needs_a_price_and_a_limit_to_answers(spec, fix):
    with pytest.raises(InputError, match=fix):
        build(spec, account=Account({"m": Price(1.0, 1.0)}, budget=1.0))


def test_a_key_is_needed_for_the_first_call_and_not_for_answers_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    cache, known, new = AnswerCache(tmp_path / "cache"), ask("known"), ask("new")
    cache.put(
        content_key([endpoint_fingerprint("m", "https://api.example.com/v1"), known.key]), known, Completion(text="x")
    )
    generator, _ = build("openai:m?base_url=https://api.example.com/v1", cache)
    assert asyncio.run(generator.generate(known)).text == "x"
    with pytest.raises(InputError, match=r"OPENAI_API_KEY is not set, and api\.example\.com needs a key"):
        asyncio.run(generator.generate(new))
    cache.close()
