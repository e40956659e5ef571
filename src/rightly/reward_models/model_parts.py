"""Find the parts of a sequence-classification model that reward modelling needs."""

from torch import nn
from transformers import PreTrainedModel

from rightly.errors import InputError

_HEADS = ("score", "classifier", "classification_head")


def backbone(model: PreTrainedModel) -> PreTrainedModel:
    """The part that computes hidden states."""
    return getattr(model, model.base_model_prefix)


def head_name(model: PreTrainedModel) -> str:
    """Name of the attribute that maps a hidden state to a reward.

    Raises:
        InputError: The model has no such attribute.
    """
    for name in _HEADS:
        if hasattr(model, name):
            return name
    raise InputError(
        f"{type(model).__name__} has no reward head ({', '.join(_HEADS)})",
        fix="use an AutoModelForSequenceClassification with num_labels=1",
    )


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList | None:
    """The stack of layers, first to last; ``None`` if there is no single stack."""
    depth = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    for module in backbone(model).modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    return None


def pools_last_token(model: PreTrainedModel) -> bool:
    """Whether the model reads the reward from the last token (decoders), rather than from a pooled first one (encoders)."""
    return hasattr(model, "score")
