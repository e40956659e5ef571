"""Resuming a Hugging Face Trainer: the last whole checkpoint, and no step beyond the end."""

import json
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR


class WholeRuns:
    """A run that had made all its steps makes no further one when it is resumed; mixed into a Trainer.

    Hugging Face's Trainer asks only after a step whether ``max_steps`` is reached, so it would go one beyond it.
    """

    state: Any
    control: Any

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]


def last_checkpoint(folder: str | Path) -> str | None:
    """The newest checkpoint that was written to its end; ``None`` where there is none.

    The Trainer writes its state last, so a checkpoint without a readable one was interrupted.
    """
    found: list[tuple[int, Path]] = []
    for path in Path(folder).glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        try:
            step = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
        except (OSError, ValueError, KeyError):
            continue
        found.append((step, path))
    return str(max(found)[1]) if found else None
