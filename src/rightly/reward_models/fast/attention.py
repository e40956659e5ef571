"""Attention over a packed row, registered with transformers' attention interface, so that no architecture is patched.

Three kernels compute the same thing: the CPU's flash kernel call by call (`cpu_attention`), FlexAttention with a tree
mask on GPUs, and an explicit mask with plain scaled-dot-product attention, which is the reference in tests and is used on
every other device.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

NAME = "rightly_packed"
Kernel = Literal["cpu", "flex", "mask"]
_PACKING: ContextVar[bool] = ContextVar("packing", default=False)


class KeysAndValues(Exception):
    """Raised inside a layer once its keys and values are computed, because this pass needs nothing else."""

    def __init__(self, key: Tensor, value: Tensor) -> None:
        super().__init__()
        self.key, self.value = key, value


class UnsupportedAttentionError(Exception):
    """The architecture needs something that packed attention does not support."""


@dataclass
class Layout:
    """Positions of the responses in a packed row, and the mode of the current layer.

    Attributes:
        spans: Spans of prompts and branches, ``(N, 4)`` on the CPU, as in `PackedBatch`.
        prompt: First token of each token's group, ``(T,)``.
        branch: Number of each token's response, ``(T,)``, -1 in a prompt.
        position: Position of each token in its sequence, ``(T,)``.
        kernel: Kernel that computes attention.
        collecting: Whether to stop the layer once keys and values are computed.
        keys: Keys and values of all tokens, if the queries are only the pooled tokens.
    """

    spans: Tensor
    prompt: Tensor
    branch: Tensor
    position: Tensor
    kernel: Kernel
    collecting: bool = False
    keys: tuple[Tensor, Tensor] | None = None
    blocks: dict[int, object] = field(default_factory=dict)

    @property
    def pooled(self) -> Tensor:
        """Last token of every response, ``(N,)``, on the row's device."""
        return (self.spans[:, 3] - 1).to(self.position.device)

    def visible(self, rows: Tensor, window: int) -> Tensor:
        """Whether each row's token sees a token (same group, prompt or own branch, not later), ``(len(rows), T)``."""
        prompt, branch, position = self.prompt, self.branch, self.position
        seen = prompt[rows, None] == prompt[None]
        seen &= (branch[None] == branch[rows, None]) | (branch[None] == -1)
        distance = position[rows, None] - position[None]
        seen &= distance >= 0
        return seen & (distance < window) if window else seen


def make_layout(spans: Tensor, position_ids: Tensor, kernel: Kernel) -> Layout:
    """The layout of a packed row.

    Args:
        spans: Spans of prompts and branches, ``(N, 4)``.
        position_ids: Positions of the tokens, ``(1, T)``, on the row's device.
        kernel: Kernel that computes attention.
    """
    spans = spans.cpu()
    length = position_ids.shape[1]
    prompt = torch.zeros(length, dtype=torch.int64)
    branch = torch.full((length,), -1, dtype=torch.int64)
    for number, (prompt_start, prompt_end, start, end) in enumerate(spans.tolist()):
        first = start if prompt_start == prompt_end else prompt_start
        prompt[first:end] = first
        prompt[start:end] = first
        branch[start:end] = number
    device = position_ids.device
    return Layout(spans, prompt.to(device), branch.to(device), position_ids[0], kernel)


def default_kernel(device: torch.device) -> Kernel:
    """The fastest kernel of a device."""
    return {"cpu": "cpu", "cuda": "flex"}.get(device.type, "mask")  # type: ignore[return-value]


