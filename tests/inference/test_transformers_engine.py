"""A local model as generator: a tiny random Llama, made here."""

import asyncio

import pytest

from rightly.errors import InputError
from rightly.inference.generator import Request
from rightly.inference.transformers_engine import transformers_fingerprint, transformers_generator
from rightly.types import Message

torch = pytest.importorskip("torch")
WORDS = [*(f"w{i}" for i in range(60)), "<pad>", "<eos>", "<unk>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a model whose answers differ from prompt to prompt and sometimes end by themselves."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.6,
        pad_token_id=WORDS.index("<pad>"),
        eos_token_id=WORDS.index("<eos>"),
    )
    folder = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def ask(model, requests, *, batch_size=16, **options):
    async def whole():
        generator = transformers_generator(model, batch_size=batch_size, device="cpu", **options)
        return await asyncio.gather(*(generator.generate(request) for request in requests))

    return asyncio.run(whole())


def requests(n, **options):
    return [
        Request(
            messages=(Message(role="user", content=" ".join(f"w{(i * j) % 60}" for j in range(1, 3 + i))),), **options
        )
        for i in range(1, n + 1)
    ]


def test_batched_answers_equal_single_answers(model):
    asked = requests(6, max_tokens=12)
    together, alone = ask(model, asked), ask(model, asked, batch_size=1)
    assert [a.text for a in together] == [a.text for a in alone]
    assert len({a.text for a in together}) > 1


def test_answer_at_token_limit_is_truncated(model):
    answers = ask(model, requests(24, max_tokens=40))
    kinds = {answer.failure for answer in answers}
    assert kinds >= {None, "truncated"}
    for answer in answers:
        assert answer.finish_reason == ("length" if answer.failure == "truncated" else "stop")
        assert 0 < answer.usage.output_tokens <= 40
        assert answer.usage.input_tokens >= 2
        assert "<eos>" not in answer.text


def test_sampling_follows_the_seed_and_the_sample(model):
    def sampled(**options):
        return ask(model, requests(1, max_tokens=20, temperature=1.5, **options))[0].text

    assert sampled(seed=1) == sampled(seed=1)
    assert len({sampled(seed=1), sampled(seed=2), sampled(seed=1, sample=1)}) == 3


def test_engine_uses_chat_template(model, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = "{% for m in messages %}w1 {{ m.content }} {% endfor %}w2 w3"
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(model).save_pretrained(tmp_path)
    request = Request(messages=(Message(role="system", content="w4"), Message(role="user", content="w5")), max_tokens=5)
    assert ask(model, [request])[0].usage.input_tokens == 2
    assert ask(str(tmp_path), [request])[0].usage.input_tokens == 6


def own_logprobs(model, request, answer):
    """The model's log-probabilities of every token of the answer, by one forward pass over prompt and answer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, loaded = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    prompt = tokenizer(request.messages[0].content)["input_ids"]
    tokens = prompt + tokenizer(answer.text)["input_ids"]
    with torch.inference_mode():
        logits = loaded(torch.tensor([tokens])).logits[0].log_softmax(dim=-1)
    return [dict(zip(WORDS, logits[i - 1].tolist(), strict=True)) for i in range(len(prompt), len(tokens))]


@pytest.mark.parametrize("options", [{}, {"temperature": 1.5, "top_p": 0.9}])
def test_logprobs_are_those_of_the_raw_logits(model, options):
    words = tuple(WORDS[:60])
    asked = [each.model_copy(update={"logprobs_of": words}) for each in requests(24, max_tokens=40, **options)]
    answers, compared = ask(model, asked), 0
    for request, answer in zip(asked, answers, strict=True):
        if answer.failure is not None:
            assert answer.logprobs == ()
            continue
        said = answer.text.split()
        assert [each.token.strip() for each in answer.logprobs] == said
        if len(said) < answer.usage.output_tokens - 1:
            continue  # a special token inside the answer, which its text does not show
        own = own_logprobs(model, request, answer)
        compared += len(own)
        for each, expected in zip(answer.logprobs, own, strict=True):
            assert answer.text[each.start : each.start + len(each.token)] == each.token
            found = {token.strip(): value for token, value in each.alternatives.items() if token.strip() in words}
            assert len(each.alternatives) >= 18
            assert found == pytest.approx({token: expected[token] for token in found}, abs=1e-4)
    assert compared > 10


def test_only_tokens_of_wanted_words_are_kept(model):
    plain = requests(24, max_tokens=40)
    answers = ask(model, plain)
    word = next(answer.text.split()[0] for answer in answers if answer.failure is None)
    wanted = ask(model, [each.model_copy(update={"logprobs_of": (word,)}) for each in plain])
    assert [answer.text for answer in wanted] == [answer.text for answer in answers]
    assert {each.token.strip() for answer in wanted for each in answer.logprobs} == {word}


def test_a_response_format_is_refused_with_the_engines_that_have_it(model):
    request = requests(1)[0].model_copy(update={"response_format": "{}"})
    with pytest.raises(InputError, match=r"use openai: \(any compatible endpoint\) or vllm:"):
        ask(model, [request])


def test_template_arguments_reach_the_template_and_identify_the_model(model, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = "{{ messages[0].content }}{% if long %} w1 w2 w3{% endif %}"
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(model).save_pretrained(tmp_path)
    request = Request(messages=(Message(role="user", content="w5"),), max_tokens=5)
    usual = ask(str(tmp_path), [request])[0].usage.input_tokens
    long = ask(str(tmp_path), [request], chat_template_kwargs={"long": True})[0].usage.input_tokens
    assert long - usual == 3
    assert transformers_fingerprint(str(tmp_path)) != transformers_fingerprint(
        str(tmp_path), chat_template_kwargs={"long": True}
    )


def test_folder_without_model_gives_one_line_error(tmp_path):
    with pytest.raises(InputError, match="cannot be loaded") as raised:
        transformers_generator(str(tmp_path))
    assert "\n" not in str(raised.value)
