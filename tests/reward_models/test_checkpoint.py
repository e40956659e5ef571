"""What a load says: nothing of what is restored or meant to be new, the name of all else that is missing or left over."""

import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from rightly.errors import InputError
from rightly.reward_models.doctor import examine
from rightly.reward_models.model import RewardModel
from tests.training.bases import make_encoder

FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@pytest.fixture
def said(caplog):
    """All warnings so far, of transformers too, whose logger keeps them to itself."""
    import transformers

    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_warning()  # another test may have made transformers silent
    transformers.utils.logging.enable_propagation()
    caplog.set_level(logging.WARNING)
    yield lambda: [record.getMessage() for record in caplog.records]
    transformers.utils.logging.disable_propagation()
    transformers.utils.logging.set_verbosity(verbosity)


@pytest.fixture
def headless(sound, tmp_path):
    """A language model: a base to be trained."""
    torch.manual_seed(0)
    folder = tmp_path / "base"
    config = AutoConfig.from_pretrained(sound)
    config.tie_word_embeddings = False
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for file in FILES:
        (folder / file).write_bytes((sound / file).read_bytes())
    return folder


def change(folder, **tensors):
    """Put tensors into a checkpoint; ``None`` takes one out."""
    weights = load_file(folder / "model.safetensors") | {name.replace("__", "."): t for name, t in tensors.items()}
    kept = {name: tensor for name, tensor in weights.items() if tensor is not None}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_base_to_be_trained_is_loaded_in_silence(headless, said):
    model = RewardModel.load(headless, device="cpu", new_head=True)
    assert model.fresh == ("score.weight",)
    assert said() == []


def test_an_adapter_that_brings_the_head_is_loaded_and_examined_in_silence(headless, tmp_path, said):
    from peft import LoraConfig, get_peft_model

    model = AutoModelForSequenceClassification.from_pretrained(headless, num_labels=1)
    assert any("score.weight" in line for line in said())  # so transformers' report would be seen here
    config = LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["q_proj"])
    get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    before = len(said())
    RewardModel.load(tmp_path / "adapter", device="cpu")
    examine(str(tmp_path / "adapter"), device="cpu")
    assert said()[before:] == []


def test_scoring_without_a_head_is_refused_by_name(headless):
    with pytest.raises(InputError, match=r"no trained reward head \(score.weight missing\)"):
        RewardModel.load(headless, device="cpu")


@pytest.mark.parametrize("new_head", [False, True])
def test_a_body_that_is_not_whole_is_told(broken, said, new_head):
    folder = broken()
    change(folder, model__layers__1__mlp__up_proj__weight=None)
    if new_head:
        RewardModel.load(folder, device="cpu", new_head=True)
        assert "model.layers.1.mlp.up_proj.weight" in said()[0]
    else:
        with pytest.raises(InputError, match=r"whole body \(model.layers.1.mlp.up_proj.weight missing\)"):
            RewardModel.load(folder, device="cpu")


def test_an_encoders_dense_head_is_part_of_the_head(tmp_path):
    base = make_encoder(tmp_path, kind="distilbert", as_language_model=True)
    model = RewardModel.load(base, device="cpu", new_head=True)
    assert {name.split(".")[0] for name in model.fresh} == {"pre_classifier", "classifier"}
    with pytest.raises(InputError, match="no trained reward head"):
        RewardModel.load(base, device="cpu")


def test_a_head_of_which_a_part_is_missing_is_refused(tmp_path):
    """Only the last layer was looked at: a dense layer before it could be random."""
    base = make_encoder(tmp_path / "base", kind="distilbert")
    RewardModel.load(base, device="cpu", new_head=True).save(tmp_path / "saved")
    change(tmp_path / "saved", pre_classifier__weight=None)
    with pytest.raises(InputError, match=r"no trained reward head \(pre_classifier.weight missing\)"):
        RewardModel.load(tmp_path / "saved", device="cpu")


def test_a_pooling_layer_that_starts_at_random_is_told(tmp_path, said):
    base = make_encoder(tmp_path, kind="bert", as_language_model=True)
    RewardModel.load(base, device="cpu", new_head=True)
    assert [line for line in said() if "bert.pooler.dense.weight" in line]


@pytest.mark.parametrize("where", ["headless", "trained"])
def test_weights_without_a_place_are_told(headless, broken, said, where):
    folder = headless if where == "headless" else broken()
    change(folder, model__layers__7__mlp__up_proj__weight=torch.zeros(64, 32))
    RewardModel.load(folder, device="cpu", new_head=True)
    assert "LlamaForSequenceClassification does not use: model.layers.7.mlp.up_proj.weight" in said()[0]


def test_a_trained_checkpoint_with_another_head_is_told(broken, said):
    folder = broken()
    change(folder, v_head__summary__weight=torch.zeros(1, 32))
    RewardModel.load(folder, device="cpu")
    assert "v_head.summary.weight" in said()[0]


def test_other_messages_of_transformers_pass(sound, said):
    from rightly.reward_models.checkpoint import without_loading_report

    with without_loading_report():
        logging.getLogger("transformers.modeling_utils").warning("something else")
        logging.getLogger("transformers.modeling_utils").warning("X LOAD REPORT from: y")
    logging.getLogger("transformers.modeling_utils").warning("Z LOAD REPORT from: y")
    assert said() == ["something else", "Z LOAD REPORT from: y"]
