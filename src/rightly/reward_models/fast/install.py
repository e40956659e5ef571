"""The forward method for reward modelling: packed if the architecture allows it, else padded.

`install` adds two call signatures to a sequence-classification model, through its own ``forward``, so that DDP, FSDP and
adapters see every call:

- ``model(input_ids, position_ids=..., spans=...)`` for a packed row (`rightly.reward_models.fast.packing`);
- ``model(input_ids, attention_mask=..., last=...)`` for a padded batch, pooled by position, never by pad id.

Both return ``logits``, ``(N, 1)``, in float32 and the pooled features, ``(N, H)``, as the only entry of ``hidden_states``.
"""

import logging
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutputWithPast

from rightly.reward_models.fast import attention
from rightly.reward_models.fast.packing import TokenGroup, group_sequences, pack
from rightly.reward_models.fast.pruning import prune
from rightly.reward_models.model_parts import backbone, decoder_layers, head_name, pools_last_token

logger = logging.getLogger(__name__)

_PROBE_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}


def install(model: PreTrainedModel, *, packed: bool = True, kernel: attention.Kernel | None = None) -> str | None:
    """Prepare a model for packed and padded batches.

    Packing is tested on a few tokens against separate forward passes. If the results differ, the model uses padded batches
    and the reason is logged.

    Args:
        model: Model with ``num_labels=1``, before adapters, sharding and compilation.
        packed: Whether to use packing if possible.
        kernel: Kernel of packed attention; by default the fastest one on the model's device.

    Returns:
        The reason why the model cannot use packing; ``None`` if it can.
    """
    if hasattr(model, "packed"):
        raise RuntimeError("the model has already been prepared")
    _float32_head(model)
    own_forward = model.forward
    model.packed = False  # type: ignore[assignment]

    def forward(
        input_ids: Tensor | None = None,
        spans: Tensor | None = None,
        last: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        if spans is not None:
            return _packed(model, input_ids, spans, kernel, kwargs)  # type: ignore[arg-type]
        if last is not None:
            return _padded(model, own_forward, input_ids, last, kwargs)
        return own_forward(input_ids, **kwargs)

    model.forward = forward
    reason = "packing was switched off" if not packed else _enable_packing(model)
    model.packed = reason is None  # type: ignore[assignment]
    if packed and reason is not None:
        logger.warning("%s uses padded batches: %s", type(model).__name__, reason)
    return reason


def compile_layers(model: PreTrainedModel) -> None:
    """Compile every layer except a pruned last one in place (`torch.compile`, dynamic shapes); names do not change."""
    layers = decoder_layers(model) or ()
    for layer in list(layers)[: -1 if getattr(model, "packed", False) else None]:
        layer.compile(dynamic=True)


def _float32_head(model: PreTrainedModel) -> None:
    """Run a linear head in float32 regardless of the body's precision, because differences of rewards matter."""
    head = getattr(model, head_name(model))
    if not isinstance(head, nn.Linear):
        return
    head.float()

    def forward(self: nn.Linear, hidden: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.float()
            return nn.functional.linear(hidden.float(), self.weight.float(), bias)

    head.forward = forward.__get__(head)


def _packed(
    model: PreTrainedModel,
    input_ids: Tensor,
    spans: Tensor,
    kernel: attention.Kernel | None,
    kwargs: dict[str, Any],
) -> SequenceClassifierOutputWithPast:
    position_ids = kwargs["position_ids"]
    layout = attention.make_layout(spans, position_ids, kernel or attention.default_kernel(input_ids.device))
    with attention.packing():
        out = backbone(model)(
            input_ids=input_ids, position_ids=position_ids, use_cache=False, layout=layout, return_dict=True
        )
    features = out.last_hidden_state[0]
    return _output(model, features if len(features) == len(spans) else features[layout.pooled])


def _padded(
    model: PreTrainedModel, own_forward: Any, input_ids: Tensor | None, last: Tensor, kwargs: dict[str, Any]
) -> SequenceClassifierOutputWithPast:
    kwargs = kwargs | {"return_dict": True}  # an adapter's wrapper passes its own
    if pools_last_token(model):
        hidden = backbone(model)(input_ids=input_ids, use_cache=False, **kwargs).last_hidden_state
        return _output(model, hidden[torch.arange(len(last), device=last.device), last])
    features: list[Tensor] = []
    linear = [m for m in getattr(model, head_name(model)).modules() if isinstance(m, nn.Linear)][-1]
    hook = linear.register_forward_pre_hook(lambda _module, inputs: features.append(inputs[0]))
    try:
        logits = own_forward(input_ids, **kwargs).logits
    finally:
        hook.remove()
    return SequenceClassifierOutputWithPast(logits=logits.float(), hidden_states=(features[0],))  # type: ignore[arg-type]


def _output(model: PreTrainedModel, features: Tensor) -> SequenceClassifierOutputWithPast:
    logits = getattr(model, head_name(model))(features)
    return SequenceClassifierOutputWithPast(logits=logits, hidden_states=(features,))  # type: ignore[arg-type]


def _enable_packing(model: PreTrainedModel) -> str | None:
    """Replace the attention, prune the last layer and probe; on failure undo both and return the reason."""
    layers = decoder_layers(model)
    if not pools_last_token(model):
        return "it reads both directions"
    if layers is None:
        return "its layers were not found"
    own_attention = model.config._attn_implementation
    try:
        model.set_attn_implementation(attention.register())
    except ValueError:
        return "its attention cannot be exchanged"
    own_last = layers[-1].forward
    prune(layers[-1])
    if _probe(model) is None:
        return None
    layers[-1].forward = own_last  # some architectures require as many output rows as input rows
    reason = _probe(model)
    if reason is not None:
        model.set_attn_implementation(own_attention)  # type: ignore[arg-type]
    return reason


@torch.no_grad()
def _probe(model: PreTrainedModel) -> str | None:
    """Compare packed features with those of separate forward passes on a few random tokens."""
    device = next(model.parameters()).device
    if device.type == "meta":
        return None
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.config.get_text_config().vocab_size, (60,), generator=generator).tolist()
    groups: list[TokenGroup] = [
        group_sequences([ids[:12] + ids[20:29], ids[:12] + ids[30:33], ids[:12] + ids[40:46]]),
        group_sequences([ids[46:58]]),
    ]
    training = model.training
    model.eval()
    try:
        batch = pack(groups)
        together = model(
            batch.input_ids.to(device), position_ids=batch.position_ids.to(device), spans=batch.spans
        ).hidden_states[0]
        alone = [
            model(
                torch.tensor([sequence], device=device),
                attention_mask=torch.ones(1, len(sequence), dtype=torch.int64, device=device),
                last=torch.tensor([len(sequence) - 1], device=device),
            ).hidden_states[0]
            for group in groups
            for sequence in group.sequences()
        ]
    except (attention.UnsupportedAttentionError, TypeError, RuntimeError) as error:
        return str(error).splitlines()[0]
    finally:
        model.train(training)
    separate = torch.cat(alone)
    worst = ((together - separate).float().norm(dim=-1) / separate.float().norm(dim=-1).clamp_min(1e-6)).max().item()
    tolerance = _PROBE_TOLERANCE.get(separate.dtype, 0.1)
    return None if worst <= tolerance else f"packed features differ from separate ones by {worst:.0%}"
