"""Resume a Hugging Face Trainer from its last complete checkpoint, without a step beyond the end."""

import json
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR


class WholeRuns:
    """Trainer mixin that prevents a resumed run from making a step beyond its end.

    Hugging Face's Trainer checks ``max_steps`` only after a step, so it would make one step too many.
    """

    state: Any
    control: Any

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]


def last_checkpoint(folder: str | Path) -> str | None:
    """The newest complete checkpoint; ``None`` if there is none.

    The Trainer writes its state last, so a checkpoint without a readable state is incomplete.
    """
    found: list[tuple[int, Path]] = []
    for path in Path(folder).glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        try:
            step = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
        except (OSError, ValueError, KeyError):
            continue
        found.append((step, path))
    return str(max(found)[1]) if found else None
