"""What is asked of vLLM's offline engine, by a stand-in for it: vLLM itself needs an accelerator."""

import asyncio
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from rightly.errors import InputError
from rightly.inference.vllm import vllm_fingerprint, vllm_generator
from tests.inference.test_openai_api import ask

PIECES = {1: "the", 2: " winner", 3: ":", 4: " A", 5: " B", 9: ""}


class Engine:
    def __init__(self, **options):
        self.asked = []

    def get_tokenizer(self):
        return SimpleNamespace(decode=lambda ids, skip_special_tokens: "".join(PIECES[i] for i in ids))

    def chat(self, chats, params, *, use_tqdm, chat_template_kwargs):
        self.asked += [(chat, param, chat_template_kwargs) for chat, param in zip(chats, params, strict=True)]
        ids = [1, 2, 3, 4, 9]
        at = [{token: SimpleNamespace(logprob=-0.5), 5: SimpleNamespace(logprob=-1.0)} for token in ids]
        text = "".join(PIECES[i] for i in ids)
        answer = SimpleNamespace(text=text, token_ids=ids, finish_reason="stop", logprobs=at)
        return [SimpleNamespace(prompt_token_ids=[1, 2], outputs=[answer]) for _ in chats]


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """The stand-in; calling it answers a request by the model in a folder of its own."""
    made = Engine()
    vllm, params = ModuleType("vllm"), ModuleType("vllm.sampling_params")
    vllm.LLM, vllm.SamplingParams = lambda **_: made, lambda **options: options
    params.StructuredOutputsParams = lambda **held: held
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", params)
    (tmp_path / "config.json").write_text("{}")

    def answer(request, **options):
        return asyncio.run(vllm_generator(str(tmp_path), **options).generate(request))

    made.answer, made.folder = answer, str(tmp_path)
    return made


def test_logprobs_are_asked_for_and_read(engine):
    completion = engine.answer(ask("x", logprobs_of=("A", "B")))
    assert engine.asked[0][1]["logprobs"] == 20
    (found,) = completion.logprobs
    assert (found.start, found.token, found.alternatives) == (11, " A", {" A": -0.5, " B": -1.0})


def test_a_plain_request_asks_for_neither(engine):
    assert engine.answer(ask("x")).logprobs == ()
    _, params, template = engine.asked[0]
    assert params["logprobs"] is None
    assert "structured_outputs" not in params
    assert template == {}


@pytest.mark.parametrize(
    ("form", "held"),
    [
        ({"type": "json_schema", "json_schema": {"name": "v", "schema": {"a": 1}}}, {"json": {"a": 1}}),
        ({"type": "json_object"}, {"json_object": True}),
        ({"type": "text"}, None),
    ],
)
def test_response_format_becomes_a_structured_output(engine, form, held):
    engine.answer(ask("x", response_format=json.dumps(form)))
    assert engine.asked[0][1].get("structured_outputs") == held


@pytest.mark.parametrize("form", [{"type": "grammar"}, {"type": "json_schema"}, {}])
def test_an_unknown_response_format_is_refused(engine, form):
    with pytest.raises(InputError, match="response_format"):
        engine.answer(ask("x", response_format=json.dumps(form)))
    assert engine.asked == []


def test_template_arguments_are_passed_on_and_identify_the_model(engine):
    engine.answer(ask("x"), chat_template_kwargs={"enable_thinking": False})
    assert engine.asked[0][2] == {"enable_thinking": False}
    names = {vllm_fingerprint(engine.folder, chat_template_kwargs=each) for each in (None, {}, {"a": 1}, {"a": 2})}
    assert len(names) == 3
