"""Prune the last layer: compute keys and values for all tokens, everything else only for the pooled ones."""

import dataclasses
from typing import Any

from torch import Tensor, nn

from rightly.reward_models.fast.attention import KeysAndValues, Layout


def prune(layer: nn.Module) -> None:
    """Make a decoder's last layer return only the pooled tokens if it gets a layout.

    The layer's own code runs twice: up to its keys and values with all tokens, then completely with the pooled ones as
    queries. This works for any architecture. Its gradient checkpointing is disabled, since there is nothing to save.
    """
    whole = layer.forward

    def forward(hidden_states: Tensor, *args: Any, layout: Layout | None = None, **kwargs: Any) -> Any:
        if layout is None:
            return whole(hidden_states, *args, **kwargs)
        layer.gradient_checkpointing = False  # type: ignore[assignment]
        try:
            whole(hidden_states, *args, layout=dataclasses.replace(layout, collecting=True), **kwargs)
        except KeysAndValues as ready:
            reading = dataclasses.replace(layout, keys=(ready.key, ready.value))
        else:
            raise RuntimeError(f"{type(layer).__name__} never called attention")
        length, rows = hidden_states.shape[1], layout.pooled
        args = tuple(_at(value, rows, length) for value in args)
        kwargs = {name: _at(value, rows, length) for name, value in kwargs.items()}
        return whole(hidden_states[:, rows], *args, layout=reading, **kwargs)

    layer.forward = forward


def _at(value: Any, rows: Tensor, length: int) -> Any:
    """Select the pooled rows of per-token values (positions, rotary tables); other values are unchanged."""
    if isinstance(value, Tensor):
        return value[:, rows] if value.ndim > 1 and value.shape[1] == length else value
    if isinstance(value, tuple):
        return tuple(_at(each, rows, length) for each in value)
    if isinstance(value, dict):
        return {name: _at(each, rows, length) for name, each in value.items()}
    return value
