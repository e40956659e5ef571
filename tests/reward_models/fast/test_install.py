"""Packed rewards and gradients against separate forward passes, over architectures, kernels and ways of training."""

import logging

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from rightly.errors import InputError
from rightly.reward_models.fast.batches import padded_batch
from rightly.reward_models.fast.install import compile_layers, install
from rightly.reward_models.fast.packing import group_sequences, pack
from rightly.reward_models.model_parts import head_name

SHAPE = dict(
    vocab_size=200,
    hidden_size=48,
    intermediate_size=96,
    num_hidden_layers=3,
    num_attention_heads=6,
    num_key_value_heads=2,
    num_labels=1,
    pad_token_id=0,
)
SMALL_GPT2 = dict(
    vocab_size=200, n_embd=48, n_layer=2, n_head=4, num_labels=1, pad_token_id=0, bos_token_id=1, eos_token_id=1
)
PACKABLE = {
    "llama": LlamaConfig(**SHAPE),
    "qwen3": Qwen3Config(**SHAPE, head_dim=16),
    "qwen3, windows in some layers": Qwen3Config(
        **SHAPE, head_dim=16, use_sliding_window=True, sliding_window=15, max_window_layers=1
    ),
    "mistral, window of 20": MistralConfig(**SHAPE, head_dim=16, sliding_window=20),
    "gemma3, window of 16": Gemma3TextConfig(**SHAPE, head_dim=16, sliding_window=16),
    "gpt2": GPT2Config(**SMALL_GPT2, resid_pdrop=0.0, attn_pdrop=0.0, embd_pdrop=0.0),
}
KERNELS = ("cpu", "mask")


def model_of(config, **options):
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    assert install(model, **options) is None
    return model.train()


def random_groups():
    generator = torch.Generator().manual_seed(1)

    def ids(count):
        return torch.randint(1, 200, (count,), generator=generator).tolist()

    prompts = [ids(30), ids(12)]
    return [[prompt + ids(n) for n in (25, 3, 40)] for prompt in prompts] + [[ids(4)], [ids(9), ids(5)]]


def packed_arguments(groups):
    row = pack([group_sequences(group) for group in groups])
    return {"input_ids": row.input_ids, "position_ids": row.position_ids, "spans": row.spans}


def separate_rewards(model, groups):
    return torch.cat([model(torch.tensor([sequence])).logits[:, 0] for group in groups for sequence in group])


def gradients(model, rewards):
    weights = torch.linspace(-1, 2, len(rewards))
    model.zero_grad()
    (rewards * weights).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_equal_gradients(found, expected, tolerance=1e-4):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= tolerance * gradient.norm().clamp_min(1e-7), name


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", PACKABLE)
def test_packed_rewards_and_gradients_equal_separate_passes(name, kernel):
    model, groups = model_of(PACKABLE[name], kernel=kernel), random_groups()

    packed = model(**packed_arguments(groups)).logits[:, 0]
    found = gradients(model, packed)
    separate = separate_rewards(model, groups)

    torch.testing.assert_close(packed, separate, atol=1e-5, rtol=0)
    assert_equal_gradients(found, gradients(model, separate))


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", ["qwen3", "gemma3, window of 16"])
def test_flex_attention_equals_reference(name):
    """Forward only: FlexAttention has no backward on a CPU."""
    model, groups = model_of(PACKABLE[name], kernel="flex").eval(), random_groups()
    with torch.no_grad():
        packed = model(**packed_arguments(groups)).logits[:, 0]

        torch.testing.assert_close(packed, separate_rewards(model, groups), atol=1e-5, rtol=0)


def test_packed_rewards_ignore_neighbours_in_row():
    model, groups = model_of(PACKABLE["qwen3"]).eval(), random_groups()
    with torch.no_grad():
        alone = model(**packed_arguments(groups[:1])).logits
        together = model(**packed_arguments(groups[1:] + groups[:1])).logits[-3:]

    torch.testing.assert_close(alone, together, atol=1e-6, rtol=0)


def test_packed_gradients_equal_with_gradient_checkpointing():
    model, groups = model_of(PACKABLE["qwen3"]), random_groups()
    expected = gradients(model, model(**packed_arguments(groups)).logits[:, 0])
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    found = gradients(model, model(**packed_arguments(groups)).logits[:, 0])

    assert_equal_gradients(found, expected, 1e-6)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # the compiler's own look at its inputs
