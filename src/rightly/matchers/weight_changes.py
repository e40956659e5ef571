"""A trained matcher's weights, stored as low-rank changes of its base's: a few megabytes instead of the whole model.

The change of every weight matrix is cut by singular values (Eckart and Young, 1936) and stored in 16 bits, as two factors whose
product is added to the base; a change by a low-rank adapter of no larger rank is kept exactly, up to rounding. Vectors, and
weights that the base lacks, are stored whole.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rightly.errors import InputError

FILE = "changes.safetensors"
_LEFT, _RIGHT, _WHOLE = ".left", ".right", ".whole"


def save_changes(trained: nn.Module, base: dict[str, Tensor], folder: Path, rank: int | None) -> None:
    """Write the changes of every weight that differs from the base's.

    Args:
        trained: The trained model.
        base: State of the model before the training, by name of the weight.
        folder: Existing folder; `FILE` is written into it.
        rank: Largest rank of a stored matrix; ``None`` stores matrices whole.
    """
    stored: dict[str, Tensor] = {}
    for name, weight in trained.state_dict().items():
        change = weight.detach().float() - base[name].float()
        if name.split(".")[0] in ("classifier", "score"):  # a new head: the base's own is random
            stored[name + _WHOLE] = weight.detach().float().contiguous()
        elif not change.any():
            continue
        elif rank is None or change.ndim != 2 or min(change.shape) <= rank:
            stored[name + _WHOLE] = weight.detach().float().contiguous()
        else:
            left, values, right = torch.linalg.svd(change, full_matrices=False)
            root = values[:rank].sqrt()
            stored[name + _LEFT] = (left[:, :rank] * root).to(torch.float16).contiguous()
            stored[name + _RIGHT] = (root[:, None] * right[:rank]).to(torch.float16).contiguous()
    save_file(stored, folder / FILE, metadata={"format": "pt"})


def apply_changes(model: Any, folder: Path) -> None:
    """Add the stored changes to a freshly loaded base.

    Raises:
        InputError: The file is missing or unreadable, or belongs to another base.
    """
    path = folder / FILE
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot be read ({error})", where=str(path)) from None
    state: dict[str, Tensor] = model.state_dict()
    with torch.no_grad():
        for key, value in stored.items():
            name, _, part = key.rpartition(".")
            if part == "right":
                continue
            change = value.float() @ stored[name + _RIGHT].float() if part == "left" else value
            if name not in state or state[name].shape != change.shape:
                raise InputError(
                    f"does not fit the base (weight {name})", where=str(path), fix="train the matcher again"
                )
            state[name].copy_(state[name] + change if part == "left" else change)
