"""What a request can ask of an API, and how its answer is read."""

import json

import pytest

from rightly.errors import InputError
from rightly.inference.bounds import worst_usage
from rightly.inference.endpoint import endpoint_fingerprint
from rightly.inference.generator import Request
from rightly.inference.openai_api import OpenAIGenerator
from rightly.types import Message
from tests.fake_endpoint import FakeEndpoint
from tests.inference.test_openai_api import answers, ask, chat, scripted

FORM = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": {"type": "object"}}}


def test_key_of_a_request_without_the_newer_fields_is_unchanged():
    messages = (Message(role="system", content="é"), Message(role="user", content="hi"))
    request = Request(messages=messages, temperature=0.5, max_tokens=9, seed=1, sample=2)
    assert request.key == "70975f1084fce9b56fe53d60c4d78fe8"
    assert ask("hi").key == "03abb3a465fc6de5673af134460cdd8c"


def test_newer_fields_are_part_of_the_key():
    keys = {
        ask("hi", **fields).key
        for fields in ({}, {"response_format": "{}"}, {"logprobs_of": ("A",)}, {"logprobs_of": ("A", "B")})
    }
    assert len(keys) == 4


def test_samples_of_a_seeded_request_have_seeds_of_their_own():
    endpoint = FakeEndpoint(lambda _: "B wins")
    answers(endpoint, [ask("1", seed=7, sample=sample) for sample in range(3)] + [ask("2")], concurrency=1)
    assert [body.get("seed") for body in endpoint.bodies] == [7, 8, 9, None]


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_a_response_format_is_a_json_object(text):
    with pytest.raises(ValueError, match="response_format"):
        ask("hi", response_format=text)


def test_worst_case_counts_the_response_format():
    plain, held = (worst_usage(ask("hi", max_tokens=5, **more)) for more in ({}, {"response_format": json.dumps(FORM)}))
    assert held.input_tokens == plain.input_tokens + len(json.dumps(FORM))


def test_fields_are_sent_only_when_asked_for():
    endpoint = FakeEndpoint(lambda _: "B wins")
    requests = [ask("1"), ask("2", response_format=json.dumps(FORM)), ask("3", logprobs_of=("A", "B"))]
    found = answers(endpoint, requests, concurrency=1)
    newer = [{k: v for k, v in body.items() if k not in ("model", "messages")} for body in endpoint.bodies]
    assert newer == [{}, {"response_format": FORM}, {"logprobs": True, "top_logprobs": 20}]
    assert [each.logprobs == () for each in found] == [True, True, False]
    assert found[2].logprobs[0].model_dump() == {"start": 0, "token": "B", "alternatives": {"B": -0.25}}


def test_an_endpoint_without_logprobs_gives_none():
    (completion,) = answers(scripted(chat("A")), [ask("x", logprobs_of=("A",))])
    assert (completion.text, completion.failure, completion.logprobs) == ("A", None, ())


def test_a_lower_limit_of_top_logprobs_is_learned_once():
    refusal = (400, {}, {"error": {"message": "top_logprobs must be at most 5"}})
    endpoint = scripted(refusal)
    found = answers(endpoint, [ask(f"{i}", logprobs_of=("A", "B")) for i in range(3)], concurrency=1, max_attempts=1)
    assert [completion.failure for completion in found] == [None] * 3
    assert [body["top_logprobs"] for body in endpoint.bodies] == [20, 5, 5, 5]


def test_an_endpoint_that_refuses_logprobs_is_named_in_the_failure():
    refusal = (400, {}, {"error": {"message": "logprobs are not supported with reasoning models"}})
    endpoint = scripted(refusal, refusal)
    (completion,) = answers(endpoint, [ask("x", logprobs_of=("A",))])
    assert completion.failure == "provider"
    assert completion.detail == "HTTP 400: logprobs are not supported with reasoning models"


def test_content_in_parts_is_joined_without_thinking():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "A is "},
        {"type": "text", "text": "better"},
    ]
    (completion,) = answers(scripted(chat(parts)), [ask("x")])
    assert completion.text == "A is better"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", [None, "", " \n", []])
def test_an_answer_that_was_taken_for_reasoning_is_the_answer(field, content):
    (completion,) = answers(scripted(chat(content, **{field: "A is better"})), [ask("x")])
    assert (completion.text, completion.failure) == ("A is better", None)


def test_reasoning_beside_an_answer_is_ignored():
    (completion,) = answers(scripted(chat("B", reasoning_content="A is better")), [ask("x")])
    assert completion.text == "B"


def test_reasoning_without_an_answer_is_truncated_when_the_limit_was_reached():
    (completion,) = answers(scripted(chat("", "length", reasoning_content="A is")), [ask("x")])
    assert (completion.text, completion.failure) == ("", "truncated")


def test_fields_of_the_spec_are_sent_with_every_call():
    endpoint = FakeEndpoint()
    answers(
        endpoint,
        [ask("x", temperature=0.5)],
        reasoning_effort="low",
        chat_template_kwargs={"enable_thinking": False},
        extra_body={"top_k": 20, "temperature": 0.7},
    )
    assert {k: v for k, v in endpoint.bodies[0].items() if k not in ("model", "messages")} == {
        "reasoning_effort": "low",
        "chat_template_kwargs": {"enable_thinking": False},
        "top_k": 20,
        "temperature": 0.7,
    }


@pytest.mark.parametrize("field", ["model", "messages", "stream", "n", "max_tokens", "max_completion_tokens"])
def test_extra_body_replaces_no_field_of_ours(field):
    with pytest.raises(InputError, match=f"extra_body sets '{field}'"):
        OpenAIGenerator("m", base_url="http://localhost:1/v1", extra_body={field: 1})


def test_fields_of_the_spec_are_part_of_the_model():
    plain = endpoint_fingerprint("m", "http://localhost:1/v1")
    assert plain == "fade1a346335e262a8e2a7e5c868cf4d"
    assert endpoint_fingerprint("m", "http://localhost:1/v1", extra_body={}, reasoning_effort=None) == plain
    one, same, other = (
        endpoint_fingerprint("m", "http://localhost:1/v1", extra_body=body)
        for body in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3})
    )
    assert one == same != other
    assert len({plain, one, other, endpoint_fingerprint("m", "http://localhost:1/v1", reasoning_effort="low")}) == 4
    built = OpenAIGenerator("m", base_url="http://localhost:1/v1", extra_body={"b": 2, "a": 1})
    assert built.fingerprint == one