def test_packed_rewards_equal_with_compiled_layers():
    model, groups = model_of(PACKABLE["qwen3"]), random_groups()
    names = list(model.state_dict())
    expected = gradients(model, model(**packed_arguments(groups)).logits[:, 0])
    compile_layers(model)

    found = gradients(model, model(**packed_arguments(groups)).logits[:, 0])

    assert_equal_gradients(found, expected)
    assert list(model.state_dict()) == names


def test_autocast_keeps_head_and_rewards_in_float32():
    model, groups = model_of(PACKABLE["qwen3"]), random_groups()
    with torch.autocast("cpu", torch.bfloat16):
        out = model(**packed_arguments(groups))

    assert out.logits.dtype == torch.float32
    torch.testing.assert_close(out.logits[:, 0], separate_rewards(model, groups), atol=0.03, rtol=0)


def test_low_precision_weights_keep_float32_head():
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(PACKABLE["qwen3"]).to(torch.bfloat16)
    assert install(model) is None

    out = model(**packed_arguments(random_groups()))

    assert model.score.weight.dtype == out.logits.dtype == torch.float32
    assert out.hidden_states[0].dtype == torch.bfloat16


def test_features_are_what_the_head_reads():
    model = model_of(PACKABLE["llama"])
    out = model(**packed_arguments(random_groups()))

    torch.testing.assert_close(model.score(out.hidden_states[0]), out.logits)


def test_the_plain_forward_still_takes_padded_batches():
    config = PACKABLE["mistral, window of 20"]
    torch.manual_seed(0)
    untouched = AutoModelForSequenceClassification.from_config(config).eval()
    model = model_of(config).eval()
    sequences = [sequence for group in random_groups() for sequence in group]
    batch = padded_batch(sequences, pad_id=0)
    arguments = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    with torch.no_grad():
        torch.testing.assert_close(model(**arguments).logits, untouched(**arguments).logits)


def test_padded_batches_pool_by_position_even_where_the_pad_token_ends_the_text():
    """transformers, and TRL with it, would pool the token before: it looks for the last id that is not the pad id."""
    model = model_of(PACKABLE["llama"]).eval()
    with_end, without = [5, 6, 7, 0], [5, 6, 7]
    with torch.no_grad():
        ours = model(**padded_batch([with_end, without, [*with_end, 9, 9]], pad_id=0)).logits[:2, 0]
        plain = model(torch.tensor([with_end])).logits[0, 0], model(torch.tensor([without])).logits[0, 0]

    assert torch.isclose(*plain)  # the defect, in the plain path
    assert not torch.isclose(ours[0], ours[1])
    assert torch.isclose(ours[1], plain[1], atol=1e-6)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (Gemma2Config(**SHAPE, head_dim=16), "soft-capped"),
        (
            BertConfig(
                vocab_size=200,
                hidden_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=96,
                num_labels=1,
            ),
            "both directions",
        ),
    ],
    ids=["gemma2", "bert"],
)
def test_unpackable_model_falls_back_to_padding_with_warning(config, reason, caplog):
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    with caplog.at_level(logging.WARNING):
        assert reason in install(model)
    assert reason in caplog.text

    sequences = [sequence for group in random_groups() for sequence in group]
    with torch.no_grad():
        out = model(**padded_batch(sequences, pad_id=0))
        alone = torch.cat([model(torch.tensor([sequence])).logits for sequence in sequences])
    torch.testing.assert_close(out.logits, alone, atol=1e-5, rtol=0)
    assert out.hidden_states[0].shape == (len(sequences), 48)


def test_a_model_without_a_reward_head_is_named():
    from transformers import AutoModel

    with pytest.raises(InputError, match="LlamaModel has no reward head"):
        head_name(AutoModel.from_config(PACKABLE["llama"]))


def test_packing_can_be_switched_off():
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(PACKABLE["llama"])

    assert install(model, packed=False) == "packing was switched off"


def test_install_twice_is_refused():
    with pytest.raises(RuntimeError, match="already"):
        install(model_of(PACKABLE["llama"]))