def packed_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    layout: Layout | None = None,
    **extra: Any,
) -> tuple[Tensor, None]:
    """Attention with transformers' interface: ``(1, H, T, D)`` in, ``(1, T, H, D)`` out.

    Without a layout it is transformers' own scaled-dot-product attention, so that the model still accepts padded batches.
    """
    if layout is None:
        return _plain(module, query, key, value, attention_mask, scaling, dropout, sliding_window, extra)
    if extra.get("softcap") or extra.get("s_aux") is not None or not getattr(module, "is_causal", True):
        raise UnsupportedAttentionError("attention with soft-capped scores, sinks or both directions")
    del attention_mask  # the layout determines visibility
    if dropout:
        raise UnsupportedAttentionError("attention dropout; set attention_dropout to 0 in the configuration")
    device = query.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else value.dtype
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if layout.collecting:
        raise KeysAndValues(key, value)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    window = sliding_window or 0
    if layout.keys is not None:
        return _from_pooled(query, *layout.keys, layout, scale, window), None
    return _KERNELS[layout.kernel](query, key, value, layout, scale, window), None


def _plain(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None,
    dropout: float,
    sliding_window: int | None,
    extra: dict[str, Any],
) -> tuple[Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if _PACKING.get():
        raise UnsupportedAttentionError("the architecture does not pass its keyword arguments to attention")
    return sdpa_attention_forward(
        module,
        query,
        key,
        value,
        attention_mask,
        dropout=dropout,
        scaling=scaling,
        sliding_window=sliding_window,
        **extra,
    )


def _from_pooled(query: Tensor, key: Tensor, value: Tensor, layout: Layout, scale: float, window: int) -> Tensor:
    """Attention of only the pooled tokens, ``(1, H, N, D)``, to all keys."""
    mask = layout.visible(layout.pooled, window)
    return _masked(query, key, value, mask, scale)


def _masked(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
    out = nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
    )
    return out.transpose(1, 2)


def _with_mask(query: Tensor, key: Tensor, value: Tensor, layout: Layout, scale: float, window: int) -> Tensor:
    rows = torch.arange(query.shape[2], device=query.device)
    return _masked(query, key, value, layout.visible(rows, window), scale)


def _on_cpu(query: Tensor, key: Tensor, value: Tensor, layout: Layout, scale: float, window: int) -> Tensor:
    from rightly.reward_models.fast.cpu_attention import packed_attention

    return packed_attention(query, key, value, layout.spans, scale, window)[0]


def _with_flex(query: Tensor, key: Tensor, value: Tensor, layout: Layout, scale: float, window: int) -> Tensor:
    if window not in layout.blocks:
        layout.blocks[window] = _block_mask(layout, window)
    attend = _compiled_flex() if query.is_cuda else _flex()
    out = attend(
        query,
        key,
        value,
        block_mask=layout.blocks[window],
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2)


def _flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention  # type: ignore[return-value]


@cache
def _compiled_flex() -> Callable[..., Tensor]:
    return torch.compile(_flex(), dynamic=True)


def _block_mask(layout: Layout, window: int) -> object:
    from torch.nn.attention.flex_attention import create_block_mask

    prompt, branch, position = layout.prompt, layout.branch, layout.position

    def sees(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        distance = position[query] - position[key]
        seen = (prompt[query] == prompt[key]) & ((branch[key] == branch[query]) | (branch[key] == -1)) & (distance >= 0)
        return seen & (distance < window) if window else seen

    length = position.shape[0]
    return create_block_mask(sees, None, None, length, length, device=str(position.device))


_KERNELS: dict[Kernel, Callable[[Tensor, Tensor, Tensor, Layout, float, int], Tensor]] = {
    "cpu": _on_cpu,
    "flex": _with_flex,
    "mask": _with_mask,
}


@contextmanager
def packing() -> Iterator[None]:
    """Context for a packed row's forward pass: no mask is built, and every layer must have a layout."""
    token = _PACKING.set(True)
    try:
        yield
    finally:
        _PACKING.reset(token)


def _mask_for(*args: object, **kwargs: object) -> Tensor | None:
    from transformers.masking_utils import sdpa_mask

    return None if _PACKING.get() else sdpa_mask(*args, **kwargs)  # type: ignore[arg-type]


@cache
def register() -> str:
    """Register the attention with transformers; returns its name for ``set_attn_implementation``."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(NAME, packed_forward)
    AttentionMaskInterface.register(NAME, _mask_for)
    return NAME
