"""Dropout in the body of a model: set in existing modules, or added to models without any."""

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from rightly.reward_models.model_parts import backbone, decoder_layers


def set_dropout(model: PreTrainedModel, probability: float) -> None:
    """Give the body one dropout probability.

    Models with dropout modules (encoders, GPT-2) get it there. Others (Llama, Qwen, Gemma, Mistral) get it on the outputs
    that attention and MLP add to the residual stream, as in GPT-2. Dropout of attention scores is disabled: the packed
    kernels do not support it, and one kind of mask suffices for two views.

    Args:
        model: Model before compilation.
        probability: Share of features set to 0, in [0, 1).
    """
    modules = [module for module in backbone(model).modules() if isinstance(module, nn.Dropout)]
    for module in modules:
        module.p = probability
    for module in model.modules():
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0  # type: ignore[assignment]
    config = model.config.get_text_config()
    if getattr(config, "attention_dropout", 0.0):
        config.attention_dropout = 0.0
    if not modules and probability > 0:
        for layer in decoder_layers(model) or ():
            for branch in layer.children():
                if "norm" not in type(branch).__name__.lower():
                    branch.register_forward_hook(_dropped(probability))


def _dropped(probability: float) -> Any:
    def hook(module: nn.Module, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (nn.functional.dropout(output[0], probability, module.training), *output[1:])
        return nn.functional.dropout(output, probability, module.training)

    return hook
