"""Attention over a packed row on a CPU: the flash kernel, as one operator for autograd and the compiler.

Each response attends to its prompt and to itself. The first branch of a group directly follows the prompt, so the two
are one causal sequence. Every further branch queries the prompt's keys and its own, with the causal mask aligned to the
end. Grouped-query heads are never copied: the keys are read with a stride of zero.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward

_HALF_FROM = 512
"""Number of keys below which torch 2.13's backward kernel is up to four times faster in float32 than in bfloat16."""


class _Call(NamedTuple):
    """Queries of rows ``[start, end)`` against the keys of ``prompt`` (may be empty) and of the same rows."""

    prompt: tuple[int, int]
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.prompt[1] - self.prompt[0] + self.end - self.start


def _calls(spans: list[list[int]]) -> Iterator[_Call]:
    for prompt_start, prompt_end, start, end in spans:
        if prompt_end == start:  # the first branch and its prompt are one causal sequence
            yield _Call((prompt_start, prompt_start), prompt_start, end)
        else:
            yield _Call((prompt_start, prompt_end), start, end)


def _mask(call: _Call, window: int, dtype: torch.dtype) -> Tensor | None:
    """Additive mask, ``(1, 1, queries, keys)``, if plain causal attention is not sufficient."""
    queries, keys = call.end - call.start, call.length
    windowed = 0 < window < keys
    if queries == keys and not windowed:
        return None
    visible = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)
    if windowed:
        visible = visible.triu(keys - queries - window + 1)
    return torch.zeros(queries, keys, dtype=dtype).masked_fill(~visible, float("-inf"))[None, None]


def _rows(tensor: Tensor, call: _Call) -> Tensor:
    """Keys or values of a call, ``(K, L, D)``."""
    own = tensor[0, :, call.start : call.end]
    first, last = call.prompt
    return own if first == last else torch.cat([tensor[0, :, first:last], own], dim=1)


def _shared_by_heads(tensor: Tensor, group: int) -> Tensor:
    return tensor.unsqueeze(1).expand(-1, group, -1, -1)


@torch.library.custom_op("rightly::packed_attention", mutates_args=())
def packed_attention(
    query: Tensor, key: Tensor, value: Tensor, spans: Tensor, scale: float, window: int
) -> tuple[Tensor, Tensor]:
    """Causal attention of every response to its prompt and itself.

    Args:
        query: Queries, ``(1, H, T, D)``.
        key: Keys, ``(1, K, T, D)``, with ``H`` a multiple of ``K``.
        value: Values, ``(1, K, T, D)``.
        spans: Spans of prompts and branches, ``(N, 4)``, as in `rightly.reward_models.fast.packing.PackedBatch`.
        scale: Factor of the scores.
        window: Number of keys that a query sees, itself included; 0 for all.

    Returns:
        Output ``(1, T, H, D)`` and log-sum-exp ``(K, H / K, T)`` in float32.
    """
    _, heads, length, width = query.shape
    kv_heads = key.shape[1]
    grouped = query[0].unflatten(0, (kv_heads, heads // kv_heads))
    output = query.new_zeros(1, length, heads, width)
    by_head = output[0].unflatten(1, (kv_heads, heads // kv_heads)).permute(1, 2, 0, 3)
    logsumexp = query.new_zeros(kv_heads, heads // kv_heads, length, dtype=torch.float32)
    for call in _calls(spans.tolist()):
        mask = _mask(call, window, query.dtype)
        out, lse = _forward(
            grouped[:, :, call.start : call.end],
            _shared_by_heads(_rows(key, call), heads // kv_heads),
            _shared_by_heads(_rows(value, call), heads // kv_heads),
            is_causal=mask is None,
            attn_mask=mask,
            scale=scale,
        )
        by_head[:, :, call.start : call.end] = out
        logsumexp[:, :, call.start : call.end] = lse
    return output, logsumexp


@packed_attention.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, spans: Tensor, scale: float, window: int) -> tuple[Tensor, Tensor]:
    _, heads, length, width = query.shape
    output = query.new_empty(1, length, heads, width)
    return output, query.new_empty(key.shape[1], heads // key.shape[1], length, dtype=torch.float32)


@torch.library.custom_op("rightly::packed_attention_backward", mutates_args=())
def _packed_attention_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    logsumexp: Tensor,
    spans: Tensor,
    scale: float,
    window: int,
) -> tuple[Tensor, Tensor, Tensor]:
    heads, kv_heads = query.shape[1], key.shape[1]
    group = heads // kv_heads
    grouped = query[0].unflatten(0, (kv_heads, group))
    outputs = output[0].unflatten(1, (kv_heads, group)).permute(1, 2, 0, 3)
    grads = grad[0].unflatten(1, (kv_heads, group)).permute(1, 2, 0, 3)
    grad_query = torch.zeros_like(query, memory_format=torch.contiguous_format)
    grad_grouped = grad_query[0].unflatten(0, (kv_heads, group))
    grad_key = torch.zeros_like(key, memory_format=torch.contiguous_format)
    grad_value = torch.zeros_like(value, memory_format=torch.contiguous_format)
    for call in _calls(spans.tolist()):
        dtype = torch.float32 if call.length < _HALF_FROM else query.dtype
        mask = _mask(call, window, dtype)
        rows = slice(call.start, call.end)
        d_query, d_key, d_value = _backward(
            grads[:, :, rows].to(dtype),
            grouped[:, :, rows].to(dtype),
            _shared_by_heads(_rows(key, call).to(dtype), group),
            _shared_by_heads(_rows(value, call).to(dtype), group),
            outputs[:, :, rows].to(dtype),
            logsumexp[:, :, rows],
            0.0,
            mask is None,
            attn_mask=mask,
            scale=scale,
        )
        grad_grouped[:, :, rows] = d_query
        _scatter(grad_key, d_key, call)
        _scatter(grad_value, d_value, call)
    return grad_query, grad_key, grad_value


@_packed_attention_backward.register_fake
def _(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    logsumexp: Tensor,
    spans: Tensor,
    scale: float,
    window: int,
) -> tuple[Tensor, Tensor, Tensor]:
    return query.new_empty(query.shape), key.new_empty(key.shape), value.new_empty(value.shape)


def _scatter(total: Tensor, grad: Tensor, call: _Call) -> None:
    """Add the gradient of a call's keys or values, summed over the heads that share them, to their rows."""
    summed = grad.sum(dim=1)
    first, last = call.prompt
    if first != last:
        total[0, :, first:last] += summed[:, : last - first]
    total[0, :, call.start : call.end] += summed[:, last - first :]


def _save(ctx: torch.autograd.function.FunctionCtx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    query, key, value, spans, ctx.scale, ctx.window = inputs  # type: ignore[attr-defined]
    ctx.save_for_backward(query, key, value, *output, spans)


def _differentiate(ctx, grad: Tensor, _grad_logsumexp: Tensor) -> tuple:  # noqa: ANN001 - a class internal to autograd
    query, key, value, output, logsumexp, spans = ctx.saved_tensors
    grads = _packed_attention_backward(grad, query, key, value, output, logsumexp, spans, ctx.scale, ctx.window)
    return *grads, None, None, None


torch.library.register_autograd("rightly::packed_attention", _differentiate, setup_context=_save)
